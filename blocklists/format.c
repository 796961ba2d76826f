/* format.c - the alphabet of labels. */
#include "blocklists/format.h"

/* Lower-case letters, digits, hyphen and underscore are symbols of their own. */
const uint8_t format_byte[FORMAT_SYMBOLS] = "\0\0abcdefghijklmnopqrstuvwxyz0123456789-_";

/* NOLINTBEGIN(bugprone-macro-parentheses): these are initializers */
#define LETTER(c) [c] = FORMAT_PLAIN + (c) - 'a'
#define DIGIT(c)  [c] = FORMAT_PLAIN + 26 + (c) - '0'
/* NOLINTEND(bugprone-macro-parentheses) */

/* clang-format off */
const uint8_t format_symbol[256] = {
	LETTER('a'), LETTER('b'), LETTER('c'), LETTER('d'), LETTER('e'), LETTER('f'), LETTER('g'),
	LETTER('h'), LETTER('i'), LETTER('j'), LETTER('k'), LETTER('l'), LETTER('m'), LETTER('n'),
	LETTER('o'), LETTER('p'), LETTER('q'), LETTER('r'), LETTER('s'), LETTER('t'), LETTER('u'),
	LETTER('v'), LETTER('w'), LETTER('x'), LETTER('y'), LETTER('z'),
	DIGIT('0'), DIGIT('1'), DIGIT('2'), DIGIT('3'), DIGIT('4'),
	DIGIT('5'), DIGIT('6'), DIGIT('7'), DIGIT('8'), DIGIT('9'),
	['-'] = FORMAT_PLAIN + 36, ['_'] = FORMAT_PLAIN + 37,
};

/* The beginning of a label, each vowel, l m n r, c s t, digits, hyphen and underscore, and all
 * others: what is likely to follow differs between these. */
const uint8_t format_class[FORMAT_SYMBOLS] = {
	0, 1,
	/* a b c d e f g h i j k l m n o p q r s t u v w x y z */
	2, 1, 8, 1, 3, 1, 1, 1, 4, 1, 1, 7, 7, 7, 5, 1, 1, 7, 8, 8, 6, 1, 1, 1, 1, 1,
	9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 10, 10,
};
/* clang-format on */

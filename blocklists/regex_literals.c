/* regex_literals.c - what every name that matches must contain, for the pre-filter.
 *
 * For each part of the tree: all strings that it matches, if they are few and short, or else with
 * which strings its matches begin and end, and the best set of which each match contains one.
 */
#include <string.h>

#include "blocklists/regex_tree.h"

#define MASK(n_symbols) ((UINT64_C(1) << REGEX_LITERAL_BITS * (n_symbols)) - 1)

/* Strings, each as a literal (regex.h); 0 is the empty one. */
struct strings {
	unsigned n;
	uint64_t at[REGEX_LITERALS_MAX];
};

struct known {
	bool exact;	      /* `begin` is all that matches; `end` is the same */
	bool never;	      /* nothing matches */
	struct strings begin; /* each match begins with one of them */
	struct strings end;
	struct strings best; /* each match contains one of them */
};

static unsigned string_len(uint64_t string)
{
	unsigned n = 0;

	for (; string != 0; string >>= REGEX_LITERAL_BITS)
		n++;
	return n;
}

static uint64_t string_begin(uint64_t string, unsigned n)
{
	unsigned len = string_len(string);

	return len > n ? string >> REGEX_LITERAL_BITS * (len - n) : string;
}

static uint64_t string_end(uint64_t string, unsigned n)
{
	return string & MASK(n);
}

static uint64_t string_last(uint64_t string)
{
	return string & MASK(1);
}

static void strings_one(struct strings *set, uint64_t string)
{
	set->n = 1;
	set->at[0] = string;
}

/* False: there is no room. */
static bool strings_add(struct strings *set, uint64_t string)
{
	for (unsigned i = 0; i < set->n; i++) {
		if (set->at[i] == string)
			return true;
	}
	if (set->n == REGEX_LITERALS_MAX)
		return false;
	set->at[set->n++] = string;
	return true;
}

/* ---- which are rare ---- */

/* How often names have it, in bits: a name in 2^bits. */
static const struct {
	const char *text;
	unsigned bits;
} common_texts[] = {{"^www.", 2}, {".com$", 1}, {".net$", 3}, {".org$", 4}, {".co.", 4},
    {".de$", 4}, {".ru$", 4}, {".cn$", 5}, {".uk$", 5}, {".io$", 5}, {".info$", 5}, {".xyz$", 5},
    {".top$", 5}};

static const char symbol_texts[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.?^$";

/* Letters by how much they say. */
static unsigned symbol_bits(char c)
{
	if (strchr("aeinorst.", c) != NULL)
		return 3;
	return strchr("jqwxyz_", c) != NULL ? 5 : 4;
}

static unsigned common_bits(const char *text, size_t *len)
{
	for (size_t i = 0; i < sizeof(common_texts) / sizeof(common_texts[0]); i++) {
		*len = strlen(common_texts[i].text);
		if (strncmp(text, common_texts[i].text, *len) == 0)
			return common_texts[i].bits;
	}
	*len = 1;
	return symbol_bits(*text);
}

/* The share of names that contain `string`, of REGEX_LOAD_ONE, as far as one can tell. */
static uint32_t string_load(uint64_t string)
{
	char text[REGEX_LITERAL_LEN + 1] = "";
	unsigned len = string_len(string), bits = 0;
	bool common = false;

	for (unsigned i = len; i != 0; i--, string >>= REGEX_LITERAL_BITS)
		text[i - 1] = symbol_texts[string_last(string) - 1];
	for (size_t i = 0, n; text[i] != '\0'; i += n) {
		unsigned more = common_bits(text + i, &n);

		common |= n > 1;
		bits += more;
	}
	/* It may stand at any of about 2^4 places, unless an end of the name is part of it. */
	if (!common || bits >= 8)
		bits = bits > 4 ? bits - 4 : 0;
	for (size_t i = 0; i < sizeof(common_texts) / sizeof(common_texts[0]); i++) {
		if (strstr(common_texts[i].text, text) != NULL && bits > common_texts[i].bits)
			bits = common_texts[i].bits;
	}
	return REGEX_LOAD_ONE >> (bits < 20 ? bits : 20);
}

static uint32_t strings_load(const struct strings *set)
{
	uint64_t load = 0;

	for (unsigned i = 0; i < set->n; i++)
		load += string_load(set->at[i]);
	return load < REGEX_LOAD_ONE ? (uint32_t)load : REGEX_LOAD_ONE;
}

static void take_better(struct strings *best, const struct strings *other)
{
	if (strings_load(other) < strings_load(best))
		*best = *other;
}

/* ---- sets of strings ---- */

/* All of both, cut to what fits: the first or the last symbols of each. */
static void strings_union(struct strings *to, const struct strings *from, bool keep_end)
{
	for (unsigned len = REGEX_LITERAL_LEN;; len--) {
		struct strings all = {.n = 0};
		bool fits = true;

		for (unsigned i = 0; i < to->n + from->n && fits; i++) {
			uint64_t s = i < to->n ? to->at[i] : from->at[i - to->n];

			fits = strings_add(&all, keep_end ? string_end(s, len) : string_begin(s, len));
		}
		if (fits) {
			*to = all;
			return;
		}
	}
}

enum joined { JOINED, JOINED_CUT, JOINED_NEVER };

/* Every string of `a` with every one of `b` behind it, cut to REGEX_LITERAL_LEN from the end that
 * counts.  A place is no symbol: two of a kind are one, and nothing is before the beginning or
 * behind the end.  False: too many. */
static bool strings_join(struct strings *to, const struct strings *a, const struct strings *b,
    bool keep_end, bool *cut)
{
	struct strings all = {.n = 0};

	*cut = false;
	for (unsigned i = 0; i < a->n; i++) {
		for (unsigned j = 0; j < b->n; j++) {
			uint64_t front = a->at[i], back = b->at[j];
			unsigned len_front, len_back = string_len(back), over;
			uint64_t first = string_begin(back, 1), last = string_last(front);

			if (last != 0 && first == last && last > REGEX_BEGIN) {
				front >>= REGEX_LITERAL_BITS;
			} else if (front != 0 && back != 0 &&
				   (first == REGEX_BEGIN + 1 || last == REGEX_END + 1)) {
				return false;
			}
			len_front = string_len(front);
			over = len_front + len_back > REGEX_LITERAL_LEN
				   ? len_front + len_back - REGEX_LITERAL_LEN
				   : 0;
			*cut |= over != 0;
			if (keep_end)
				front = string_end(front, len_front - over);
			else
				back = string_begin(back, len_back - over);
			if (!strings_add(
				&all, front << REGEX_LITERAL_BITS * string_len(back) | back))
				return false;
		}
	}
	*to = all;
	return true;
}

/* block_answer.h - what a blocked query gets, as it is written in the configuration and behind a rule
 * of the user's own: one word, or addresses.
 *
 *   servfail | nxdomain | nodata | refused | null | ADDRESS...
 *
 * null is 0.0.0.0 and ::, whatever connects there fails at once.  With null and addresses, types that
 * have none get an answer without records.  docs/answers.md has what each looks like.
 */
#ifndef QUELL_BLOCK_ANSWER_H
#define QUELL_BLOCK_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

enum block_mode {
	BLOCK_DEFAULT, /* as is said elsewhere: for all lists, or for everything */
	BLOCK_SERVFAIL,
	BLOCK_NXDOMAIN,
	BLOCK_NODATA,
	BLOCK_REFUSED,
	BLOCK_NULL,
	BLOCK_ADDRESS,
	BLOCK_MODES
};

#define BLOCK_ADDRESSES_MAX 2 /* of each family */

/* Bytes only, so that it may stand anywhere in a message between processes. */
struct block_answer {
	uint8_t mode; /* enum block_mode */
	uint8_t n_in4, n_in6;
	uint8_t in4[BLOCK_ADDRESSES_MAX][4]; /* network order */
	uint8_t in6[BLOCK_ADDRESSES_MAX][16];
};

/* Take word `index` of an answer: 0 begins a new one, further ones can only be addresses.  Returns 0, or
 * ERR_FORMAT with what is wrong and what would be right (then *a is as it was). */
int block_answer_add(
    struct block_answer *a, unsigned index, const char *word, struct why *why) QUELL_CHECK;

#define BLOCK_WORD_SIZE 48 /* an IPv6 address, and the terminator */

/* Word `index` of it into `word`; false: there is none. */
bool block_answer_word(const struct block_answer *a, unsigned index, char word[BLOCK_WORD_SIZE]);

#define BLOCK_TEXT_SIZE (2 * BLOCK_ADDRESSES_MAX * BLOCK_WORD_SIZE)

/* All of its words with a blank between them; "" for BLOCK_DEFAULT.  Returns `text`. */
const char *block_answer_text(const struct block_answer *a, char text[BLOCK_TEXT_SIZE]);

/* Is it one that block_answer_add() makes, or BLOCK_DEFAULT?  For bytes that came from elsewhere. */
bool block_answer_valid(const struct block_answer *a);

#endif

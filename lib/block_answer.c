/* block_answer.c - the words of a block answer. */
#include "lib/block_answer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char *const words[BLOCK_MODES] = {
    [BLOCK_SERVFAIL] = "servfail",
    [BLOCK_NXDOMAIN] = "nxdomain",
    [BLOCK_NODATA] = "nodata",
    [BLOCK_REFUSED] = "refused",
    [BLOCK_NULL] = "null",
};

static int unknown(const char *word, struct why *why)
{
	return why_set(why, ERR_FORMAT,
	    "'%.64s' is not possible; it is servfail, nxdomain, nodata, refused, null or addresses "
	    "without ports",
	    word);
}

/* One of `n` addresses of `size` bytes is `address`. */
static bool has(const uint8_t *addresses, unsigned n, const uint8_t *address, size_t size)
{
	for (unsigned i = 0; i < n; i++) {
		if (memcmp(addresses + i * size, address, size) == 0)
			return true;
	}
	return false;
}

/* Put an address of `size` bytes behind the *n of a family. */
static int add_address(uint8_t *addresses, uint8_t *n, const uint8_t *address, size_t size,
    const char *word, struct why *why)
{
	if (has(addresses, *n, address, size))
		return why_set(why, ERR_FORMAT, "'%.64s' stands there twice", word);
	if (*n == BLOCK_ADDRESSES_MAX)
		return why_set(why, ERR_FORMAT,
		    "'%.64s' is one too many; at most %d addresses of a family are possible", word,
		    BLOCK_ADDRESSES_MAX);
	memcpy(addresses + *n * size, address, size);
	(*n)++;
	return 0;
}

int block_answer_add(struct block_answer *a, unsigned index, const char *word, struct why *why)
{
	struct block_answer next = {0};
	uint8_t address[16];
	int err;

	if (index != 0)
		next = *a;
	for (unsigned mode = BLOCK_SERVFAIL; mode < BLOCK_ADDRESS; mode++) {
		if (strcmp(word, words[mode]) != 0)
			continue;
		if (index != 0)
			return why_set(why, ERR_FORMAT, "'%s' can only stand alone", word);
		next.mode = (uint8_t)mode;
		*a = next;
		return 0;
	}
	if (index != 0 && next.mode != BLOCK_ADDRESS)
		return why_set(why, ERR_FORMAT, "'%s' can only stand alone", words[next.mode]);
	next.mode = BLOCK_ADDRESS;
	if (inet_pton(AF_INET, word, address) == 1)
		err = add_address(next.in4[0], &next.n_in4, address, 4, word, why);
	else if (inet_pton(AF_INET6, word, address) == 1)
		err = add_address(next.in6[0], &next.n_in6, address, 16, word, why);
	else
		err = unknown(word, why);
	if (err == 0)
		*a = next;
	return err;
}

bool block_answer_word(const struct block_answer *a, unsigned index, char word[BLOCK_WORD_SIZE])
{
	if (a->mode != BLOCK_ADDRESS) {
		if (index != 0 || a->mode == BLOCK_DEFAULT)
			return false;
		(void)snprintf(word, BLOCK_WORD_SIZE, "%s", words[a->mode]);
		return true;
	}
	if (index < a->n_in4)
		return inet_ntop(AF_INET, a->in4[index], word, BLOCK_WORD_SIZE) != NULL;
	index -= a->n_in4;
	return index < a->n_in6 &&
	       inet_ntop(AF_INET6, a->in6[index], word, BLOCK_WORD_SIZE) != NULL;
}

const char *block_answer_text(const struct block_answer *a, char text[BLOCK_TEXT_SIZE])
{
	char word[BLOCK_WORD_SIZE];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; block_answer_word(a, i, word); i++)
		len += (size_t)snprintf(
		    text + len, BLOCK_TEXT_SIZE - len, "%s%s", i != 0 ? " " : "", word);
	return text;
}

bool block_answer_valid(const struct block_answer *a)
{
	if (a->mode != BLOCK_ADDRESS)
		return a->mode < BLOCK_MODES;
	return a->n_in4 <= BLOCK_ADDRESSES_MAX && a->n_in6 <= BLOCK_ADDRESSES_MAX &&
	       a->n_in4 + a->n_in6 != 0;
}

/* ctl_keys.h - how quelld's answers, lines of KEY VALUE, belong together: the keys that may come more than
 * once, and those that begin an object, to which the lines behind them belong.
 *
 *   upstream 192.0.2.1:53      begins an object ...
 *   zone .                     ... of which this may come again
 *   worker 0                   ... and this begins an object within it
 *   state good
 */
#ifndef QUELL_CTL_KEYS_H
#define QUELL_CTL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#define CTL_KEYS_COMMANDS 6

struct ctl_key {
	const char *key;
	const char *commands[CTL_KEYS_COMMANDS]; /* in the answers to these; NULL: no more */
	const char *within; /* the key that begins the object where it stands; NULL: in none */
	const char *member; /* not NULL: it begins an object; so its value is called there */
	const char *array;  /* the name of all of them together */
};

extern const struct ctl_key ctl_keys[];
extern const size_t ctl_keys_n;

/* May `k` stand in an object of the answer to `command` that begins with `within` (NULL: in none)? */
bool ctl_keys_is_here(const struct ctl_key *k, const char *command, const char *within);

/* That of `key` there; NULL: it comes once. */
const struct ctl_key *ctl_keys_find(const char *key, const char *command, const char *within);

#endif

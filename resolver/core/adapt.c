/* adapt.c - who asks for what how often, and how quiet the answer is. */
#include "resolver/core/adapt.h"

#include <stdlib.h>
#include <string.h>

#include "lib/dns/name.h"

#define WAYS 4 /* places where one can stand */

struct slot {
	uint64_t key;	    /* hash of client, name and type; 0: free */
	uint64_t asked_ms;  /* when the last question came, */
	uint64_t window_ms; /* the window began, */
	uint64_t moved_ms;  /* the last move was, */
	uint64_t calm_ms;   /* and the calm began, all by the caller's clock */
	uint32_t n;	    /* questions in the window, up to the threshold */
	uint8_t level;	    /* enum adapt_level */
};

struct adapt {
	struct hash_key key;
	struct slot slot[ADAPT_SLOTS];
};

struct adapt *adapt_new(const struct hash_key *key)
{
	struct adapt *a = calloc(1, sizeof(*a));

	if (a != NULL)
		a->key = *key;
	return a;
}

static uint64_t hash(
    const struct adapt *a, const union addr *client, const uint8_t *name, size_t len, uint16_t type)
{
	uint8_t bytes[16 + 2 + NAME_SIZE] = {0};
	uint64_t h;

	(void)addr_host_bytes(client, bytes);
	memcpy(bytes + 16, &type, sizeof(type));
	memcpy(bytes + 18, name, len);
	h = hash_siphash13(&a->key, bytes, 18 + len);
	return h != 0 ? h : 1;
}

/* The place of `key`; where it has none, that of the one among them that has asked nothing for the
 * longest time is made its own. */
static struct slot *place(struct adapt *a, uint64_t key, uint64_t now_ms)
{
	struct slot *set = &a->slot[key % (ADAPT_SLOTS / WAYS) * WAYS], *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].asked_ms < oldest->asked_ms)
			oldest = &set[i];
	}
	*oldest = (struct slot){.key = key, .window_ms = now_ms};
	return oldest;
}

/* A window is over: what it has saved, and how far the calm goes back. */
static void end_window(
    struct slot *s, const struct options_adapt *options, uint64_t now_ms, struct stats *stats)
{
	if (s->level != ADAPT_NONE && s->n < options->threshold)
		stats->adaptive_saved += options->threshold - s->n;
	while (s->level != ADAPT_NONE && now_ms - s->calm_ms >= options->return_ms) {
		s->level--;
		s->calm_ms += options->return_ms;
		s->moved_ms = now_ms;
		stats->adaptive_back++;
	}
	s->window_ms = now_ms;
	s->n = 0;
}

/* The window has `threshold` questions: no calm, and on to the next quieter answer, unless there is
 * none, or the last move was just now. */
static void be_busy(
    struct slot *s, const struct options_adapt *options, uint64_t now_ms, struct stats *stats)
{
	s->calm_ms = now_ms;
	if (s->level == ADAPT_NXDOMAIN ||
	    (s->level == ADAPT_NULL && now_ms - s->moved_ms < options->dwell_ms))
		return;
	s->level++;
	s->moved_ms = now_ms;
	s->window_ms = now_ms;
	s->n = 0;
	stats->adaptive_moved++;
}

enum adapt_level adapt_ask(struct adapt *a, const struct options_adapt *options,
    const union addr *client, const uint8_t *name, size_t len, uint16_t type, uint64_t now_ms,
    struct stats *stats)
{
	struct slot *s = place(a, hash(a, client, name, len, type), now_ms);

	s->asked_ms = now_ms;
	if (now_ms - s->window_ms >= options->window_ms)
		end_window(s, options, now_ms, stats);
	if (s->n < options->threshold)
		s->n++;
	if (s->n == options->threshold)
		be_busy(s, options, now_ms, stats);
	return (enum adapt_level)s->level;
}

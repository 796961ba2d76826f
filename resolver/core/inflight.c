/* inflight.c - tables and lists of questions, waiters and tries. */
#include "resolver/core/inflight.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- Tables ---- */

static uint32_t power_of_two(uint32_t n)
{
	uint32_t power = 1;

	while (power < n)
		power *= 2;
	return power;
}

int inflight_init(struct inflight *f, uint32_t n, const struct hash_key *key)
{
	const uint32_t n_waiters = n * INFLIGHT_WAITERS_EACH, n_tries = n * INFLIGHT_TRIES_EACH;
	const uint32_t question_buckets = power_of_two(n), try_buckets = power_of_two(n_tries);
	const uint32_t n_aliases = n / INFLIGHT_ALIAS_SHARE + 1;

	*f = (struct inflight){
	    .questions = calloc(n, sizeof(*f->questions)),
	    .waiters = calloc(n_waiters, sizeof(*f->waiters)),
	    .tries = calloc(n_tries, sizeof(*f->tries)),
	    .aliases = calloc(n_aliases, sizeof(*f->aliases)),
	    .n_questions_max = n,
	    .n_waiters_max = n_waiters,
	    .n_tries_max = n_tries,
	    .n_aliases_max = n_aliases,
	    .by_key = calloc(1, table_memory(question_buckets)),
	    .by_id = calloc(1, table_memory(try_buckets)),
	};
	if (f->questions == NULL || f->waiters == NULL || f->tries == NULL || f->aliases == NULL ||
	    f->by_key == NULL || f->by_id == NULL) {
		inflight_fini(f);
		return ERR_NOMEM;
	}
	table_init(&f->questions_by_key, f->by_key, question_buckets, key);
	table_init(&f->tries_by_id, f->by_id, try_buckets, key);
	return 0;
}

void inflight_fini(struct inflight *f)
{
	free(f->questions);
	free(f->waiters);
	free(f->tries);
	free(f->aliases);
	free(f->by_key);
	free(f->by_id);
	*f = (struct inflight){0};
}

/* Take one of `what`: one that was given back, else the next that was never used, so that no more
 * memory is touched than was ever needed at once; NULL: all are in use. */
#define TAKE(taken, f, what)                                                                       \
	do {                                                                                       \
		(taken) = (f)->free_##what;                                                        \
		if ((taken) != NULL)                                                               \
			LL_DELETE((f)->free_##what, taken);                                        \
		else if ((f)->n_used_##what < (f)->n_##what##_max)                                 \
			(taken) = &(f)->what[(f)->n_used_##what++];                                \
	} while (0)

#define HAS_ROOM(f, what) ((f)->free_##what != NULL || (f)->n_used_##what < (f)->n_##what##_max)

bool inflight_has_room(const struct inflight *f, bool new_question)
{
	return HAS_ROOM(f, waiters) &&
	       (!new_question || (HAS_ROOM(f, questions) && HAS_ROOM(f, tries)));
}

/* ---- Questions ---- */

struct inflight_question *inflight_find(const struct inflight *f, const struct cache_key *key)
{
	const struct table *t = &f->questions_by_key;
	struct table_item *item = table_find(t, key->hash, key->bytes, key->len);

	return item == NULL ? NULL : table_entry(item, struct inflight_question, item);
}

struct inflight_question *inflight_open(
    struct inflight *f, const struct cache_key *key, uint64_t now_ms)
{
	struct inflight_question *q;

	TAKE(q, f, questions);
	if (q == NULL)
		return NULL;
	*q = (struct inflight_question){.key = *key, .started_ms = now_ms};
	q->name = q->key.bytes + CACHE_KEY_NAME;
	q->name_len = (uint16_t)(key->len - CACHE_KEY_NAME);
	table_add(&f->questions_by_key, &q->item, key->hash, q->key.bytes, q->key.len);
	DL_APPEND(f->oldest, q);
	f->n_questions++;
	return q;
}

void inflight_put_aside(struct inflight *f, struct inflight_question *q)
{
	q->aside = true;
	f->n_aside++;
}

void inflight_be_patient(struct inflight *f, struct inflight_question *q)
{
	q->patient = true;
	DL_APPEND2(f->patient, q, patient_prev, patient_next);
}

void inflight_lose_patience(struct inflight *f, struct inflight_question *q)
{
	DL_DELETE2(f->patient, q, patient_prev, patient_next);
	q->patient = false;
	q->out_of_patience = true;
}

void inflight_hand_over(struct inflight_question *from, struct inflight_question *to)
{
	if (from->waiters == NULL)
		return;
	for (struct inflight_waiter *w = from->waiters; w != NULL; w = w->next)
		w->as_aaaa = true;
	if (to->last_waiter == NULL)
		to->waiters = from->waiters;
	else
		to->last_waiter->next = from->waiters;
	to->last_waiter = from->last_waiter;
	from->waiters = from->last_waiter = NULL;
}

void inflight_dismiss(struct inflight *f, struct inflight_question *q)
{
	struct inflight_waiter *w, *next;

	for (w = q->waiters; w != NULL; w = next) {
		next = w->next;
		if (w->alias != NULL)
			LL_PREPEND(f->free_aliases, w->alias);
		LL_PREPEND(f->free_waiters, w);
	}
	q->waiters = q->last_waiter = NULL;
}

void inflight_close(struct inflight *f, struct inflight_question *q)
{
	inflight_dismiss(f, q);
	f->n_aside -= q->aside;
	if (q->patient)
		inflight_lose_patience(f, q);
	table_remove(&f->questions_by_key, &q->item);
	DL_DELETE(f->oldest, q);
	LL_PREPEND(f->free_questions, q);
	f->n_questions--;
}

/* ---- Waiters ---- */

struct inflight_waiter *inflight_wait(struct inflight *f, struct inflight_question *q)
{
	struct inflight_waiter *w;

	TAKE(w, f, waiters);
	if (w == NULL)
		return NULL;
	*w = (struct inflight_waiter){0};
	if (q->last_waiter == NULL)
		q->waiters = w;
	else
		q->last_waiter->next = w;
	q->last_waiter = w;
	return w;
}

bool inflight_has_alias(const struct inflight *f)
{
	return HAS_ROOM(f, aliases);
}

bool inflight_wait_as(
    struct inflight *f, struct inflight_waiter *w, const uint8_t *name, size_t name_len)
{
	struct inflight_alias *alias;

	TAKE(alias, f, aliases);
	if (alias == NULL)
		return false;
	memcpy(alias->name, name, name_len);
	alias->name_len = (uint16_t)name_len;
	w->alias = alias;
	return true;
}

const uint8_t *inflight_asked_name(
    const struct inflight_question *q, const struct inflight_waiter *w)
{
	return w->alias != NULL ? w->alias->name : q->name;
}

void inflight_keep_case(struct inflight_waiter *w, const uint8_t *question, size_t name_len)
{
	w->has_upper = mixcase_read(w->upper, question, name_len);
}

size_t inflight_question_as_asked(
    const struct inflight_question *q, const struct inflight_waiter *w, uint8_t out[NAME_SIZE + 4])
{
	const uint8_t *name = inflight_asked_name(q, w);
	const size_t len = w->alias != NULL ? w->alias->name_len : q->name_len;

	if (w->has_upper)
		(void)mixcase_write(out, name, len, w->upper);
	else
		memcpy(out, name, len);
	msg_set_u16(out + len, w->as_aaaa ? (unsigned)TYPE_AAAA : q->type);
	msg_set_u16(out + len + 2, q->class);
	return len + 4;
}

/* ---- Tries ---- */

static uint64_t try_key(enum query_carrier via, uint32_t port, uint16_t id)
{
	return (uint64_t)via << 48 | (uint64_t)port << 16 | id;
}

struct inflight_try *inflight_try(struct inflight *f, struct inflight_question *q)
{
	struct inflight_try *t;

	TAKE(t, f, tries);
	if (t == NULL)
		return NULL;
	*t = (struct inflight_try){.question = q, .open = true};
	t->question_next = q->tries;
	q->tries = t;
	return t;
}

uint32_t inflight_try_handle(const struct inflight *f, const struct inflight_try *t)
{
	return (uint32_t)(t - f->tries);
}

struct inflight_try *inflight_try_by_handle(const struct inflight *f, uint32_t handle)
{
	return handle < f->n_used_tries && f->tries[handle].open ? &f->tries[handle] : NULL;
}

struct inflight_try *inflight_match(
    const struct inflight *f, enum query_carrier via, uint32_t port, uint16_t id)
{
	const uint64_t key = try_key(via, port, id);
	const struct table *t = &f->tries_by_id;
	struct table_item *item =
	    table_find(t, table_hash(t, &key, sizeof(key)), &key, sizeof(key));

	return item == NULL ? NULL : table_entry(item, struct inflight_try, item);
}

bool inflight_sent(struct inflight *f, struct inflight_try *t, uint64_t now_ms)
{
	struct table *ids = &f->tries_by_id;
	uint32_t hash;

	t->key = try_key(t->sent.via, t->sent.port, t->id);
	hash = table_hash(ids, &t->key, sizeof(t->key));
	if (table_find(ids, hash, &t->key, sizeof(t->key)) != NULL)
		return false;
	table_add(ids, &t->item, hash, &t->key, sizeof(t->key));
	t->sent_ms = now_ms;
	t->waiting = true;
	t->findable = true;
	DL_APPEND(f->waiting[t->wait_class], t);
	f->any_waiting |= 1u << t->wait_class;
	return true;
}

void inflight_hedge(struct inflight *f, struct inflight_try *t, unsigned hedge_class)
{
	t->hedge_class = (uint8_t)hedge_class;
	t->hedging = true;
	DL_APPEND2(f->hedging[hedge_class], t, hedge_prev, hedge_next);
	f->any_hedging |= 1u << hedge_class;
}

void inflight_unhedge(struct inflight *f, struct inflight_try *t)
{
	if (!t->hedging)
		return;
	DL_DELETE2(f->hedging[t->hedge_class], t, hedge_prev, hedge_next);
	if (f->hedging[t->hedge_class] == NULL)
		f->any_hedging &= ~(1u << t->hedge_class);
	t->hedging = false;
}

void inflight_overdue(struct inflight *f, struct inflight_try *t)
{
	inflight_unhedge(f, t);
	DL_DELETE(f->waiting[t->wait_class], t);
	if (f->waiting[t->wait_class] == NULL)
		f->any_waiting &= ~(1u << t->wait_class);
	t->waiting = false;
}

void inflight_orphan(struct inflight_try *t)
{
	LL_DELETE2(t->question->tries, t, question_next);
	t->question = NULL;
}

void inflight_end(struct inflight *f, struct inflight_try *t)
{
	if (t->waiting)
		inflight_overdue(f, t);
	if (t->findable)
		table_remove(&f->tries_by_id, &t->item);
	if (t->question != NULL)
		inflight_orphan(t);
	t->open = false;
	LL_PREPEND(f->free_tries, t);
}

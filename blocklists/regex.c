/* regex.c - tree to NFA (Thompson), NFA to DFA (subsets), DFA to the minimal one (Hopcroft). */
#include "blocklists/regex.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/grow.h"
#include "blocklists/regex_tree.h"
#include "lib/hash.h"

enum nfa_op { NFA_SET, NFA_ASSERT, NFA_SPLIT, NFA_MATCH };

struct nfa_node {
	uint64_t set;
	uint16_t out, other; /* `other`: of NFA_SPLIT */
	uint8_t op, assert;
};

/* What stands on one side of a place in the subject. */
enum side { SIDE_EDGE, SIDE_OTHER, SIDE_WORD, SIDE_UNKNOWN };

/* A state of the DFA: NFA nodes that wait for a symbol (NFA_SET) or to know it (NFA_ASSERT). */
struct dfa_state {
	uint32_t nodes_off; /* in maker.sets */
	uint16_t n_nodes;
	uint8_t before; /* enum side; 0 where no node asks */
	bool waits;	/* has an NFA_ASSERT */
};

#define DFA_ACCEPT 0 /* the state that has matched, whatever follows */
#define DFA_HASHES 8192
_Static_assert(DFA_HASHES >= 2 * REGEX_RAW_MAX, "the table is never full");

struct maker {
	const struct regex_tree *tree;
	struct why *why;
	uint64_t work;

	struct nfa_node *nfa;
	uint16_t n_nfa;

	uint8_t n_classes;
	uint8_t class_of[REGEX_SYMBOLS];
	uint8_t symbol_of[REGEX_SYMBOLS]; /* one of each class */

	/* The nodes reached from some others without reading a symbol. */
	uint16_t *reached, *stack;
	uint32_t *mark, n_marks;
	unsigned n_reached, n_stack;
	bool matched;

	/* Nodes that are in every state but the start, since a match may begin anywhere: not kept
	 * with the states.  By each class they lead to always_to[always_first[class] ...]. */
	bool *always;
	uint16_t *always_to;
	uint32_t always_first[REGEX_SYMBOLS + 1];

	struct dfa_state *states;
	uint16_t *next; /* [state * n_classes + class] */
	uint16_t *sets;
	uint16_t *hashes; /* state + 1 */
	uint16_t n_states, start;
	uint32_t n_sets;
	size_t states_size, rows_size, sets_size;
};

static int too_large(struct maker *m, const char *what, unsigned limit)
{
	return why_set(
	    m->why, ERR_LIMIT, "the expression is too complex: more than %u %s", limit, what);
}

/* ---- tree to NFA ---- */

/* NFA nodes that a tree node becomes, REGEX_NODES_MAX + 1 standing for all above. */
static unsigned nfa_count(const struct regex_tree *tree, uint16_t at)
{
	const struct regex_node *node = &tree->nodes[at];
	unsigned n = 0, once;

	switch (node->type) {
	case REGEX_CAT:
	case REGEX_ALT:
		for (uint16_t i = node->last_part; i != 0 && n <= REGEX_NODES_MAX;
		     i = tree->nodes[i].before)
			n += nfa_count(tree, i) + (node->type == REGEX_ALT);
		break;
	case REGEX_REPEAT:
		once = nfa_count(tree, node->last_part);
		if (once == 0)
			return 0;
		n = node->max == REGEX_INFINITE
			? (node->min == 0 ? 1 : node->min) * once + 1
			: node->min * once + (node->max - node->min) * (once + 1u);
		break;
	default:
		n = 1;
	}
	return n > REGEX_NODES_MAX ? REGEX_NODES_MAX + 1 : n;
}

static uint16_t nfa_add(struct maker *m, enum nfa_op op, uint16_t out, uint16_t other)
{
	m->nfa[m->n_nfa] = (struct nfa_node){.op = (uint8_t)op, .out = out, .other = other};
	return m->n_nfa++;
}

static uint16_t nfa_emit(struct maker *m, uint16_t at, uint16_t next);

/* A loop that goes on to `next` when it has read its body once more, or, without `once`, at once. */
static uint16_t nfa_emit_loop(struct maker *m, uint16_t body, uint16_t next, bool once)
{
	uint16_t loop = nfa_add(m, NFA_SPLIT, 0, next);
	uint16_t entry = nfa_emit(m, body, loop);

	m->nfa[loop].out = entry;
	return once ? entry : loop;
}

static uint16_t nfa_emit_repeat(struct maker *m, const struct regex_node *node, uint16_t next)
{
	uint16_t body = node->last_part, entry = next;
	unsigned min = node->min;

	if (nfa_count(m->tree, body) == 0)
		return next;
	if (node->max == REGEX_INFINITE) {
		entry = nfa_emit_loop(m, body, next, min != 0);
		min -= min != 0;
	} else {
		for (unsigned i = min; i < node->max; i++)
			entry = nfa_add(m, NFA_SPLIT, nfa_emit(m, body, entry), next);
	}
	for (; min != 0; min--)
		entry = nfa_emit(m, body, entry);
	return entry;
}

/* From the end to the beginning: what follows is known.  Returns where tree node `at` begins. */
static uint16_t nfa_emit(struct maker *m, uint16_t at, uint16_t next)
{
	const struct regex_node *node = &m->tree->nodes[at];
	uint16_t entry = next;

	switch (node->type) {
	case REGEX_SET:
		entry = nfa_add(m, NFA_SET, next, 0);
		m->nfa[entry].set = node->set;
		break;
	case REGEX_ASSERT:
		entry = nfa_add(m, NFA_ASSERT, next, 0);
		m->nfa[entry].assert = (uint8_t)node->assert;
		break;
	case REGEX_CAT:
		for (uint16_t i = node->last_part; i != 0; i = m->tree->nodes[i].before)
			entry = nfa_emit(m, i, entry);
		break;
	case REGEX_ALT:
		entry = nfa_emit(m, node->last_part, next);
		for (uint16_t i = m->tree->nodes[node->last_part].before; i != 0;
		     i = m->tree->nodes[i].before)
			entry = nfa_add(m, NFA_SPLIT, nfa_emit(m, i, next), entry);
		break;
	case REGEX_REPEAT:
		entry = nfa_emit_repeat(m, node, next);
		break;
	}
	return entry;
}

/* The NFA of `.*(expression)`; what follows a match is read by DFA_ACCEPT. */
static int nfa_make(struct maker *m, uint16_t *start)
{
	unsigned n = nfa_count(m->tree, m->tree->root);
	uint16_t match, any;

	if (n > REGEX_NODES_MAX)
		return too_large(m, "characters with its bounds written out", REGEX_NODES_MAX);
	n += 3;
	m->nfa = malloc(n * sizeof(*m->nfa));
	m->reached = malloc(n * sizeof(*m->reached));
	m->stack = malloc(n * sizeof(*m->stack));
	m->mark = calloc(n, sizeof(*m->mark));
	m->always = calloc(n, sizeof(*m->always));
	if (m->nfa == NULL || m->reached == NULL || m->stack == NULL || m->mark == NULL ||
	    m->always == NULL)
		return ERR_NOMEM;
	match = nfa_add(m, NFA_MATCH, 0, 0);
	any = nfa_add(m, NFA_SET, 0, 0);
	m->nfa[any].set = REGEX_ANY;
	*start = nfa_add(m, NFA_SPLIT, nfa_emit(m, m->tree->root, match), any);
	m->nfa[any].out = *start;
	return 0;
}

/* ---- classes of symbols that no node tells apart ---- */

/* Each class that has symbols inside and outside of the set falls in two. */
static void classes_refine(struct maker *m, uint64_t set)
{
	uint8_t inside[REGEX_SYMBOLS] = {0}; /* class + 1 of the inner part, once there is one */
	uint8_t n_classes = m->n_classes;
	bool outside[REGEX_SYMBOLS] = {false};

	for (unsigned s = 0; s < REGEX_SYMBOLS; s++)
		outside[m->class_of[s]] |= (set >> s & 1) == 0;
	for (unsigned s = 0; s < REGEX_SYMBOLS; s++) {
		uint8_t class = m->class_of[s];

		if ((set >> s & 1) == 0 || class >= n_classes || !outside[class])
			continue;
		if (inside[class] == 0)
			inside[class] = ++m->n_classes;
		m->class_of[s] = inside[class] - 1;
	}
}

static void classes_make(struct maker *m)
{
	m->n_classes = 1;
	for (unsigned i = 0; i < m->n_nfa; i++) {
		const struct nfa_node *node = &m->nfa[i];

		if (node->op == NFA_SET)
			classes_refine(m, node->set);
		else if (node->op == NFA_ASSERT && node->assert >= REGEX_AT_EDGE)
			classes_refine(m, REGEX_WORD);
	}
	for (unsigned s = 0; s < REGEX_SYMBOLS; s++)
		m->symbol_of[m->class_of[s]] = (uint8_t)s;
}

/* ---- NFA to DFA ---- */

static void reach(struct maker *m, uint16_t node)
{
	if (m->mark[node] == m->n_marks || m->always[node])
		return;
	m->mark[node] = m->n_marks;
	m->stack[m->n_stack++] = node;
}

static void reach_start(struct maker *m)
{
	m->n_marks++;
	m->n_reached = m->n_stack = 0;
	m->matched = false;
}

enum answer { NO, YES, NOT_YET };

static enum answer assert_holds(enum regex_assert assert, enum side before, enum side behind)
{
	bool word_before = before == SIDE_WORD, word_behind = behind == SIDE_WORD;

	if (assert == REGEX_AT_BEGIN)
		return before == SIDE_EDGE ? YES : NO;
	if (behind == SIDE_UNKNOWN)
		return NOT_YET;
	switch (assert) {
	case REGEX_AT_END:
		return behind == SIDE_EDGE ? YES : NO;
	case REGEX_AT_EDGE:
		return word_before != word_behind ? YES : NO;
	case REGEX_AT_NO_EDGE:
		return word_before == word_behind ? YES : NO;
	case REGEX_AT_WORD_BEGIN:
		return !word_before && word_behind ? YES : NO;
	default:
		return word_before && !word_behind ? YES : NO;
	}
}

/* From the nodes on the stack on: into m->reached those that wait; m->matched if the end is among
 * them. */
static void reach_all(struct maker *m, enum side before, enum side behind)
{
	while (m->n_stack != 0) {
		uint16_t at = m->stack[--m->n_stack];
		const struct nfa_node *node = &m->nfa[at];
		enum answer holds;

		m->work++;
		switch ((enum nfa_op)node->op) {
		case NFA_SET:
			m->reached[m->n_reached++] = at;
			break;
		case NFA_SPLIT:
			reach(m, node->other);
			reach(m, node->out);
			break;
		case NFA_ASSERT:
			holds = assert_holds((enum regex_assert)node->assert, before, behind);
			if (holds == YES)
				reach(m, node->out);
			else if (holds == NOT_YET)
				m->reached[m->n_reached++] = at;
			break;
		case NFA_MATCH:
			m->matched = true;
			break;
		}
	}
}

static void reached_sort(struct maker *m)
{
	for (unsigned i = 1; i < m->n_reached; i++) {
		uint16_t node = m->reached[i];
		unsigned at = i;

		for (; at > 0 && m->reached[at - 1] > node; at--, m->work++)
			m->reached[at] = m->reached[at - 1];
		m->reached[at] = node;
	}
}

static bool state_has(const struct maker *m, const struct dfa_state *state, uint8_t before)
{
	return state->n_nodes == m->n_reached && state->before == before &&
	       memcmp(m->sets + state->nodes_off, m->reached, m->n_reached * sizeof(*m->reached)) ==
		   0;
}

static int state_add(struct maker *m, uint8_t before, bool waits, uint16_t *state)
{
	size_t n = m->n_states + 1u;
	int err;

	assert(m->n_classes != 0);
	if (m->n_states == REGEX_RAW_MAX)
		return too_large(m, "states", REGEX_RAW_MAX);
	err = grow((void **)&m->states, &m->states_size, n, sizeof(*m->states));
	if (err == 0)
		err = grow((void **)&m->next, &m->rows_size, n, m->n_classes * sizeof(*m->next));
	if (err == 0)
		err = grow((void **)&m->sets, &m->sets_size, m->n_sets + m->n_reached + 1,
		    sizeof(*m->sets));
	if (err != 0)
		return err;
	m->states[m->n_states] = (struct dfa_state){.nodes_off = m->n_sets,
	    .n_nodes = (uint16_t)m->n_reached,
	    .before = before,
	    .waits = waits};
	if (m->n_reached != 0)
		memcpy(m->sets + m->n_sets, m->reached, m->n_reached * sizeof(*m->sets));
	m->n_sets += m->n_reached;
	*state = m->n_states++;
	return 0;
}

/* The state of the nodes in m->reached, made where it is new. */
static int state_of_reached(struct maker *m, enum side before, uint16_t *state)
{
	static const struct hash_key key = {0, 0};
	bool waits = false;
	size_t slot;
	int err;

	if (m->matched) {
		*state = DFA_ACCEPT;
		return 0;
	}
	reached_sort(m);
	for (unsigned i = 0; i < m->n_reached && !waits; i++)
		waits = m->nfa[m->reached[i]].op == NFA_ASSERT;
	if (!waits)
		before = SIDE_EDGE;
	slot = hash_siphash13(&key, m->reached, m->n_reached * sizeof(*m->reached)) % DFA_HASHES;
	for (; m->hashes[slot] != 0; slot = (slot + 1) % DFA_HASHES) {
		*state = m->hashes[slot] - 1;
		if (state_has(m, &m->states[*state], (uint8_t)before))
			return 0;
	}
	err = state_add(m, (uint8_t)before, waits, state);
	if (err == 0)
		m->hashes[slot] = (uint16_t)(*state + 1);
	return err;
}

/* Where the nodes of a state wait to know what is behind: the nodes they stand for when it is. */
static void reach_of_state(struct maker *m, const struct dfa_state *state, enum side behind)
{
	reach_start(m);
	for (unsigned i = 0; i < state->n_nodes; i++)
		reach(m, m->sets[state->nodes_off + i]);
	reach_all(m, (enum side)state->before, behind);
}

static int dfa_step(struct maker *m, uint16_t from, uint8_t class, uint16_t *to)
{
	const struct dfa_state state = m->states[from];
	uint8_t symbol = m->symbol_of[class];
	enum side side = (REGEX_WORD >> symbol & 1) != 0 ? SIDE_WORD : SIDE_OTHER;
	const uint16_t *nodes = m->sets + state.nodes_off;
	unsigned n_nodes = state.n_nodes;
	uint16_t *known = NULL;

	if (state.waits) {
		reach_of_state(m, &state, side);
		if (m->matched) {
			*to = DFA_ACCEPT;
			return 0;
		}
		n_nodes = m->n_reached;
		known = malloc((n_nodes + 1) * sizeof(*known));
		if (known == NULL)
			return ERR_NOMEM;
		memcpy(known, m->reached, n_nodes * sizeof(*known));
		nodes = known;
	}
	reach_start(m);
	m->work += n_nodes;
	for (unsigned i = 0; i < n_nodes; i++) {
		const struct nfa_node *node = &m->nfa[nodes[i]];

		if ((node->set >> symbol & 1) != 0)
			reach(m, node->out);
	}
	free(known);
	for (uint32_t i = m->always_first[class]; i < m->always_first[class + 1]; i++)
		reach(m, m->always_to[i]);
	reach_all(m, side, SIDE_UNKNOWN);
	return state_of_reached(m, side, to);
}

/* Find the nodes that are in every state; none where one waits to know what is behind. */
static int always_make(struct maker *m, uint16_t nfa_start)
{
	uint32_t n = 0;

	reach_start(m);
	reach(m, nfa_start);
	reach_all(m, SIDE_OTHER, SIDE_UNKNOWN);
	for (unsigned i = 0; i < m->n_reached; i++) {
		if (m->nfa[m->reached[i]].op == NFA_ASSERT)
			return 0;
	}
	m->always_to = malloc((size_t)m->n_reached * m->n_classes * sizeof(*m->always_to));
	if (m->always_to == NULL)
		return ERR_NOMEM;
	for (unsigned c = 0; c < m->n_classes; c++) {
		for (unsigned i = 0; i < m->n_reached; i++) {
			const struct nfa_node *node = &m->nfa[m->reached[i]];

			if ((node->set >> m->symbol_of[c] & 1) != 0)
				m->always_to[n++] = node->out;
		}
		m->always_first[c + 1] = n;
	}
	for (unsigned i = 0; i < m->n_nfa; i++)
		m->always[i] = m->mark[i] == m->n_marks;
	return 0;
}

static int dfa_make(struct maker *m, uint16_t nfa_start)
{
	uint16_t state;
	int err;

	m->hashes = calloc(DFA_HASHES, sizeof(*m->hashes));
	if (m->hashes == NULL)
		return ERR_NOMEM;
	reach_start(m);
	err = state_add(m, SIDE_EDGE, false, &state); /* DFA_ACCEPT */
	if (err != 0)
		return err;
	for (uint8_t c = 0; c < m->n_classes; c++)
		m->next[c] = DFA_ACCEPT;
	reach(m, nfa_start);
	reach_all(m, SIDE_EDGE, SIDE_UNKNOWN);
	err = state_of_reached(m, SIDE_EDGE, &m->start);
	if (err == 0)
		err = always_make(m, nfa_start);
	for (unsigned s = 1; s < m->n_states && err == 0; s++) {
		for (uint8_t c = 0; c < m->n_classes && err == 0; c++) {
			err = dfa_step(m, (uint16_t)s, c, &state);
			if (err == 0)
				m->next[s * m->n_classes + c] = state;
		}
		if (err == 0 && m->work > REGEX_WORK_MAX)
			err = too_large(m, "steps to compile it", REGEX_WORK_MAX);
	}
	return err;
}

static bool dfa_accepts(struct maker *m, uint16_t state)
{
	if (state == DFA_ACCEPT)
		return true;
	if (!m->states[state].waits)
		return false;
	reach_of_state(m, &m->states[state], SIDE_EDGE);
	return m->matched;
}

/* ---- DFA to the minimal one ---- */

/* States in blocks; the states of one block lie side by side. */
struct blocks {
	uint16_t *states;		  /* in the order of their blocks */
	uint16_t *place;		  /* [state]: where it is in `states` */
	uint16_t *of;			  /* [state]: its block */
	uint16_t *first, *end, *n_marked; /* [block] */
	uint16_t *waiting, *touched, *splitter;
	bool *is_waiting;
	/* Who goes to a state by a class: from[from_first[class * n + state] ...]. */
	uint32_t *from_first;
	uint16_t *from;
	unsigned n_blocks, n_waiting;
	void *memory;
};

static int blocks_alloc(struct blocks *b, size_t n, size_t n_classes)
{
	size_t n_u16 = 9 * n + n * n_classes, n_u32 = n * n_classes + 1;
	uint16_t *at;

	b->memory = calloc(1, n_u32 * sizeof(uint32_t) + n_u16 * sizeof(uint16_t) + n);
	if (b->memory == NULL)
		return ERR_NOMEM;
	b->from_first = b->memory;
	at = (uint16_t *)(b->from_first + n_u32);
	b->states = at;
	b->place = at + n;
	b->of = at + 2 * n;
	b->first = at + 3 * n;
	b->end = at + 4 * n;
	b->n_marked = at + 5 * n;
	b->waiting = at + 6 * n;
	b->touched = at + 7 * n;
	b->splitter = at + 8 * n;
	b->from = at + 9 * n;
	b->is_waiting = (bool *)(at + n_u16);
	return 0;
}

/* Turn the transitions around, by counting. */
static void blocks_turn_around(struct blocks *b, const struct maker *m)
{
	unsigned n = m->n_states, k = m->n_classes;

	for (unsigned s = 0; s < n; s++) {
		for (unsigned c = 0; c < k; c++)
			b->from_first[c * n + m->next[s * k + c]]++;
	}
	for (unsigned i = 0, sum = 0; i <= n * k; i++)
		b->from_first[i] = sum += b->from_first[i];
	for (unsigned s = 0; s < n; s++) {
		for (unsigned c = 0; c < k; c++)
			b->from[--b->from_first[c * n + m->next[s * k + c]]] = (uint16_t)s;
	}
}

static void blocks_wait(struct blocks *b, uint16_t block)
{
	b->is_waiting[block] = true;
	b->waiting[b->n_waiting++] = block;
}

/* Move a state to the marked ones at the beginning of its block. */
static void blocks_mark(struct blocks *b, uint16_t state, unsigned *n_touched)
{
	uint16_t block = b->of[state], at = b->place[state];
	uint16_t to = (uint16_t)(b->first[block] + b->n_marked[block]);

	if (at < to)
		return;
	if (b->n_marked[block]++ == 0)
		b->touched[(*n_touched)++] = block;
	b->states[at] = b->states[to];
	b->place[b->states[at]] = at;
	b->states[to] = state;
	b->place[state] = to;
}

/* The marked states of a block become a block of their own, if some are not marked. */
static void blocks_split(struct blocks *b, uint16_t block)
{
	uint16_t middle = (uint16_t)(b->first[block] + b->n_marked[block]);
	uint16_t new = (uint16_t)b->n_blocks;
	bool marked_is_smaller = b->n_marked[block] <= b->end[block] - middle;

	b->n_marked[block] = 0;
	if (middle == b->end[block])
		return;
	b->n_blocks++;
	b->first[new] = b->first[block];
	b->end[new] = middle;
	b->first[block] = middle;
	for (unsigned i = b->first[new]; i < middle; i++)
		b->of[b->states[i]] = new;
	if (b->is_waiting[block] || marked_is_smaller)
		blocks_wait(b, new);
	else
		blocks_wait(b, block);
}

static void blocks_split_by(struct blocks *b, const struct maker *m, uint16_t block)
{
	unsigned n = b->end[block] - b->first[block], n_states = m->n_states;

	/* The block may be split itself on the way. */
	memcpy(b->splitter, b->states + b->first[block], n * sizeof(*b->splitter));
	for (unsigned c = 0; c < m->n_classes; c++) {
		unsigned n_touched = 0;

		for (unsigned i = 0; i < n; i++) {
			const uint32_t *range = b->from_first + c * n_states + b->splitter[i];

			for (uint32_t at = range[0]; at < range[1]; at++)
				blocks_mark(b, b->from[at], &n_touched);
		}
		while (n_touched != 0)
			blocks_split(b, b->touched[--n_touched]);
	}
}

static int blocks_make(struct blocks *b, struct maker *m)
{
	unsigned n = m->n_states, n_touched = 0;
	int err = blocks_alloc(b, n, m->n_classes);

	if (err != 0)
		return err;
	blocks_turn_around(b, m);
	b->n_blocks = 1;
	b->end[0] = (uint16_t)n;
	for (unsigned s = 0; s < n; s++)
		b->states[s] = b->place[s] = (uint16_t)s;
	blocks_wait(b, 0);
	for (unsigned s = 0; s < n; s++) {
		if (dfa_accepts(m, (uint16_t)s))
			blocks_mark(b, (uint16_t)s, &n_touched);
	}
	if (n_touched != 0)
		blocks_split(b, 0);
	while (b->n_waiting != 0) {
		uint16_t block = b->waiting[--b->n_waiting];

		b->is_waiting[block] = false;
		blocks_split_by(b, m, block);
	}
	return 0;
}

/* ---- the result ---- */

/* Does a way lead out of this block? */
static bool block_leaves(const struct maker *m, const struct blocks *b, uint16_t block)
{
	uint16_t state = b->states[b->first[block]];

	for (unsigned c = 0; c < m->n_classes; c++) {
		if (b->of[m->next[state * m->n_classes + c]] != block)
			return true;
	}
	return false;
}

/* Number the blocks as a walk from the start meets them, those that nothing leaves last (the start
 * is among them only when it is alone): equal languages get equal tables.  Sets number[block],
 * order[number] to a state of it, r->n_states and r->first_sink. */
static void number_blocks(struct regex *r, const struct maker *m, const struct blocks *b,
    uint16_t *number, uint16_t *order)
{
	unsigned n_found = 0, n = 0, k = m->n_classes;
	uint16_t *found = b->touched;

	memset(number, 0xff, b->n_blocks * sizeof(*number));
	found[n_found++] = b->of[m->start];
	number[b->of[m->start]] = 0;
	for (unsigned i = 0; i < n_found; i++) {
		uint16_t state = b->states[b->first[found[i]]];

		for (unsigned c = 0; c < k; c++) {
			uint16_t to = b->of[m->next[state * k + c]];

			if (number[to] != UINT16_MAX)
				continue;
			number[to] = 0;
			found[n_found++] = to;
		}
	}
	for (int leaves = 1; leaves >= 0; leaves--) {
		for (unsigned i = 0; i < n_found; i++) {
			if (block_leaves(m, b, found[i]) != leaves)
				continue;
			order[n] = b->states[b->first[found[i]]];
			number[found[i]] = (uint16_t)n++;
		}
		if (leaves)
			r->first_sink = (uint16_t)n;
	}
	r->n_states = (uint16_t)n;
}

/* Classes that no state tells apart become one, numbered by their first symbols. */
static void merge_classes(struct regex *r, const struct maker *m)
{
	uint8_t new_of[REGEX_SYMBOLS];
	uint8_t n = 0, kept[REGEX_SYMBOLS];

	memset(new_of, 0xff, sizeof(new_of));
	for (unsigned s = 0; s < REGEX_SYMBOLS; s++) {
		uint8_t c = m->class_of[s], same;

		if (new_of[c] != 0xff) {
			r->class_of[s] = new_of[c];
			continue;
		}
		for (same = 0; same < n; same++) {
			unsigned i = 0;

			while (i < r->n_states && r->next[i * m->n_classes + c] ==
						      r->next[i * m->n_classes + kept[same]])
				i++;
			if (i == r->n_states)
				break;
		}
		if (same == n)
			kept[n++] = c;
		r->class_of[s] = new_of[c] = same;
	}
	for (unsigned i = 0; i < r->n_states; i++) {
		uint16_t row[REGEX_SYMBOLS];

		for (unsigned c = 0; c < n; c++)
			row[c] = r->next[i * m->n_classes + kept[c]];
		memcpy(r->next + (size_t)i * n, row, n * sizeof(*row));
	}
	r->n_classes = n;
}

static int result_make(struct regex *r, struct maker *m, const struct blocks *b, bool inverted)
{
	uint16_t *number = b->waiting, *order = b->splitter;
	unsigned k = m->n_classes;

	number_blocks(r, m, b, number, order);
	if (r->n_states > REGEX_STATES_MAX)
		return too_large(m, "states", REGEX_STATES_MAX);
	r->next = malloc(r->n_states * k * sizeof(*r->next));
	r->accepts = malloc(r->n_states);
	if (r->next == NULL || r->accepts == NULL)
		return ERR_NOMEM;
	for (unsigned i = 0; i < r->n_states; i++) {
		for (unsigned c = 0; c < k; c++)
			r->next[i * k + c] = number[b->of[m->next[order[i] * k + c]]];
		r->accepts[i] = dfa_accepts(m, order[i]) != inverted;
	}
	merge_classes(r, m);
	return 0;
}

static void maker_fini(struct maker *m)
{
	free(m->nfa);
	free(m->reached);
	free(m->stack);
	free(m->mark);
	free(m->always);
	free(m->always_to);
	free(m->states);
	free(m->next);
	free(m->sets);
	free(m->hashes);
}

int regex_compile(struct regex *r, const char *text, size_t len, bool inverted, struct why *why)
{
	struct regex_tree tree;
	struct maker m = {.tree = &tree, .why = why};
	struct blocks b = {.memory = NULL};
	uint16_t nfa_start = 0;
	int err;

	*r = (struct regex){.n_states = 0};
	err = regex_tree_parse(&tree, text, len, why);
	if (err == 0)
		err = nfa_make(&m, &nfa_start);
	if (err != 0)
		goto out;
	classes_make(&m);
	err = dfa_make(&m, nfa_start);
	if (err == 0)
		err = blocks_make(&b, &m);
	if (err == 0)
		err = result_make(r, &m, &b, inverted);
	if (err != 0)
		goto out;
	if (inverted) {
		r->n_literals = 1;
		r->literals[0] = REGEX_BEGIN + 1;
		r->load = REGEX_LOAD_ONE;
	} else {
		regex_literals_find(r, &tree);
	}
out:
	free(b.memory);
	r->work = m.work;
	maker_fini(&m);
	regex_tree_free(&tree);
	return err;
}

void regex_free(struct regex *r)
{
	free(r->next);
	free(r->accepts);
	*r = (struct regex){.n_states = 0};
}

bool regex_matches(const struct regex *r, const char *subject, size_t len)
{
	unsigned state = 0;

	for (size_t i = 0; i < len && state < r->first_sink; i++)
		state =
		    r->next[state * r->n_classes + r->class_of[regex_symbol((uint8_t)subject[i])]];
	return r->accepts[state] != 0;
}

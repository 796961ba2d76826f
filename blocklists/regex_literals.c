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
	uint32_t load;	     /* of `best` */
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

/* One name in 2^bits has it. */
static const struct {
	const char *text;
	unsigned bits;
} common_texts[] = {{"^www.", 2}, {".com$", 1}, {".net$", 3}, {".org$", 4}, {".co.", 4},
    {".de$", 4}, {".ru$", 4}, {".cn$", 5}, {".uk$", 5}, {".io$", 5}, {".info$", 5}, {".xyz$", 5},
    {".top$", 5}};

#define N_COMMON    (sizeof(common_texts) / sizeof(common_texts[0]))
#define COMMON_LEN  6 /* of the longest of them */
#define PLACES_BITS 4 /* a name has about 2^4 places where a string may begin */

static const char symbol_texts[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.?^$";

/* What a string says at one place, for its first symbol or for a common text that it begins with. */
static unsigned begin_bits(const char *text, size_t *len)
{
	for (size_t i = 0; i < N_COMMON && (*text == '.' || *text == '^'); i++) {
		*len = strlen(common_texts[i].text);
		if (strncmp(text, common_texts[i].text, *len) == 0)
			return common_texts[i].bits + PLACES_BITS;
	}
	*len = 1;
	if (strchr("aeinorst.", *text) != NULL)
		return 3;
	return strchr("jqwxyz_", *text) != NULL ? 5 : 4;
}

/* The share of names that contain `string`, of REGEX_LOAD_ONE, as far as one can tell. */
static uint32_t string_load(uint64_t string)
{
	char text[REGEX_LITERAL_LEN + 1] = "";
	unsigned bits = 0, len = string_len(string);

	for (unsigned i = len; string != 0; string >>= REGEX_LITERAL_BITS)
		text[--i] = symbol_texts[string_last(string) - 1];
	for (size_t at = 0, n; text[at] != '\0'; at += n)
		bits += begin_bits(text + at, &n);
	bits = bits > PLACES_BITS ? bits - PLACES_BITS : 0;
	for (size_t i = 0; i < N_COMMON && len <= COMMON_LEN; i++) {
		if (bits > common_texts[i].bits && strstr(common_texts[i].text, text) != NULL)
			bits = common_texts[i].bits;
	}
	return REGEX_LOAD_ONE >> (bits < 20 ? bits : 20);
}

static uint32_t strings_load(const struct strings *set)
{
	uint64_t load = 0;

	for (unsigned i = 0; i < set->n && load < REGEX_LOAD_ONE; i++)
		load += string_load(set->at[i]);
	return load < REGEX_LOAD_ONE ? (uint32_t)load : REGEX_LOAD_ONE;
}

static bool string_contains(uint64_t string, uint64_t part)
{
	uint64_t mask = MASK(string_len(part));

	for (; string >= part; string >>= REGEX_LITERAL_BITS) {
		if ((string & mask) == part)
			return true;
	}
	return false;
}

/* Without those that contain another: whoever has them has that one. */
static void strings_reduce(struct strings *set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < set->n; i++) {
		bool wanted = true;

		for (unsigned j = 0; j < set->n && wanted; j++)
			wanted = i == j || !string_contains(set->at[i], set->at[j]);
		if (wanted)
			set->at[n++] = set->at[i];
	}
	set->n = n;
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

			fits =
			    strings_add(&all, keep_end ? string_end(s, len) : string_begin(s, len));
		}
		if (fits) {
			*to = all;
			return;
		}
	}
}

/* `front` with `back` behind it, of which the last or the first REGEX_LITERAL_LEN symbols are kept
 * (then *cut is set).  An end of the name is a place: two of a kind are one, and nothing is before
 * the beginning or behind the end; false then. */
static bool string_join(uint64_t front, uint64_t back, bool keep_end, uint64_t *joined, bool *cut)
{
	uint64_t last = string_last(front), first = string_begin(back, 1);
	unsigned len_front, len_back = string_len(back);

	if (last == first && (last == REGEX_BEGIN + 1 || last == REGEX_END + 1))
		front >>= REGEX_LITERAL_BITS;
	else if (front != 0 && back != 0 && (first == REGEX_BEGIN + 1 || last == REGEX_END + 1))
		return false;
	len_front = string_len(front);
	if (len_front + len_back > REGEX_LITERAL_LEN) {
		*cut = true;
		if (keep_end)
			front = string_end(front, REGEX_LITERAL_LEN - len_back);
		else
			back = string_begin(back, REGEX_LITERAL_LEN - len_front);
	}
	*joined = front << REGEX_LITERAL_BITS * string_len(back) | back;
	return true;
}

/* Every string of `a` with every one of `b` behind it.  False: there are too many, or some cannot
 * be; then *to is as it was. */
static bool strings_join(
    struct strings *to, const struct strings *a, const struct strings *b, bool keep_end, bool *cut)
{
	struct strings all = {.n = 0};

	for (unsigned i = 0; i < a->n; i++) {
		for (unsigned j = 0; j < b->n; j++) {
			uint64_t joined;

			if (!string_join(a->at[i], b->at[j], keep_end, &joined, cut) ||
			    !strings_add(&all, joined))
				return false;
		}
	}
	*to = all;
	return true;
}

/* ---- from part to whole ---- */

static void known_exact(struct known *k, uint64_t string)
{
	k->exact = true;
	k->never = false;
	strings_one(&k->begin, string);
	strings_one(&k->end, string);
	strings_one(&k->best, string);
	k->load = string_load(string);
}

/* Nothing is known of it: every string begins and ends with the empty one. */
static void known_nothing(struct known *k)
{
	known_exact(k, 0);
	k->exact = false;
}

/* Take what is better.  Of two that are equally good the longer says more than the estimate knows. */
static void take_better(struct known *k, const struct strings *other)
{
	struct strings reduced = *other;
	uint32_t load;

	strings_reduce(&reduced);
	load = strings_load(&reduced);
	if (load > k->load ||
	    (load == k->load && (reduced.n > k->best.n || reduced.at[0] <= k->best.at[0])))
		return;
	k->best = reduced;
	k->load = load;
}

/* k: what matches k, and behind it what matches `next`. */
static void known_append(struct known *k, const struct known *next)
{
	struct strings begin = k->begin, end = next->end, joined;
	bool cut = false, fits = true;

	if (k->never || next->never) {
		k->never = true;
		return;
	}
	take_better(k, &next->best);
	if (strings_join(&joined, &k->end, &next->begin, false, &cut))
		take_better(k, &joined);
	if (cut && strings_join(&joined, &k->end, &next->begin, true, &cut))
		take_better(k, &joined);
	if (k->exact)
		fits &= strings_join(&begin, &k->begin, &next->begin, false, &cut);
	if (next->exact)
		fits &= strings_join(&end, &k->end, &next->end, true, &cut);
	k->begin = begin;
	k->end = end;
	k->exact = k->exact && next->exact && fits && !cut;
}

/* k: what matches k or `other`. */
static void known_or(struct known *k, const struct known *other)
{
	struct strings both = k->begin;
	bool fits = true;

	if (other->never)
		return;
	if (k->never) {
		*k = *other;
		return;
	}
	for (unsigned i = 0; i < other->begin.n && fits; i++)
		fits = strings_add(&both, other->begin.at[i]);
	k->exact = k->exact && other->exact && fits;
	strings_union(&k->begin, &other->begin, false);
	strings_union(&k->end, &other->end, true);
	strings_union(&k->best, &other->best, true);
	strings_reduce(&k->best);
	k->load = strings_load(&k->best);
}

#define SET_MAX	   4 /* symbols; of a larger set nothing is known */
#define COPIES_MAX REGEX_LITERAL_LEN

static void know_set(struct known *k, uint64_t set)
{
	if (__builtin_popcountll(set) > SET_MAX) {
		known_nothing(k);
		return;
	}
	known_exact(k, 0);
	k->never = set == 0;
	k->begin.n = 0;
	for (unsigned s = 0; s < REGEX_SYMBOLS; s++) {
		if ((set >> s & 1) != 0)
			k->begin.at[k->begin.n++] = s + 1;
	}
	k->end = k->best = k->begin;
	k->load = strings_load(&k->best);
}

static void know(struct known *k, const struct regex_tree *tree, uint16_t at);

static void know_repeat(
    struct known *k, const struct regex_tree *tree, const struct regex_node *node)
{
	struct known once, empty;
	unsigned n = 1;

	known_exact(&empty, 0);
	if (node->max == 0) {
		*k = empty;
		return;
	}
	know(k, tree, node->last_part);
	if (node->min == 0) {
		if (node->max != 1 && !k->never)
			known_nothing(k);
		known_or(k, &empty);
		return;
	}
	once = *k;
	for (; n < node->min && n < COPIES_MAX && k->exact; n++)
		known_append(k, &once);
	if (n != node->max)
		k->exact = false;
}

/* The parts hang on each other backwards: put what is known of each before it. */
static void know_sequence(struct known *k, const struct regex_tree *tree, uint16_t last_part)
{
	known_exact(k, 0);
	for (uint16_t i = last_part; i != 0; i = tree->nodes[i].before) {
		struct known behind = *k;

		know(k, tree, i);
		known_append(k, &behind);
	}
}

static void know(struct known *k, const struct regex_tree *tree, uint16_t at)
{
	const struct regex_node *node = &tree->nodes[at];

	switch (node->type) {
	case REGEX_SET:
		know_set(k, node->set);
		break;
	case REGEX_ASSERT:
		known_exact(k, node->assert == REGEX_AT_BEGIN ? REGEX_BEGIN + 1
			       : node->assert == REGEX_AT_END ? REGEX_END + 1
							      : 0);
		break;
	case REGEX_CAT:
		know_sequence(k, tree, node->last_part);
		break;
	case REGEX_ALT:
		know(k, tree, node->last_part);
		for (uint16_t i = tree->nodes[node->last_part].before; i != 0;
		     i = tree->nodes[i].before) {
			struct known other;

			know(&other, tree, i);
			known_or(k, &other);
		}
		break;
	case REGEX_REPEAT:
		know_repeat(k, tree, node);
		break;
	}
}

void regex_literals_find(struct regex *r, const struct regex_tree *tree)
{
	struct known k;

	know(&k, tree, tree->root);
	if (k.never) {
		r->n_literals = 0;
		r->load = 0;
		return;
	}
	r->load = k.load;
	if (r->load >= REGEX_LOAD_ONE)
		strings_one(&k.best, REGEX_BEGIN + 1);
	r->n_literals = (uint8_t)k.best.n;
	memcpy(r->literals, k.best.at, k.best.n * sizeof(*r->literals));
}

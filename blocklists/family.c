/* family.c - families of names to records. */
#include "blocklists/family.h"

#include <stdlib.h>
#include <string.h>

#include "blocklists/format.h"
#include "blocklists/grow.h"

/* A look-up reads so many children; and the length of a record with all of its family, of which each
 * byte may take four times its estimate, can be written. */
_Static_assert(FORMAT_FAMILY_MAX / (FORMAT_NODE_COST + FORMAT_BYTE_COST) < FORMAT_SIBLINGS_MAX, "");
_Static_assert(4 * FORMAT_FAMILY_MAX + (NAME_LABEL_MAX + 1) * (CODES_LEN_MAX + 8) +
		       2 * (CODES_LEN_MAX + FORMAT_RARE_BITS) + 2 + FORMAT_RARE_BITS <
		   1 << FORMAT_LEN_LONG_BITS,
    "");

void family_fini(struct family *f)
{
	free(f->nodes);
	free(f->coded);
	memset(f, 0, sizeof(*f));
}

/* Bytes of the labels that two names have in common, of which the first `off` are known. */
static size_t common_labels(const struct names_one *a, const uint8_t *b, size_t b_len, size_t off)
{
	while (off < a->len && off < b_len && a->bytes[off] == b[off] &&
	       memcmp(a->bytes + off, b + off, a->bytes[off] + 1u) == 0)
		off += a->bytes[off] + 1u;
	return off;
}

/* Nodes for the labels of `one` that the last node's name does not have.  The first name of a family
 * begins at the label at `off`; those behind it have `head` bytes in common with it. */
static int add_nodes(struct family *f, const struct names_one *one, size_t off, size_t head)
{
	uint32_t parent = 0;

	if (f->n != 0) {
		const struct family_node *last = &f->nodes[f->n - 1];

		off = common_labels(one, last->name, last->name_len, head);
		parent = (uint32_t)f->n - 1;
		while (f->nodes[parent].name_len > off)
			parent = f->nodes[parent].parent;
	}
	while (off < one->len) {
		int err = grow((void **)&f->nodes, &f->size, f->n + 1, sizeof(*f->nodes));

		if (err != 0)
			return err;
		f->nodes[f->n] = (struct family_node){
		    .name = one->bytes,
		    .label_off = (uint8_t)off,
		    .name_len = (uint8_t)(off + one->bytes[off] + 1u),
		    .parent = parent,
		};
		parent = (uint32_t)f->n++;
		off = f->nodes[parent].name_len;
	}
	f->nodes[f->n - 1].set = one->value;
	return 0;
}

/* From the leaves up: ends, costs, and with them the hubs. */
static void find_hubs(struct family *f)
{
	for (size_t i = f->n; i-- > 0;) {
		struct family_node *node = &f->nodes[i], *parent = &f->nodes[node->parent];
		uint32_t own = FORMAT_NODE_COST + FORMAT_BYTE_COST * family_label(node)[0];

		if (node->end == 0)
			node->end = (uint32_t)i + 1;
		node->is_hub = node->cost > FORMAT_FAMILY_MAX;
		if (i == 0)
			break;
		/* The last child comes first here. */
		if (parent->end == 0)
			parent->end = node->end;
		if (parent->cost <= FORMAT_FAMILY_MAX)
			parent->cost = (uint16_t)(parent->cost + own +
						  (node->is_hub ? FORMAT_NODE_COST : node->cost));
	}
}

int family_next(struct family *f, struct names_cursor *c, struct names_one *ahead)
{
	struct names_one first;
	size_t top, head;
	int err = 0;

	f->n = 0;
	if (ahead->len == 0 && !names_next(c, ahead))
		return 0;
	first = *ahead;
	top = 1u + first.bytes[0];
	head = names_head(first.bytes, first.len, 2);
	do {
		err = add_nodes(f, ahead, head == top ? 0 : top, head);
		if (!names_next(c, ahead)) {
			ahead->len = 0;
			break;
		}
	} while (err == 0 && ahead->len > head && head != top &&
		 memcmp(ahead->bytes, first.bytes, head) == 0);
	if (err != 0)
		return err;
	find_hubs(f);
	return 1;
}

/* ---- Bits ---- */

#define CODED_MAX (((NAME_LABEL_MAX + 1) * (CODES_LEN_MAX + 8)) / 8 + BITS_PAD) /* of a label */

/* A label being coded. */
struct coder {
	const codes_word *tables;
	struct format_context context;
	uint64_t bits; /* the last n of them, which are not written yet */
	unsigned n;
};

static inline void add_symbol(struct coder *c, unsigned symbol)
{
	codes_word word = c->tables[format_context(&c->context) * FORMAT_SYMBOLS + symbol];

	c->bits |= (uint64_t)codes_bits(word) << c->n;
	c->n += codes_len(word);
	format_context_next(&c->context, symbol);
}

/* Write a label from the byte `to` on, and BITS_PAD bytes of anything behind it; returns its bits. */
static unsigned code_label(uint8_t *to, const codes_word *codes, const uint8_t *label)
{
	struct coder c = {.tables = codes + FORMAT_CODES_LABEL};
	unsigned n_written = 0;

	for (const uint8_t *p = label + 1, *end = p + label[0]; p < end; p++) {
		unsigned symbol = format_symbol[*p];

		add_symbol(&c, symbol);
		if (symbol == FORMAT_ESCAPE) {
			c.bits |= (uint64_t)*p << c.n;
			c.n += 8;
		}
		if (c.n >= 32) {
			bits_put_word(to + n_written / 8, c.bits);
			c.bits >>= 32;
			c.n -= 32;
			n_written += 32;
		}
	}
	add_symbol(&c, FORMAT_END);
	bits_put_word(to + n_written / 8, c.bits);
	return n_written + c.n;
}

unsigned family_number_bits(const codes_word *table, uint32_t number)
{
	return number < FORMAT_RARE ? codes_len(table[number])
				    : codes_len(table[FORMAT_RARE]) + FORMAT_RARE_BITS;
}

static void put_number(struct bits_out *out, const codes_word *table, uint32_t number)
{
	codes_word word = table[number < FORMAT_RARE ? number : FORMAT_RARE];

	bits_put(out, codes_bits(word), codes_len(word));
	if (number >= FORMAT_RARE)
		bits_put(out, number, FORMAT_RARE_BITS);
}

unsigned family_len_bits(uint32_t bits)
{
	return FORMAT_LEN_BITS + (bits < FORMAT_LEN_LONG ? 0 : FORMAT_LEN_LONG_BITS);
}

static void put_len(struct bits_out *out, uint32_t bits)
{
	bits_put(out, bits < FORMAT_LEN_LONG ? bits : FORMAT_LEN_LONG, FORMAT_LEN_BITS);
	if (bits >= FORMAT_LEN_LONG)
		bits_put(out, bits, FORMAT_LEN_LONG_BITS);
}

static uint32_t set_number(const struct sets *sets, const struct family_node *node)
{
	return sets->of[node->set].number;
}

int family_measure(struct family *f, const codes_word *codes, const struct sets *sets)
{
	size_t coded_len = 0;

	for (size_t i = f->n; i-- > 0;) {
		struct family_node *node = &f->nodes[i], *parent;
		bool is_leaf = node->end == i + 1;
		unsigned bits, label_bits;
		int err = grow((void **)&f->coded, &f->coded_size, coded_len + CODED_MAX, 1);

		if (err != 0)
			return err;
		label_bits = code_label(f->coded + coded_len, codes, family_label(node));
		node->coded_off = (uint32_t)coded_len;
		node->label_bits = (uint16_t)label_bits;
		coded_len += (label_bits + 7) / 8;
		bits = node->bits + label_bits +
		       family_number_bits(codes + FORMAT_CODES_SET, set_number(sets, node)) +
		       (node->is_hub ? 2 + FORMAT_RARE_BITS
			   : is_leaf ? 1
				     : 2);
		node->bits = (uint16_t)bits;
		if (family_is_anchor(f, (uint32_t)i))
			continue;
		parent = &f->nodes[node->parent];
		parent->bits = (uint16_t)(parent->bits + family_len_bits(bits) + bits);
	}
	return 0;
}

void family_put(const struct family *f, uint32_t i, uint32_t hub, const codes_word *codes,
    const struct sets *sets, struct bits_out *out)
{
	const struct family_node *node = &f->nodes[i];

	if (hub != UINT32_MAX) {
		const codes_word *table = codes + FORMAT_CODES_HUB;

		put_len(out, family_number_bits(table, hub) + node->bits);
		put_number(out, table, hub);
	} else {
		put_len(out, node->bits);
	}
	bits_copy(out, f->coded + node->coded_off, node->label_bits);
	put_number(out, codes + FORMAT_CODES_SET, set_number(sets, node));
	if (node->is_hub) {
		bits_put(out, 3, 2);
		bits_put(out, node->hub, FORMAT_RARE_BITS);
	} else if (node->end == i + 1) {
		bits_put(out, 0, 1);
	} else {
		bits_put(out, 1, 2);
		for (uint32_t child = i + 1; child < node->end; child = f->nodes[child].end)
			family_put(f, child, UINT32_MAX, codes, sets, out);
	}
}

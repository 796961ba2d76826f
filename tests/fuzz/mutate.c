/* mutate.c - a message is taken apart as far as it can be, and put together with one thing changed. */
#include "tests/fuzz/mutate.h"

#include <stdbool.h>
#include <string.h>

#include "lib/dns/msg.h"

#define RECORDS_MAX 64
#define PIECE_MAX   2048 /* bytes of a record or name that is made here, at most */

/* Where a question or record stands. */
struct place {
	size_t begin, fixed, end; /* its name, what follows the name, and behind its last byte */
	unsigned section;	  /* 0: a question */
};

struct work {
	uint8_t *msg;
	size_t len, max;
	struct place place[RECORDS_MAX];
	unsigned n;
	unsigned state; /* of the numbers drawn */
};

static unsigned draw(struct work *w, unsigned n)
{
	w->state = w->state * 1664525u + 1013904223u;
	return (w->state >> 8) % n;
}

/* Questions and records as far as they can be read; pointers are not followed. */
static void find_places(struct work *w)
{
	size_t pos = MSG_HEADER;

	w->n = 0;
	for (unsigned section = 0; section < 4; section++) {
		unsigned left = msg_u16(w->msg + 4 + 2 * section);

		for (; left != 0 && w->n < RECORDS_MAX; left--) {
			struct place *p = &w->place[w->n];

			*p = (struct place){.begin = pos, .section = section};
			if (name_skip(w->msg, w->len, &pos) < 0 ||
			    w->len - pos < (section == 0 ? 4u : 10u))
				return;
			p->fixed = pos;
			pos += section == 0 ? 4 : 10;
			if (section != 0)
				pos += msg_u16(w->msg + pos - 2);
			if (pos > w->len)
				return;
			p->end = pos;
			w->n++;
		}
	}
}

/* Put piece[0..n) in the place of the `old` bytes at `at`.  False: it has no room. */
static bool splice(struct work *w, size_t at, size_t old, const uint8_t *piece, size_t n)
{
	if (w->len - old + n > w->max)
		return false;
	memmove(w->msg + at + n, w->msg + at + old, w->len - at - old);
	memcpy(w->msg + at, piece, n);
	w->len = w->len - old + n;
	return true;
}

static void add_count(struct work *w, unsigned section, int by)
{
	uint8_t *count = w->msg + 4 + 2 * (size_t)section;

	msg_set_u16(count, (unsigned)(msg_u16(count) + by) & 0xffff);
}

/* ---- pieces ---- */

/* A name: a pointer to somewhere, labels, or labels and a pointer. */
static size_t make_name(struct work *w, uint8_t *out)
{
	static const char *const labels[] = {
	    "www", "example", "com", "A", "a", "*", "_443", "xn--", "lan", "arpa"};
	size_t len = 0, to = MSG_HEADER;

	if (w->n != 0 && draw(w, 3) != 0)
		to = w->place[draw(w, w->n)].begin;
	if (draw(w, 8) == 0)
		to = draw(w, 2) != 0 ? draw(w, (unsigned)w->len + 1) : draw(w, 0x4000);
	for (unsigned n = draw(w, 4); n != 0; n--) {
		const char *label = labels[draw(w, sizeof(labels) / sizeof(labels[0]))];
		size_t size = draw(w, 16) == 0 ? NAME_LABEL_MAX : strlen(label);

		out[len++] = (uint8_t)size;
		memset(out + len, label[0], size);
		if (size == strlen(label))
			memcpy(out + len, label, size);
		len += size;
	}
	if (draw(w, 3) == 0) {
		out[len++] = 0;
	} else {
		msg_set_u16(out + len, 0xc000 | (unsigned)to);
		len += 2;
	}
	return len;
}

static size_t make_options(struct work *w, uint8_t *out)
{
	/* Code and length; of the lengths the first are right. */
	static const struct {
		uint8_t code, len[4];
	} options[] = {
	    {OPTION_COOKIE, {8, 24, 16, 40}},
	    {OPTION_SUBNET, {7, 4, 11, 20}},
	    {OPTION_KEEPALIVE, {0, 2, 2, 1}},
	    {OPTION_EDE, {2, 9, 40, 1}},
	    {3, {0, 4, 0, 0}},	   /* NSID */
	    {5, {3, 1, 0, 200}},   /* DAU */
	    {9, {4, 0, 4, 4}},	   /* EXPIRE */
	    {12, {0, 32, 128, 1}}, /* padding */
	    {255, {0, 1, 2, 3}},
	};
	size_t len = 0;

	for (unsigned n = draw(w, 5); n != 0; n--) {
		unsigned i = draw(w, sizeof(options) / sizeof(options[0]));
		unsigned size = options[i].len[draw(w, 4)];

		msg_set_u16(out + len, options[i].code);
		msg_set_u16(out + len + 2, draw(w, 20) != 0 ? size : draw(w, 2 * size + 2));
		for (unsigned k = 0; k < size; k++)
			out[len + 4 + k] = (uint8_t)draw(w, draw(w, 2) != 0 ? 4 : 256);
		if (options[i].code == OPTION_SUBNET && size >= 4) {
			out[len + 5] = (uint8_t)(1 + draw(w, 2));
			out[len + 6] = (uint8_t)(8 * (size - 4));
		}
		len += 4 + size;
	}
	return len;
}

/* The rdata of a type, mostly sound. */
static size_t make_rdata(struct work *w, unsigned type, uint8_t *out)
{
	size_t len = 0;

	switch (type) {
	case TYPE_A:
	case TYPE_AAAA:
		len = type == TYPE_A ? 4 : 16;
		for (size_t i = 0; i < len; i++)
			out[i] = (uint8_t)draw(w, draw(w, 2) != 0 ? 2 : 256);
		return len;
	case TYPE_SOA:
		len = make_name(w, out);
		len += make_name(w, out + len);
		memset(out + len, 0, 20);
		out[len + 3] = 1;
		out[len + 19] = (uint8_t)draw(w, 256);
		return len + 20;
	case TYPE_SRV:
	case TYPE_MX:
		len = type == TYPE_MX ? 2 : 6;
		memset(out, 0, len);
		return len + make_name(w, out + len);
	case TYPE_RRSIG:
		memset(out, 0, 18);
		msg_set_u16(out, draw(w, 70));
		len = 18 + make_name(w, out + 18);
		memset(out + len, 1, 4);
		return len + 4;
	case TYPE_NSEC:
		len = make_name(w, out);
		memcpy(out + len, "\0\1\x40", 3);
		return len + 3;
	case TYPE_SVCB:
	case TYPE_HTTPS:
		msg_set_u16(out, draw(w, 3));
		len = 2 + make_name(w, out + 2);
		for (unsigned key = draw(w, 5); key < 7 && draw(w, 4) != 0; key++) {
			static const uint8_t sizes[] = {2, 3, 0, 2, 8, 5, 16};

			msg_set_u16(out + len, key);
			msg_set_u16(out + len + 2, sizes[key]);
			memset(out + len + 4, key == 1 ? 2 : 1, sizes[key]);
			if (key == 0)
				msg_set_u16(out + len + 4, 1 + draw(w, 6));
			len += 4u + sizes[key];
		}
		return len;
	case TYPE_TXT:
		out[0] = (uint8_t)draw(w, 9);
		memset(out + 1, 't', out[0]);
		return 1u + out[0];
	case TYPE_OPT:
		return make_options(w, out);
	default:
		return make_name(w, out);
	}
}

static unsigned draw_type(struct work *w)
{
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_DNAME, TYPE_SOA,
	    TYPE_NS, TYPE_MX, TYPE_PTR, TYPE_SRV, TYPE_TXT, TYPE_RRSIG, TYPE_NSEC, TYPE_SVCB,
	    TYPE_HTTPS, TYPE_OPT, TYPE_ANY, TYPE_TSIG, TYPE_HIP, TYPE_APL, TYPE_CAA};

	return draw(w, 10) == 0 ? draw(w, 300) : types[draw(w, sizeof(types) / sizeof(types[0]))];
}

static size_t make_record(struct work *w, unsigned type, uint8_t *out)
{
	static const uint32_t ttls[] = {0, 1, 60, 86400, 0x7fffffff, 0x80000000, 0xffffffff};
	uint8_t *p = out;
	size_t size;

	if (type == TYPE_OPT)
		*p++ = 0;
	else
		p += make_name(w, p);
	msg_set_u16(p, type);
	msg_set_u16(p + 2, type == TYPE_OPT  ? draw(w, 5000)
			   : draw(w, 8) != 0 ? CLASS_IN
					     : draw(w, 256));
	msg_set_u32(p + 4,
	    type == TYPE_OPT ? draw(w, 2) << 15 : ttls[draw(w, sizeof(ttls) / sizeof(ttls[0]))]);
	size = make_rdata(w, type, p + 10);
	msg_set_u16(p + 8, (unsigned)size);
	return (size_t)(p + 10 + size - out);
}

/* ---- steps ---- */

static void change_header(struct work *w)
{
	switch (draw(w, 3)) {
	case 0: /* a flag */
		w->msg[2 + draw(w, 2)] ^= (uint8_t)(1u << draw(w, 8));
		break;
	case 1: /* a count */
		add_count(w, draw(w, 4), (int)draw(w, 3) - 1);
		break;
	default: /* the RCODE */
		w->msg[3] = (uint8_t)((w->msg[3] & 0xf0) | draw(w, 16));
	}
}

/* One more question or record, behind another of its section or where that would be. */
static void insert_record(struct work *w, unsigned type)
{
	uint8_t piece[PIECE_MAX];
	unsigned section = type == TYPE_OPT ? 3 : 1 + draw(w, 3);
	size_t at = MSG_HEADER;

	for (unsigned i = 0; i < w->n && w->place[i].section <= section; i++)
		at = w->place[i].end;
	if (splice(w, at, 0, piece, make_record(w, type, piece)))
		add_count(w, section, 1);
}

static void copy_record(struct work *w, const struct place *p)
{
	uint8_t piece[PIECE_MAX];
	size_t size = p->end - p->begin;

	if (size > sizeof(piece))
		return;
	memcpy(piece, w->msg + p->begin, size);
	if (splice(w, p->end, 0, piece, size))
		add_count(w, p->section, 1);
}

static void remove_record(struct work *w, const struct place *p)
{
	unsigned section = p->section;

	if (splice(w, p->begin, p->end - p->begin, w->msg, 0))
		add_count(w, section, -1);
}

static void replace_name(struct work *w, const struct place *p)
{
	uint8_t piece[PIECE_MAX];

	(void)splice(w, p->begin, p->fixed - p->begin, piece, make_name(w, piece));
}

static void change_case(struct work *w, const struct place *p)
{
	for (size_t i = p->begin; i < p->fixed; i++) {
		if ((w->msg[i] | 0x20) >= 'a' && (w->msg[i] | 0x20) <= 'z' && draw(w, 2) != 0)
			w->msg[i] ^= 0x20;
	}
}

static void change_type(struct work *w, const struct place *p)
{
	if (draw(w, 4) == 0)
		msg_set_u16(w->msg + p->fixed + 2, draw(w, 256));
	else
		msg_set_u16(w->msg + p->fixed, draw_type(w));
}

/* Rdata of any bytes, or of a type's form, and its length with them. */
static void change_rdata(struct work *w, const struct place *p)
{
	uint8_t piece[PIECE_MAX] = {0};
	size_t at = p->fixed + 10, old = p->end - at, size;

	if (p->section == 0)
		return;
	if (draw(w, 2) != 0) {
		size = make_rdata(w, msg_u16(w->msg + p->fixed), piece);
	} else {
		size = old < sizeof(piece) ? old : sizeof(piece);
		memcpy(piece, w->msg + at, size);
		size = LLVMFuzzerMutate(piece, size, sizeof(piece));
	}
	if (splice(w, at, old, piece, size))
		msg_set_u16(w->msg + at - 2, (unsigned)size);
}

static void change_place(struct work *w, const struct place *p)
{
	switch (draw(w, 7)) {
	case 0:
		copy_record(w, p);
		break;
	case 1:
		remove_record(w, p);
		break;
	case 2:
		replace_name(w, p);
		break;
	case 3:
		change_case(w, p);
		break;
	case 4:
		change_type(w, p);
		break;
	default:
		change_rdata(w, p);
	}
}

size_t mutate_message(uint8_t *msg, size_t len, size_t max, unsigned seed)
{
	struct work w = {.msg = msg, .len = len, .max = max, .state = seed};

	if (len < MSG_HEADER || max < len || draw(&w, 4) == 0)
		return LLVMFuzzerMutate(msg, len, max);
	find_places(&w);
	switch (draw(&w, 8)) {
	case 0:
		change_header(&w);
		break;
	case 1:
		insert_record(&w, draw_type(&w));
		break;
	case 2:
		insert_record(&w, TYPE_OPT);
		break;
	default:
		if (w.n != 0)
			change_place(&w, &w.place[draw(&w, w.n)]);
		else
			change_header(&w);
	}
	return w.len;
}

/* msg.c - see msg.h. */
#include "lib/dns/msg.h"

#include <string.h>

#define RR_FIXED     10	     /* type, class, TTL and length of the rdata (RFC 1035, 4.1.3) */
#define POINTER	     0xc000u /* what marks a pointer (RFC 1035, 4.1.4) */
#define POINTER_MAX  0x3fffu /* the last byte that one can point to */
#define OPT_DO	     0x8000u
#define OPTION_FIXED 4 /* code and length (RFC 6891, 6.1.2) */

bool msg_next_option(const uint8_t *packet, size_t *pos, size_t end, uint16_t *code,
    const uint8_t **data, uint16_t *data_len)
{
	const uint8_t *p = packet + *pos;

	if (end - *pos < OPTION_FIXED || end - *pos - OPTION_FIXED < msg_u16(p + 2))
		return false;
	*code = msg_u16(p);
	*data_len = msg_u16(p + 2);
	*data = p + OPTION_FIXED;
	*pos += (size_t)OPTION_FIXED + *data_len;
	return true;
}

/* A client cookie alone, or with a server cookie behind it (RFC 7873, 4). */
static bool is_cookie_len(size_t len)
{
	return len == MSG_COOKIE_CLIENT || (len >= MSG_COOKIE_CLIENT + MSG_COOKIE_SERVER_MIN &&
					       len <= MSG_COOKIE_CLIENT + MSG_COOKIE_SERVER_MAX);
}

int msg_read_edns(const uint8_t *msg, const struct msg_rr *rr, struct msg_edns *edns)
{
	const uint8_t *ttl = msg + rr->ttl_off;
	size_t pos = rr->rdata_off, end = rr->rdata_off + rr->rdata_len;
	uint16_t code, data_len;
	const uint8_t *data;

	if (msg[rr->owner_off] != 0)
		return ERR_FORMAT;
	*edns = (struct msg_edns){
	    .present = true,
	    .dnssec_ok = (msg_u16(ttl + 2) & OPT_DO) != 0,
	    .version = ttl[1],
	    .ext_rcode = ttl[0],
	    .udp_size = rr->class,
	    .options_off = (uint16_t)rr->rdata_off,
	    .options_len = rr->rdata_len,
	};
	while (msg_next_option(msg, &pos, end, &code, &data, &data_len)) {
		if (code == OPTION_COOKIE && !edns->cookie) {
			edns->cookie = true;
			edns->cookie_bad = !is_cookie_len(data_len);
			edns->cookie_off = (uint16_t)(data - msg);
			edns->cookie_len = data_len;
		} else if (code == OPTION_KEEPALIVE) {
			edns->keepalive = true;
			edns->keepalive_value |= data_len != 0;
		} else if (code == OPTION_SUBNET && !edns->subnet) {
			edns->subnet = true;
			edns->subnet_off = (uint16_t)(data - msg);
			edns->subnet_len = data_len;
		}
	}
	return pos == end ? 0 : ERR_FORMAT;
}

/* The walk over the records behind msg[pos], where the question section ends. */
static struct msg_walk walk_from(const uint8_t *msg, size_t len, size_t pos)
{
	return (struct msg_walk){
	    .msg = msg,
	    .len = len,
	    .pos = pos,
	    .left = {msg_u16(msg + 6), msg_u16(msg + 8), msg_u16(msg + 10)},
	    .section = SECTION_ANSWER,
	};
}

int msg_walk_start(struct msg_walk *w, const uint8_t *msg, size_t len)
{
	size_t pos = MSG_HEADER, name_len;
	uint8_t name[NAME_SIZE];

	if (len < MSG_HEADER)
		return ERR_FORMAT;
	for (unsigned left = msg_u16(msg + 4); left > 0; left--) {
		/* Before the first question nothing stands that a pointer could lead to. */
		int err = pos == MSG_HEADER ? name_skip(msg, len, &pos)
					    : name_read(msg, len, &pos, name, &name_len);

		if (err < 0 || len - pos < 4)
			return ERR_FORMAT;
		pos += 4;
	}
	*w = walk_from(msg, len, pos);
	return 0;
}

int msg_walk_next(struct msg_walk *w, struct msg_rr *rr)
{
	const uint8_t *fixed;
	size_t pos = w->pos;

	while (w->left[w->section] == 0) {
		if (w->section == SECTION_ADDITIONAL)
			return 0;
		w->section++;
	}
	if (name_skip(w->msg, w->len, &pos) < 0 || w->len - pos < RR_FIXED)
		return ERR_FORMAT;
	fixed = w->msg + pos;
	rr->owner_off = w->pos;
	rr->ttl_off = pos + 4;
	rr->rdata_off = pos + RR_FIXED;
	rr->type = msg_u16(fixed);
	rr->class = msg_u16(fixed + 2);
	rr->ttl = (fixed[4] & 0x80) != 0 ? 0 : msg_u32(fixed + 4);
	rr->rdata_len = msg_u16(fixed + 8);
	rr->section = w->section;
	if (w->len - rr->rdata_off < rr->rdata_len)
		return ERR_FORMAT;
	w->left[w->section]--;
	w->pos = rr->rdata_off + rr->rdata_len;
	return 1;
}

/* Read the one question; q->question_end stays 0 where it is malformed. */
static void parse_question(const uint8_t *packet, size_t len, struct msg_query *q)
{
	size_t pos = MSG_HEADER;
	size_t label;

	do {
		if (pos >= len)
			return;
		label = packet[pos];
		if (label > NAME_LABEL_MAX || label >= len - pos ||
		    pos + label - MSG_HEADER >= NAME_SIZE)
			return;
		pos += label + 1;
	} while (label != 0);
	if (len - pos < 4)
		return;
	q->qname_len = (uint8_t)(pos - MSG_HEADER);
	name_lower(q->qname, packet + MSG_HEADER, q->qname_len);
	q->qtype = msg_u16(packet + pos);
	q->qclass = msg_u16(packet + pos + 2);
	q->question_end = (uint16_t)(pos + 4);
}

/* Walk the records behind the question for OPT.  Returns 0 or ERR_FORMAT. */
static int find_edns(const uint8_t *packet, size_t len, size_t pos, struct msg_edns *edns)
{
	struct msg_walk walk = walk_from(packet, len, pos);
	struct msg_rr rr;
	int more;

	while ((more = msg_walk_next(&walk, &rr)) > 0) {
		if (rr.type != TYPE_OPT)
			continue;
		if (edns->present || rr.section != SECTION_ADDITIONAL ||
		    msg_read_edns(packet, &rr, edns) < 0)
			return ERR_FORMAT;
	}
	return more;
}

static int judge_edns(const struct msg_edns *edns)
{
	if (edns->version != 0)
		return RCODE_BADVERS;
	return edns->cookie_bad ? RCODE_FORMERR : RCODE_NOERROR;
}

/* A message without a question: only one that asks for a cookie is well-formed. */
static int parse_cookie_query(const uint8_t *packet, size_t len, struct msg_edns *edns)
{
	struct msg_edns found = {0};
	int rcode;

	if (find_edns(packet, len, MSG_HEADER, &found) < 0 || !found.cookie)
		return RCODE_FORMERR;
	*edns = found;
	rcode = judge_edns(edns);
	return rcode == RCODE_NOERROR ? MSG_QUERY_COOKIE : rcode;
}

int msg_parse_query(const uint8_t *packet, size_t len, struct msg_query *q)
{
	struct msg_edns edns = {0};
	unsigned n_questions;

	if (len < MSG_HEADER || (packet[2] & MSG_QR >> 8) != 0)
		return MSG_QUERY_DROP;
	q->id = msg_u16(packet);
	q->flags = msg_u16(packet + 2);
	q->question_end = 0;
	q->edns = edns;
	n_questions = msg_u16(packet + 4);
	if (n_questions == 1)
		parse_question(packet, len, q);
	if ((q->flags & MSG_OPCODE) != 0) {
		/* Where it is laid out as a query is, its OPT gets one (RFC 6891, 6.1.1). */
		if (q->question_end != 0 && find_edns(packet, len, q->question_end, &edns) == 0)
			q->edns = edns;
		return RCODE_NOTIMP;
	}
	if (n_questions == 0)
		return parse_cookie_query(packet, len, &q->edns);
	if (q->question_end == 0 || find_edns(packet, len, q->question_end, &edns) < 0)
		return RCODE_FORMERR;
	q->edns = edns;
	return judge_edns(&edns);
}

/* Count a record (or the question) in the header field at `off`. */
static void count(struct msg_writer *w, size_t off)
{
	uint8_t *p = w->out.bytes + off;

	if (!w->out.failed)
		msg_set_u16(p, msg_u16(p) + 1u);
}

void msg_write_start(struct msg_writer *w, uint8_t *out, size_t size, uint16_t id, uint16_t flags)
{
	w->out = buf_over(out, size < MSG_MAX ? size : MSG_MAX);
	w->n_suffixes = 0;
	w->n_question = 0;
	w->question_len = 0;
	if (!buf_need(&w->out, MSG_HEADER))
		return;
	memset(out, 0, MSG_HEADER);
	msg_set_u16(out, id);
	msg_set_u16(out + 2, flags);
	w->out.pos = MSG_HEADER;
}

/* Entries are numbered from 1 here, so that 0 is the root, the parent of all. */
static uint16_t suffix_key(unsigned parent, const uint8_t *label)
{
	unsigned len = label[0];
	unsigned bits = len ^ (label[1] | 0x20u) << 1 ^ (label[len] | 0x20u) << 3;

	return (uint16_t)(parent << 8 | (bits & 0xff));
}

/* The entry for `label` in front of the suffix `parent`, or 0. */
static unsigned suffix_find(const struct msg_writer *w, unsigned parent, const uint8_t *label)
{
	uint16_t key = suffix_key(parent, label);

	for (unsigned i = parent; i < w->n_suffixes; i++) {
		const uint8_t *there = w->out.bytes + w->suffix_off[i];

		/* Of the same length, so that all that is compared was written. */
		if (w->suffix_key[i] != key || there[0] != label[0])
			continue;
		if (i < w->n_question ? name_equal_bytes(there, label, label[0] + 1u)
				      : memcmp(there, label, label[0] + 1u) == 0)
			return i + 1;
	}
	return 0;
}

/* Note that `label` was written at `off`, in front of the suffix `parent`.  Returns its entry, or 0
 * where there is no room for it or no pointer could reach it. */
static unsigned suffix_add(struct msg_writer *w, unsigned parent, const uint8_t *label, size_t off)
{
	if (w->n_suffixes == MSG_WRITER_NAMES || off > POINTER_MAX)
		return 0;
	w->suffix_off[w->n_suffixes] = (uint16_t)off;
	w->suffix_key[w->n_suffixes] = suffix_key(parent, label);
	return ++w->n_suffixes;
}

/* Where each label of `name` starts; returns how many there are, and *len of them all. */
static unsigned label_starts(const uint8_t *name, uint8_t start[NAME_LABELS_MAX], size_t *len)
{
	unsigned n = 0;

	for (*len = 0; name[*len] != 0; *len += name[*len] + 1u)
		start[n++] = (uint8_t)*len;
	return n;
}

/* Note the first `n` labels of a name that stands at `base`, in front of the suffix `suffix`. */
static void suffix_add_all(struct msg_writer *w, unsigned suffix, const uint8_t *name,
    const uint8_t *start, unsigned n, size_t base)
{
	while (n > 0) {
		n--;
		suffix = suffix_add(w, suffix, name + start[n], base + start[n]);
		if (suffix == 0)
			return;
	}
}

void msg_write_question(struct msg_writer *w, const uint8_t *name, uint16_t type, uint16_t class)
{
	w->question_len = name_len(name);
	buf_put_bytes(&w->out, name, w->question_len);
	buf_put_u16(&w->out, type);
	buf_put_u16(&w->out, class);
	count(w, 4);
}

/* Is it the question's, to the letter?  So it is for most records, and then no suffix is looked for. */
static bool is_question(const struct msg_writer *w, const uint8_t *name)
{
	return w->question_len > 1 && !w->out.failed && name_len(name) == w->question_len &&
	       memcmp(w->out.bytes + MSG_HEADER, name, w->question_len) == 0;
}

/* The question's name is noted when another name may need it. */
static void note_question(struct msg_writer *w)
{
	const uint8_t *name = w->out.bytes + MSG_HEADER;
	uint8_t start[NAME_LABELS_MAX];
	size_t len;

	if (w->n_suffixes != 0 || w->question_len == 0 || w->out.failed)
		return;
	suffix_add_all(w, 0, name, start, label_starts(name, start, &len), MSG_HEADER);
	w->n_question = w->n_suffixes;
}

void msg_write_name(struct msg_writer *w, const uint8_t *name, bool compress)
{
	uint8_t start[NAME_LABELS_MAX];
	unsigned n, suffix = 0, next;
	size_t len;
	size_t base = w->out.pos;

	if (!compress) {
		buf_put_bytes(&w->out, name, name_len(name));
		return;
	}
	if (is_question(w, name)) {
		buf_put_u16(&w->out, POINTER | MSG_HEADER);
		return;
	}
	note_question(w);
	n = label_starts(name, start, &len);
	/* From the last label towards the first, as far as it was written before. */
	while (n > 0 && (next = suffix_find(w, suffix, name + start[n - 1])) != 0) {
		suffix = next;
		len = start[--n];
	}
	buf_put_bytes(&w->out, name, len);
	if (suffix != 0)
		buf_put_u16(&w->out, (uint16_t)(POINTER | w->suffix_off[suffix - 1]));
	else
		buf_put_u8(&w->out, 0);
	if (!w->out.failed)
		suffix_add_all(w, suffix, name, start, n, base);
}

/* The form of the rdata, one letter for each field:
 *   1 2 4 8  that many bytes          N  a name that is compressed    n  one that is not
 *   *  any bytes   +  one or more     s  a text with its length       o  one, or nothing
 *   S  one such text or more          r  names to the end             t  a tag (CAA)
 *   b  a bit map of types             B  one, or nothing              p  parameters of a service
 *   d  a digest, of the kind that the byte before it says
 *   a  address prefixes (APL)         h  host identity tag and key (HIP)
 *   g  a gateway of the kind that the second byte says (IPSECKEY, AMTRELAY)
 * Only the types of RFC 1035 have compressed names (RFC 3597, 4). */
static const char *const forms[] = {
    [TYPE_A] = "4",
    [TYPE_NS] = "N",
    [TYPE_MD] = "N",
    [TYPE_MF] = "N",
    [TYPE_CNAME] = "N",
    [TYPE_SOA] = "NN44444",
    [TYPE_MB] = "N",
    [TYPE_MG] = "N",
    [TYPE_MR] = "N",
    [TYPE_WKS] = "41*",
    [TYPE_PTR] = "N",
    [TYPE_HINFO] = "ss",
    [TYPE_MINFO] = "NN",
    [TYPE_MX] = "2N",
    [TYPE_TXT] = "S",
    [TYPE_RP] = "nn",
    [TYPE_AFSDB] = "2n",
    [TYPE_X25] = "s",
    [TYPE_ISDN] = "so",
    [TYPE_RT] = "2n",
    [TYPE_SIG] = "2114442n*",
    [TYPE_KEY] = "211*",
    [TYPE_PX] = "2nn",
    [TYPE_GPOS] = "sss",
    [TYPE_AAAA] = "88",
    [TYPE_LOC] = "88",
    [TYPE_NXT] = "n*",
    [TYPE_SRV] = "222n",
    [TYPE_NAPTR] = "22sssn",
    [TYPE_KX] = "2n",
    [TYPE_CERT] = "221+",
    [TYPE_DNAME] = "n",
    [TYPE_APL] = "a",
    [TYPE_DS] = "211d",
    [TYPE_SSHFP] = "11+",
    [TYPE_IPSECKEY] = "111g*",
    [TYPE_RRSIG] = "2114442n*",
    [TYPE_NSEC] = "nb",
    [TYPE_DNSKEY] = "211+",
    [TYPE_DHCID] = "+",
    [TYPE_NSEC3] = "112ssB",
    [TYPE_NSEC3PARAM] = "112s",
    [TYPE_TLSA] = "111+",
    [TYPE_SMIMEA] = "111+",
    [TYPE_HIP] = "112hr",
    [TYPE_NINFO] = "S",
    [TYPE_RKEY] = "211+",
    [TYPE_TALINK] = "nn",
    [TYPE_CDS] = "211d",
    [TYPE_CDNSKEY] = "211+",
    [TYPE_OPENPGPKEY] = "+",
    [TYPE_CSYNC] = "42B",
    [TYPE_ZONEMD] = "411+",
    [TYPE_SVCB] = "2np",
    [TYPE_HTTPS] = "2np",
    [TYPE_SPF] = "S",
    [TYPE_NID] = "28",
    [TYPE_L32] = "24",
    [TYPE_L64] = "28",
    [TYPE_LP] = "2n",
    [TYPE_EUI48] = "42",
    [TYPE_EUI64] = "8",
    [TYPE_URI] = "22+",
    [TYPE_CAA] = "1t*",
    [TYPE_AVC] = "S",
    [TYPE_AMTRELAY] = "11g",
};

static const char *rdata_form(uint16_t type)
{
	const char *form = NULL;

	if (type == TYPE_DLV)
		type = TYPE_DS; /* the same, by RFC 4431 */
	if (type < sizeof(forms) / sizeof(forms[0]))
		form = forms[type];
	return form != NULL ? form : "*";
}

/* One or more character-strings (RFC 1035, 3.3.14). */
static bool is_strings(const uint8_t *p, size_t len)
{
	size_t pos = 0;

	while (pos < len)
		pos += p[pos] + 1u;
	return len > 0 && pos == len;
}

/* One or more window blocks of 1 to 32 bytes, in rising order (RFC 4034, 4.1.2). */
static bool is_type_map(const uint8_t *p, size_t len)
{
	size_t pos = 0;
	int last = -1;

	while (len - pos > 2) {
		if (p[pos] <= last || p[pos + 1] < 1 || p[pos + 1] > 32)
			return false;
		last = p[pos];
		pos += p[pos + 1] + 2u;
		if (pos > len)
			return false;
	}
	return len > 0 && pos == len;
}

/* A value of the parameter `key` has the form that RFC 9460, 7 and 8 give it. */
static bool is_param(unsigned key, const uint8_t *p, size_t len)
{
	switch (key) {
	case 0: /* mandatory: keys */
		return len > 0 && len % 2 == 0;
	case 1: /* alpn */
		return is_strings(p, len);
	case 2: /* no-default-alpn */
		return len == 0;
	case 3: /* port */
		return len == 2;
	case 4: /* ipv4hint */
		return len > 0 && len % 4 == 0;
	case 6: /* ipv6hint */
		return len > 0 && len % 16 == 0;
	default:
		return true;
	}
}

/* Any number of key, length, value, with keys in rising order (RFC 9460, 2.2). */
static bool is_params(const uint8_t *p, size_t len)
{
	size_t pos = 0;
	int last = -1;

	while (len - pos >= 4) {
		unsigned key = msg_u16(p + pos);
		size_t value_len = msg_u16(p + pos + 2);

		pos += 4;
		if ((int)key <= last || len - pos < value_len || !is_param(key, p + pos, value_len))
			return false;
		last = (int)key;
		pos += value_len;
	}
	return pos == len;
}

/* Any number of address prefixes (RFC 3123, 4). */
static bool is_prefixes(const uint8_t *p, size_t len)
{
	size_t pos = 0;

	while (len - pos >= 4) {
		unsigned family = msg_u16(p + pos), bits = p[pos + 2];
		size_t address_len = p[pos + 3] & 0x7f;

		pos += 4;
		if (len - pos < address_len)
			return false;
		if (family == 1 && (bits > 32 || address_len > 4))
			return false;
		if (family == 2 && (bits > 128 || address_len > 16))
			return false;
		pos += address_len;
	}
	return pos == len;
}

/* A digest of the length that its kind has (RFC 3658, 4509, 5933, 6605; 0: RFC 8078, 4). */
static bool is_digest(unsigned kind, size_t len)
{
	static const uint8_t lengths[] = {1, 20, 32, 32, 48};

	return kind < sizeof(lengths) ? len == lengths[kind] : len > 0;
}

/* A tag with its length: letters and digits (RFC 8659, 4.1). */
static bool is_tag(const uint8_t *p, size_t left)
{
	if (left == 0 || p[0] == 0 || left <= p[0])
		return false;
	for (unsigned i = 1; i <= p[0]; i++)
		if (!((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z') &&
		    !(p[i] >= '0' && p[i] <= '9'))
			return false;
	return true;
}

enum gateway { GATEWAY_NONE, GATEWAY_IP4, GATEWAY_IP6, GATEWAY_NAME };

/* Of IPSECKEY (RFC 4025, 2.3) and, with a flag before it, AMTRELAY (RFC 8777, 4.2.3). */
static unsigned gateway_kind(const uint8_t *rdata)
{
	return rdata[1] & 0x7fu;
}

static size_t gateway_len(const uint8_t *rdata)
{
	static const uint8_t lengths[] = {
	    [GATEWAY_NONE] = 0, [GATEWAY_IP4] = 4, [GATEWAY_IP6] = 16};
	unsigned kind = gateway_kind(rdata);

	return kind < sizeof(lengths) ? lengths[kind] : SIZE_MAX;
}

/* Length of a field without names at rdata[pos], or SIZE_MAX where it is malformed; more than
 * len - pos where it overruns. */
static size_t field_len(char field, const uint8_t *rdata, size_t pos, size_t len)
{
	const uint8_t *p = rdata + pos;
	size_t left = len - pos;

	switch (field) {
	case 'o':
		if (left == 0)
			return 0;
		/* fall through */
	case 's':
		return left > 0 ? p[0] + (size_t)1 : SIZE_MAX;
	case 'S':
		return is_strings(p, left) ? left : SIZE_MAX;
	case 't':
		return is_tag(p, left) ? p[0] + (size_t)1 : SIZE_MAX;
	case 'b':
		return is_type_map(p, left) ? left : SIZE_MAX;
	case 'B':
		return left == 0 || is_type_map(p, left) ? left : SIZE_MAX;
	case 'p':
		return is_params(p, left) ? left : SIZE_MAX;
	case 'd':
		return is_digest(p[-1], left) ? left : SIZE_MAX;
	case 'a':
		return is_prefixes(p, left) ? left : SIZE_MAX;
	case 'g':
		return gateway_len(rdata);
	case 'h': /* RFC 8005, 5: their lengths stand at the begin */
		return (size_t)rdata[0] + msg_u16(rdata + 2);
	case '+':
		return left > 0 ? left : SIZE_MAX;
	case '*':
		return left;
	default:
		return (size_t)(field - '0');
	}
}

/* Copy the name msg[*pos..end).  Returns 0 or ERR_FORMAT. */
static int copy_name(
    struct msg_writer *w, const uint8_t *msg, size_t *pos, size_t end, bool compress)
{
	uint8_t name[NAME_SIZE];
	size_t n;

	/* What its pointers lead to lies before it, so `end` bounds it all. */
	if (name_read(msg, end, pos, name, &n) < 0)
		return ERR_FORMAT;
	msg_write_name(w, name, compress);
	return 0;
}

/* Copy the rdata msg[begin..end) field by field.  Returns 0 or ERR_FORMAT. */
static int copy_rdata(
    struct msg_writer *w, const uint8_t *msg, size_t begin, size_t end, const char *form)
{
	const uint8_t *rdata = msg + begin;
	size_t pos = begin, n;
	int err = 0;

	for (; *form != '\0' && err == 0; form++) {
		char field = *form;

		if (field == 'g' && gateway_kind(rdata) == GATEWAY_NAME)
			field = 'n';
		if (field == 'N' || field == 'n') {
			err = copy_name(w, msg, &pos, end, field == 'N');
			continue;
		}
		if (field == 'r') {
			while (pos < end && err == 0)
				err = copy_name(w, msg, &pos, end, false);
			continue;
		}
		n = field_len(field, rdata, pos - begin, end - begin);
		if (n > end - pos)
			return ERR_FORMAT;
		buf_put_bytes(&w->out, msg + pos, n);
		pos += n;
	}
	return err == 0 && pos == end ? 0 : ERR_FORMAT;
}

static int copy_record(struct msg_writer *w, const uint8_t *msg, const struct msg_rr *rr,
    const uint8_t *owner, uint32_t ttl)
{
	size_t rdata;

	msg_write_name(w, owner, true);
	buf_put_u16(&w->out, rr->type);
	buf_put_u16(&w->out, rr->class);
	buf_put_u32(&w->out, ttl);
	buf_put_u16(&w->out, 0);
	rdata = w->out.pos;
	if (copy_rdata(w, msg, rr->rdata_off, rr->rdata_off + rr->rdata_len, rdata_form(rr->type)) <
	    0)
		return ERR_FORMAT;
	if (w->out.failed)
		return ERR_RANGE;
	msg_set_u16(w->out.bytes + rdata - 2, (unsigned)(w->out.pos - rdata));
	count(w, 6 + 2 * (size_t)rr->section);
	return 0;
}

int msg_write_copy(
    struct msg_writer *w, const uint8_t *msg, size_t len, const struct msg_rr *rr, uint32_t ttl)
{
	uint8_t owner[NAME_SIZE];
	size_t off = rr->owner_off, owner_len;

	if (name_read(msg, len, &off, owner, &owner_len) < 0)
		return ERR_FORMAT;
	return msg_write_copy_of(w, msg, rr, owner, ttl);
}

int msg_write_copy_of(struct msg_writer *w, const uint8_t *msg, const struct msg_rr *rr,
    const uint8_t *owner, uint32_t ttl)
{
	const struct buf before = w->out;
	unsigned n_before = w->n_suffixes;
	int err = copy_record(w, msg, rr, owner, ttl);

	if (err < 0) {
		w->out = before;
		w->n_suffixes = n_before;
	}
	return err;
}

static size_t ede_text_len(const struct msg_opt *opt)
{
	return opt->ede_text != NULL ? strlen(opt->ede_text) : 0;
}

/* The bytes of its options. */
static size_t options_size(const struct msg_opt *opt)
{
	size_t size = 0;

	if (opt->cookie_len != 0)
		size += OPTION_FIXED + (size_t)opt->cookie_len;
	if (opt->keepalive)
		size += OPTION_FIXED + 2;
	if (opt->subnet_len != 0)
		size += OPTION_FIXED + (size_t)opt->subnet_len;
	if (opt->ede != EDE_NONE)
		size += OPTION_FIXED + 2 + ede_text_len(opt);
	return size;
}

static void put_option(struct buf *b, enum msg_option code, size_t len)
{
	buf_put_u16(b, (uint16_t)code);
	buf_put_u16(b, (uint16_t)len);
}

void msg_write_opt(struct msg_writer *w, const struct msg_opt *opt)
{
	size_t options = options_size(opt);

	if (!buf_need(&w->out, 1 + RR_FIXED + options))
		return;
	buf_put_u8(&w->out, 0); /* the root */
	buf_put_u16(&w->out, TYPE_OPT);
	buf_put_u16(&w->out, opt->udp_size);
	buf_put_u8(&w->out, (uint8_t)(opt->rcode >> 4));
	buf_put_u8(&w->out, 0); /* version */
	buf_put_u16(&w->out, opt->dnssec_ok ? OPT_DO : 0);
	buf_put_u16(&w->out, (uint16_t)options);
	if (opt->cookie_len != 0) {
		put_option(&w->out, OPTION_COOKIE, opt->cookie_len);
		buf_put_bytes(&w->out, opt->cookie, opt->cookie_len);
	}
	if (opt->keepalive) {
		put_option(&w->out, OPTION_KEEPALIVE, 2);
		buf_put_u16(&w->out, opt->keepalive_ds);
	}
	if (opt->subnet_len != 0) {
		put_option(&w->out, OPTION_SUBNET, opt->subnet_len);
		buf_put_bytes(&w->out, opt->subnet, opt->subnet_len);
	}
	if (opt->ede != EDE_NONE) {
		size_t text_len = ede_text_len(opt);

		put_option(&w->out, OPTION_EDE, 2 + text_len);
		buf_put_u16(&w->out, (uint16_t)opt->ede);
		buf_put_bytes(&w->out, opt->ede_text, text_len);
	}
	count(w, 10);
}

size_t msg_opt_size(const struct msg_opt *opt)
{
	return 1 + RR_FIXED + options_size(opt);
}

/* house_read.c - lines of others into records of the house. */
#include "resolver/house_read.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/dns/msg.h"

#define WORDS_MAX  64
#define LABEL_SIZE 64	      /* a label and a terminator */
#define WALL_SET_S 1000000000 /* earlier times are lengths, or those of a clock that was not set */
#define LEASES_MAX 65536

/* ---- Records ---- */

int house_read_record(struct local_build *b, const char *text, struct why *why)
{
	uint8_t rdata[4096];
	ldns_rr *rr = NULL;
	size_t len = 0;
	int err = 0;
	ldns_status status = ldns_rr_new_frm_str(&rr, text, HOUSE_RECORD_TTL_S, NULL, NULL);
	unsigned type;

	if (status != LDNS_STATUS_OK)
		return why_set(why, ERR_FORMAT,
		    "record '%.80s': %s; write it as in a zone file: nas.lan. 300 IN A 192.168.1.5",
		    text, ldns_get_errorstr_by_id(status));
	type = (unsigned)ldns_rr_get_type(rr);
	if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
		err = why_set(why, ERR_FORMAT, "record '%.80s': its class is not IN", text);
	else if (type == 0 || type == TYPE_OPT || (type >= 128 && type <= 255))
		err = why_set(why, ERR_FORMAT, "record '%.80s': no record has this type", text);
	for (size_t i = 0; err == 0 && i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);

		if (ldns_rdf_size(rdf) > sizeof(rdata) - len) {
			err = why_set(why, ERR_FORMAT, "record '%.80s...' is too long", text);
		} else {
			memcpy(rdata + len, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
			len += ldns_rdf_size(rdf);
		}
	}
	if (err == 0) {
		err = local_build_add(b, ldns_rdf_data(ldns_rr_owner(rr)), LOCAL_RECORD,
		    (uint16_t)type, ldns_rr_ttl(rr), rdata, len);
		if (err < 0)
			(void)why_set(why, err, "record '%.80s': %s", text, err_text(err));
	}
	ldns_rr_free(rr);
	return err;
}

/* ---- Names and addresses ---- */

/* An address of a device: none of this host, of groups, or of nobody. */
static bool read_address(const char *text, int *family, uint8_t bytes[16])
{
	static const uint8_t loopback[16] = {[15] = 1}, none[16];

	*family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(*family, text, bytes) != 1)
		return false;
	if (*family == AF_INET)
		return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
	return bytes[0] != 0xff && memcmp(bytes, loopback, 16) != 0 && memcmp(bytes, none, 16) != 0;
}

/* Labels of letters, digits, hyphens and underscores, none of which begins or ends with a hyphen. */
static bool is_host_name(const char *text)
{
	size_t len = 0;

	for (;; text++) {
		if (*text == '.' || *text == '\0') {
			if (len == 0 || len > NAME_LABEL_MAX || text[-1] == '-')
				return false;
			if (*text == '\0')
				return true;
			len = 0;
		} else if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			   (*text >= '0' && *text <= '9') || *text == '_' ||
			   (*text == '-' && len != 0)) {
			len++;
		} else {
			return false;
		}
	}
}

/* `name`, and if it has one label the same in `domain`, has this address. */
static int add_host(struct local_build *b, const char *name, enum local_rank rank, int family,
    const uint8_t *address, const uint8_t *domain)
{
	uint16_t type = family == AF_INET ? TYPE_A : TYPE_AAAA;
	uint8_t wire[NAME_SIZE];
	size_t len, address_len = family == AF_INET ? 4 : 16;
	int err = 0;

	if (name_from_text(name, strlen(name), wire, &len) != 0)
		return 0;
	/* First the longer one: by it the address is called. */
	if (domain != NULL && name_labels(wire) == 1 && len - 1 + name_len(domain) <= NAME_SIZE) {
		memcpy(wire + len - 1, domain, name_len(domain));
		err = local_build_add(b, wire, rank, type, HOUSE_FILE_TTL_S, address, address_len);
		wire[len - 1] = 0;
	}
	if (err == 0)
		err = local_build_add(b, wire, rank, type, HOUSE_FILE_TTL_S, address, address_len);
	return err;
}

/* ---- Lines ---- */

/* A NUL would end the text there: as another control character it spoils its own line alone. */
static void replace_nuls(char *text, size_t len)
{
	for (char *nul = text; (nul = memchr(nul, '\0', len - (size_t)(nul - text))) != NULL;)
		*nul = '\1';
}

/* The next line of *text, without its end; NULL: there is none. */
static char *next_line(char **text)
{
	char *line = *text, *end;

	if (line == NULL || *line == '\0')
		return NULL;
	end = strchr(line, '\n');
	*text = end != NULL ? end + 1 : NULL;
	if (end != NULL)
		*end = '\0';
	return line;
}

/* The words of a line: at most WORDS_MAX.  Returns how many. */
static unsigned split(char *line, char *word[WORDS_MAX])
{
	unsigned n = 0;
	char *save = NULL;

	for (char *w = strtok_r(line, " \t\r", &save); w != NULL && n < WORDS_MAX;
	     w = strtok_r(NULL, " \t\r", &save))
		word[n++] = w;
	return n;
}

static void count_bad(struct house_counts *counts, uint64_t line)
{
	if (counts->n_bad++ == 0)
		counts->first_bad = line;
}

/* ---- Hosts ---- */

int house_read_hosts(struct local_build *b, char *text, size_t len, const uint8_t *domain,
    struct house_counts *counts)
{
	char *word[WORDS_MAX], *line;
	uint8_t address[16];
	uint64_t number = 0;
	int err = 0, family;

	replace_nuls(text, len);
	while (err == 0 && (line = next_line(&text)) != NULL) {
		unsigned n;

		number++;
		line[strcspn(line, "#")] = '\0';
		n = split(line, word);
		if (n == 0)
			continue;
		if (!read_address(word[0], &family, address)) {
			/* One of this host says nothing to others. */
			if (inet_pton(family, word[0], address) != 1 || n == 1)
				count_bad(counts, number);
			continue;
		}
		if (n == 1)
			count_bad(counts, number);
		for (unsigned i = 1; err == 0 && i < n; i++) {
			if (!is_host_name(word[i])) {
				count_bad(counts, number);
				continue;
			}
			counts->n_names++;
			err = add_host(b, word[i], LOCAL_HOSTS, family, address, domain);
		}
	}
	return err;
}

/* ---- Leases ---- */

struct lease {
	int family;
	uint8_t address[16];
	bool valid;
	char name[LABEL_SIZE]; /* empty: it has none */
	uint32_t number;       /* in the order of the file: of an address the last counts */
};

struct leases {
	struct lease *all;
	size_t n, room;
	const uint8_t *domain;
	int64_t wall_s;
	struct house_counts *counts;
};

/* Programs trust these, so that no device may be called so. */
static bool is_trusted_name(const char *label)
{
	static const char *const names[] = {"localhost", "wpad", "isatap"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(label, names[i]) == 0)
			return true;
	return false;
}

/* The label by which a device calls itself: text[0..len), which may stand in our domain.  False: it has
 * none that can be used. */
static bool take_label(const uint8_t *domain, const char *text, size_t len, char label[LABEL_SIZE])
{
	char name[NAME_SIZE + 1];
	uint8_t wire[NAME_SIZE];
	size_t label_len, wire_len;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	label_len = strcspn(name, ".");
	if (strlen(name) != len || !is_host_name(name) || label_len >= LABEL_SIZE)
		return false;
	if (label_len != len &&
	    (domain == NULL ||
		name_from_text(name + label_len + 1, len - label_len - 1, wire, &wire_len) != 0 ||
		!name_equal(wire, domain)))
		return false;
	memcpy(label, name, label_len);
	label[label_len] = '\0';
	return !is_trusted_name(label);
}

/* One lease more: of this address and name, text[0..len), where it is `valid`. */
static int put_lease(
    struct leases *l, const char *address, const char *name, size_t len, bool valid, uint64_t line)
{
	struct lease *lease;

	if (l->n == LEASES_MAX)
		return ERR_LIMIT;
	if (l->n == l->room) {
		size_t room = 2 * l->room + 64;
		struct lease *more = realloc(l->all, room * sizeof(*more));

		if (more == NULL)
			return ERR_NOMEM;
		l->all = more;
		l->room = room;
	}
	lease = &l->all[l->n];
	*lease = (struct lease){.valid = valid, .number = (uint32_t)l->n};
	if (!read_address(address, &lease->family, lease->address)) {
		count_bad(l->counts, line);
		return 0;
	}
	if (len != 0 && !take_label(l->domain, name, len, lease->name)) {
		lease->name[0] = '\0';
		count_bad(l->counts, line);
	}
	l->n++;
	return 0;
}

/* Is the time that a file gives, s since 1970, over? */
static bool is_over(const struct leases *l, int64_t expiry_s)
{
	return expiry_s >= WALL_SET_S && expiry_s < l->wall_s;
}

/* EXPIRY MAC ADDRESS NAME CLIENT-ID; of IPv6: EXPIRY IAID ADDRESS NAME DUID. */
static int read_dnsmasq(struct leases *l, char *text)
{
	char *word[WORDS_MAX], *line;
	uint64_t number = 0;
	int err = 0;

	while (err == 0 && (line = next_line(&text)) != NULL) {
		unsigned n;

		number++;
		n = split(line, word);
		if (n == 0 || strcmp(word[0], "duid") == 0)
			continue;
		if (n < 4 || word[0][strspn(word[0], "0123456789")] != '\0') {
			count_bad(l->counts, number);
			continue;
		}
		err =
		    put_lease(l, word[2], word[3], strcmp(word[3], "*") == 0 ? 0 : strlen(word[3]),
			!is_over(l, strtoll(word[0], NULL, 10)), number);
	}
	return err;
}

/* What is known of a lease of ISC dhcpd between its braces. */
struct block {
	char *address; /* NULL: it is none */
	char *name;
	size_t name_len;
	bool active, over;
	bool called; /* by the client itself */
};

/* `ends 4 2024/01/25 10:20:30;`, `ends epoch 1706178030; # ...` or `ends never;` */
static bool ends(const struct leases *l, unsigned n, char *word[WORDS_MAX])
{
	struct tm tm = {0};
	char text[64];

	if (n >= 3 && strcmp(word[1], "epoch") == 0)
		return is_over(l, strtoll(word[2], NULL, 10));
	if (n < 4)
		return false;
	(void)snprintf(text, sizeof(text), "%s %s", word[2], word[3]);
	return strptime(text, "%Y/%m/%d %H:%M:%S", &tm) != NULL && is_over(l, timegm(&tm));
}

/* `"phone";`.  What the client calls itself comes before what the server has told a zone: clients of IPv6
 * often say it in their FQDN option alone, and only this is left of it. */
static void take_name(struct block *block, char *quoted, bool called)
{
	if (quoted[0] != '"' || (block->called && !called))
		return;
	block->name = quoted + 1;
	block->name_len = strcspn(block->name, "\"");
	block->called = called;
}

/* A statement inside of a lease. */
static void read_statement(
    const struct leases *l, struct block *block, unsigned n, char *word[WORDS_MAX])
{
	if (n >= 3 && strcmp(word[0], "binding") == 0 && strcmp(word[1], "state") == 0)
		block->active = strcmp(word[2], "active;") == 0;
	else if (strcmp(word[0], "ends") == 0 && ends(l, n, word))
		block->over = true;
	else if (n == 2 && strcmp(word[0], "client-hostname") == 0)
		take_name(block, word[1], true);
	else if (n == 4 && strcmp(word[0], "set") == 0 && strcmp(word[1], "ddns-fwd-name") == 0)
		take_name(block, word[3], false);
}

/* `lease ADDRESS { ... }`, and of IPv6 `ia-na "..." { iaaddr ADDRESS { ... } }`; prefixes (ia-pd, iaprefix) are
 * nobody's name. */
static int read_isc(struct leases *l, char *text)
{
	struct block block = {.address = NULL};
	char *word[WORDS_MAX], *line;
	uint64_t number = 0;
	int err = 0;

	while (err == 0 && (line = next_line(&text)) != NULL) {
		unsigned n;

		number++;
		n = line[strspn(line, " \t")] == '#' ? 0 : split(line, word);
		if (n == 0)
			continue;
		if (n >= 3 && strcmp(word[2], "{") == 0 &&
		    (strcmp(word[0], "lease") == 0 || strcmp(word[0], "iaaddr") == 0)) {
			block = (struct block){.address = word[1], .active = true};
		} else if (strcmp(word[0], "}") == 0 && block.address != NULL) {
			err = put_lease(l, block.address, block.name, block.name_len,
			    block.active && !block.over, number);
			block.address = NULL;
		} else if (block.address != NULL) {
			read_statement(l, &block, n, word);
		}
	}
	return err;
}

/* Columns of Kea's file that count. */
enum column { KEA_ADDRESS, KEA_EXPIRE, KEA_LIFETIME, KEA_TYPE, KEA_HOSTNAME, KEA_STATE, KEA_N };

/* Fields of a line between commas, none of which has a comma in it; returns how many. */
static unsigned split_fields(char *line, char *field[WORDS_MAX])
{
	unsigned n = 0;

	line[strcspn(line, "\r")] = '\0';
	for (char *f; n < WORDS_MAX && (f = strsep(&line, ",")) != NULL;)
		field[n++] = f;
	return n;
}

/* Where the columns stand, by the first line; false: one that is needed is not there. */
static bool find_columns(char *line, unsigned at[KEA_N])
{
	static const char *const names[KEA_N] = {
	    "address", "expire", "valid_lifetime", "lease_type", "hostname", "state"};
	char *field[WORDS_MAX];
	unsigned n = split_fields(line, field);

	for (unsigned column = 0; column < KEA_N; column++) {
		at[column] = 0;
		while (at[column] < n && strcmp(field[at[column]], names[column]) != 0)
			at[column]++;
		if (at[column] == n)
			at[column] = WORDS_MAX;
	}
	return at[KEA_ADDRESS] < n && at[KEA_HOSTNAME] < n;
}

/* The number in a column; 0: there is none. */
static int64_t number_in(char *const *field, unsigned n, unsigned column)
{
	return column < n ? strtoll(field[column], NULL, 10) : 0;
}

/* Comma-separated values, a line of names first (Kea's Memfile backend). */
static int read_kea(struct leases *l, char *text)
{
	unsigned at[KEA_N];
	char *field[WORDS_MAX], *line;
	uint64_t number = 1;
	int err = 0;

	if (!find_columns(next_line(&text), at)) {
		count_bad(l->counts, number);
		return 0;
	}
	while (err == 0 && (line = next_line(&text)) != NULL) {
		unsigned n = split_fields(line, field);
		bool valid;

		number++;
		if (n <= at[KEA_ADDRESS] || n <= at[KEA_HOSTNAME] ||
		    number_in(field, n, at[KEA_TYPE]) == 2) { /* a prefix */
			if (n > 1 && number_in(field, n, at[KEA_TYPE]) != 2)
				count_bad(l->counts, number);
			continue;
		}
		/* State 0: in use; a lifetime of 0: given back. */
		valid = number_in(field, n, at[KEA_STATE]) == 0 &&
			(at[KEA_LIFETIME] >= n || number_in(field, n, at[KEA_LIFETIME]) != 0) &&
			!is_over(l, number_in(field, n, at[KEA_EXPIRE]));
		err = put_lease(l, field[at[KEA_ADDRESS]], field[at[KEA_HOSTNAME]],
		    strlen(field[at[KEA_HOSTNAME]]), valid, number);
	}
	return err;
}

static int compare_leases(const void *one, const void *other)
{
	const struct lease *a = one, *b = other;
	int order;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	order = memcmp(a->address, b->address, sizeof(a->address));
	if (order != 0)
		return order;
	return a->number < b->number ? -1 : 1;
}

/* Of an address the last counts. */
static int add_leases(struct leases *l, struct local_build *b)
{
	int err = 0;

	if (l->n != 0)
		qsort(l->all, l->n, sizeof(*l->all), compare_leases);
	for (size_t i = 0; err == 0 && i < l->n; i++) {
		const struct lease *lease = &l->all[i], *next = lease + 1;

		if ((i + 1 < l->n && next->family == lease->family &&
			memcmp(next->address, lease->address, sizeof(lease->address)) == 0) ||
		    !lease->valid || lease->name[0] == '\0')
			continue;
		l->counts->n_names++;
		err =
		    add_host(b, lease->name, LOCAL_LEASE, lease->family, lease->address, l->domain);
	}
	return err;
}

/* Has the text a line that begins as one of ISC dhcpd's? */
static bool is_isc(const char *text)
{
	static const char *const starts[] = {"\nlease ", "\nia-na ", "\nia-ta ", "\nia-pd ",
	    "\nauthoring-byte-order ", "\nserver-duid "};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(text, starts[i] + 1, strlen(starts[i] + 1)) == 0 ||
		    strstr(text, starts[i]) != NULL)
			return true;
	return false;
}

int house_read_leases(struct local_build *b, char *text, size_t len, const uint8_t *domain,
    int64_t wall_s, struct house_counts *counts)
{
	struct leases l = {.domain = domain, .wall_s = wall_s, .counts = counts};
	int err;

	replace_nuls(text, len);
	if (strncmp(text, "address,", 8) == 0)
		err = read_kea(&l, text);
	else if (is_isc(text))
		err = read_isc(&l, text);
	else
		err = read_dnsmasq(&l, text);
	if (err == 0 || err == ERR_LIMIT) {
		int added = add_leases(&l, b);

		err = added != 0 ? added : err;
	}
	free(l.all);
	return err;
}

/* conf.c - the option table: what each option is called, how it is written, what it may be. */
#include "lib/conf_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/dns/name.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

#define SECOND_MS 1000u
#define HOUR_S	  3600u
#define DAY_S	  (24 * HOUR_S)

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* ---- numbers ---- */

struct suffix {
	const char *text;
	uint64_t factor;
};

/* The first is what no suffix stands for, the others go from small to large. */
static const struct suffix duration_suffixes[] = {
    {"", SECOND_MS},
    {"ms", 1},
    {"s", SECOND_MS},
    {"m", 60 * SECOND_MS},
    {"h", HOUR_S *(uint64_t)SECOND_MS},
    {"d", DAY_S *(uint64_t)SECOND_MS},
};

static const struct suffix size_suffixes[] = {{"", 1}, {"K", KIB}, {"M", MIB}, {"G", GIB}};

/* A number and one of the suffixes.  False: it is not that, or beyond 64 bits. */
static bool parse_suffixed(
    uint64_t *value, const char *text, const struct suffix *suffixes, size_t n_suffixes)
{
	char *end;
	unsigned long long number;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0)
		return false;
	for (size_t i = 0; i < n_suffixes; i++) {
		if (strcmp(end, suffixes[i].text) == 0)
			return !__builtin_mul_overflow(number, suffixes[i].factor, value);
	}
	return false;
}

/* In the largest unit that leaves no rest. */
static void format_suffixed(
    uint64_t value, char text[CONF_VALUE_SIZE], const struct suffix *suffixes, size_t n_suffixes)
{
	size_t best = 0;

	for (size_t i = 1; i < n_suffixes; i++) {
		if (value % suffixes[i].factor == 0 && value >= suffixes[i].factor)
			best = i;
	}
	(void)snprintf(text, CONF_VALUE_SIZE, "%llu%s",
	    (unsigned long long)(value / suffixes[best].factor), suffixes[best].text);
}

int conf_parse_duration(uint64_t *ms, const char *text, struct why *why)
{
	if (parse_suffixed(ms, text, duration_suffixes, N_OF(duration_suffixes)))
		return 0;
	return why_set(why, ERR_FORMAT,
	    "'%s' is not a duration; write seconds, or a number with ms, s, m, h or d, as in 5m",
	    text);
}

static void format_duration(uint64_t ms, char text[CONF_VALUE_SIZE])
{
	format_suffixed(ms, text, duration_suffixes, N_OF(duration_suffixes));
}

int conf_parse_size(uint64_t *bytes, const char *text, struct why *why)
{
	if (parse_suffixed(bytes, text, size_suffixes, N_OF(size_suffixes)))
		return 0;
	return why_set(why, ERR_FORMAT,
	    "'%s' is not a size; write bytes, or a number with K, M or G, as in 32M", text);
}

static void format_size(uint64_t bytes, char text[CONF_VALUE_SIZE])
{
	format_suffixed(bytes, text, size_suffixes, N_OF(size_suffixes));
}

static int parse_count(uint64_t *count, const char *text, struct why *why)
{
	if (parse_suffixed(count, text, size_suffixes, 1))
		return 0;
	return why_set(why, ERR_FORMAT, "'%s' is not a number, as 10 is one", text);
}

static void format_count(uint64_t count, char text[CONF_VALUE_SIZE])
{
	format_suffixed(count, text, size_suffixes, 1);
}

static int number_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	char *field = (char *)base + option->off;
	char min[CONF_VALUE_SIZE], max[CONF_VALUE_SIZE];
	uint64_t value;
	int err = option->kind->parse(&value, text, why);

	(void)index;
	if (err < 0)
		return err;
	if (value < option->min * option->kind->unit || value > option->max * option->kind->unit) {
		option->kind->format(option->min * option->kind->unit, min);
		option->kind->format(option->max * option->kind->unit, max);
		return why_set(why, ERR_FORMAT, "'%s' is out of range; it may be from %s to %s",
		    text, min, max);
	}
	if (value % option->kind->unit != 0)
		return why_set(why, ERR_FORMAT, "'%s' must be whole seconds, as in 2s", text);
	value /= option->kind->unit;

	if (option->size == sizeof(uint64_t))
		*(uint64_t *)(void *)field = value;
	else if (option->size == sizeof(uint32_t))
		*(uint32_t *)(void *)field = (uint32_t)value;
	else
		*(uint16_t *)(void *)field = (uint16_t)value;
	return 0;
}

static bool number_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const char *field = (const char *)base + option->off;
	uint64_t value;

	if (option->size == sizeof(uint64_t))
		value = *(const uint64_t *)(const void *)field;
	else if (option->size == sizeof(uint32_t))
		value = *(const uint32_t *)(const void *)field;
	else
		value = *(const uint16_t *)(const void *)field;
	option->kind->format(value * option->kind->unit, text);
	return index == 0;
}

/* ---- words out of a fixed choice ---- */

static int flag_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	bool *field = (bool *)(void *)((char *)base + option->off);

	(void)index;
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return why_set(why, ERR_FORMAT, "'%s' is neither yes nor no", text);
	*field = text[0] == 'y';
	return 0;
}

static bool flag_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const bool *field = (const bool *)(const void *)((const char *)base + option->off);

	(void)snprintf(text, CONF_VALUE_SIZE, "%s", *field ? "yes" : "no");
	return index == 0;
}

static const char *const match_words[] = {
    [CONF_MATCH_AUTO] = "auto",
    [CONF_MATCH_EXACT] = "exact",
    [CONF_MATCH_SUFFIX] = "suffix",
    [CONF_MATCH_BELOW] = "below",
    NULL,
};

static const char *const trust_words[] = {
    [CONF_TRUST_BLOCK] = "block",
    [CONF_TRUST_REWRITE] = "rewrite",
    NULL,
};

static const char *const strategy_words[] = {
    [CONF_HEDGED] = "hedged",
    [CONF_FASTEST] = "fastest",
    [CONF_STRICT] = "strict",
    [CONF_PARALLEL] = "parallel",
    NULL,
};

/* "auto, exact, suffix or below" */
static void format_words(const char *const *words, char text[CONF_VALUE_SIZE])
{
	int used = snprintf(text, CONF_VALUE_SIZE, "%s", words[0]);

	for (size_t i = 1; words[i] != NULL; i++)
		used += snprintf(text + used, CONF_VALUE_SIZE - (size_t)used, "%s%s",
		    words[i + 1] != NULL ? ", " : " or ", words[i]);
}

static int choice_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	unsigned *field = (unsigned *)(void *)((char *)base + option->off);
	char words[CONF_VALUE_SIZE];

	(void)index;
	for (unsigned i = 0; option->kind->words[i] != NULL; i++) {
		if (strcmp(text, option->kind->words[i]) == 0) {
			*field = i;
			return 0;
		}
	}
	format_words(option->kind->words, words);
	return why_set(why, ERR_FORMAT, "'%s' is not possible; it is %s", text, words);
}

static bool choice_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const unsigned *field = (const unsigned *)(const void *)((const char *)base + option->off);

	(void)snprintf(text, CONF_VALUE_SIZE, "%s", option->kind->words[*field]);
	return index == 0;
}

/* ---- texts ---- */

static int check_path(const char *text, struct why *why)
{
	if (text[0] == '/')
		return 0;
	return why_set(why, ERR_FORMAT, "'%s' is not an absolute path; it begins with /", text);
}

static int check_name(const char *text, struct why *why)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";

	if (text[0] != '.' && text[0] != '\0' && text[strspn(text, allowed)] == '\0')
		return 0;
	return why_set(why, ERR_FORMAT,
	    "'%s' is not a name; it consists of letters, digits, '-', '_' and '.', and does not "
	    "begin with '.'",
	    text);
}

static int check_syntax(const char *text, struct why *why)
{
	if (text[0] != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz-")] == '\0')
		return 0;
	return why_set(
	    why, ERR_FORMAT, "'%s' is not a syntax; it is a word as hosts, domains or auto", text);
}

static int check_url(const char *text, struct why *why)
{
	static const char *const schemes[] = {"https://", "http://", "file:///"};

	for (size_t i = 0; i < N_OF(schemes); i++) {
		size_t len = strlen(schemes[i]);

		if (strncmp(text, schemes[i], len) == 0 && text[len] != '\0' &&
		    strchr(text, ' ') == NULL)
			return 0;
	}
	return why_set(why, ERR_FORMAT,
	    "'%s' is not a URL; it begins with https://, http:// or file:/// and has no spaces",
	    text);
}

static int check_sha256(const char *text, struct why *why)
{
	if (strlen(text) == CONF_SHA256_SIZE - 1 &&
	    text[strspn(text, "0123456789abcdefABCDEF")] == '\0')
		return 0;
	return why_set(why, ERR_FORMAT, "'%s' is not a SHA-256; it has 64 hex digits", text);
}

static int check_key(const char *text, struct why *why)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";

	if (strlen(text) == CONF_KEY_SIZE - 1 && text[strspn(text, base64)] == '\0' &&
	    strncmp(text, "RW", 2) == 0)
		return 0;
	return why_set(why, ERR_FORMAT,
	    "'%s' is not a public key of minisign; it has 56 characters and begins with RW", text);
}

static int check_file(const char *text, struct why *why)
{
	if (text[0] != '\0')
		return 0;
	return why_set(why, ERR_FORMAT, "the path is empty");
}

static int text_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	char *field = (char *)base + option->off;
	size_t len = strlen(text);

	(void)index;
	if (len >= option->size)
		return why_set(why, ERR_FORMAT, "'%.40s...' is too long; at most %zu bytes fit",
		    text, option->size - 1);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return why_set(why, ERR_FORMAT, "a control character (0x%02x) is in it",
			    (unsigned char)text[i]);
	}
	if (option->kind->check(text, why) < 0)
		return ERR_FORMAT;
	memset(field, 0, option->size);
	memcpy(field, text, len);
	return 0;
}

static bool text_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	(void)snprintf(text, CONF_VALUE_SIZE, "%s", (const char *)base + option->off);
	return index == 0 && text[0] != '\0';
}

/* ---- lists of addresses and networks ---- */

static int too_many(unsigned max, struct why *why)
{
	return why_set(why, ERR_FORMAT, "too many values; at most %u are possible", max);
}

static int listen_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	struct conf *conf = base;
	int err;

	(void)option;
	if (index >= CONF_LISTEN_MAX)
		return too_many(CONF_LISTEN_MAX, why);
	err = addr_parse(&conf->listen[index], text, 53, why);
	if (err < 0 && err != ERR_NOTFOUND) /* that interface may come later */
		return err;
	for (unsigned i = 0; i < index; i++) {
		if (strcmp(text, conf->listen_text[i]) == 0 ||
		    (err == 0 && addr_equal(&conf->listen[index], &conf->listen[i])))
			return why_set(why, ERR_FORMAT, "'%s' stands there twice", text);
	}
	memset(conf->listen_text[index], 0, sizeof(conf->listen_text[index]));
	memcpy(conf->listen_text[index], text, strlen(text));
	conf->n_listen = index + 1;
	return 0;
}

static bool listen_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const struct conf *conf = base;

	(void)option;
	if (index >= conf->n_listen)
		return false;
	(void)snprintf(text, CONF_VALUE_SIZE, "%s", conf->listen_text[index]);
	return true;
}

/* Value `index` of servers[0..CONF_UPSTREAM_MAX). */
static int server_set(union addr *servers, unsigned index, const char *text, struct why *why)
{
	int err;

	if (index >= CONF_UPSTREAM_MAX)
		return too_many(CONF_UPSTREAM_MAX, why);
	err = addr_parse(&servers[index], text, 53, why);
	if (err < 0)
		return err;
	if (addr_is_wildcard(&servers[index]))
		return why_set(why, ERR_FORMAT, "'%s' stands for every address; name one", text);
	for (unsigned i = 0; i < index; i++) {
		if (addr_equal(&servers[index], &servers[i]))
			return why_set(why, ERR_FORMAT, "'%s' stands there twice", text);
	}
	return 0;
}

static int upstream_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	struct conf *conf = base;
	int err = server_set(conf->upstream, index, text, why);

	(void)option;
	if (err == 0)
		conf->n_upstream = index + 1;
	return err;
}

static bool upstream_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const struct conf *conf = base;

	(void)option;
	return index < conf->n_upstream && addr_format(&conf->upstream[index], text) != NULL;
}

static int servers_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	struct conf_servers *servers = (struct conf_servers *)(void *)((char *)base + option->off);
	int err = server_set(servers->addr, index, text, why);

	if (err == 0)
		servers->n = index + 1;
	return err;
}

static bool servers_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const char *field = (const char *)base + option->off;
	const struct conf_servers *servers = (const struct conf_servers *)(const void *)field;

	return index < servers->n && addr_format(&servers->addr[index], text) != NULL;
}

static int proxy_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	(void)index;
	return proxy_parse((struct proxy *)(void *)((char *)base + option->off), text, why);
}

static bool proxy_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const char *field = (const char *)base + option->off;
	const struct proxy *proxy = (const struct proxy *)(const void *)field;

	return index == 0 && proxy->addr.sa.sa_family != AF_UNSPEC &&
	       proxy_format(proxy, text) != NULL;
}

/* More of an address would say who in that network it is (RFC 7871, 11.1). */
#define SUBNET_BITS_IPV4 24
#define SUBNET_BITS_IPV6 56

static int subnet_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	struct net *net = (struct net *)(void *)((char *)base + option->off);

	(void)index;
	if (net_parse(net, text, why) < 0)
		return ERR_FORMAT;
	if (net->bits <= (net->family == AF_INET ? SUBNET_BITS_IPV4 : SUBNET_BITS_IPV6))
		return 0;
	return why_set(why, ERR_FORMAT,
	    "'%s' is too narrow: it may have a prefix of %d bits, or %d for IPv6, and no more",
	    text, SUBNET_BITS_IPV4, SUBNET_BITS_IPV6);
}

static bool subnet_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const char *field = (const char *)base + option->off;
	const struct net *net = (const struct net *)(const void *)field;

	return index == 0 && net->family != AF_UNSPEC && net_format(net, text) != NULL;
}

/* The lengths that a prefix may have (RFC 6052, 2.2). */
static bool is_dns64_prefix(const struct net *net)
{
	return net->family == AF_INET6 && net->bits % 8 == 0 && net->bytes[8] == 0 &&
	       ((net->bits >= 32 && net->bits <= 64) || net->bits == 96);
}

static int dns64_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	struct net *net = (struct net *)(void *)((char *)base + option->off);

	(void)index;
	if (strcmp(text, "no") == 0) {
		*net = (struct net){.bits = 0};
		return 0;
	}
	if (net_parse(net, strcmp(text, "yes") == 0 ? "64:ff9b::/96" : text, why) < 0)
		return ERR_FORMAT;
	if (is_dns64_prefix(net))
		return 0;
	return why_set(why, ERR_FORMAT,
	    "'%s' is no prefix of a NAT64; it is of IPv6, of 32, 40, 48, 56, 64 or 96 bits, with "
	    "zeros in bits 64 to 71",
	    text);
}

static bool dns64_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const char *field = (const char *)base + option->off;
	const struct net *net = (const struct net *)(const void *)field;

	if (net->bits == 0)
		(void)snprintf(text, CONF_VALUE_SIZE, "no");
	else
		(void)net_format(net, text);
	return index == 0;
}

/* In the order of their bits. */
static const char *const suppress_words[] = {"a", "aaaa", "https", "svcb"};

static int suppress_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	uint32_t *field = (uint32_t *)(void *)((char *)base + option->off);

	if (index == 0)
		*field = 0;
	for (size_t i = 0; i < N_OF(suppress_words); i++) {
		if (strcasecmp(text, suppress_words[i]) == 0) {
			*field |= 1u << i;
			return 0;
		}
	}
	return why_set(why, ERR_FORMAT, "'%s' is none of the types a, aaaa, https and svcb", text);
}

static bool suppress_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const char *field = (const char *)base + option->off;
	uint32_t bits = *(const uint32_t *)(const void *)field;

	for (size_t i = 0; i < N_OF(suppress_words); i++) {
		if ((bits & 1u << i) != 0 && index-- == 0) {
			(void)snprintf(text, CONF_VALUE_SIZE, "%s", suppress_words[i]);
			return true;
		}
	}
	return false;
}

static int networks_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	struct conf_networks *networks =
	    (struct conf_networks *)(void *)((char *)base + option->off);
	int err;

	if (index >= CONF_NETWORKS_MAX)
		return too_many(CONF_NETWORKS_MAX, why);
	err = net_parse(&networks->net[index], text, why);
	if (err < 0)
		return err;
	networks->n = index + 1;
	return 0;
}

static bool networks_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const char *field = (const char *)base + option->off;
	const struct conf_networks *networks = (const struct conf_networks *)(const void *)field;

	return index < networks->n && net_format(&networks->net[index], text) != NULL;
}

/* ---- what a blocked query gets ---- */

static int block_answer_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	return block_answer_add(
	    (struct block_answer *)(void *)((char *)base + option->off), index, text, why);
}

static bool block_answer_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const char *field = (const char *)base + option->off;

	return block_answer_word((const struct block_answer *)(const void *)field, index, text);
}

/* ---- lists of texts ---- */

static int check_zone(const char *text, struct why *why)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	if (text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			      "0123456789._-")] != '\0')
		return why_set(why, ERR_FORMAT,
		    "'%s' is not a name of letters, digits, '-', '_' and '.'; others are written "
		    "xn--...",
		    text);
	if (name_from_text(text, strlen(text), name, &len) == 0 && len > 1)
		return 0;
	return why_set(why, ERR_FORMAT, "'%s' is not a name as example.com", text);
}

/* Forget the texts from `index` on. */
static void texts_cut(struct conf_texts *texts, unsigned index)
{
	while (texts->n > index)
		free(texts->text[--texts->n]);
}

/* A zone, or a network. */
static int check_forward(const char *text, struct why *why)
{
	struct net net;

	return strchr(text, '/') != NULL ? net_parse(&net, text, why) : check_zone(text, why);
}

/* What is in it is found out when it is used. */
static int check_record(const char *text, struct why *why)
{
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return why_set(why, ERR_FORMAT, "a control character (0x%02x) is in it",
			    (unsigned char)*c);
	}
	return text[strspn(text, " ")] != '\0' ? 0 : why_set(why, ERR_FORMAT, "it is empty");
}

/* A path, as text that can be printed. */
static int check_path_text(const char *text, struct why *why)
{
	return check_record(text, why) < 0 ? ERR_FORMAT : check_path(text, why);
}

static int texts_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	struct conf_texts *texts = (struct conf_texts *)(void *)((char *)base + option->off);
	char **more, *copy;

	if (index >= option->max)
		return too_many((unsigned)option->max, why);
	if (strlen(text) >= CONF_VALUE_SIZE)
		return why_set(why, ERR_FORMAT, "'%.40s...' is too long", text);
	if (option->kind->check(text, why) < 0)
		return ERR_FORMAT;
	texts_cut(texts, index);
	copy = strdup(text);
	more = realloc(texts->text, (index + 1) * sizeof(*more));
	if (more != NULL)
		texts->text = more;
	if (more == NULL || copy == NULL) {
		free(copy);
		return why_set(why, ERR_FORMAT, "%s", err_text(ERR_NOMEM));
	}
	texts->text[texts->n++] = copy;
	return 0;
}

static bool texts_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const char *field = (const char *)base + option->off;
	const struct conf_texts *texts = (const struct conf_texts *)(const void *)field;

	if (index >= texts->n)
		return false;
	(void)snprintf(text, CONF_VALUE_SIZE, "%s", texts->text[index]);
	return true;
}

static void texts_free(struct conf_texts *texts)
{
	texts_cut(texts, 0);
	free(texts->text);
}

/* ---- special names: the words are known to the resolver ---- */

static int special_off_set(
    void *base, const struct option *option, unsigned index, const char *text, struct why *why)
{
	struct conf *conf = base;

	(void)option;
	if (index >= CONF_SPECIAL_MAX)
		return too_many(CONF_SPECIAL_MAX, why);
	if (check_name(text, why) < 0)
		return ERR_FORMAT;
	if (strlen(text) >= sizeof(conf->special_off[index]))
		return why_set(why, ERR_FORMAT, "'%.40s...' is too long", text);
	memset(conf->special_off[index], 0, sizeof(conf->special_off[index]));
	memcpy(conf->special_off[index], text, strlen(text));
	conf->n_special_off = index + 1;
	return 0;
}

static bool special_off_get(
    const void *base, const struct option *option, unsigned index, char text[CONF_VALUE_SIZE])
{
	const struct conf *conf = base;

	(void)option;
	if (index >= conf->n_special_off)
		return false;
	(void)snprintf(text, CONF_VALUE_SIZE, "%s", conf->special_off[index]);
	return true;
}

/* ---- the tables ---- */

#define NUMBER_KIND(parse_text, format_text, field_unit)                                           \
	{                                                                                          \
		.set = number_set, .get = number_get, .parse = (parse_text),                       \
		.format = (format_text), .unit = (field_unit)                                      \
	}

static const struct kind count_kind = NUMBER_KIND(parse_count, format_count, 1);
static const struct kind size_kind = NUMBER_KIND(conf_parse_size, format_size, 1);
static const struct kind seconds_kind =
    NUMBER_KIND(conf_parse_duration, format_duration, SECOND_MS);
static const struct kind milliseconds_kind = NUMBER_KIND(conf_parse_duration, format_duration, 1);
static const struct kind flag_kind = {.set = flag_set, .get = flag_get};
static const struct kind match_kind = {.set = choice_set, .get = choice_get, .words = match_words};
static const struct kind strategy_kind = {
    .set = choice_set, .get = choice_get, .words = strategy_words};
static const struct kind trust_kind = {.set = choice_set, .get = choice_get, .words = trust_words};
static const struct kind path_kind = {.set = text_set, .get = text_get, .check = check_path};
static const struct kind name_kind = {.set = text_set, .get = text_get, .check = check_name};
static const struct kind syntax_kind = {.set = text_set, .get = text_get, .check = check_syntax};
static const struct kind url_kind = {.set = text_set, .get = text_get, .check = check_url};
static const struct kind file_kind = {.set = text_set, .get = text_get, .check = check_file};
static const struct kind sha256_kind = {.set = text_set, .get = text_get, .check = check_sha256};
static const struct kind key_kind = {.set = text_set, .get = text_get, .check = check_key};
static const struct kind listen_kind = {.is_list = true, .set = listen_set, .get = listen_get};
static const struct kind upstream_kind = {
    .is_list = true, .set = upstream_set, .get = upstream_get};
static const struct kind servers_kind = {.is_list = true, .set = servers_set, .get = servers_get};
static const struct kind proxy_kind = {.set = proxy_set, .get = proxy_get};
static const struct kind subnet_kind = {.set = subnet_set, .get = subnet_get};
static const struct kind dns64_kind = {.set = dns64_set, .get = dns64_get};
static const struct kind suppress_kind = {
    .is_list = true, .set = suppress_set, .get = suppress_get};
static const struct kind zones_kind = {
    .is_list = true, .set = texts_set, .get = texts_get, .check = check_zone};
static const struct kind forward_kind = {.set = text_set, .get = text_get, .check = check_forward};
static const char *const single_label_words[] = {
    [CONF_SINGLE_NXDOMAIN] = "nxdomain",
    [CONF_SINGLE_FORWARD] = "forward",
    NULL,
};

static const struct kind domain_kind = {.set = text_set, .get = text_get, .check = check_zone};
static const struct kind single_label_kind = {
    .set = choice_set, .get = choice_get, .words = single_label_words};
static const struct kind records_kind = {
    .is_list = true, .set = texts_set, .get = texts_get, .check = check_record};
static const struct kind paths_kind = {
    .is_list = true, .set = texts_set, .get = texts_get, .check = check_path_text};
static const struct kind networks_kind = {
    .is_list = true, .set = networks_set, .get = networks_get};
static const struct kind block_answer_kind = {
    .is_list = true, .set = block_answer_set, .get = block_answer_get};
static const struct kind special_off_kind = {
    .is_list = true, .set = special_off_set, .get = special_off_get};

#define FIELD(of, field) offsetof(struct of, field), sizeof(((struct of *)NULL)->field)

/* In the order in which they are printed: what most people touch comes first. */
const struct option conf_options[] = {
    {"listen", &listen_kind, FIELD(conf, listen), {"0.0.0.0:53", "[::]:53"}, 0, 0,
	"addresses to answer on"},
    {"upstream", &upstream_kind, FIELD(conf, upstream), {NULL}, 0, 0,
	"resolvers to ask; none: those of the system"},
    {"strategy", &strategy_kind, FIELD(conf, strategy), {"hedged"}, 0, 0,
	"which of them a question is asked of"},
    {"proxy", &proxy_kind, FIELD(conf, proxy), {NULL}, 0, 0, "SOCKS 5 proxy to ask them through"},
    {"fallback", &name_kind, FIELD(conf, fallback), {NULL}, 0, 0,
	"group that is asked where none of them answers"},
    {"client_subnet", &subnet_kind, FIELD(conf, client_subnet), {NULL}, 0, 0,
	"network that upstreams are told as the client's; none: they are told nothing"},
    {"record", &records_kind, FIELD(conf, records), {NULL}, 0, CONF_RECORDS_MAX,
	"records of names of the house, as in a zone file"},
    {"hosts", &paths_kind, FIELD(conf, hosts), {NULL}, 0, CONF_FILES_MAX,
	"hosts files with names of the house"},
    {"leases", &paths_kind, FIELD(conf, leases), {NULL}, 0, CONF_FILES_MAX,
	"files of a DHCP server with the names of its clients"},
    {"local_domain", &domain_kind, FIELD(conf, local_domain), {NULL}, 0, 0,
	"domain that these names are in; what is not known there does not exist"},
    {"single_label", &single_label_kind, FIELD(conf, single_label), {"nxdomain"}, 0, 0,
	"what becomes of other names of one label"},
    {"suppress", &suppress_kind, FIELD(conf, suppress), {NULL}, 0, 0,
	"types of records that clients are not given: a, aaaa, https, svcb"},
    {"dns64", &dns64_kind, FIELD(conf, dns64), {"no"}, 0, 0,
	"whether names without an address of IPv6 get one made of that of IPv4, or its prefix"},
    {"cname_guard", &flag_kind, FIELD(conf, cname_guard), {"yes"}, 0, 0,
	"whether rules on names that many share block no other name that leads there"},
    {"rebind_protection", &flag_kind, FIELD(conf, rebind_protection), {"yes"}, 0, 0,
	"whether answers that lead from public names to private addresses are refused"},
    {"rebind_allow", &zones_kind, FIELD(conf, rebind_allow), {NULL}, 0, CONF_ZONES_MAX,
	"names that may lead there, with all below them"},
    {"rebind_trust", &servers_kind, FIELD(conf, rebind_trust), {NULL}, 0, 0,
	"upstreams whose replies may lead there"},
    {"allow", &networks_kind, FIELD(conf, allow), {NULL}, 0, 0,
	"networks that are answered; none: private ones and those of this machine"},
    {"refuse", &networks_kind, FIELD(conf, refuse), {NULL}, 0, 0,
	"networks that are answered REFUSED, as all are that are not named"},
    {"drop", &networks_kind, FIELD(conf, drop), {NULL}, 0, 0, "networks that get no answer at all"},
    {"rate_limit", &count_kind, FIELD(conf, rate_limit), {"1000"}, 0, 1000000,
	"queries a second from one address that may be forged; 0: any number"},
    {"rate_limit_network", &count_kind, FIELD(conf, rate_limit_network), {"5000"}, 0, 1000000,
	"the same from one network, /24 or /56"},
    {"rate_slip", &count_kind, FIELD(conf, rate_slip), {"2"}, 0, 100,
	"each of that many over a limit is sent to TCP; 0: none"},
    {"workers", &count_kind, FIELD(conf, workers), {"1"}, 1, CONF_WORKERS_MAX,
	"processes that answer queries"},
    {"control", &path_kind, FIELD(conf, control), {QUELL_RUNDIR "/control"}, 0, 0,
	"socket for quellctl and quell-update"},
    {"state_dir", &path_kind, FIELD(conf, state_dir), {QUELL_STATEDIR}, 0, 0,
	"folder of the downloaded lists and the compiled image"},
    {"versions", &count_kind, FIELD(conf, versions), {"3"}, 1, CONF_VERSIONS_MAX,
	"versions of each list that are kept"},
    {"vital_names", &flag_kind, FIELD(conf, vital_names), {"yes"}, 0, 0,
	"whether names that the network needs are exempted from the lists"},
    {"rules", &path_kind, FIELD(conf, rules), {QUELL_RULESDIR "/rules"}, 0, 0,
	"the user's own rules, which quellctl changes"},
    {"block_answer", &block_answer_kind, FIELD(conf, block_answer), {"servfail"}, 0, 0,
	"what a blocked query gets"},
    {"block_ttl", &seconds_kind, FIELD(conf, block_ttl_s), {"10s"}, 0, DAY_S,
	"time for which clients may keep that"},
    {"special_off", &special_off_kind, FIELD(conf, special_off), {NULL}, 0, 0,
	"special names that are forwarded like any other"},
    {"adaptive", &flag_kind, FIELD(conf, adaptive), {"no"}, 0, 0,
	"whether who asks for a blocked name again and again gets quieter answers"},
    {"adaptive_threshold", &count_kind, FIELD(conf, adaptive_threshold), {"5"}, 2, 1000,
	"questions for one name that are too many ..."},
    {"adaptive_window", &milliseconds_kind, FIELD(conf, adaptive_window_ms), {"10s"}, 1000, 3600000,
	"... within this time"},
    {"adaptive_dwell", &milliseconds_kind, FIELD(conf, adaptive_dwell_ms), {"1m"}, 0, 86400000,
	"shortest time between the first move and the second"},
    {"adaptive_return", &milliseconds_kind, FIELD(conf, adaptive_return_ms), {"10m"}, 1000,
	86400000, "calm after which a move is taken back"},
    {"cache_size", &size_kind, FIELD(conf, cache_size), {"32M"}, 1 * MIB, 4 * GIB,
	"memory for cached answers, all workers together"},
    {"min_ttl", &seconds_kind, FIELD(conf, min_ttl_s), {"0"}, 0, HOUR_S,
	"shortest time that an answer is kept, but for a no or a failure"},
    {"cache_max_ttl", &seconds_kind, FIELD(conf, cache_max_ttl_s), {"1d"}, 1, 7 * DAY_S,
	"longest time that an answer is kept"},
    {"cache_negative_ttl", &seconds_kind, FIELD(conf, cache_negative_ttl_s), {"1h"}, 1, DAY_S,
	"longest time that a no is kept"},
    {"cache_failure_ttl", &seconds_kind, FIELD(conf, cache_failure_ttl_s), {"1s"}, 1, 5,
	"time for which a question that failed is not asked again"},
    {"prefetch", &count_kind, FIELD(conf, prefetch), {"3"}, 0, 255,
	"hits after which an answer is fetched again before its time is over; 0: never"},
    {"stale", &flag_kind, FIELD(conf, stale), {"yes"}, 0, 0,
	"whether an answer whose time is over is given where the upstreams have none"},
    {"stale_delay", &milliseconds_kind, FIELD(conf, stale_delay_ms), {"1800ms"}, 0, 10000,
	"longest time that a client waits for a newer one"},
    {"stale_max", &seconds_kind, FIELD(conf, stale_max_s), {"2d"}, 1, 7 * DAY_S,
	"longest time that such an answer is given"},
    {"cache_save", &seconds_kind, FIELD(conf, cache_save_s), {"1h"}, 0, 7 * DAY_S,
	"interval in which the cache is saved, for the next start; 0: never"},
    {"cache_save_budget", &size_kind, FIELD(conf, cache_save_budget), {"256M"}, 1 * MIB, 64 * GIB,
	"bytes a day that may be written for that"},
    {"memory", &size_kind, FIELD(conf, memory), {"0"}, 0, 1024 * GIB,
	"memory of all processes together; 0: what the control group allows, or half of the "
	"machine's"},
    {"query_timeout", &milliseconds_kind, FIELD(conf, query_timeout_ms), {"4s"}, 1000, 30000,
	"time after which a question is given up"},
    {"questions_max", &count_kind, FIELD(conf, questions_max), {"4096"}, 64, 65536,
	"questions in flight, all workers together"},
    {"tcp_clients_max", &count_kind, FIELD(conf, tcp_clients_max), {"4096"}, 8, 16384,
	"TCP connections of clients, all workers together"},
    {"tcp_clients_per_address", &count_kind, FIELD(conf, tcp_clients_per_address), {"0"}, 0, 16384,
	"TCP connections of one client; 0: a fifth of all, at least 10"},
    {"tcp_idle", &milliseconds_kind, FIELD(conf, tcp_idle_ms), {"10s"}, 1000, 600000,
	"time after which an idle TCP connection is closed"},
    {"udp_size", &count_kind, FIELD(conf, udp_size), {"1232"}, 512, 4096,
	"largest UDP message sent or asked for, bytes"},
    {"log_queries", &flag_kind, FIELD(conf, log_queries), {"no"}, 0, 0,
	"whether each query is logged"},
    {NULL, NULL, 0, 0, {NULL}, 0, 0, NULL},
};

const struct option conf_list_options[] = {
    {"url", &url_kind, FIELD(conf_list, url), {NULL}, 0, 0, "where the list is downloaded"},
    {"file", &file_kind, FIELD(conf_list, file), {NULL}, 0, 0, "or where it lies on this machine"},
    {"syntax", &syntax_kind, FIELD(conf_list, syntax), {"auto"}, 0, 0, "how its lines are written"},
    {"match", &match_kind, FIELD(conf_list, match), {"auto"}, 0, 0, "what a line covers"},
    {"max_size", &size_kind, FIELD(conf_list, max_size), {"256M"}, 1, 1 * GIB,
	"largest text that is taken"},
    {"max_time", &seconds_kind, FIELD(conf_list, max_time_s), {"1h"}, 1, DAY_S,
	"longest time that its download may take"},
    {"trust", &trust_kind, FIELD(conf_list, trust), {"block"}, 0, 0,
	"whether it may only block, or answer too"},
    {"bad_max", &count_kind, FIELD(conf_list, bad_max), {"20"}, 0, 100,
	"percent of lines not understood from which a new version is held"},
    {"shrink_max", &count_kind, FIELD(conf_list, shrink_max), {"50"}, 0, 100,
	"percent of its rules that a new version may lack"},
    {"grow_max", &count_kind, FIELD(conf_list, grow_max), {"200"}, 0, 1000000,
	"percent of its rules that a new version may add"},
    {"sha256", &sha256_kind, FIELD(conf_list, sha256), {NULL}, 0, 0, "the only text that is taken"},
    {"minisign", &key_kind, FIELD(conf_list, minisign), {NULL}, 0, 0,
	"the public key that must have signed it"},
    {"signature", &url_kind, FIELD(conf_list, signature), {NULL}, 0, 0,
	"where its signature is downloaded"},
    {"block_answer", &block_answer_kind, FIELD(conf_list, block_answer), {NULL}, 0, 0,
	"what gets a query that it blocks; none: as for all"},
    {NULL, NULL, 0, 0, {NULL}, 0, 0, NULL},
};

const struct option conf_list_name = {
    "list", &name_kind, FIELD(conf_list, name), {NULL}, 0, 0, "a block list"};

const struct option conf_forward_options[] = {
    {"upstream", &servers_kind, FIELD(conf_forward, upstream), {NULL}, 0, 0,
	"resolvers that know these names"},
    {"proxy", &proxy_kind, FIELD(conf_forward, proxy), {NULL}, 0, 0,
	"SOCKS 5 proxy to ask them through"},
    {"fallback", &name_kind, FIELD(conf_forward, fallback), {NULL}, 0, 0,
	"group that is asked where none of them answers"},
    {NULL, NULL, 0, 0, {NULL}, 0, 0, NULL},
};

const struct option conf_forward_zone = {
    "forward", &forward_kind, FIELD(conf_forward, zone), {NULL}, 0, 0, "names that others know"};

const struct option conf_group_options[] = {
    {"upstream", &servers_kind, FIELD(conf_group, upstream), {NULL}, 0, 0, "resolvers to ask"},
    {"proxy", &proxy_kind, FIELD(conf_group, proxy), {NULL}, 0, 0,
	"SOCKS 5 proxy to ask them through"},
    {"fallback", &name_kind, FIELD(conf_group, fallback), {NULL}, 0, 0,
	"group that is asked where none of them answers"},
    {NULL, NULL, 0, 0, {NULL}, 0, 0, NULL},
};

const struct option conf_group_name = {"group", &name_kind, FIELD(conf_group, name), {NULL}, 0, 0,
    "resolvers that are asked where others do not answer"};

const char conf_default_path[] = QUELL_SYSCONFDIR "/quell/quell.conf";

_Static_assert(sizeof(QUELL_RUNDIR "/control") <= sizeof(((struct conf *)NULL)->control),
    "runstatedir is too long for the path of a socket: configure a shorter one");

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *conf_option_names(void)
{
	static const char *names[N_OF(conf_options) + N_OF(conf_list_options) +
				 N_OF(conf_forward_options) + N_OF(conf_group_options)];
	size_t n = 0;

	for (const struct option *o = conf_options; o->name != NULL; o++)
		names[n++] = o->name;
	for (const struct option *o = conf_list_options; o->name != NULL; o++)
		names[n++] = o->name;
	for (const struct option *o = conf_forward_options; o->name != NULL; o++)
		names[n++] = o->name;
	for (const struct option *o = conf_group_options; o->name != NULL; o++)
		names[n++] = o->name;
	names[n++] = conf_list_name.name;
	names[n++] = conf_forward_zone.name;
	names[n++] = conf_group_name.name;
	qsort(names, n, sizeof(names[0]), compare_names);
	/* Some are in both tables. */
	for (size_t i = 0, to = 0; i <= n; i++) {
		if (i == n || to == 0 || strcmp(names[i], names[to - 1]) != 0)
			names[to++] = i < n ? names[i] : NULL;
	}
	return names;
}

int conf_set_defaults(void *base, const struct option *table)
{
	for (const struct option *o = table; o->name != NULL; o++) {
		for (unsigned i = 0; i < N_OF(o->defaults) && o->defaults[i] != NULL; i++) {
			if (o->kind->set(base, o, i, o->defaults[i], NULL) < 0)
				return ERR_FORMAT;
		}
	}
	return 0;
}

int conf_set(struct conf *conf, const char *name, unsigned index, const char *text, struct why *why)
{
	const struct option *o = conf_options;

	while (strcmp(o->name, name) != 0)
		o++;
	return o->kind->set(conf, o, index, text, why);
}

struct conf *conf_new(void)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (conf == NULL || conf_set_defaults(conf, conf_options) == 0)
		return conf;
	conf_free(conf);
	return NULL;
}

void conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	free(conf->lists);
	free(conf->forwards);
	free(conf->groups);
	free(conf->file);
	texts_free(&conf->records);
	texts_free(&conf->hosts);
	texts_free(&conf->leases);
	texts_free(&conf->rebind_allow);
	free(conf);
}

/* As the value can be read back: in double quotes unless it is a plain word. */
static void print_value(FILE *to, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	if (text[strspn(text, plain)] == '\0') {
		(void)fputs(text, to);
		return;
	}
	(void)fputc('"', to);
	for (; *text != '\0'; text++) {
		if (strchr("\"\\$", *text) != NULL)
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
	(void)fputc('"', to);
}

/* The options of `table`, each line behind `indent`; a text that is not set has none. */
static void print_options(
    FILE *to, const void *base, const struct option *table, const char *indent)
{
	char text[CONF_VALUE_SIZE];

	for (const struct option *o = table; o->name != NULL; o++) {
		bool found = o->kind->get(base, o, 0, text);

		if (!found && !o->kind->is_list)
			continue;
		(void)fprintf(to, "%s# %s\n%s%s = %s", indent, o->help, indent, o->name,
		    o->kind->is_list ? "{" : "");
		for (unsigned i = 1; found; i++) {
			print_value(to, text);
			found = o->kind->get(base, o, i, text);
			if (found)
				(void)fputs(", ", to);
		}
		(void)fputs(o->kind->is_list ? "}\n" : "\n", to);
	}
}

static void print_section(FILE *to, const struct option *title, const char *name, const void *base,
    const struct option *table)
{
	(void)fprintf(to, "\n# %s\n%s \"%s\" {\n", title->help, title->name, name);
	print_options(to, base, table, "\t");
	(void)fputs("}\n", to);
}

void conf_print(const struct conf *conf, FILE *to)
{
	/* Before those who name them. */
	for (unsigned i = 0; i < conf->n_groups; i++)
		print_section(to, &conf_group_name, conf->groups[i].name, &conf->groups[i],
		    conf_group_options);
	print_options(to, conf, conf_options, "");
	for (unsigned i = 0; i < conf->n_forwards; i++)
		print_section(to, &conf_forward_zone, conf->forwards[i].zone, &conf->forwards[i],
		    conf_forward_options);
	for (unsigned i = 0; i < conf->n_lists; i++)
		print_section(
		    to, &conf_list_name, conf->lists[i].name, &conf->lists[i], conf_list_options);
}

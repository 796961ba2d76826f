/* conf_read.c - the configuration file, by way of libconfuse.
 *
 *   file -> conf_tidy (comments to blanks) -> libconfuse -> on_value, on_list, ... -> struct conf
 */
#include "lib/conf_table.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/dns/name.h"
#include "lib/file.h"
#include "lib/reserve.h"

#define FILE_SIZE_MAX (1024 * 1024) /* a larger file is something else: a list, /dev/zero */
#define GRAMMAR	      "write name = value, name = { value, value } or list \"name\" { ... }"
#define RESERVE	      ((size_t)512 << 10) /* more than libconfuse takes for a short text ... */
#define RESERVE_EACH  48		  /* ... and for each byte of a longer one: of sections */
#define OPTIONS_MAX   64 /* rows of a table, a bound for the arrays made from one */

/* ---- before libconfuse: comments ---- */

/* libconfuse takes a comment inside { } for a value, miscounts lines behind a comment and takes no
 * notice of one that never ends, so comments are blanked out before it sees them.  It also drops
 * bytes it cannot use without a word, and takes the end of the file for that of a section; those
 * are refused here. */

struct tidy {
	char *at;
	unsigned line;
	unsigned depth, open_line; /* of braces, and where the outermost one is */
	const char *error;
};

static void tidy_line_comment(struct tidy *t)
{
	for (; *t->at != '\0' && *t->at != '\n'; t->at++)
		*t->at = ' ';
}

static void tidy_block_comment(struct tidy *t)
{
	char *end = strstr(t->at + 2, "*/");

	if (end == NULL) {
		t->error = "the comment that begins here has no end; close it with */";
		return;
	}
	for (; t->at < end + 2; t->at++) {
		if (*t->at == '\n')
			t->line++;
		else
			*t->at = ' ';
	}
}

static void tidy_variable(struct tidy *t)
{
	t->at += strcspn(t->at, "}\n");
	if (*t->at != '}')
		t->error = "'${' has no '}' on its line; in single quotes it stands for itself";
	else
		t->at++;
}

static void tidy_string(struct tidy *t)
{
	char quote = *t->at++;

	while (*t->at != quote && t->error == NULL) {
		if (quote == '"' && strncmp(t->at, "${", 2) == 0) {
			tidy_variable(t);
			continue;
		}
		if (*t->at == '\\' &&
		    t->at[1] != '\0') /* what is behind it does not end the text */
			t->at++;
		if (*t->at == '\0' || *t->at == '\n')
			t->error = "the quoted text that begins here has no end on this line";
		else
			t->at++;
	}
	if (t->error == NULL)
		t->at++;
}

static void tidy_brace(struct tidy *t)
{
	if (*t->at == '{' && t->depth++ == 0)
		t->open_line = t->line;
	else if (*t->at == '}' && t->depth > 0)
		t->depth--;
}

static void tidy_token(struct tidy *t)
{
	/* What ends a word of libconfuse.  A slash does not: http://x is one word. */
	static const char ends_word[] = " \t\r\n\"'#={}(),+*";
	size_t len = strcspn(t->at, ends_word);

	if (strncmp(t->at, "//", 2) == 0 || *t->at == '#')
		tidy_line_comment(t);
	else if (strncmp(t->at, "/*", 2) == 0)
		tidy_block_comment(t);
	else if (strncmp(t->at, "${", 2) == 0)
		tidy_variable(t);
	else if (*t->at == '"' || *t->at == '\'')
		tidy_string(t);
	else if (*t->at == '*' || (t->at[0] == '+' && t->at[1] != '='))
		t->error = "a text with '*' or '+' must stand in quotes";
	else if ((unsigned char)*t->at < 0x20 && strchr("\t\r\n", *t->at) == NULL)
		t->error = "this line holds a control character; is it a text file?";
	else if (len > 0)
		t->at += len;
	else {
		tidy_brace(t);
		t->line += *t->at++ == '\n';
	}
}

int conf_tidy(char *text, const char *name, struct why *why)
{
	struct tidy t = {.at = text, .line = 1};

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* the byte order mark of some editors */
		memset(text, ' ', 3);
	while (*t.at != '\0' && t.error == NULL)
		tidy_token(&t);
	if (t.error == NULL && t.depth > 0) {
		t.line = t.open_line;
		t.error = "the section or list of values that begins here has no '}'";
	}
	if (t.error != NULL)
		return why_set(why, ERR_FORMAT, "%s:%u: %s", name, t.line, t.error);
	return 0;
}

/* ---- libconfuse ---- */

/* libconfuse hands its callbacks no pointer of ours, and its scanner exists once in a process; so
 * does this. */
static struct reader {
	struct conf *conf;
	const char *name; /* of the file, in messages */
	struct why *why;
	int err;		/* the first, which *why tells about */
	uint64_t seen;		/* bits by row of conf_options */
	struct conf_list blank; /* defaults of a list */
	/* --- the section that is being read --- */
	struct conf_list list;
	struct conf_forward forward;
	struct conf_group group;
	uint64_t section_seen; /* bits by row of its options */
} reader;

/* Note what is wrong in the line that is being read, unless an error came before.  Returns -1, by
 * which libconfuse's callbacks end it. */
static int QUELL_PRINTF(3, 4) reader_fail(const cfg_t *cfg, int err, const char *fmt, ...)
{
	struct why text;
	va_list ap;

	if (reader.err < 0)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(text.text, sizeof(text.text), fmt, ap);
	va_end(ap);
	reader.err = why_set(reader.why, err, "%s:%d: %s", reader.name, cfg->line, text.text);
	return -1;
}

/* The kinds of sections, and where the values of one go while it is read. */
static const struct section {
	const struct option *title, *options;
	void *base;
	const char *where; /* in messages */
} sections[] = {
    {&conf_list_name, conf_list_options, &reader.list, " in a list"},
    {&conf_forward_zone, conf_forward_options, &reader.forward, " in forward"},
    {&conf_group_name, conf_group_options, &reader.group, " in a group"},
};

#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

/* NULL: none of them. */
static const struct section *section_of(const cfg_t *cfg)
{
	for (size_t i = 0; i < N_SECTIONS; i++)
		if (strcmp(cfg->name, sections[i].title->name) == 0)
			return &sections[i];
	return NULL;
}

/* Levenshtein's distance; names longer than the table's count as far away. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[33], n_a = (unsigned)strlen(a), n_b = (unsigned)strlen(b);

	if (n_a >= sizeof(row) / sizeof(row[0]) || n_b >= sizeof(row) / sizeof(row[0]))
		return UINT_MAX;
	for (unsigned k = 0; k <= n_b; k++)
		row[k] = k;
	for (unsigned i = 1; i <= n_a; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned k = 1; k <= n_b; k++) {
			unsigned best = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[n_b];
}

static const struct option *table_of(const cfg_t *cfg)
{
	const struct section *section = section_of(cfg);

	return section != NULL ? section->options : conf_options;
}

/* Is `known` nearer to `name` than *nearest is? */
static void compare(const char *name, const char *known, const char **nearest, unsigned *least)
{
	unsigned d = distance(name, known);

	if (d >= *least)
		return;
	*least = d;
	*nearest = known;
}

static void unknown_option(const cfg_t *cfg, const char *name)
{
	const struct section *section = section_of(cfg);
	const char *nearest = "", *where = section != NULL ? section->where : "";
	unsigned least = UINT_MAX;

	for (size_t i = 0; section == NULL && i < N_SECTIONS; i++)
		compare(name, sections[i].title->name, &nearest, &least);
	for (const struct option *o = table_of(cfg); o->name != NULL; o++)
		compare(name, o->name, &nearest, &least);
	if (least <= 3 && least < strlen(name))
		(void)reader_fail(cfg, ERR_FORMAT,
		    "there is no option '%.64s'%s; did you mean '%s'?", name, where, nearest);
	else
		(void)reader_fail(cfg, ERR_FORMAT,
		    "there is no option '%.64s'%s; quell.conf(5) names all", name, where);
}

/* Called by libconfuse for its own errors. */
static void QUELL_PRINTF(2, 0) on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[128];

	if (strncmp(fmt, "no such option", 14) == 0) {
		unknown_option(cfg, va_arg(ap, const char *));
		return;
	}
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (strncmp(fmt, "found duplicate title", 21) == 0)
		(void)reader_fail(cfg, ERR_FORMAT, "%s; each has its own name", text);
	else
		(void)reader_fail(cfg, ERR_FORMAT, "%s; " GRAMMAR, text);
}

/* Only groups that stand before can be named, so none leads back to itself. */
static bool has_group(const char *name)
{
	for (unsigned i = 0; i < reader.conf->n_groups; i++)
		if (strcmp(reader.conf->groups[i].name, name) == 0)
			return true;
	return false;
}

/* Called by libconfuse for each value, with the line where it stands. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct section *section = section_of(cfg);
	const struct option *table = table_of(cfg);
	void *base = section != NULL ? section->base : reader.conf;
	uint64_t *seen = section != NULL ? &reader.section_seen : &reader.seen;
	struct why why;
	size_t i = 0;

	while (table[i].name != NULL && strcmp(table[i].name, opt->name) != 0)
		i++;
	if (table[i].name == NULL) { /* libconfuse reaches into sections: list|url */
		unknown_option(cfg, opt->name);
		return -1;
	}
	if (opt->nvalues == 1 && (*seen & (uint64_t)1 << i) != 0)
		return reader_fail(cfg, ERR_FORMAT, "%s is set twice; keep one of them", opt->name);
	*seen |= (uint64_t)1 << i;

	if (table[i].kind->set(base, &table[i], opt->nvalues - 1, value, &why) < 0)
		return reader_fail(cfg, ERR_FORMAT, "%s: %s", opt->name, why.text);
	if (strcmp(opt->name, "fallback") == 0 && !has_group(value))
		return reader_fail(cfg, ERR_FORMAT,
		    "fallback: there is no group \"%s\" above; it stands before who names it",
		    value);
	/* What is wrong with a record is found out later, by the loader. */
	if (section == NULL && strcmp(opt->name, "record") == 0)
		reader.conf->record_line[opt->nvalues - 1] = (unsigned)cfg->line;
	*(const char **)result = value;
	return 0;
}

/* The sections all[0..*n) of `size` bytes, with one more behind them; NULL: no memory, all stays. */
static void *section_append(void *all, unsigned *n, const void *section, size_t size)
{
	if ((*n & (*n - 1)) == 0) { /* full: the room is the next power of two */
		all = realloc(all, (*n == 0 ? 1 : 2 * (size_t)*n) * size);
		if (all == NULL)
			return NULL;
	}
	memcpy((char *)all + *n * size, section, size);
	(*n)++;
	return all;
}

/* Called by libconfuse at the end of each list section. */
static int on_list(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_title(cfg_opt_getnsec(opt, opt->nvalues - 1));
	struct conf_list *lists;
	bool has_url = reader.list.url[0] != '\0', has_file = reader.list.file[0] != '\0';
	struct why why;

	if (conf_list_name.kind->set(&reader.list, &conf_list_name, 0, name, &why) < 0)
		return reader_fail(cfg, ERR_FORMAT, "list: %s", why.text);
	if (has_url == has_file)
		return reader_fail(cfg, ERR_FORMAT, "list \"%s\" has %s; it needs one of them",
		    name, has_url ? "both url and file" : "neither url nor file");
	if (reader.conf->n_lists == CONF_LISTS_MAX)
		return reader_fail(cfg, ERR_FORMAT, "too many lists; at most %u are possible",
		    (unsigned)CONF_LISTS_MAX);
	lists = section_append(
	    reader.conf->lists, &reader.conf->n_lists, &reader.list, sizeof(reader.list));
	if (lists == NULL)
		return reader_fail(cfg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	reader.conf->lists = lists;
	reader.list = reader.blank;
	reader.section_seen = 0;
	return 0;
}

/* libconfuse knows no names: lan, LAN and lan. are three titles. */
static bool has_forward(const char *zone)
{
	uint8_t name[NAME_SIZE], other[NAME_SIZE];
	size_t len;

	if (name_from_text(zone, strlen(zone), name, &len) != 0)
		return false;
	for (unsigned i = 0; i < reader.conf->n_forwards; i++) {
		const char *text = reader.conf->forwards[i].zone;

		if (name_from_text(text, strlen(text), other, &len) == 0 && name_equal(name, other))
			return true;
	}
	return false;
}

/* Called by libconfuse at the end of each forward section. */
static int on_forward(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *zone = cfg_title(cfg_opt_getnsec(opt, opt->nvalues - 1));
	struct conf_forward *forwards;
	struct why why;

	if (conf_forward_zone.kind->set(&reader.forward, &conf_forward_zone, 0, zone, &why) < 0)
		return reader_fail(cfg, ERR_FORMAT, "forward: %s", why.text);
	if (has_forward(zone))
		return reader_fail(cfg, ERR_FORMAT,
		    "forward \"%s\" stands there twice; name all of its upstreams in one", zone);
	if (reader.forward.upstream.n == 0)
		return reader_fail(cfg, ERR_FORMAT,
		    "forward \"%s\" has no upstream; name who knows these names", zone);
	if (reader.conf->n_forwards == CONF_FORWARDS_MAX)
		return reader_fail(cfg, ERR_FORMAT, "too many zones; at most %u are possible",
		    (unsigned)CONF_FORWARDS_MAX);
	forwards = section_append(reader.conf->forwards, &reader.conf->n_forwards, &reader.forward,
	    sizeof(reader.forward));
	if (forwards == NULL)
		return reader_fail(cfg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	reader.conf->forwards = forwards;
	memset(&reader.forward, 0, sizeof(reader.forward));
	reader.section_seen = 0;
	return 0;
}

/* Called by libconfuse at the end of each group section. */
static int on_group(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_title(cfg_opt_getnsec(opt, opt->nvalues - 1));
	struct conf_group *groups;
	struct why why;

	if (conf_group_name.kind->set(&reader.group, &conf_group_name, 0, name, &why) < 0)
		return reader_fail(cfg, ERR_FORMAT, "group: %s", why.text);
	if (reader.group.upstream.n == 0)
		return reader_fail(
		    cfg, ERR_FORMAT, "group \"%s\" has no upstream; name who is asked", name);
	if (reader.conf->n_groups == CONF_GROUPS_MAX)
		return reader_fail(cfg, ERR_FORMAT, "too many groups; at most %u are possible",
		    (unsigned)CONF_GROUPS_MAX);
	groups = section_append(
	    reader.conf->groups, &reader.conf->n_groups, &reader.group, sizeof(reader.group));
	if (groups == NULL)
		return reader_fail(cfg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	reader.conf->groups = groups;
	memset(&reader.group, 0, sizeof(reader.group));
	reader.section_seen = 0;
	return 0;
}

/* The rows of `table` as libconfuse wants them; returns how many. */
static size_t make_opts(cfg_opt_t *opts, const struct option *table)
{
	size_t n = 0;

	for (; n < OPTIONS_MAX && table[n].name != NULL; n++) {
		if (table[n].kind->is_list)
			opts[n] = (cfg_opt_t)CFG_STR_LIST_CB(
			    table[n].name, NULL, CFGF_NODEFAULT, on_value);
		else
			opts[n] =
			    (cfg_opt_t)CFG_STR_CB(table[n].name, NULL, CFGF_NODEFAULT, on_value);
	}
	return n;
}

/* Parse the tidy `text` into reader.conf. */
static int reader_run(const char *text)
{
	/* The rest of each is zero, which is what ends a table (CFG_END). */
	cfg_opt_t section_opts[N_SECTIONS][OPTIONS_MAX + 1] = {{CFG_END()}};
	cfg_opt_t opts[OPTIONS_MAX + N_SECTIONS + 1] = {CFG_END()};
	size_t n = make_opts(opts, conf_options);
	struct reserve reserve;
	cfg_t *cfg;
	int status;

	for (size_t i = 0; i < N_SECTIONS; i++) {
		(void)make_opts(section_opts[i], sections[i].options);
		opts[n++] = (cfg_opt_t)CFG_SEC(sections[i].title->name, section_opts[i],
		    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	}

	if (reserve_take(&reserve, RESERVE + strlen(text) * RESERVE_EACH) < 0)
		return why_set(reader.why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	cfg = cfg_init(opts, CFGF_NONE);
	if (cfg == NULL) {
		reserve_drop(&reserve);
		return why_set(reader.why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	(void)cfg_set_error_function(cfg, on_error);
	(void)cfg_set_validate_func(cfg, conf_list_name.name, on_list);
	(void)cfg_set_validate_func(cfg, conf_forward_zone.name, on_forward);
	(void)cfg_set_validate_func(cfg, conf_group_name.name, on_group);
	status = cfg_parse_buf(cfg, text);
	if (status != CFG_SUCCESS) /* it has no words for some mistakes: "" = 1 */
		(void)reader_fail(cfg, ERR_FORMAT, "there is no such option; " GRAMMAR);
	(void)cfg_free(cfg);
	reserve_drop(&reserve);
	return reader.err;
}

/* `text` is changed. */
static int read_text(struct conf **out, char *text, const char *name, struct why *why)
{
	int err = conf_tidy(text, name, why);

	if (err < 0)
		return err;
	reader = (struct reader){.conf = conf_new(), .name = name, .why = why};
	if (reader.conf != NULL)
		reader.conf->file = strdup(name);
	if (reader.conf == NULL || reader.conf->file == NULL ||
	    conf_set_defaults(&reader.blank, conf_list_options) < 0)
		err = why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	reader.list = reader.blank;
	if (err == 0)
		err = reader_run(text);
	if (err < 0)
		conf_free(reader.conf);
	else
		*out = reader.conf;
	reader = (struct reader){0};
	return err;
}

int conf_read_text(struct conf **out, const char *text, const char *name, struct why *why)
{
	char *copy = strdup(text);
	int err;

	if (copy == NULL)
		return why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	err = read_text(out, copy, name, why);
	free(copy);
	return err;
}

int conf_read(struct conf **out, const char *path, struct why *why)
{
	/* Nobody may have the other end of a pipe open. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *text = NULL;
	struct stat st;
	size_t len;
	bool known;
	int err;

	if (fd < 0) {
		err = errno == ENOENT ? ERR_NOTFOUND : errno == EACCES ? ERR_DENIED : ERR_SYS;
		return why_set(why, err, "%s: %s", path, strerror(errno));
	}
	known = fstat(fd, &st) == 0;
	if (known && S_ISFIFO(st.st_mode))
		err = why_set(why, ERR_FORMAT,
		    "%s: this is a pipe, which cannot be read again at a reload; it takes a file",
		    path);
	else if (known && S_ISDIR(st.st_mode))
		err = why_set(why, ERR_FORMAT, "%s: %s", path, strerror(EISDIR));
	else
		err = file_read(fd, path, FILE_SIZE_MAX, &text, &len, why);
	(void)close(fd);
	if (err == ERR_RANGE || (err == 0 && memchr(text, '\0', len) != NULL))
		err = why_set(why, ERR_FORMAT,
		    "%s:1: this is not a configuration: it is %s; see quell.conf(5)", path,
		    err == ERR_RANGE ? "longer than 1M" : "not text");
	if (err == 0)
		err = read_text(out, text, path, why);
	free(text);
	return err;
}

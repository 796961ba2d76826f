/* quell-update.c - lists to an image.  Only the command line is read here. */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "blocklists/compile.h"
#include "blocklists/feed.h"
#include "lib/conf.h"
#include "lib/dns/msg.h"
#include "lib/dns/type.h"
#include "tools/update_bench.h"
#include "tools/update_explain.h"
#include "tools/update_jail.h"
#include "tools/update_lists.h"
#include "tools/update_offline.h"
#include "tools/update_owner.h"
#include "tools/update_run.h"
#include "tools/update_survey.h"
#include "tools/update_why.h"

#define STALL_S	      30
#define STALL_MAX_S   3600
#define PARALLEL      4
#define PARALLEL_MAX  32
#define TRIES	      3
#define TRIES_MAX     10
#define PAUSE_MS      2000 /* before the second try */
#define DOWNLOAD_ROOF ((uint64_t)COMPILE_TEXT_MAX)

static const char usage_text[] =
    "usage: quell-update [run] [-c FILE] [--force] [--dry-run] [--json] [--control PATH]\n"
    "                    [--timeout DURATION] [--max-size SIZE] [--parallel N] [--tries N]\n"
    "                    [--accept LIST]... [LIST...]\n"
    "       quell-update preview [-c FILE] [--names FILE] [--json] [OPTION OF run]... [LIST...]\n"
    "       quell-update rollback [-c FILE] [--json] [--control PATH] [LIST...]\n"
    "       quell-update report [-c FILE] [--json]\n"
    "       quell-update compile -o IMAGE FILE...\n"
    "       quell-update dump IMAGE\n"
    "       quell-update verify IMAGE\n"
    "       quell-update bench IMAGE NAMES\n"
    "       quell-update why [-c FILE] [--json] NAME [TYPE]\n"
    "       quell-update why IMAGE|FILE... -- NAME [TYPE]\n"
    "       quell-update catalogue [--json]\n"
    "       quell-update add [-c FILE] [--name NAME] [--syntax SYNTAX] [--json] NAME|URL...\n"
    "       quell-update remove [-c FILE] [--json] NAME...\n"
    "       quell-update --version | --help\n";

/* Say what is wrong and what would be right.  Returns the exit code. */
static int QUELL_PRINTF(1, 2) usage(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("quell-update: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\n%s", usage_text);
	return UPDATE_EXIT_USAGE;
}

/* ---- run ---- */

/* A list's file is written relative to the folder of the configuration. */
static int resolve_file(struct conf_list *list, const char *conf_path, struct why *why)
{
	const char *slash = strrchr(conf_path, '/');
	size_t dir_len = slash != NULL ? (size_t)(slash - conf_path) + 1 : 0;
	size_t file_size = strlen(list->file) + 1;

	if (list->file[0] == '\0' || list->file[0] == '/')
		return 0;
	if (dir_len + file_size > sizeof(list->file))
		return why_set(why, ERR_RANGE, "%s: list %s: the path of its file is too long",
		    conf_path, list->name);
	memmove(list->file + dir_len, list->file, file_size);
	memcpy(list->file, conf_path, dir_len);
	return 0;
}

static int check_lists(struct conf *conf, const char *path, struct why *why)
{
	int err = 0;

	if (conf->n_lists == 0)
		return why_set(why, ERR_NOTFOUND,
		    "%s: no list is configured; `quell-update catalogue` shows some, and "
		    "`quell-update add NAME` takes one",
		    path);
	for (unsigned i = 0; i < conf->n_lists && err == 0; i++) {
		struct conf_list *list = &conf->lists[i];
		struct why reason;

		err = feed_check_name(list->syntax, &reason);
		if (err != 0)
			return why_set(why, err, "%s: list %s: %s", path, list->name, reason.text);
		err = resolve_file(list, path, why);
	}
	return err;
}

static int read_conf(struct conf **conf, const char *path, struct why *why)
{
	int err = conf_read(conf, path, why);

	if (err != 0)
		return err;
	err = check_lists(*conf, path, why);
	if (err == 0)
		return 0;
	conf_free(*conf);
	return err;
}

static bool has_list(const struct conf *conf, const char *name)
{
	for (unsigned i = 0; i < conf->n_lists; i++) {
		if (strcmp(conf->lists[i].name, name) == 0)
			return true;
	}
	return false;
}

static int run_with(const char *conf_path, struct update_options *options)
{
	struct conf *conf;
	struct why why;
	int code;

	if (read_conf(&conf, conf_path, &why) != 0) {
		(void)fprintf(stderr, "quell-update: %s\n", why.text);
		return UPDATE_EXIT_USAGE;
	}
	for (unsigned i = 0; i < options->n_names + options->n_accept; i++) {
		const char *name = i < options->n_names ? options->names[i]
							: options->accept[i - options->n_names];

		if (has_list(conf, name))
			continue;
		code = usage("%s: there is no list %s", conf_path, name);
		goto out;
	}
	if (update_owner_become(conf->state_dir, &why) != 0) {
		(void)fprintf(stderr, "quell-update: %s\n", why.text);
		code = UPDATE_EXIT_NOTHING;
		goto out;
	}
	if (options->control == NULL)
		options->control = conf->control;
	code = update_run(conf, options);
out:
	conf_free(conf);
	return code;
}

static int parse_stall(unsigned *stall_s, const char *text, struct why *why)
{
	uint64_t ms;
	int err = conf_parse_duration(&ms, text, why);

	if (err != 0)
		return err;
	if (ms < 1000 || ms > (uint64_t)STALL_MAX_S * 1000)
		return why_set(why, ERR_RANGE, "%s: from 1s to 1h is possible", text);
	*stall_s = (unsigned)((ms + 999) / 1000);
	return 0;
}

static int parse_max(uint64_t *max, const char *text, struct why *why)
{
	uint64_t bytes;
	int err = conf_parse_size(&bytes, text, why);

	if (err != 0)
		return err;
	if (bytes == 0 || bytes > DOWNLOAD_ROOF)
		return why_set(why, ERR_RANGE, "%s: from 1 to 1G is possible", text);
	*max = bytes;
	return 0;
}

static int parse_number(unsigned *n, unsigned max, const char *text, struct why *why)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > max)
		return why_set(why, ERR_RANGE, "%s: from 1 to %u is possible", text, max);
	*n = (unsigned)value;
	return 0;
}

enum {
	OPT_FORCE = 256,
	OPT_DRY_RUN,
	OPT_JSON,
	OPT_CONTROL,
	OPT_TIMEOUT,
	OPT_MAX_SIZE,
	OPT_PARALLEL,
	OPT_TRIES,
	OPT_ACCEPT,
	OPT_NAMES
};

static const struct option run_options[] = {
    {"force", no_argument, NULL, OPT_FORCE},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"json", no_argument, NULL, OPT_JSON},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"max-size", required_argument, NULL, OPT_MAX_SIZE},
    {"parallel", required_argument, NULL, OPT_PARALLEL},
    {"tries", required_argument, NULL, OPT_TRIES},
    {"accept", required_argument, NULL, OPT_ACCEPT},
    {NULL, 0, NULL, 0},
};

static int take_run_option(
    int opt, struct update_options *options, const char **conf_path, struct why *why)
{
	switch (opt) {
	case 'c':
		*conf_path = optarg;
		return 0;
	case OPT_FORCE:
		options->force = true;
		return 0;
	case OPT_DRY_RUN:
		options->dry = true;
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	case OPT_CONTROL:
		options->control = optarg;
		return 0;
	case OPT_TIMEOUT:
		return parse_stall(&options->stall_s, optarg, why);
	case OPT_MAX_SIZE:
		return parse_max(&options->max_bytes, optarg, why);
	case OPT_ACCEPT:
		if (options->n_accept == CONF_LISTS_MAX)
			return why_set(why, ERR_RANGE, "more than %d lists", CONF_LISTS_MAX);
		options->accept[options->n_accept++] = optarg;
		return 0;
	case OPT_NAMES:
		options->names_path = optarg;
		return 0;
	case OPT_PARALLEL:
		return parse_number(&options->parallel, PARALLEL_MAX, optarg, why);
	case OPT_TRIES:
		return parse_number(&options->tries, TRIES_MAX, optarg, why);
	default:
		return why_set(why, ERR_DENIED, "the options of run are below");
	}
}

static const struct option preview_options[] = {
    {"json", no_argument, NULL, OPT_JSON},
    {"names", required_argument, NULL, OPT_NAMES},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"max-size", required_argument, NULL, OPT_MAX_SIZE},
    {"parallel", required_argument, NULL, OPT_PARALLEL},
    {"tries", required_argument, NULL, OPT_TRIES},
    {NULL, 0, NULL, 0},
};

static const struct option rollback_options[] = {
    {"json", no_argument, NULL, OPT_JSON},
    {"control", required_argument, NULL, OPT_CONTROL},
    {NULL, 0, NULL, 0},
};

/* `argv[0]` is the command, or the program where no command was given; of the options these are
 * `known`. */
static int run_command(
    int argc, char **argv, const struct option *known, struct update_options options)
{
	char *accept[CONF_LISTS_MAX];
	const char *conf_path = conf_default_path;
	struct why why;
	int err = 0;

	options.stall_s = STALL_S;
	options.parallel = PARALLEL;
	options.tries = TRIES;
	options.pause_ms = PAUSE_MS;
	options.accept = accept;
	options.sandbox = true;
	for (int opt; err == 0 && (opt = getopt_long(argc, argv, "c:", known, NULL)) != -1;)
		err = take_run_option(opt, &options, &conf_path, &why);
	if (err == 0 && options.dry && options.n_accept != 0)
		err = why_set(&why, ERR_DENIED, "--accept and --dry-run do not go together");
	if (err != 0)
		return usage("%s", why.text);
	options.names = argv + optind;
	options.n_names = (unsigned)(argc - optind);
	return run_with(conf_path, &options);
}

static int command_run(int argc, char **argv)
{
	return run_command(argc, argv, run_options, (struct update_options){0});
}

static int command_preview(int argc, char **argv)
{
	return run_command(
	    argc, argv, preview_options, (struct update_options){.dry = true, .preview = true});
}

static int command_rollback(int argc, char **argv)
{
	return run_command(
	    argc, argv, rollback_options, (struct update_options){.roll_back = true});
}

static int command_report(int argc, char **argv)
{
	static const struct option known[] = {
	    {"json", no_argument, NULL, OPT_JSON}, {NULL, 0, NULL, 0}};
	struct update_options options = {0};
	const char *conf_path = conf_default_path;
	struct conf *conf;
	struct why why;
	int err = 0, code;

	for (int opt; err == 0 && (opt = getopt_long(argc, argv, "c:", known, NULL)) != -1;)
		err = take_run_option(opt, &options, &conf_path, &why);
	if (err != 0 || optind != argc)
		return usage("report takes -c FILE and --json");
	if (read_conf(&conf, conf_path, &why) != 0) {
		(void)fprintf(stderr, "quell-update: %s\n", why.text);
		return UPDATE_EXIT_USAGE;
	}
	code = update_survey(conf, options.json);
	conf_free(conf);
	return code;
}

/* ---- the others ---- */

/* A command that only works on files, which others may have written: from here on it opens `files` and what is below
 * them, writes beside `image` (NULL: nowhere), and has no network. */
static void confine(char *const *files, unsigned n_files, const char *image)
{
	char folder[CONF_PATH_SIZE] = ".";
	const char *const write[] = {folder}, *slash = image != NULL ? strrchr(image, '/') : NULL;
	const struct sandbox_wish wish = {
	    .kind = SANDBOX_OFFLINE,
	    .read = (const char *const *)files,
	    .n_read = n_files,
	    .write = write,
	    .n_write = image != NULL,
	};

	if (slash != NULL)
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - image) + 1, image);
	update_jail_enter(&wish);
}

static int command_compile(int argc, char **argv)
{
	const char *image = NULL;

	for (int opt; (opt = getopt(argc, argv, "o:")) != -1;) {
		if (opt != 'o') {
			(void)fputs(usage_text, stderr);
			return UPDATE_EXIT_USAGE;
		}
		image = optarg;
	}
	if (image == NULL || optind == argc)
		return usage("compile takes -o IMAGE and one FILE or more");
	confine(argv + optind, (unsigned)(argc - optind), image);
	return update_offline_compile(image, argv + optind, (unsigned)(argc - optind));
}

static int command_dump(int argc, char **argv)
{
	if (argc != 2)
		return usage("dump takes one IMAGE");
	confine(argv + 1, 1, NULL);
	return update_offline_dump(argv[1]);
}

static int command_verify(int argc, char **argv)
{
	if (argc != 2)
		return usage("verify takes one IMAGE");
	confine(argv + 1, 1, NULL);
	return update_offline_verify(argv[1]);
}

static int command_bench(int argc, char **argv)
{
	if (argc != 3)
		return usage("bench takes an IMAGE and a file of NAMES");
	confine(argv + 1, 2, NULL);
	return update_bench(argv[1], argv[2]);
}

/* By the lists of the configuration. */
static int why_configured(int argc, char **argv)
{
	static const struct option known[] = {
	    {"json", no_argument, NULL, OPT_JSON}, {NULL, 0, NULL, 0}};
	struct update_options options = {0};
	const char *conf_path = conf_default_path;
	uint16_t type = TYPE_A;
	struct conf *conf;
	struct why why;
	int err = 0, code;

	for (int opt; err == 0 && (opt = getopt_long(argc, argv, "c:", known, NULL)) != -1;)
		err = take_run_option(opt, &options, &conf_path, &why);
	if (err != 0)
		return usage("why takes -c FILE and --json, or IMAGE or FILEs, then --");
	if (argc - optind < 1 || argc - optind > 2)
		return usage("why takes a NAME and perhaps a TYPE");
	if (argc - optind == 2 && !type_from_text(argv[optind + 1], &type))
		return usage("%s: this is no query type, as AAAA is one", argv[optind + 1]);
	if (read_conf(&conf, conf_path, &why) != 0) {
		(void)fprintf(stderr, "quell-update: %s\n", why.text);
		return UPDATE_EXIT_USAGE;
	}
	confine((char *[]){(char[]){"/"}}, 1, NULL);
	code = update_explain(conf, argv[optind], type, options.json);
	conf_free(conf);
	return code;
}

static int command_why(int argc, char **argv)
{
	uint16_t type = TYPE_A;
	int dashes = 1;

	while (dashes < argc && strcmp(argv[dashes], "--") != 0)
		dashes++;
	if (dashes == argc)
		return why_configured(argc, argv);
	if (dashes == 1 || argc - dashes < 2 || argc - dashes > 3)
		return usage("why takes an IMAGE or FILEs, then --, then NAME and perhaps TYPE");
	if (argc - dashes == 3 && !type_from_text(argv[dashes + 2], &type))
		return usage("%s: this is no query type, as AAAA is one", argv[dashes + 2]);
	confine(argv + 1, (unsigned)(dashes - 1), NULL);
	return update_why(argv + 1, (unsigned)(dashes - 1), argv[dashes + 1], type);
}

/* ---- the lists of the configuration ---- */

static int command_catalogue(int argc, char **argv)
{
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--json") != 0))
		return usage("catalogue takes nothing but --json");
	return update_lists_catalogue(argc == 2);
}

enum { OPT_NAME = 512, OPT_SYNTAX, OPT_LISTS_JSON };

static const struct option add_options[] = {
    {"json", no_argument, NULL, OPT_LISTS_JSON},
    {"name", required_argument, NULL, OPT_NAME},
    {"syntax", required_argument, NULL, OPT_SYNTAX},
    {NULL, 0, NULL, 0},
};

static const struct option remove_options[] = {
    {"json", no_argument, NULL, OPT_LISTS_JSON},
    {NULL, 0, NULL, 0},
};

static bool take_lists_option(int opt, struct update_lists_options *options)
{
	switch (opt) {
	case 'c':
		options->conf_path = optarg;
		options->conf_named = true;
		return true;
	case OPT_LISTS_JSON:
		options->json = true;
		return true;
	case OPT_NAME:
		options->name = optarg;
		return true;
	case OPT_SYNTAX:
		options->syntax = optarg;
		return true;
	default:
		return false;
	}
}

static bool take_lists_options(
    int argc, char **argv, const struct option *known, struct update_lists_options *options)
{
	*options = (struct update_lists_options){.conf_path = conf_default_path};
	for (int opt; (opt = getopt_long(argc, argv, "c:", known, NULL)) != -1;) {
		if (!take_lists_option(opt, options))
			return false;
	}
	options->words = argv + optind;
	options->n_words = (unsigned)(argc - optind);
	return true;
}

static int command_add(int argc, char **argv)
{
	struct update_lists_options options;

	if (!take_lists_options(argc, argv, add_options, &options) || options.n_words == 0)
		return usage("add takes a NAME of the catalogue or a URL, or several");
	if (options.name != NULL && options.n_words > 1)
		return usage("with --name, add takes one NAME or URL");
	return update_lists_add(&options);
}

static int command_remove(int argc, char **argv)
{
	struct update_lists_options options;

	if (!take_lists_options(argc, argv, remove_options, &options) || options.n_words == 0)
		return usage("remove takes the NAME of a list in the configuration, or several");
	return update_lists_remove(&options);
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"run", command_run},
    {"preview", command_preview},
    {"rollback", command_rollback},
    {"report", command_report},
    {"compile", command_compile},
    {"dump", command_dump},
    {"verify", command_verify},
    {"bench", command_bench},
    {"why", command_why},
    {"catalogue", command_catalogue},
    {"add", command_add},
    {"remove", command_remove},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

/* `-c FILE` may stand before the command as well: put it behind. */
static void put_command_first(int argc, char **argv)
{
	char *name;

	if (argc < 4 || strcmp(argv[1], "-c") != 0 || find_command(argv[3]) == NULL)
		return;
	name = argv[3];
	argv[3] = argv[2];
	argv[2] = argv[1];
	argv[1] = name;
}

static int dispatch(int argc, char **argv)
{
	const struct command *command;

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts(PACKAGE_NAME "-update " PACKAGE_VERSION);
		return UPDATE_EXIT_WELL;
	}
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage_text, stdout);
		return UPDATE_EXIT_WELL;
	}
	put_command_first(argc, argv);
	if (argc < 2 || argv[1][0] == '-')
		return command_run(argc, argv);
	command = find_command(argv[1]);
	if (command == NULL)
		return usage("there is no command %s", argv[1]);
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int code;

	umask(022);
	code = dispatch(argc, argv);
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == UPDATE_EXIT_WELL) {
		perror("quell-update: standard output");
		code = UPDATE_EXIT_NOTHING;
	}
	return code;
}

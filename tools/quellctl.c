/* quellctl.c - ask or tell the running quelld, over its control socket (resolver/ctl.h has the
 * protocol).
 *
 * An answer is lines of KEY VALUE.  They are shown for people (ctl_show.h), or as one JSON object:
 * numbers as numbers, and keys that may be repeated always as an array of texts.
 */
#include "config.h" /* PACKAGE_VERSION */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "tools/control.h"
#include "tools/ctl_cache.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"
#include "tools/ctl_why.h"
#include "tools/doctor_run.h"
#include "tools/text.h"

#define REQUEST_MAX 1024

enum { EXIT_WELL = 0, EXIT_DEGRADED = 1, EXIT_REFUSED = 1, EXIT_DOWN = 2, EXIT_USAGE = 2 };

static const char help[] =
    "Usage: quellctl [-c FILE] [--control PATH] [--json] COMMAND\n"
    "Ask or tell the running quelld.\n"
    "\n"
    "  status           how it goes; exit status 0: well, 1: degraded, 2: not running\n"
    "  stats            counters, and how long answers took\n"
    "  why NAME [TYPE]  what becomes of a query, by which rules of which lists; --client ADDRESS:\n"
    "                   of this client's\n"
    "  cache NAME [TYPE]\n"
    "                   what is in the cache for a name, for how long still, and what becomes of "
    "it\n"
    "  upstreams        how it stands with each: round trips, failures, what was learnt of it\n"
    "  flush NAME       forget the cached answers of this name; --below: of those below it, too;\n"
    "                   flush --all: of all names\n"
    "  reload           read configuration and lists again; exit status 1: it was refused\n"
    "  doctor           what is in the way on this machine and in the network, each with what to\n"
    "                   type; exit status 0: nothing, 1: warnings, 2: something bad\n"
    "\n"
    "Rules of your own come before all lists, at once:\n"
    "  allow NAME [for TIME]  never block this name, nor what is below it\n"
    "  block NAME [with ANSWER] [for TIME]\n"
    "                         block it; =NAME: without what is below; ANSWER: as block_answer\n"
    "  unset NAME             as if there had been no such rule\n"
    "  rules                  those there are\n"
    "  pause [TIME]           block nothing, until resume or for a time: 300, 30m, 2h\n"
    "  resume                 block again\n"
    "      --comment TEXT     kept with the rule\n"
    "\n"
    "  -c, --config FILE   take the path of the socket from this configuration\n"
    "      --control PATH  the socket\n"
    "      --json          for programs\n"
    "      --version, --help\n"
    "\n"
    "See quellctl(8).\n";

/* The commands about the user's own rules: each changes them, or lists them. */
static const char *const own_commands[] = {
    "allow", "block", "unset", "rules", "pause", "resume", NULL};

static bool is_among(const char *word, const char *const *words)
{
	while (*words != NULL && strcmp(word, *words) != 0)
		words++;
	return *words != NULL;
}

static void die(int status, const char *fmt, ...) QUELL_PRINTF(2, 3) __attribute__((noreturn));

static void die(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("quellctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

/* ---- showing ---- */

/* quelld refused, or was not reached: say why. */
static void fail(int err, const char *reason, bool json) __attribute__((noreturn));

static void fail(int err, const char *reason, bool json)
{
	if (json) {
		fputs("{\"error\":", stdout);
		text_json(stdout, reason);
		puts("}");
		(void)fflush(stdout);
	}
	die(err == ERR_DENIED ? EXIT_REFUSED : EXIT_DOWN, "%s", reason);
}

/* Show the lines of an answer; returns the exit status. */
static int show(const char *command, char *lines, bool json)
{
	bool degraded = strcmp(command, "status") == 0 && strncmp(lines, "state well\n", 11) != 0;

	if (!json)
		ctl_show(command, lines);
	else if (ctl_json(command, lines) < 0)
		die(EXIT_DOWN, "no memory");
	if (fflush(stdout) != 0)
		die(EXIT_REFUSED, "standard output: %s", strerror(errno));
	return degraded ? EXIT_DEGRADED : EXIT_WELL;
}

/* ---- the command line ---- */

/* The path in the configuration; the default, where there is none that can be read. */
static const char *control_path(const char *conf_path)
{
	static char path[sizeof(((struct conf *)NULL)->control)];
	struct conf *conf;
	struct why why;

	if (conf_read(&conf, conf_path != NULL ? conf_path : conf_default_path, &why) < 0) {
		if (conf_path != NULL)
			die(EXIT_USAGE, "%s", why.text);
		conf = conf_new();
		if (conf == NULL)
			die(EXIT_DOWN, "no memory");
	}
	memcpy(path, conf->control, sizeof(path));
	conf_free(conf);
	return path;
}

/* The words and the comment (NULL: none) as they are: quelld knows what they mean. */
static void make_own_request(
    char request[REQUEST_MAX], int n_words, char **words, const char *comment)
{
	FILE *to = fmemopen(request, REQUEST_MAX, "w");
	long len;

	if (to == NULL)
		die(EXIT_DOWN, "no memory");
	for (int i = 0; i < n_words; i++)
		fprintf(to, "%s%s", i != 0 ? " " : "", words[i]);
	if (comment != NULL)
		fprintf(to, " # %s", comment);
	fputc('\n', to);
	len = ftell(to);
	if (fclose(to) != 0 || len < 0 || len >= REQUEST_MAX)
		die(EXIT_USAGE, "this is too long");
	if (strchr(request, '\n')[1] != '\0')
		die(EXIT_USAGE, "it has to be one line");
}

/* What quelld would take for another command: above all, `pause "$time"` without a time. */
static void check_own(int n_words, char **words, const char *comment)
{
	static const char *const commented[] = {"allow", "block", "pause", NULL};
	bool alone = strcmp(words[0], "rules") == 0 || strcmp(words[0], "resume") == 0;

	if (comment != NULL && !is_among(words[0], commented))
		die(EXIT_USAGE, "--comment belongs to allow, block and pause");
	if (alone && n_words != 1)
		die(EXIT_USAGE, "%s takes no argument", words[0]);
	for (int i = 1; i < n_words; i++) {
		if (words[i][strspn(words[i], " \t")] == '\0')
			die(EXIT_USAGE, "an argument of %s is empty", words[0]);
	}
}

/* "COMMAND [ARGUMENT...]\n" of the words, checked as far as the daemon would not say it better.
 * `all` and `below` stand for the arguments --all and --below, `client` (NULL: none) for that of --client. */
static void make_request(
    char request[REQUEST_MAX], int n_words, char **words, bool all, bool below, const char *client)
{
	const char *name = all ? "--all" : n_words > 1 ? words[1] : "";
	const char *type = n_words > 2 ? words[2] : client != NULL ? "A" : "";
	int n = n_words + all, takes = 1;
	bool is_why, typed;

	if (n_words == 0)
		die(EXIT_USAGE, "which command? quellctl --help shows them");
	is_why = strcmp(words[0], "why") == 0;
	typed = is_why || strcmp(words[0], "cache") == 0;
	if (typed || strcmp(words[0], "flush") == 0)
		takes = 2;
	if ((all || below) && strcmp(words[0], "flush") != 0)
		die(EXIT_USAGE, "--%s belongs to flush", all ? "all" : "below");
	if (all && below)
		die(EXIT_USAGE, "either --all, or a name with --below");
	if (client != NULL && !is_why)
		die(EXIT_USAGE, "--client belongs to why");
	if (n != takes && !(typed && n == takes + 1))
		die(EXIT_USAGE,
		    takes == 2 ? "write it as: quellctl %s NAME%s" : "%s takes no argument",
		    words[0], typed ? " [TYPE]" : "");
	if (snprintf(request, REQUEST_MAX, "%s%s%s%s%s%s%s%s\n", words[0], takes == 2 ? " " : "",
		below ? "--below " : "", name, type[0] != '\0' ? " " : "", type,
		client != NULL ? " " : "", client != NULL ? client : "") >= REQUEST_MAX ||
	    strchr(request, '\n')[1] != '\0')
		die(EXIT_USAGE, "this is not a command");
}

int main(int argc, char **argv)
{
	enum {
		OPT_CONTROL = 256,
		OPT_JSON,
		OPT_ALL,
		OPT_BELOW,
		OPT_CLIENT,
		OPT_COMMENT,
		OPT_VERSION,
		OPT_HELP
	};
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"control", required_argument, NULL, OPT_CONTROL},
	    {"json", no_argument, NULL, OPT_JSON},
	    {"all", no_argument, NULL, OPT_ALL},
	    {"below", no_argument, NULL, OPT_BELOW},
	    {"client", required_argument, NULL, OPT_CLIENT},
	    {"comment", required_argument, NULL, OPT_COMMENT},
	    {"version", no_argument, NULL, OPT_VERSION},
	    {"help", no_argument, NULL, OPT_HELP},
	    {NULL, 0, NULL, 0},
	};
	const char *control = NULL, *conf_path = NULL, *client = NULL, *comment = NULL;
	char request[REQUEST_MAX], *lines = NULL;
	bool json = false, all = false, below = false, own;
	int option, status, err;
	struct why why;

	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			conf_path = optarg;
			break;
		case OPT_CONTROL:
			control = optarg;
			break;
		case OPT_JSON:
			json = true;
			break;
		case OPT_CLIENT:
			client = optarg;
			break;
		case OPT_COMMENT:
			comment = optarg;
			break;
		case OPT_ALL:
			all = true;
			break;
		case OPT_BELOW:
			below = true;
			break;
		case OPT_VERSION:
			puts("quellctl " PACKAGE_VERSION);
			return EXIT_WELL;
		case OPT_HELP:
			fputs(help, stdout);
			return EXIT_WELL;
		default:
			return EXIT_USAGE;
		}
	}
	own = argc > optind && is_among(argv[optind], own_commands);
	if (own && (all || below || client != NULL))
		die(EXIT_USAGE, "--all, --below and --client do not belong to %s", argv[optind]);
	if (!own && comment != NULL)
		die(EXIT_USAGE, "--comment belongs to allow, block and pause");
	if (own)
		check_own(argc - optind, argv + optind, comment);
	if (own)
		make_own_request(request, argc - optind, argv + optind, comment);
	else
		make_request(request, argc - optind, argv + optind, all, below, client);
	if (strcmp(argv[optind], "doctor") == 0) {
		status = doctor_run(conf_path, control, json);
		return fflush(stdout) == 0 ? status : EXIT_DOWN;
	}
	err =
	    control_ask(control != NULL ? control : control_path(conf_path), request, &lines, &why);
	if (err < 0)
		fail(err, why.text, json);
	if (strcmp(argv[optind], "why") == 0)
		lines = ctl_why(lines, time(NULL));
	else if (strcmp(argv[optind], "cache") == 0)
		lines = ctl_cache(lines);
	if (lines == NULL)
		die(EXIT_DOWN, "no memory");
	status = show(argv[optind], lines, json);
	free(lines);
	return status;
}

/* main.c - the command line of quelld. */
#include "config.h" /* PACKAGE_VERSION */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/sandbox.h"
#include "resolver/witness.h"
#include "resolver/lists.h"
#include "resolver/priv.h"
#include "resolver/server.h"
#include "resolver/settings.h"

enum action { RUN, CHECK };

static const char help[] =
    "Usage: quelld [-c FILE] [OPTION]...\n"
    "DNS resolver that blocks the names of lists and forwards the rest.\n"
    "\n"
    "  -c, --config FILE       read this configuration\n"
    "      --listen ADDR:PORT  answer there; may be repeated\n"
    "      --upstream ADDR:PORT  forward to this resolver; may be repeated\n"
    "      --blocklist FILE    block the names of this list; may be repeated\n"
    "      --workers N         processes that answer\n"
    "      --user NAME         become this user when started as root\n"
    "      --control PATH      socket for quellctl\n"
    "      --check             check the configuration, print what is in force, and exit\n"
    "      --version           print the version and exit\n"
    "      --help              print this and exit\n"
    "\n"
    "Each option takes the place of the one in the configuration.  See quelld(8).\n";

static void usage_error(const char *fmt, ...) QUELL_PRINTF(1, 2) __attribute__((noreturn));

static void usage_error(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("quelld: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs("; quelld --help shows what there is\n", stderr);
	exit(SERVER_USAGE);
}

/* One more value of an option that may be repeated. */
static void add(const char **values, unsigned *n, unsigned max, const char *option)
{
	if (*n == max)
		usage_error("%s may be given %u times", option, max);
	values[(*n)++] = optarg;
}

static unsigned parse_workers(const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < 1 || n > CONF_WORKERS_MAX)
		usage_error("--workers %s: a number from 1 to %d", text, CONF_WORKERS_MAX);
	return (unsigned)n;
}

static enum action parse(int argc, char **argv, struct settings_flags *flags)
{
	enum {
		OPT_LISTEN = 256,
		OPT_UPSTREAM,
		OPT_BLOCKLIST,
		OPT_WORKERS,
		OPT_USER,
		OPT_CONTROL,
		OPT_CHECK,
		OPT_VERSION,
		OPT_HELP
	};
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"listen", required_argument, NULL, OPT_LISTEN},
	    {"upstream", required_argument, NULL, OPT_UPSTREAM},
	    {"blocklist", required_argument, NULL, OPT_BLOCKLIST},
	    {"workers", required_argument, NULL, OPT_WORKERS},
	    {"user", required_argument, NULL, OPT_USER},
	    {"control", required_argument, NULL, OPT_CONTROL},
	    {"check", no_argument, NULL, OPT_CHECK},
	    {"version", no_argument, NULL, OPT_VERSION},
	    {"help", no_argument, NULL, OPT_HELP},
	    {NULL, 0, NULL, 0},
	};
	enum action action = RUN;
	int option;

	opterr = 0; /* our own words */
	while ((option = getopt_long(argc, argv, ":c:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			flags->conf_path = optarg;
			break;
		case OPT_LISTEN:
			add(flags->listen, &flags->n_listen, CONF_LISTEN_MAX, "--listen");
			break;
		case OPT_UPSTREAM:
			add(flags->upstream, &flags->n_upstream, CONF_UPSTREAM_MAX, "--upstream");
			break;
		case OPT_BLOCKLIST:
			add(flags->blocklist, &flags->n_blocklist, CONF_LISTS_MAX, "--blocklist");
			break;
		case OPT_WORKERS:
			flags->workers = parse_workers(optarg);
			break;
		case OPT_USER:
			flags->user = optarg;
			break;
		case OPT_CONTROL:
			flags->control = optarg;
			break;
		case OPT_CHECK:
			action = CHECK;
			break;
		case OPT_VERSION:
			(void)puts("quelld " PACKAGE_VERSION);
			exit(SERVER_OK);
		case OPT_HELP:
			(void)fputs(help, stdout);
			exit(SERVER_OK);
		case ':':
			usage_error("%s needs a value", argv[optind - 1]);
		default:
			usage_error("unknown option %s", argv[optind - 1]);
		}
	}
	if (optind < argc)
		usage_error("'%s' is not expected here: every setting is an option", argv[optind]);
	return action;
}

/* A descriptor we open must never become the standard output of somebody's log line. */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

/* Who reads the log may be slow, or stopped: a line is lost then, and no query waits for it.  A
 * pipe is opened anew, since its other writers may want to wait; a socket, that of the service
 * manager, is ours alone.  A terminal stays as it is: it is shared with the shell. */
static void unblock_log(void)
{
	struct stat st;
	int fd, flags;

	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	if (S_ISFIFO(st.st_mode)) {
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return;
		(void)dup2(fd, STDERR_FILENO);
		(void)close(fd);
	} else if (S_ISSOCK(st.st_mode)) {
		flags = fcntl(STDERR_FILENO, F_GETFL);
		if (flags >= 0)
			(void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
	}
}

/* Print what would be in force.  Files of the command line have to be there and good; the lists of
 * the configuration may be compiled later. */
static enum server_exit check(struct conf *conf, const struct settings_flags *flags)
{
	struct loader_limits limits;
	struct budget budget;
	struct why why;

	if (settings_budget(&budget, conf, &why) < 0) {
		log_error("memory", "%s", why.text);
		conf_free(conf);
		return SERVER_USAGE;
	}
	limits = budget_lists(&budget, 0);
	if (flags->n_blocklist != 0 && lists_check(conf, flags, &limits, &why) < 0) {
		log_error("lists", "%s", why.text);
		conf_free(conf);
		return SERVER_USAGE;
	}
	limits = budget_names(&budget);
	if (house_check(conf, &limits, &why) < 0) {
		log_error("names", "%s", why.text);
		conf_free(conf);
		return SERVER_USAGE;
	}
	conf_print(conf, stdout);
	for (unsigned i = 0; i < flags->n_blocklist; i++)
		(void)printf("# --blocklist %s\n", flags->blocklist[i]);
	budget_print(&budget, stdout);
	conf_free(conf);
	return fflush(stdout) == 0 ? SERVER_OK : SERVER_FAILED;
}

int main(int argc, char **argv)
{
	struct settings_flags flags = {0};
	const struct sandbox_wish wish = {.kind = SANDBOX_PARENT};
	struct witness witness = {.fd = -1};
	struct sandbox sandbox;
	enum action action;
	struct conf *conf;
	struct why why;
	int err;

	open_standard_fds();
	action = parse(argc, argv, &flags);
	if (action == RUN) {
		unblock_log();
		witness_start(&witness);
	}
	err = priv_become(flags.user, &why);
	if (err < 0) {
		log_error("rights", "%s", why.text);
		witness_stop(&witness);
		return flags.user != NULL && err == ERR_NOTFOUND ? SERVER_USAGE : SERVER_FAILED;
	}
	sandbox_enter(&wish, &sandbox);
	err = settings_read(&conf, &flags, &why);
	if (err < 0) {
		log_error("config", "%s", why.text);
		witness_stop(&witness);
		return (int)server_exit_of(err);
	}
	if (action == CHECK)
		return (int)check(conf, &flags);
	return (int)server_run(conf, &flags, &witness, &sandbox);
}

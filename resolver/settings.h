/* settings.h - what the daemon was told: the command line over the configuration file. */
#ifndef QUELL_SETTINGS_H
#define QUELL_SETTINGS_H

#include <stdbool.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "resolver/budget.h"
#include "resolver/core/options.h"

/* The command line: texts are borrowed from argv.  NULL and 0: not given. */
struct settings_flags {
	const char *conf_path;
	const char *listen[CONF_LISTEN_MAX];
	unsigned n_listen;
	const char *upstream[CONF_UPSTREAM_MAX];
	unsigned n_upstream;
	const char *blocklist[CONF_LISTS_MAX];
	unsigned n_blocklist;
	unsigned workers;
	const char *user;
	const char *control;
};

/* Read the configuration (the compiled-in path where the command line names none; it need not be
 * there), and put the flags in the place of its options.  *conf is the caller's. Returns 0 or an
 * error with what is wrong, where, and what would be right. */
int settings_read(
    struct conf **conf, const struct settings_flags *flags, struct why *why) QUELL_CHECK;

/* Divide the memory that `conf` asks for, or else what the system has.  Returns 0 or an error with how much would
 * do. */
int settings_budget(struct budget *b, const struct conf *conf, struct why *why) QUELL_CHECK;

/* What one worker of conf->workers is told.  Where no upstream is configured, the system's
 * resolvers; where no `allow` is, the private networks and the machine's own.  *options is zeroed
 * first, so that two can be compared as bytes. */
void settings_options(const struct conf *conf, struct options *options);

#endif

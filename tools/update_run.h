/* update_run.h - `quell-update run`: all lists to one image in force. */
#ifndef QUELL_UPDATE_RUN_H
#define QUELL_UPDATE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/conf.h"

/* The exit codes of quell-update. */
enum { UPDATE_EXIT_WELL, UPDATE_EXIT_NOTHING, UPDATE_EXIT_USAGE, UPDATE_EXIT_PARTLY };

struct update_options {
	const char *control; /* the socket of quelld */
	bool force;	     /* write and reload though nothing changed */
	bool dry;	     /* write nothing, tell nobody */
	bool json;
	/* See update_fetch.h. */
	unsigned stall_s;
	unsigned parallel;
	unsigned tries;
	unsigned pause_ms;
	uint64_t max_bytes; /* of one download; 0: as the options of the lists have it */
	char **names;	    /* the lists to renew; n_names 0: all */
	unsigned n_names;
	char **accept; /* lists whose held version is taken; then only named ones are renewed */
	unsigned n_accept;
	bool roll_back;		/* the lists are not renewed but rolled back */
	bool preview;		/* with `dry`: say what would change */
	const char *names_path; /* of a preview: a file of names, or NULL */
	bool sandbox;		/* the process enters that of SANDBOX_UPDATER, for good */
};

/* Do it, and write the report to standard output.  Returns the exit code. */
int update_run(const struct conf *conf, const struct update_options *options);

#endif

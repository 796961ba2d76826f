/* log.h - one event a line on standard error: `LEVEL TAG text`.
 *
 * Each tag is limited to LOG_BURST lines in LOG_WINDOW_MS; the first line after the window says
 * how many were suppressed, and is the only one of its own window then.  Control bytes and bytes over 126 in a text are written as \xNN, so
 * that no name out of a packet can forge a line.  A line is written by one write(2).
 */
#ifndef QUELL_LOG_H
#define QUELL_LOG_H

#include <stdint.h>

#include "lib/err.h"

#define LOG_BURST     20
#define LOG_WINDOW_MS 10000
#define LOG_LINE_SIZE 1024

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

/* Write lines up to `level` (default LOG_INFO) to descriptor `fd` (default 2, borrowed). */
void log_setup(enum log_level level, int fd);

/* Write one line.  `tag` is a string literal of [a-z0-9-]: the table of tags keys on its text and
 * holds at most 64; tags beyond share one limit. */
void log_line(enum log_level level, const char *tag, const char *fmt, ...) QUELL_PRINTF(3, 4);

/* The same without a limit: for lines that somebody waits for, or has asked for each of (the log of
 * queries). */
void log_each(enum log_level level, const char *tag, const char *fmt, ...) QUELL_PRINTF(3, 4);

#define log_error(tag, ...)   log_line(LOG_ERROR, tag, __VA_ARGS__)
#define log_warning(tag, ...) log_line(LOG_WARNING, tag, __VA_ARGS__)
#define log_notice(tag, ...)  log_line(LOG_NOTICE, tag, __VA_ARGS__)
#define log_info(tag, ...)    log_line(LOG_INFO, tag, __VA_ARGS__)
#define log_debug(tag, ...)   log_line(LOG_DEBUG, tag, __VA_ARGS__)

#endif

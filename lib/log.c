/* log.c - log lines and their limits. */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"

#define TAGS_MAX    64
#define TAG_SIZE    128 /* level and tag as far as they are written */
#define SUFFIX_SIZE 48	/* " (18446744073709551615 lines suppressed)" and the terminator */

struct tag_limit {
	const char *tag;
	uint64_t window_start_ms;
	unsigned n_written, n_allowed; /* in this window */
	uint64_t n_suppressed;
};

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_NOTICE] = "notice",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

static enum log_level max_level = LOG_INFO;
static int log_fd = STDERR_FILENO;
static struct tag_limit limits[TAGS_MAX + 1]; /* the last is shared by the tags beyond */
static unsigned n_limits;

void log_setup(enum log_level level, int fd)
{
	max_level = level;
	log_fd = fd;
}

static struct tag_limit *limit_of(const char *tag)
{
	for (unsigned i = 0; i < n_limits; i++) {
		if (strcmp(limits[i].tag, tag) == 0)
			return &limits[i];
	}
	if (n_limits == TAGS_MAX)
		return &limits[TAGS_MAX];
	limits[n_limits].tag = tag;
	return &limits[n_limits++];
}

/* Count one more line.  False: it is not to be written.  *n_suppressed: how many before it were
 * not, to be told in this line. */
static bool limit_pass(struct tag_limit *limit, uint64_t now_ms, uint64_t *n_suppressed)
{
	*n_suppressed = 0;
	if (limit->n_written == 0 || now_ms - limit->window_start_ms >= LOG_WINDOW_MS) {
		*n_suppressed = limit->n_suppressed;
		/* What goes on and on has been said: the lines of a day fill no disk. */
		limit->n_allowed = limit->n_suppressed > 0 ? 1 : LOG_BURST;
		limit->n_suppressed = 0;
		limit->n_written = 0;
		limit->window_start_ms = now_ms;
	}
	if (limit->n_written == limit->n_allowed) {
		limit->n_suppressed++;
		return false;
	}
	limit->n_written++;
	return true;
}

/* Copy `text`, escaped, to to[0..size) as far as it fits; returns the length. */
static size_t escape(char *to, size_t size, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = c >= 0x20 && c <= 126;

		if (size - len < (plain ? 1 : 4))
			break;
		if (plain) {
			to[len++] = (char)c;
			continue;
		}
		to[len++] = '\\';
		to[len++] = 'x';
		to[len++] = hex[c >> 4];
		to[len++] = hex[c & 15];
	}
	return len;
}

static void write_line(const char *line, size_t len)
{
	ssize_t n;

	/* A reader that is gone or too slow must not stop the daemon: the line is lost then. */
	do
		n = write(log_fd, line, len);
	while (n < 0 && errno == EINTR);
}

/* Format and write one line that tells, if not 0, how many were suppressed before it. */
static void QUELL_PRINTF(4, 0) log_format(
    enum log_level level, const char *tag, uint64_t n_suppressed, const char *fmt, va_list ap)
{
	char text[LOG_LINE_SIZE], line[LOG_LINE_SIZE], suffix[SUFFIX_SIZE] = "";
	int saved = errno;
	size_t len, suffix_len;

	if (n_suppressed > 0)
		(void)snprintf(suffix, sizeof(suffix), " (%llu lines suppressed)",
		    (unsigned long long)n_suppressed);
	suffix_len = strlen(suffix);

	/* The text may be cut, the count and the newline not. */
	len = (size_t)snprintf(line, TAG_SIZE, "%s %s ", level_names[level], tag);
	if (len >= TAG_SIZE)
		len = TAG_SIZE - 1;
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	len += escape(line + len, sizeof(line) - len - suffix_len - 1, text);
	memcpy(line + len, suffix, suffix_len);
	len += suffix_len;
	line[len++] = '\n';
	write_line(line, len);
	errno = saved;
}

void log_line(enum log_level level, const char *tag, const char *fmt, ...)
{
	uint64_t n_suppressed;
	va_list ap;

	if (level > max_level || !limit_pass(limit_of(tag), clock_ms(), &n_suppressed))
		return;
	va_start(ap, fmt);
	log_format(level, tag, n_suppressed, fmt, ap);
	va_end(ap);
}

void log_each(enum log_level level, const char *tag, const char *fmt, ...)
{
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	log_format(level, tag, 0, fmt, ap);
	va_end(ap);
}

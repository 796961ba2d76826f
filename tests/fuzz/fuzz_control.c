/* fuzz_control.c - whatever stands behind the control socket may say to quellctl: what is no answer is refused with one
 * line; what is one is shown, or printed as JSON that is JSON, without anything that steers a terminal.
 *
 * The first byte: the command, and bit 7: as JSON; the rest is the answer.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tools/control.h"
#include "tools/ctl_cache.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"
#include "tools/ctl_why.h"
#include "tools/why_text.h"

#define ANSWER_MAX 65536 /* of the input: what a socket holds */
#define NOW_S	   1795273200

/* ---- the socket: its other end has said all, and closed (linked with --wrap) ---- */

static const uint8_t *answer;
static size_t answer_len;

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);

int __wrap_socket(int domain, int type, int protocol)
{
	int pair[2];

	CHECK(socketpair(domain, type, protocol, pair) == 0);
	CHECK(send(pair[1], answer, answer_len, MSG_NOSIGNAL) == (ssize_t)answer_len);
	CHECK(shutdown(pair[1], SHUT_WR) == 0);
	/* The request is read by nobody: it stays in the socket, of which this end is all that there is. */
	CHECK(dup2(pair[1], STDIN_FILENO) == STDIN_FILENO && close(pair[1]) == 0);
	return pair[0];
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)fd, (void)to, (void)len;
	return 0;
}

/* No file is read; each rule stands in it as often as its text is long. */
int __wrap_why_text_find(const struct why_text *text, struct why_rule *rules, size_t n,
    int64_t *written_s, struct why *why);

int __wrap_why_text_find(const struct why_text *text, struct why_rule *rules, size_t n,
    int64_t *written_s, struct why *why)
{
	if (strlen(text->path) % 4 == 0)
		return why_set(why, ERR_NOTFOUND, "%s: not here", text->path);
	*written_s = NOW_S - (int64_t)strlen(text->path);
	for (size_t i = 0; i < n; i++) {
		rules[i].n_lines = (unsigned)strlen(rules[i].text);
		for (unsigned k = 0; k < WHY_LINES_MAX; k++)
			rules[i].line[k] = k + 1;
	}
	return 0;
}

/* ---- what is printed ---- */

/* Is there a JSON value (RFC 8259) at *at?  Moves behind it. */
static bool json_value(const char **at);

static bool json_string(const char **at)
{
	if (*(*at)++ != '"')
		return false;
	for (; **at != '"'; ++*at) {
		if ((unsigned char)**at < ' ')
			return false;
		if (**at == '\\' && strchr("\"\\/bfnrt", *++*at) == NULL)
			return false;
	}
	++*at;
	return true;
}

/* Values between brackets; of an object each behind its name. */
static bool json_values(const char **at, bool object)
{
	const char end = object ? '}' : ']';

	if (*++*at == end) {
		++*at;
		return true;
	}
	for (;; ++*at) {
		if (object && (!json_string(at) || *(*at)++ != ':'))
			return false;
		if (!json_value(at))
			return false;
		if (**at != ',')
			return *(*at)++ == end;
	}
}

static bool json_value(const char **at)
{
	size_t n;

	if (**at == '{' || **at == '[')
		return json_values(at, **at == '{');
	if (**at == '"')
		return json_string(at);
	n = strspn(*at, **at == 't' || **at == 'f' ? "truefals" : "0123456789");
	n = n != 0 && isdigit((unsigned char)**at) && **at == '0' ? 1 : n;
	*at += n;
	return n != 0;
}

static void check_printed(const char *text, bool json)
{
	if (json) {
		CHECK(json_value(&text));
		CHECK(strcmp(text, "\n") == 0);
	}
	for (; *text != '\0'; text++) {
		const unsigned char c = (unsigned char)*text;

		CHECK(c == '\n' || c == '\t' || (c >= ' ' && c != 0x7f));
	}
}

static void print(const char *command, char *lines, bool json)
{
	FILE *terminal = stdout;
	char *text = NULL;
	size_t len;

	if (strcmp(command, "why") == 0)
		lines = ctl_why(lines, NOW_S);
	else if (strcmp(command, "cache") == 0)
		lines = ctl_cache(lines);
	CHECK(lines != NULL);
	stdout = open_memstream(&text, &len);
	CHECK(stdout != NULL);
	if (json)
		CHECK(ctl_json(command, lines) == 0);
	else
		ctl_show(command, lines);
	CHECK(fclose(stdout) == 0);
	stdout = terminal;
	CHECK(strlen(text) == len);
	check_printed(text, json);
	free(text);
	free(lines);
}

/* ---- the answer ---- */

/* By the words of control.h: the lines behind the first, or 0: it is no `ok`, or was cut. */
static size_t expected_lines(const uint8_t *bytes, size_t len)
{
	const uint8_t *end = len != 0 ? memchr(bytes, '\n', len) : NULL;

	if (end == NULL || bytes[len - 1] != '\n' || len < 3 || memcmp(bytes, "ok", 2) != 0 ||
	    (bytes[2] != '\n' && bytes[2] != ' ' && (bytes[2] >= ' ' || bytes[2] == '\t') &&
		bytes[2] != 0x7f))
		return 0;
	return (size_t)(end - bytes) + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const commands[] = {
	    "status", "stats", "why", "cache", "upstreams", "flush", "rules", "pause"};
	const char *command;
	struct why why = {""};
	char *lines = NULL;
	size_t at;
	int err;

	if (size < 1 || size > ANSWER_MAX)
		return 0;
	command = commands[(data[0] & 0x7f) % (sizeof(commands) / sizeof(commands[0]))];
	answer = data + 1;
	answer_len = size - 1;
	err = control_ask("/nobody", "status\n", &lines, &why);
	at = expected_lines(answer, answer_len);
	CHECK((err == 0) == (at != 0));
	if (err < 0) {
		CHECK(lines == NULL && why.text[0] != '\0');
		check_printed(why.text, false);
		CHECK(strchr(why.text, '\n') == NULL);
		return 0;
	}
	CHECK(strlen(lines) == answer_len - at);
	print(command, lines, (data[0] & 0x80) != 0);
	return 0;
}

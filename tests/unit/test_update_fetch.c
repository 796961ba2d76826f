/* test_update_fetch.c - what a download accepts and refuses, what it asks for, and how often: from a small
 * server, and from openssl's with TLS.  What ten lists at once do is in tests/e2e/test_transfers.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tools/update_clock.h"
#include "tools/update_fetch.h"

#define MAX	     1000 /* bytes of one text */
#define STALL_S	     60	  /* where no download is meant to stall */
#define URL_SIZE     256
#define HEAD_SIZE    512
#define REQUESTS_MAX 16

#define OK    "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define TEXT  "ads.example\ntracker.example\n" /* 28 bytes */
#define FOUND "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: "

/* One thread that gives the first request the first answer, and so on; the last one for ever. */
struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	const char *answers[REQUESTS_MAX];
	size_t lens[REQUESTS_MAX];
	unsigned n_answers;
	bool hold; /* leave the connection open behind the answer */
	char requests[REQUESTS_MAX][1024];
	unsigned n_requests;
};

struct fixture {
	struct server server;
	struct update_fetch_options options;
	struct update_transfer t;
	int lists_fd;
	char *text;
	size_t len;
	unsigned n_ended, n_ticks, ticks_max;
	char said[512];
};

/* ---- the server ---- */

static void talk(struct server *s, int fd)
{
	unsigned at = s->n_requests < s->n_answers ? s->n_requests : s->n_answers - 1;
	char *request = s->requests[s->n_requests % REQUESTS_MAX];
	size_t len = 0;
	char rest[256];

	do {
		ssize_t n = recv(fd, request + len, sizeof(s->requests[0]) - 1 - len, 0);

		if (n <= 0)
			return;
		len += (size_t)n;
		request[len] = '\0';
	} while (strstr(request, "\r\n\r\n") == NULL);
	s->n_requests++;
	(void)send(fd, s->answers[at], s->lens[at], MSG_NOSIGNAL);
	if (!s->hold)
		(void)shutdown(fd, SHUT_WR);
	while (recv(fd, rest, sizeof(rest), 0) > 0)
		;
}

static void *serve(void *ctx)
{
	struct server *s = ctx;

	for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0; close(fd))
		talk(s, fd);
	return NULL;
}

static void server_open(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t a_len = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*s = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_return_code(s->fd, errno);
	assert_return_code(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), errno);
	assert_return_code(listen(s->fd, 8), errno);
	assert_return_code(getsockname(s->fd, (struct sockaddr *)&a, &a_len), errno);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_close(struct server *s)
{
	assert_return_code(shutdown(s->fd, SHUT_RDWR), errno); /* ends the accept() */
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->fd);
}

/* From here on these are its answers, to the first request and so on. */
static void answers(struct fixture *f, unsigned n, const char *const *texts)
{
	f->server.n_requests = 0;
	f->server.n_answers = n;
	for (unsigned i = 0; i < n; i++) {
		f->server.answers[i] = texts[i];
		f->server.lens[i] = strlen(texts[i]);
	}
}

#define ANSWERS(f, ...)                                                                            \
	do {                                                                                       \
		const char *const texts[] = {__VA_ARGS__};                                         \
		answers(f, sizeof(texts) / sizeof(texts[0]), texts);                               \
	} while (0)

static void answer_bytes(struct fixture *f, const char *bytes, size_t len)
{
	ANSWERS(f, bytes);
	f->server.lens[0] = len;
}

static void assert_asked(const struct fixture *f, unsigned request, const char *field)
{
	if (strstr(f->server.requests[request], field) == NULL)
		fail_msg("'%s' is not in:\n%s", field, f->server.requests[request]);
}

static void assert_not_asked(const struct fixture *f, unsigned request, const char *field)
{
	if (strstr(f->server.requests[request], field) != NULL)
		fail_msg("'%s' is in:\n%s", field, f->server.requests[request]);
}

/* ---- the clock, which the test sets ---- */

static bool clock_is_set = true;
static int clock_fd = -1;

bool update_clock_is_set(void)
{
	return clock_is_set;
}

int update_clock_watch(void)
{
	return clock_fd < 0 ? -1 : fcntl(clock_fd, F_DUPFD_CLOEXEC, 3);
}

/* ---- libcurl, which is to trust our certificates ---- */

static const char *trusted;

CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);

CURL *__wrap_curl_easy_init(void)
{
	CURL *curl = __real_curl_easy_init();

	if (curl != NULL && trusted != NULL)
		assert_int_equal(curl_easy_setopt(curl, CURLOPT_CAINFO, trusted), CURLE_OK);
	return curl;
}

/* ---- downloads ---- */

static void on_ended(void *ctx, struct update_transfer *t)
{
	struct fixture *f = ctx;

	assert_int_equal(t->state, TRANSFER_ENDED);
	f->n_ended++;
}

static void on_said(void *ctx, const struct update_transfer *t, const char *text)
{
	struct fixture *f = ctx;

	(void)t;
	(void)snprintf(f->said, sizeof(f->said), "%s", text);
}

static bool on_tick(void *ctx)
{
	struct fixture *f = ctx;

	f->n_ticks++;
	return f->ticks_max == 0 || f->n_ticks < f->ticks_max;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_return_code(setenv("no_proxy", "*", 1), errno);
	scratch_set_up(NULL);
	assert_return_code(mkdir("lists", 0700), errno);
	f->lists_fd = open("lists", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_return_code(f->lists_fd, errno);
	f->options = (struct update_fetch_options){.parallel = 4,
	    .tries = 1,
	    .stall_s = STALL_S,
	    .pause_ms = 2,
	    .clock_s = 60,
	    .ended = on_ended,
	    .said = on_said,
	    .tick = on_tick,
	    .ctx = f};
	f->t = (struct update_transfer){
	    .name = "a", .max_bytes = MAX, .max_s = 600, .lists_fd = f->lists_fd};
	server_open(&f->server);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	trusted = NULL;
	clock_is_set = true;
	update_transfer_free(&f->t);
	free(f->text);
	server_close(&f->server);
	close(f->lists_fd);
	scratch_tear_down(NULL);
	free(f);
	return 0;
}

/* Download it, as its settings in f->t are; the text is in f->text. */
static int get(struct fixture *f, const char *url)
{
	struct update_transfer *transfers[] = {&f->t};
	struct update_transfer settings = f->t;
	struct why why;

	update_transfer_free(&f->t);
	f->t = (struct update_transfer){.name = settings.name,
	    .url = url,
	    .key = settings.key,
	    .also = settings.also,
	    .max_bytes = settings.max_bytes,
	    .max_s = settings.max_s,
	    .lists_fd = settings.lists_fd,
	    .dry = settings.dry};
	free(f->text);
	f->text = NULL;
	f->n_ended = f->n_ticks = 0;
	f->said[0] = '\0';
	update_fetch(&f->options, transfers, 1);
	assert_int_equal(f->n_ended, 1);
	if (f->t.err == 0)
		assert_int_equal(update_part_read(&f->t.part, &f->text, &f->len, &why), 0);
	return f->t.err;
}

static void assert_text(struct fixture *f, const char *url, const char *text, size_t len)
{
	if (get(f, url) != 0)
		fail_msg("%s: %s", url, f->t.why.text);
	assert_int_equal(f->len, len);
	assert_memory_equal(f->text, text, len);
}

/* It fails with `err`, and the reason has `part` in it. */
static void assert_refused(struct fixture *f, const char *url, int err, const char *part)
{
	assert_int_equal(get(f, url), err);
	if (strstr(f->t.why.text, part) == NULL || f->t.why.text[0] == '\0')
		fail_msg("%s: '%s' is not in: %s", url, part, f->t.why.text);
}

static const char *url_of(const struct fixture *f, const char *scheme, const char *path)
{
	static char url[URL_SIZE];

	(void)snprintf(
	    url, sizeof(url), "%s://127.0.0.1:%u%s", scheme, (unsigned)f->server.port, path);
	return url;
}

static const char *here(const struct fixture *f)
{
	return url_of(f, "http", "/");
}

static void refuse_answer(struct fixture *f, const char *answer, int err, const char *part)
{
	ANSWERS(f, answer);
	assert_refused(f, here(f), err, part);
}

/* ---- one request ---- */

static void test_http(void **state)
{
	static const char answer[] = OK "Content-Length: 4\r\n\r\na\0\xff\n";
	struct fixture *f = *state;

	answer_bytes(f, answer, sizeof(answer) - 1);
	assert_text(f, here(f), "a\0\xff\n", 4);
	assert_int_equal(f->t.transferred, 4);
	assert_int_equal(f->t.now, 4);
	assert_int_equal(f->t.total, 4);
	ANSWERS(f, OK "\r\n" TEXT);
	assert_text(f, url_of(f, "HTTP", "/text"), TEXT, 28);
	assert_int_equal(f->t.total, 0); /* not announced */
	ANSWERS(f, OK "Content-Length: 0\r\n\r\n");
	assert_text(f, here(f), "", 0);
	assert_asked(f, 0, "User-Agent: quell/");
}

static void test_dry(void **state)
{
	struct fixture *f = *state;

	f->t.dry = true;
	ANSWERS(f, OK "\r\n" TEXT);
	assert_text(f, here(f), TEXT, 28);
	assert_int_not_equal(access("lists/a.part", F_OK), 0);
	f->t.lists_fd = -1; /* there is no folder */
	assert_text(f, here(f), TEXT, 28);
}

static void test_status(void **state)
{
	static const unsigned codes[] = {
	    201, 203, 204, 206, 300, 304, 400, 403, 404, 410, 429, 500, 503};
	char answer[HEAD_SIZE], part[32];

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		(void)snprintf(answer, sizeof(answer),
		    "HTTP/1.1 %u Because\r\nConnection: close\r\n\r\n%s", codes[i],
		    codes[i] == 204 || codes[i] == 304 ? "" : TEXT);
		(void)snprintf(part, sizeof(part), "answered %u", codes[i]);
		refuse_answer(*state, answer, ERR_NET, part);
	}
}

static void test_cut_short(void **state)
{
	refuse_answer(*state, OK "Content-Length: 100\r\n\r\n" TEXT, ERR_NET, "broke off");
	refuse_answer(
	    *state, OK "Transfer-Encoding: chunked\r\n\r\n4\r\nabc\n\r\n", ERR_NET, "broke off");
	refuse_answer(*state, "", ERR_NET, "");
}

static void test_other_protocols(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, url_of(f, "gopher", "/0list"), ERR_NET, "gopher");
	assert_refused(f, "file:///etc/passwd", ERR_NET, "file");
	assert_refused(f, "none://x/", ERR_NET, "none");
}

static void test_compressed(void **state)
{
	/* RFC 1950, from another program: 500 and 20000 times 'a' */
	static const char small[] = OK "Content-Encoding: deflate\r\n\r\n"
				       "\170\332\113\114\034\005\043\015\000\000\156\315\275\165";
	static const char bomb[] =
	    OK "Content-Encoding: deflate\r\n\r\n"
	       "\170\332\355\301\061\001\000\000\000\302\240\254\353\137\302\032\036\100"
	       "\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	       "\000\360\140\142\371\233\324";
	struct fixture *f = *state;
	char text[500];

	memset(text, 'a', sizeof(text));
	answer_bytes(f, small, sizeof(small) - 1);
	assert_text(f, here(f), text, sizeof(text));
	assert_asked(f, 0, "Accept-Encoding: deflate, gzip");
	assert_int_equal(f->t.transferred, 14);
	answer_bytes(f, bomb, sizeof(bomb) - 1);
	assert_refused(f, here(f), ERR_RANGE, "larger than 1.0 kB");
}

static void test_too_large(void **state)
{
	char answer[sizeof(OK) + 2 + MAX + 1] = OK "\r\n";
	struct fixture *f = *state;
	size_t head = strlen(answer);

	memset(answer + head, 'a', MAX + 1);
	answer_bytes(f, answer, head + MAX);
	assert_text(f, here(f), answer + head, MAX);
	answer_bytes(f, answer, head + MAX + 1);
	assert_refused(f, here(f), ERR_RANGE, "larger than 1.0 kB");
	f->options.tries = 3;  /* it would not be smaller the next time */
	f->server.hold = true; /* what is announced is not waited for */
	refuse_answer(f, OK "Content-Length: 1001\r\n\r\n", ERR_RANGE, "larger than 1.0 kB");
	assert_int_equal(f->t.tries, 1);
}

/* The server says nothing, or no more; that these come back is what is tested. */
static void test_stalled(void **state)
{
	struct fixture *f = *state;

	f->options.stall_s = 1;
	f->server.hold = true;
	refuse_answer(f, "", ERR_NET, "");
	refuse_answer(f, OK "Content-Length: 100\r\n\r\n" TEXT, ERR_NET, "");
	f->options.stall_s = STALL_S;
	f->t.max_s = 1;
	refuse_answer(f, OK "Content-Length: 100\r\n\r\n" TEXT, ERR_NET, "");
}

static void test_given_up(void **state)
{
	struct fixture *f = *state;

	f->server.hold = true;
	f->ticks_max = 2;
	refuse_answer(f, "", ERR_NET, "stopped");
}

/* ---- redirects ---- */

static void test_redirect(void **state)
{
	struct fixture *f = *state;
	char answer[HEAD_SIZE];

	(void)snprintf(answer, sizeof(answer), FOUND "%s\r\n\r\n", url_of(f, "http", "/c?d=e"));
	ANSWERS(f, FOUND "/b\r\n\r\n", answer, OK "\r\n" TEXT);
	assert_text(f, url_of(f, "http", "/a"), TEXT, 28);
	assert_asked(f, 0, "GET /a HTTP");
	assert_asked(f, 1, "GET /b HTTP");
	assert_asked(f, 2, "GET /c?d=e HTTP");
	assert_int_equal(f->t.redirects, 2);
	assert_int_equal(f->t.tries, 1);
}

static void test_many_redirects(void **state)
{
	static const char to[] = FOUND "/\r\n\r\n", whole[] = OK "\r\n" TEXT;
	struct fixture *f = *state;

	ANSWERS(f, to, to, to, to, to, whole);
	assert_text(f, here(f), TEXT, 28);
	ANSWERS(f, to, to, to, to, to, to, whole);
	assert_refused(f, here(f), ERR_NET, "redirects");
	assert_int_equal(f->server.n_requests, 6);
}

static void test_redirect_elsewhere(void **state)
{
	struct fixture *f = *state;

	refuse_answer(f, FOUND "file:///etc/hosts\r\n\r\n", ERR_NET, "file:");
	refuse_answer(f, FOUND "ftp://127.0.0.1/\r\n\r\n", ERR_NET, "ftp:");
	refuse_answer(f, "HTTP/1.1 302 Found\r\nConnection: close\r\n\r\n", ERR_NET, "nowhere");
	assert_int_equal(f->server.n_requests, 1);
}

/* ---- more than one try ---- */

#define BUSY "HTTP/1.1 503 Busy\r\nConnection: close\r\n"

static void test_tries(void **state)
{
	struct fixture *f = *state;

	f->options.tries = 3;
	ANSWERS(f, BUSY "\r\n", "", OK "\r\n" TEXT);
	assert_text(f, here(f), TEXT, 28);
	assert_int_equal(f->t.tries, 3);
	ANSWERS(f, BUSY "\r\n");
	assert_refused(f, here(f), ERR_NET, "answered 503");
	assert_int_equal(f->server.n_requests, 3);
	ANSWERS(f, "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n", OK "\r\n" TEXT);
	assert_refused(f, here(f), ERR_NET, "answered 404");
	ANSWERS(f, "HTTP/1.1 410 No\r\nConnection: close\r\n\r\n", OK "\r\n" TEXT);
	assert_refused(f, here(f), ERR_NET, "answered 410");
	ANSWERS(f, BUSY "Retry-After: 1\r\n\r\n", OK "\r\n" TEXT);
	assert_text(f, here(f), TEXT, 28);
	assert_true(f->t.took_ms >= 1000);
	ANSWERS(f, BUSY "Retry-After: 61\r\n\r\n", OK "\r\n" TEXT);
	assert_refused(f, here(f), ERR_NET, "61 s");
	f->t.max_s = 5; /* there would be no time left */
	ANSWERS(f, BUSY "Retry-After: 6\r\n\r\n", OK "\r\n" TEXT);
	assert_refused(f, here(f), ERR_NET, "answered 503");
}

/* ---- what has come before ---- */

#define HALF	      OK "Content-Length: 28\r\nETag: \"1\"\r\n\r\nads.example\n"
#define PARTIAL(rest) "HTTP/1.1 206 Partial\r\nConnection: close\r\n" rest
#define BYTES(rest)   PARTIAL("Content-Range: bytes " rest)

static void test_range(void **state)
{
	struct fixture *f = *state;

	f->options.tries = 2;
	ANSWERS(f, HALF, BYTES("12-27/28\r\nETag: \"1\"\r\n\r\ntracker.example\n"));
	assert_text(f, here(f), TEXT, 28);
	assert_asked(f, 1, "Range: bytes=12-\r\n");
	assert_asked(f, 1, "If-Range: \"1\"\r\n");
	assert_asked(f, 1, "Accept-Encoding: identity\r\n");
	assert_int_equal(f->t.resumed, 12);
	assert_int_equal(f->t.transferred, 28);
	assert_string_equal(f->t.seen.etag, "\"1\"");
	ANSWERS(f, HALF, OK "ETag: \"2\"\r\n\r\n" TEXT); /* it has changed */
	assert_text(f, here(f), TEXT, 28);
	assert_string_equal(f->t.seen.etag, "\"2\"");
	assert_int_equal(f->t.resumed, 0);
}

/* Another part than the one that was asked for; all is asked for then. */
static void test_wrong_range(void **state)
{
	static const char *const wrong[] = {
	    BYTES("11-27/28\r\nETag: \"1\"\r\n\r\nanother.example\n"),
	    BYTES("12-27/28\r\nETag: \"2\"\r\n\r\nanother.example\n"),
	    PARTIAL("\r\nanother.example\n"),
	    BYTES("12-27/28\r\nContent-Encoding: deflate\r\n\r\nanother.example\n"),
	    "HTTP/1.1 416 No\r\nConnection: close\r\n\r\n",
	};
	struct fixture *f = *state;

	f->options.tries = 3;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ANSWERS(f, HALF, wrong[i], OK "\r\n" TEXT);
		assert_text(f, here(f), TEXT, 28);
		assert_asked(f, 1, "Range: ");
		assert_not_asked(f, 2, "Range: ");
	}
}

/* What an HTTP server says of a version, kept with it. */
static void keep(struct fixture *f, const char *url, const char *text, const char *etag)
{
	struct update_seen seen = {.url = ""};

	(void)snprintf(seen.url, sizeof(seen.url), "%s", url);
	(void)snprintf(seen.from, sizeof(seen.from), "%s", url);
	(void)snprintf(seen.etag, sizeof(seen.etag), "%s", etag);
	update_seen_bind(&seen, text, strlen(text));
	scratch_write("lists/a.txt", text);
	assert_int_equal(update_seen_write(f->lists_fd, "a.seen", &seen, NULL), 0);
}

static bool is_kept(const struct fixture *f)
{
	return update_part_is(&f->t.part, UPDATE_HERE_KEPT);
}

static void test_not_modified(void **state)
{
	static const char no[] = "HTTP/1.1 304 No\r\nConnection: close\r\n\r\n";
	struct fixture *f = *state;
	char url[URL_SIZE];

	(void)snprintf(url, sizeof(url), "%s", here(f));
	keep(f, url, TEXT, "W/\"1\"");
	ANSWERS(f, no);
	assert_text(f, url, TEXT, 28);
	assert_true(is_kept(f) && f->t.not_modified);
	assert_asked(f, 0, "If-None-Match: W/\"1\"\r\n");
	ANSWERS(f, OK "\r\n" TEXT); /* the same, though not by its validator */
	assert_text(f, url, TEXT, 28);
	assert_true(is_kept(f) && !f->t.not_modified);
	assert_int_not_equal(access("lists/a.part", F_OK), 0);
	ANSWERS(f, OK "\r\n" TEXT "x\n");
	assert_text(f, url, TEXT "x\n", 30);
	assert_false(is_kept(f));
	ANSWERS(f, OK "\r\nads.example\n");
	assert_text(f, url, "ads.example\n", 12);
	assert_false(is_kept(f));
	ANSWERS(f, FOUND "/b\r\n\r\n", no); /* the validator is not of /b */
	assert_refused(f, url, ERR_NET, "answered 304");
	assert_not_asked(f, 1, "If-None-Match");
	keep(f, url, TEXT, "\"1\""); /* and it was signed with no key */
	f->t.key = "RWQ";
	ANSWERS(f, no);
	assert_refused(f, url, ERR_NET, "answered 304");
	assert_not_asked(f, 0, "If-None-Match");
	f->t.key = "";
	keep(f, "http://127.0.0.1/", TEXT, "\"1\"");
	ANSWERS(f, no);
	assert_refused(f, url, ERR_NET, "answered 304");
	assert_not_asked(f, 0, "If-None-Match");
}

/* What the publisher had is held, or was rolled back from: it is asked about that. */
static void test_not_modified_since_held(void **state)
{
	static const char *const files[] = {"lists/a.held", "lists/a.back"};
	static const char no[] = "HTTP/1.1 304 No\r\nConnection: close\r\n\r\n";
	struct fixture *f = *state;
	char url[URL_SIZE];

	(void)snprintf(url, sizeof(url), "%s", here(f));
	for (size_t i = 0; i < 2; i++) {
		keep(f, url, TEXT, "\"2\"");
		assert_return_code(rename("lists/a.txt", files[i]), errno);
		scratch_write("lists/a.txt", "kept.example\n");
		ANSWERS(f, no);
		assert_text(f, url, TEXT, 28);
		assert_asked(f, 0, "If-None-Match: \"2\"\r\n");
		assert_true(f->t.not_modified && !is_kept(f));
		assert_true(
		    update_part_is(&f->t.part, i == 0 ? UPDATE_HERE_HELD : UPDATE_HERE_BACK));
		ANSWERS(f, OK "\r\n" TEXT); /* where the server cannot tell nothing is written */
		assert_text(f, url, TEXT, 28);
		assert_int_not_equal(access("lists/a.part", F_OK), 0);
		assert_return_code(unlink(files[i]), errno);
		ANSWERS(f, OK "\r\n" TEXT);
		assert_text(f, url, TEXT, 28);
		assert_not_asked(f, 0, "If-None-Match");
	}
}

/* A header without end, in one field or in many. */
static void test_endless_header(void **state)
{
	enum { MANY = 400000 };
	static char one[MANY + 64], many[MANY + 64];
	struct fixture *f = *state;
	size_t at = (size_t)snprintf(many, sizeof(many), "HTTP/1.1 200 OK\r\n");

	(void)snprintf(one, sizeof(one), "HTTP/1.1 200 OK\r\nETag: \"%0*d\"\r\n\r\n" TEXT, MANY, 1);
	while (at < MANY)
		at += (size_t)snprintf(many + at, sizeof(many) - at, "X-Field: %060d\r\n", 1);
	(void)snprintf(many + at, sizeof(many) - at, "\r\n" TEXT);
	f->options.tries = 3;
	ANSWERS(f, one);
	assert_refused(f, here(f), ERR_NET, "header");
	ANSWERS(f, many);
	assert_refused(f, here(f), ERR_NET, "header");
}

/* ---- a text that goes with it ---- */

static void test_also(void **state)
{
	struct fixture *f = *state;
	char also[URL_SIZE];

	(void)snprintf(also, sizeof(also), "%s", url_of(f, "http", "/sig"));
	f->t.also = also;
	ANSWERS(f, OK "\r\n" TEXT, FOUND "/sig2\r\n\r\n", OK "\r\nsigned\n");
	assert_text(f, here(f), TEXT, 28);
	assert_asked(f, 1, "GET /sig HTTP");
	assert_int_equal(f->t.also_len, 7);
	assert_string_equal(f->t.also_text, "signed\n");
	ANSWERS(f, OK "\r\n" TEXT, "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n");
	assert_refused(f, here(f), ERR_NET, "its signature: the server answered 404");
}

/* ---- TLS ---- */

struct tls_server {
	pid_t pid;
	char port[8]; /* "0": any */
};

static void tls_start(struct tls_server *s, const char *cert)
{
	char accept_at[32], line[256] = "", *colon;
	int out[2];
	FILE *from;

	(void)snprintf(accept_at, sizeof(accept_at), "127.0.0.1:%s", s->port);
	assert_return_code(pipe2(out, O_CLOEXEC), errno);
	s->pid = fork();
	assert_return_code(s->pid, errno);
	if (s->pid == 0) {
		(void)dup2(out[1], STDOUT_FILENO);
		(void)execlp("openssl", "openssl", "s_server", "-accept", accept_at, "-cert", cert,
		    "-key", "key.pem", "-HTTP", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	from = fdopen(out[0], "r");
	assert_non_null(from);
	while (strncmp(line, "ACCEPT", 6) != 0)
		assert_non_null(fgets(line, sizeof(line), from));
	colon = strrchr(line, ':');
	if (colon != NULL)
		(void)snprintf(
		    s->port, sizeof(s->port), "%.*s", (int)strcspn(colon + 1, "\n"), colon + 1);
	/* Its output is read no more; the pipe is large enough for what it says. */
	(void)fcntl(out[0], F_DUPFD_CLOEXEC, 3);
	(void)fclose(from);
}

static void tls_stop(struct tls_server *s)
{
	assert_return_code(kill(s->pid, SIGKILL), errno);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

static bool run(const char *command)
{
	pid_t pid = fork();
	int status;

	assert_return_code(pid, errno);
	if (pid == 0) {
		(void)execlp("sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

/* good.pem, late.pem (of the year 2098) and the bundle of both. */
static void make_certificates(void)
{
	scratch_write("ca.cnf",
	    "[ca]\ndefault_ca=a\n[a]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
	    "default_md=sha256\npolicy=p\nx509_extensions=v\n[p]\ncommonName=supplied\n[v]\n"
	    "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:TRUE\n");
	scratch_write("index", "");
	scratch_write("serial", "01\n");
	if (!run(
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
		"-subj /CN=good -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out good.pem "
		"2>log && openssl req -new -key key.pem -subj /CN=late -out late.csr 2>>log && "
		"openssl ca -config ca.cnf -selfsign -batch -notext -in late.csr -keyfile key.pem "
		"-startdate 20980101000000Z -enddate 20990101000000Z -out late.pem 2>>log && "
		"cat good.pem late.pem >both.pem")) {
		print_message("there is no openssl to make a certificate\n");
		skip();
	}
	scratch_write("list", OK "\r\n" TEXT);
}

static void tls_url(const struct tls_server *s, const char *path, char url[URL_SIZE])
{
	(void)snprintf(url, URL_SIZE, "https://127.0.0.1:%s%s", s->port, path);
}

static void test_https(void **state)
{
	struct fixture *f = *state;
	struct tls_server s = {.port = "0"};
	char url[URL_SIZE], answer[HEAD_SIZE];

	make_certificates();
	(void)snprintf(answer, sizeof(answer), FOUND "%s\r\n\r\n", here(f));
	scratch_write("insecure", answer);
	scratch_write("there", FOUND "/list\r\n\r\n");
	ANSWERS(f, OK "\r\n" TEXT);
	tls_start(&s, "good.pem");
	f->options.tries = 3;

	tls_url(&s, "/list", url);
	assert_refused(f, url, ERR_NET, "certificate");
	assert_int_equal(f->t.tries, 1);
	trusted = "good.pem";
	assert_text(f, url, TEXT, 28);
	tls_url(&s, "/there", url);
	assert_text(f, url, TEXT, 28);
	tls_url(&s, "/insecure", url);
	assert_refused(f, url, ERR_NET, "https to http");
	assert_int_equal(f->server.n_requests, 0);

	(void)snprintf(answer, sizeof(answer), FOUND "https://127.0.0.1:%s/list\r\n\r\n", s.port);
	ANSWERS(f, answer);
	assert_text(f, here(f), TEXT, 28);
	tls_stop(&s);
}

/* Stands for somebody who sets the clock as soon as it is waited for. */
static struct tls_server *late_server;

static void on_said_of_clock(void *ctx, const struct update_transfer *t, const char *text)
{
	uint64_t one = 1;

	on_said(ctx, t, text);
	tls_stop(late_server);
	tls_start(late_server, "good.pem");
	clock_is_set = true;
	assert_int_equal(write(clock_fd, &one, sizeof(one)), sizeof(one));
}

static void test_clock_not_set(void **state)
{
	struct fixture *f = *state;
	struct tls_server s = {.port = "0"};
	char url[URL_SIZE];

	make_certificates();
	trusted = "both.pem";
	tls_start(&s, "late.pem");
	tls_url(&s, "/list", url);
	assert_refused(f, url, ERR_NET, "not yet valid"); /* the clock is set: so it is */
	assert_string_equal(f->said, "");

	clock_is_set = false;
	clock_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	late_server = &s;
	f->options.said = on_said_of_clock;
	assert_text(f, url, TEXT, 28);
	assert_non_null(strstr(f->said, "clock"));
	assert_int_equal(f->t.tries, 1);
	tls_stop(&s);
	close(clock_fd);
	clock_fd = -1;

	clock_is_set = false; /* and stays so */
	f->options.said = on_said;
	f->options.clock_s = 0;
	tls_start(&s, "late.pem");
	assert_refused(f, url, ERR_NET, "not yet valid");
	assert_non_null(strstr(f->said, "clock"));
	tls_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_http, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_dry, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_status, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cut_short, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_other_protocols, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_compressed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stalled, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_redirect, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_redirects, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_redirect_elsewhere, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tries, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_range, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wrong_range, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_modified, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_modified_since_held, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_endless_header, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_also, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_https, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_clock_not_set, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_update_fetch.c - what a download accepts and refuses, from files and from a small server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tools/update_fetch.h"

#define MAX	  1000 /* bytes of one text */
#define STALL_S	  60   /* where no download is meant to stall */
#define URL_SIZE  256
#define HEAD_SIZE 512

#define OK    "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define TEXT  "ads.example\ntracker.example\n"
#define FOUND "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: "

/* One thread that gives every request the same answer, but /text, which is TEXT. */
struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	const char *answer;
	size_t len;
	bool hold; /* leave the connection open behind the answer */
};

struct fixture {
	struct server server;
	struct update_fetch *fetch;
	struct why why;
	char *text;
	size_t len;
	/* --- of the progress --- */
	bool give_up;
	unsigned n_calls;
	uint64_t now, total;
};

/* ---- the server ---- */

static void talk(const struct server *s, int fd)
{
	static const char text[] = OK "\r\n" TEXT;
	char request[4096];
	size_t len = 0;
	ssize_t n;

	do {
		n = recv(fd, request + len, sizeof(request) - 1 - len, 0);
		if (n <= 0)
			return;
		len += (size_t)n;
		request[len] = '\0';
	} while (strchr(request, '\n') == NULL);
	if (strncmp(request, "GET /text ", 10) == 0)
		(void)send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
	else
		(void)send(fd, s->answer, s->len, MSG_NOSIGNAL);
	if (!s->hold)
		(void)shutdown(fd, SHUT_WR);
	while (recv(fd, request, sizeof(request), 0) > 0)
		;
}

static void *serve(void *ctx)
{
	const struct server *s = ctx;

	for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0; close(fd))
		talk(s, fd);
	return NULL;
}

static void server_open(struct server *s, const char *answer, size_t len, bool hold)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t a_len = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*s = (struct server){.answer = answer, .len = len, .hold = hold};
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
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

/* ---- downloads ---- */

/* Stands between the module and libcurl: what it takes for https goes to the server, without TLS.
 * What may follow a redirect is libcurl's to enforce, as the module told it. */
static const char *instead_of_https;

CURLcode __real_curl_easy_perform(CURL *curl);
CURLcode __wrap_curl_easy_perform(CURL *curl);

CURLcode __wrap_curl_easy_perform(CURL *curl)
{
	if (instead_of_https != NULL)
		assert_int_equal(curl_easy_setopt(curl, CURLOPT_URL, instead_of_https), CURLE_OK);
	return __real_curl_easy_perform(curl);
}

static bool on_progress(void *ctx, uint64_t now, uint64_t total, uint64_t per_s)
{
	struct fixture *f = ctx;

	(void)per_s;
	f->n_calls++;
	f->now = now;
	f->total = total;
	return !f->give_up;
}

static void fetch_anew(struct fixture *f, unsigned stall_s)
{
	if (f->fetch != NULL)
		update_fetch_free(f->fetch);
	f->fetch = update_fetch_new(MAX, stall_s, on_progress, f);
	assert_non_null(f->fetch);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_return_code(setenv("no_proxy", "*", 1), errno);
	scratch_set_up(NULL);
	fetch_anew(f, STALL_S);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	instead_of_https = NULL;
	update_fetch_free(f->fetch);
	scratch_tear_down(NULL);
	free(f);
	return 0;
}

/* Download it; returns what that returned.  f->text is to be freed after 0. */
static int get(struct fixture *f, const char *url)
{
	f->why.text[0] = '\0';
	f->text = NULL;
	f->n_calls = 0;
	return update_fetch_get(f->fetch, url, &f->text, &f->len, &f->why);
}

static void assert_text(struct fixture *f, const char *url, const char *text, size_t len)
{
	if (get(f, url) != 0)
		fail_msg("%s: %s", url, f->why.text);
	assert_int_equal(f->len, len);
	assert_non_null(f->text);
	assert_memory_equal(f->text, text, len);
	free(f->text);
}

/* It fails with `err`, the reason has `part` in it, and there is no text to free. */
static void assert_refused(struct fixture *f, const char *url, int err, const char *part)
{
	assert_int_equal(get(f, url), err);
	if (strstr(f->why.text, part) == NULL || f->why.text[0] == '\0')
		fail_msg("%s: '%s' is not in: %s", url, part, f->why.text);
	assert_null(f->text);
}

static const char *url_of(const struct fixture *f, const char *scheme, const char *path)
{
	static char url[URL_SIZE];

	(void)snprintf(
	    url, sizeof(url), "%s://127.0.0.1:%u%s", scheme, (unsigned)f->server.port, path);
	return url;
}

/* The server has `answer`, which is refused. */
static void refuse_answer(
    struct fixture *f, const char *answer, bool hold, int err, const char *part)
{
	server_open(&f->server, answer, strlen(answer), hold);
	assert_refused(f, url_of(f, "http", "/"), err, part);
	server_close(&f->server);
}

/* ---- the tests ---- */

/* The URL of a file in the scratch folder. */
static void file_url(const char *scheme, const char *name, char *url)
{
	char folder[128];

	assert_non_null(getcwd(folder, sizeof(folder)));
	(void)snprintf(url, URL_SIZE, "%s://%s/%s", scheme, folder, name);
}

static void test_file(void **state)
{
	struct fixture *f = *state;
	char bytes[MAX + 1], url[URL_SIZE];

	file_url("file", "list", url);
	assert_refused(f, url, ERR_NET, "");
	scratch_write("list", TEXT);
	assert_text(f, url, TEXT, strlen(TEXT));
	file_url("FILE", "list", url);
	assert_text(f, url, TEXT, strlen(TEXT));
	scratch_write_bytes("list", "", 0);
	assert_text(f, url, "", 0);
	memset(bytes, '\0', sizeof(bytes));
	scratch_write_bytes("list", bytes, MAX);
	assert_text(f, url, bytes, MAX);
	scratch_write_bytes("list", bytes, MAX + 1);
	assert_refused(f, url, ERR_RANGE, "larger than 1.0 kB");
}

static void test_http(void **state)
{
	static const char answer[] = OK "Content-Length: 4\r\n\r\na\0\xff\n";
	static const char empty[] = OK "Content-Length: 0\r\n\r\n";
	struct fixture *f = *state;

	server_open(&f->server, answer, sizeof(answer) - 1, false);
	assert_text(f, url_of(f, "http", "/"), "a\0\xff\n", 4);
	assert_text(f, url_of(f, "HTTP", "/text"), TEXT, strlen(TEXT));
	server_close(&f->server);
	assert_refused(f, url_of(f, "http", "/"), ERR_NET, "connect");

	server_open(&f->server, empty, sizeof(empty) - 1, false);
	assert_text(f, url_of(f, "http", "/"), "", 0);
	server_close(&f->server);
}

static void test_status(void **state)
{
	static const unsigned codes[] = {
	    201, 203, 204, 206, 300, 304, 400, 403, 404, 410, 429, 500, 503};
	char answer[HEAD_SIZE], part[32];

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		(void)snprintf(answer, sizeof(answer),
		    "HTTP/1.1 %u Because\r\nConnection: close\r\n\r\n%s", codes[i], TEXT);
		(void)snprintf(part, sizeof(part), "answered %u", codes[i]);
		refuse_answer(*state, answer, false, ERR_NET, part);
	}
}

/* No status of an earlier answer counts for a later one. */
static void test_one_after_another(void **state)
{
	static const char answer[] = "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n";
	struct fixture *f = *state;
	char url[URL_SIZE];

	scratch_write("list", TEXT);
	file_url("file", "list", url);
	server_open(&f->server, answer, sizeof(answer) - 1, false);
	for (unsigned i = 0; i < 2; i++) {
		assert_refused(f, url_of(f, "http", "/"), ERR_NET, "answered 404");
		assert_text(f, url, TEXT, strlen(TEXT));
		assert_text(f, url_of(f, "http", "/text"), TEXT, strlen(TEXT));
	}
	server_close(&f->server);
}

static void test_cut_short(void **state)
{
	refuse_answer(*state, OK "Content-Length: 100\r\n\r\n" TEXT, false, ERR_NET, "broke off");
	refuse_answer(*state, OK "Transfer-Encoding: chunked\r\n\r\n4\r\nabc\n\r\n", false, ERR_NET,
	    "broke off");
	refuse_answer(*state, "", false, ERR_NET, "");
}

static void test_redirect(void **state)
{
	static const char to_text[] = FOUND "/text\r\n\r\n", to_itself[] = FOUND "/\r\n\r\n";
	struct fixture *f = *state;

	server_open(&f->server, to_text, sizeof(to_text) - 1, false);
	assert_text(f, url_of(f, "http", "/"), TEXT, strlen(TEXT));
	server_close(&f->server);

	server_open(&f->server, to_itself, sizeof(to_itself) - 1, false);
	assert_refused(f, url_of(f, "http", "/"), ERR_NET, "redirects");
	server_close(&f->server);
}

static void test_redirect_to_file(void **state)
{
	struct fixture *f = *state;
	char url[URL_SIZE], answer[HEAD_SIZE];

	scratch_write("secret", TEXT);
	file_url("file", "secret", url);
	(void)snprintf(answer, sizeof(answer), FOUND "%s\r\n\r\n", url);
	refuse_answer(f, answer, false, ERR_NET, "file");
}

static void test_redirect_from_https(void **state)
{
	static const char to_text[] = FOUND "/text\r\n\r\n";
	struct fixture *f = *state;
	char url[URL_SIZE];

	server_open(&f->server, to_text, sizeof(to_text) - 1, false);
	(void)snprintf(url, sizeof(url), "%s", url_of(f, "http", "/"));
	instead_of_https = url;
	assert_refused(f, "https://lists.example/", ERR_NET, "http");
	assert_refused(f, "HTTPS://lists.example/", ERR_NET, "http");
	assert_text(f, "http://lists.example/", TEXT, strlen(TEXT));
	(void)snprintf(url, sizeof(url), "%s", url_of(f, "http", "/text"));
	assert_text(f, "https://lists.example/", TEXT, strlen(TEXT));
	server_close(&f->server);
}

static void test_other_protocols(void **state)
{
	struct fixture *f = *state;

	server_open(&f->server, TEXT, strlen(TEXT), false);
	assert_refused(f, url_of(f, "gopher", "/0list"), ERR_NET, "gopher");
	assert_refused(f, url_of(f, "dict", "/d:list"), ERR_NET, "dict");
	assert_refused(f, url_of(f, "none", "/"), ERR_NET, "none");
	server_close(&f->server);
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
	server_open(&f->server, small, sizeof(small) - 1, false);
	assert_text(f, url_of(f, "http", "/"), text, sizeof(text));
	server_close(&f->server);

	server_open(&f->server, bomb, sizeof(bomb) - 1, false);
	assert_refused(f, url_of(f, "http", "/"), ERR_RANGE, "larger than 1.0 kB");
	server_close(&f->server);
}

static void test_too_large(void **state)
{
	char answer[sizeof(OK) + 2 + MAX + 1] = OK "\r\n";
	struct fixture *f = *state;
	size_t head = strlen(answer);

	memset(answer + head, 'a', MAX + 1);
	server_open(&f->server, answer, head + MAX, false);
	assert_text(f, url_of(f, "http", "/"), answer + head, MAX);
	server_close(&f->server);

	server_open(&f->server, answer, head + MAX + 1, false);
	assert_refused(f, url_of(f, "http", "/"), ERR_RANGE, "larger than 1.0 kB");
	server_close(&f->server);

	/* What is announced is not waited for. */
	refuse_answer(f, OK "Content-Length: 1001\r\n\r\n", true, ERR_RANGE, "larger than 1.0 kB");
}

/* The server says nothing, or no more; that these come back is what is tested. */
static void test_stalled(void **state)
{
	struct fixture *f = *state;

	fetch_anew(f, 1);
	refuse_answer(f, "", true, ERR_NET, "");
	refuse_answer(f, OK "Content-Length: 100\r\n\r\n" TEXT, true, ERR_NET, "");
}

static void test_progress(void **state)
{
	static const char answer[] = OK "Content-Length: 28\r\n\r\n" TEXT;
	struct fixture *f = *state;

	server_open(&f->server, answer, sizeof(answer) - 1, false);
	assert_text(f, url_of(f, "http", "/"), TEXT, 28);
	assert_true(f->n_calls > 0);
	assert_int_equal(f->now, 28);
	assert_int_equal(f->total, 28);
	assert_text(f, url_of(f, "http", "/text"), TEXT, 28);
	assert_int_equal(f->now, 28);
	assert_int_equal(f->total, 0); /* not announced */
	f->give_up = true;
	assert_refused(f, url_of(f, "http", "/"), ERR_NET, "stopped");
	assert_int_equal(f->n_calls, 1);
	server_close(&f->server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_http, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_status, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_one_after_another, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cut_short, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_redirect, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_redirect_to_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_redirect_from_https, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_other_protocols, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_compressed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stalled, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_progress, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

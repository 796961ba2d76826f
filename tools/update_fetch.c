/* update_fetch.c - libcurl's multi interface, with its bounds. */
#include "tools/update_fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <idn2.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/dns/name.h"
#include "lib/rng.h"
#include "tools/text.h"
#include "tools/update_clock.h"
#include "tools/update_resolve.h"
#include "tools/update_store.h"

#define SLOW_BYTES_S  64L   /* on the average of stall_s; less counts as silence */
#define TICK_MS	      200   /* a signal is noticed, and the progress redrawn, within this */
#define RETRY_AFTER_S 60    /* a server that wants to be left alone for longer is not asked again */
#define ALSO_MAX      65536 /* bytes of the text that goes with one */

/* OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and _CERT_HAS_EXPIRED. */
#define VERIFY_NOT_YET_VALID 9
#define VERIFY_EXPIRED	     10

#define HEADER_MAX 131072 /* bytes of all header fields of a response */

#define STATUS_OK	    200
#define STATUS_PARTIAL	    206
#define STATUS_NOT_MODIFIED 304
#define STATUS_NOT_FOUND    404
#define STATUS_GONE	    410
#define STATUS_BAD_RANGE    416

/* Where no stranger is led to: this machine, and networks that are not the internet (RFC 6890, 2.2). */
static const struct net inner_nets[] = {
    {.family = AF_INET, .bits = 8, .bytes = {0}},
    {.family = AF_INET, .bits = 8, .bytes = {10}},
    {.family = AF_INET, .bits = 10, .bytes = {100, 64}},
    {.family = AF_INET, .bits = 8, .bytes = {127}},
    {.family = AF_INET, .bits = 16, .bytes = {169, 254}},
    {.family = AF_INET, .bits = 12, .bytes = {172, 16}},
    {.family = AF_INET, .bits = 16, .bytes = {192, 168}},
    {.family = AF_INET6, .bits = 127, .bytes = {0}},
    {.family = AF_INET6, .bits = 7, .bytes = {0xfc}},
    {.family = AF_INET6, .bits = 10, .bytes = {0xfe, 0x80}},
};

struct fetch {
	const struct update_fetch_options *o;
	CURLM *multi;
	struct rng rng;
	struct update_transfer *const *transfers;
	unsigned n;
	unsigned n_running; /* resolving or running */
	unsigned n_left;    /* not ended */
	int clock_fd;	    /* -1: not watched */
	uint64_t now_ms;
};

/* What a transfer needs until it has ended. */
struct update_flight {
	struct fetch *f;
	struct update_transfer *t;
	char *url;		   /* of this request, as from libcurl; curl_free() */
	char host[NAME_TEXT_SIZE]; /* of the same */
	char port[8];
	struct update_part *part; /* of this request: &t->part, or &also */
	struct update_part also;
	struct update_seen kept; /* of a text that is here; no URL: none that serves */
	enum update_here here;	 /* that one */
	struct update_lookup *lookup;
	CURL *curl;
	struct curl_slist *headers, *addresses;
	char error[CURL_ERROR_SIZE];
	uint64_t began_ms, until_ms; /* until: of a pause, or of the wait for the clock */
	unsigned hops;
	bool has_begun;
	bool is_also;
	bool wants_range; /* the request has one */
	bool asks_if_new; /* or asks about the text that is here */
	bool is_taking;	  /* the body is the text */
	bool is_packed;	  /* and came compressed, so it cannot be gone on with */
	bool clock_waited;
	bool is_led; /* by a redirect of a host on the internet */
	size_t header_bytes;
	int err; /* why the response was refused */
};

static void start_request(struct update_flight *fl);

/* ---- the end of a transfer ---- */

static void drop_request(struct update_flight *fl)
{
	if (fl->curl != NULL) {
		(void)curl_multi_remove_handle(fl->f->multi, fl->curl);
		curl_easy_cleanup(fl->curl);
	}
	curl_slist_free_all(fl->headers);
	curl_slist_free_all(fl->addresses);
	update_lookup_free(fl->lookup);
	fl->curl = NULL;
	fl->headers = fl->addresses = NULL;
	fl->lookup = NULL;
}

static void set_state(struct update_flight *fl, enum update_transfer_state state)
{
	struct fetch *f = fl->f;
	enum update_transfer_state before = fl->t->state;

	f->n_running -= before == TRANSFER_RESOLVING || before == TRANSFER_RUNNING;
	f->n_running += state == TRANSFER_RESOLVING || state == TRANSFER_RUNNING;
	fl->t->state = state;
}

static void flight_free(struct update_flight *fl)
{
	drop_request(fl);
	update_part_close(&fl->also);
	curl_free(fl->url);
	free(fl);
}

/* May the rest of the list be asked for some time? */
static bool can_go_on(const struct update_flight *fl)
{
	return fl->t->part.bytes > 0 && !fl->is_packed && update_seen_strong(&fl->t->seen) != NULL;
}

static void end(struct update_flight *fl, int err)
{
	struct update_transfer *t = fl->t;
	struct fetch *f = fl->f;

	t->err = err;
	t->took_ms = fl->has_begun ? f->now_ms - fl->began_ms : 0;
	if (err == ERR_NET && !t->dry && !fl->is_also && can_go_on(fl) &&
	    update_part_save(&t->part, &t->seen, NULL) != 0)
		update_part_restart(&t->part); /* then the next run begins anew */
	set_state(fl, TRANSFER_ENDED);
	flight_free(fl);
	t->flight = NULL;
	f->n_left--;
	f->o->ended(f->o->ctx, t);
}

static int QUELL_PRINTF(2, 3) fail(struct update_flight *fl, const char *fmt, ...)
{
	va_list ap;
	char text[sizeof(fl->t->why.text)];

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return why_set(&fl->t->why, ERR_NET, "%s%s", fl->is_also ? "its signature: " : "", text);
}

/* ---- more than one try ---- */

static void pause_until(struct update_flight *fl, uint64_t until_ms)
{
	drop_request(fl);
	fl->until_ms = until_ms;
	set_state(fl, TRANSFER_PAUSED);
}

/* Half of the pause and a random part of the other half, so that not all come back at once. */
static uint64_t pause_ms(struct update_flight *fl)
{
	uint64_t whole = (uint64_t)fl->f->o->pause_ms << (fl->t->tries - 1);

	return whole / 2 + rng_below(&fl->f->rng, (uint32_t)(whole / 2) + 1);
}

/* What is there of the text is of no use: at once, and not at the cost of a try. */
static void begin_anew(struct update_flight *fl)
{
	update_part_restart(fl->part);
	fl->t->tries--;
	pause_until(fl, fl->f->now_ms);
}

/* It failed, and why->text says how; it may be well the next time. */
static void try_again(struct update_flight *fl, int err, uint64_t after_ms)
{
	struct update_transfer *t = fl->t;
	uint64_t wait_ms = pause_ms(fl);
	uint64_t over_ms = fl->began_ms + (uint64_t)t->max_s * 1000;

	if (wait_ms < after_ms)
		wait_ms = after_ms;
	if (t->tries >= fl->f->o->tries || after_ms > RETRY_AFTER_S * 1000 ||
	    fl->f->now_ms + wait_ms >= over_ms) {
		end(fl, err);
		return;
	}
	if (!can_go_on(fl))
		update_part_restart(fl->part);
	pause_until(fl, fl->f->now_ms + wait_ms);
}

/* ---- the URL ---- */

/* The host as it is asked for, and the port.  A host in other letters than ASCII becomes A-labels, in
 * the URL too, so that what is asked for here and what libcurl looks up are one. */
static bool split_url(struct update_flight *fl)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL, *ascii = NULL, *url = NULL;
	bool done = false;

	if (u == NULL || curl_url_set(u, CURLUPART_URL, fl->url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, CURLU_URLDECODE) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		goto out;
	if (host[0] != '[') {
		if (idn2_lookup_u8((const uint8_t *)host, (uint8_t **)&ascii,
			IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) == IDN2_OK &&
		    strcasecmp(ascii, host) != 0 &&
		    curl_url_set(u, CURLUPART_HOST, ascii, 0) == CURLUE_OK &&
		    curl_url_get(u, CURLUPART_URL, &url, 0) == CURLUE_OK) {
			curl_free(fl->url);
			fl->url = url;
			curl_free(host);
			host = NULL;
			if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
				goto out;
		}
	}
	done = snprintf(fl->host, sizeof(fl->host), "%s", host) < (int)sizeof(fl->host) &&
	       snprintf(fl->port, sizeof(fl->port), "%s", port) < (int)sizeof(fl->port);
out:
	idn2_free(ascii);
	curl_free(port);
	curl_free(host);
	curl_url_cleanup(u);
	return done;
}

static bool has_scheme(const char *url, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncasecmp(url, scheme, len) == 0 && strncmp(url + len, "://", 3) == 0;
}

/* Take `url`, by curl_free(), for the next request. */
static void go_to(struct update_flight *fl, char *url)
{
	drop_request(fl);
	curl_free(fl->url);
	fl->url = url;
	if (!split_url(fl)) {
		end(fl, fail(fl, "%s is no URL", fl->url));
		return;
	}
	if (fl->f->o->n_upstreams == 0 || !update_resolve_needed(fl->host)) {
		start_request(fl);
		return;
	}
	fl->lookup = update_lookup_new(
	    fl->f->o->upstreams, fl->f->o->n_upstreams, &fl->f->rng, fl->host, fl->f->now_ms);
	if (fl->lookup == NULL)
		start_request(fl);
	else
		set_state(fl, TRANSFER_RESOLVING);
}

static char *copy_url(const char *url)
{
	CURLU *u = curl_url();
	char *copy = NULL;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &copy, 0) != CURLUE_OK)
		copy = NULL;
	curl_url_cleanup(u);
	return copy;
}

static void begin_at(struct update_flight *fl, const char *url)
{
	char *copy = copy_url(url);

	fl->hops = 0;
	fl->is_led = false;
	if (copy == NULL || (!has_scheme(copy, "http") && !has_scheme(copy, "https"))) {
		curl_free(copy);
		end(fl, fail(fl, "%s is no URL of http or https", url));
		return;
	}
	go_to(fl, copy);
}

static bool is_inner(const union addr *a)
{
	for (size_t i = 0; i < sizeof(inner_nets) / sizeof(inner_nets[0]); i++) {
		if (net_contains(&inner_nets[i], a))
			return true;
	}
	return false;
}

/* Who answered. */
static bool is_peer_inner(CURL *curl)
{
	const char *text = NULL;
	union addr peer;
	struct why why;

	(void)curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &text);
	return text == NULL || addr_parse(&peer, text, 1, &why) != 0 || is_inner(&peer);
}

/* The publisher of a list is not one to make requests in this network. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct update_flight *fl = ctx;
	char text[ADDR_TEXT_SIZE];
	union addr a = {.sa = {.sa_family = AF_UNSPEC}};

	(void)purpose;
	memcpy(&a, &to->addr, to->addrlen < sizeof(a) ? to->addrlen : sizeof(a));
	if (!fl->is_led || !is_inner(&a))
		return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	fl->err = fail(fl, "a redirect leads from the internet to %s, which is none of it",
	    addr_format_host(&a, text));
	return CURL_SOCKET_BAD;
}

static void follow(struct update_flight *fl)
{
	const char *location = NULL;
	char *next;

	(void)curl_easy_getinfo(fl->curl, CURLINFO_REDIRECT_URL, &location);
	next = location != NULL ? copy_url(location) : NULL;
	if (next == NULL)
		end(fl, fail(fl, "a redirect leads nowhere"));
	else if (fl->hops == UPDATE_REDIRECTS_MAX)
		end(fl, fail(fl, "it has more than %d redirects", UPDATE_REDIRECTS_MAX));
	else if (!has_scheme(next, "https") && !has_scheme(next, "http"))
		end(fl, fail(fl, "a redirect leads to %.200s", next));
	else if (has_scheme(fl->url, "https") && !has_scheme(next, "https"))
		end(fl, fail(fl, "a redirect leads from https to http: %.200s", next));
	else {
		fl->hops++;
		fl->t->redirects++;
		fl->is_led = fl->is_led || !is_peer_inner(fl->curl);
		go_to(fl, next);
		return;
	}
	curl_free(next);
}

/* ---- the body ---- */

static const char *header(CURL *curl, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

static long status_of(CURL *curl)
{
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* RFC 9110, 14.4: the rest that was asked for, and no other. */
static bool is_the_rest(const struct update_flight *fl)
{
	const char *range = header(fl->curl, "Content-Range");
	const char *etag = header(fl->curl, "ETag");
	uint64_t from, to;

	if (etag != NULL && fl->t->seen.etag[0] != '\0' && strcmp(etag, fl->t->seen.etag) != 0)
		return false;

	return fl->wants_range && range != NULL &&
	       sscanf(range, "bytes %" SCNu64 "-%" SCNu64, &from, &to) == 2 &&
	       from == fl->part->bytes && to >= from &&
	       header(fl->curl, "Content-Encoding") == NULL;
}

static void note_origin(struct update_flight *fl)
{
	memset(&fl->t->seen, 0, sizeof(fl->t->seen));
	(void)snprintf(fl->t->seen.url, sizeof(fl->t->seen.url), "%s", fl->t->url);
	(void)snprintf(fl->t->seen.from, sizeof(fl->t->seen.from), "%s",
	    strlen(fl->url) < sizeof(fl->t->seen.from) ? fl->url : "");
	update_seen_note(&fl->t->seen, header(fl->curl, "ETag"), header(fl->curl, "Last-Modified"),
	    header(fl->curl, "Date"));
}

/* The head of the response is there: what is its body? */
static void begin_body(struct update_flight *fl)
{
	long status = status_of(fl->curl);
	curl_off_t announced = -1;

	(void)curl_easy_getinfo(fl->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (status == STATUS_PARTIAL && is_the_rest(fl)) {
		fl->t->resumed += fl->part->bytes;
		fl->is_taking = true;
	} else if (status == STATUS_OK) {
		update_part_restart(fl->part);
		fl->is_packed = header(fl->curl, "Content-Encoding") != NULL;
		fl->is_taking = true;
	}
	if (!fl->is_taking)
		return;
	fl->part->expected =
	    announced > 0 && !fl->is_packed ? fl->part->bytes + (uint64_t)announced : 0;
	fl->t->total = fl->part->expected;
	if (!fl->is_also && status == STATUS_OK)
		note_origin(fl);
}

static size_t take_header(const char *bytes, size_t one, size_t n, void *ctx)
{
	struct update_flight *fl = ctx;

	(void)bytes;
	(void)one; /* always 1 */
	fl->header_bytes += n;
	if (fl->header_bytes <= HEADER_MAX)
		return n;
	fl->err = fail(fl, "its header is larger than %d bytes", HEADER_MAX);
	return 0;
}

static size_t take_body(char *bytes, size_t one, size_t n, void *ctx)
{
	struct update_flight *fl = ctx;

	(void)one; /* always 1 */
	if (!fl->is_taking)
		begin_body(fl);
	if (!fl->is_taking)
		return n == 0; /* another number than n ends the transfer */
	if (n == 0)
		return 0;
	fl->err = update_part_take(fl->part, bytes, n, &fl->t->why);
	fl->t->now = fl->part->bytes;
	if (fl->err == 0 && !fl->is_also && can_go_on(fl))
		update_part_note(fl->part, &fl->t->seen);
	return fl->err == 0 ? n : 0;
}

static int on_progress(
    void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct update_flight *fl = ctx;
	curl_off_t per_s = 0;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up_now;
	(void)curl_easy_getinfo(fl->curl, CURLINFO_SPEED_DOWNLOAD_T, &per_s);
	fl->t->per_s = (uint64_t)per_s;
	return 0;
}

/* ---- the request ---- */

static bool QUELL_PRINTF(2, 3) add_line(struct curl_slist **list, const char *fmt, ...)
{
	char line[CONF_URL_SIZE];
	struct curl_slist *longer;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	longer = curl_slist_append(*list, line);
	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

/* "HOST:PORT:ADDRESS,ADDRESS" (CURLOPT_RESOLVE) from the addresses that were found. */
static bool give_addresses(struct update_flight *fl)
{
	char line[NAME_TEXT_SIZE + UPDATE_ADDRS_MAX * (ADDR_TEXT_SIZE + 3) + 16];
	const union addr *addresses;
	bool answered;
	unsigned n = update_lookup_result(fl->lookup, &addresses, &answered);
	int at = snprintf(line, sizeof(line), "%s:%s:", fl->host, fl->port);

	for (unsigned i = 0; i < n; i++) {
		char text[ADDR_TEXT_SIZE];
		bool is6 = addresses[i].sa.sa_family == AF_INET6;

		(void)addr_format_host(&addresses[i], text);
		at += snprintf(line + at, sizeof(line) - (size_t)at, "%s%s%s%s", i != 0 ? "," : "",
		    is6 ? "[" : "", text, is6 ? "]" : "");
	}
	fl->addresses = curl_slist_append(NULL, line);
	return fl->addresses != NULL &&
	       curl_easy_setopt(fl->curl, CURLOPT_RESOLVE, fl->addresses) == CURLE_OK;
}

/* Ask for the rest, or whether it has changed. */
static bool add_conditions(struct update_flight *fl)
{
	const struct update_seen *kept = &fl->kept;
	const char *strong = update_seen_strong(&fl->t->seen);

	fl->wants_range = fl->asks_if_new = false;
	if (fl->is_also)
		return true;
	if (can_go_on(fl) && update_seen_is_from(&fl->t->seen, fl->url, fl->hops != 0)) {
		fl->wants_range = true;
		/* A range is of the bytes as they are sent, and the part has them unpacked. */
		return add_line(&fl->headers, "Accept-Encoding: identity") &&
		       add_line(&fl->headers, "Range: bytes=%" PRIu64 "-", fl->t->part.bytes) &&
		       add_line(&fl->headers, "If-Range: %s", strong);
	}
	if (kept->url[0] == '\0' || !update_seen_is_from(kept, fl->url, fl->hops != 0))
		return true;
	fl->asks_if_new = true;
	if (kept->etag[0] != '\0' && !add_line(&fl->headers, "If-None-Match: %s", kept->etag))
		return false;
	return kept->modified[0] == '\0' ||
	       add_line(&fl->headers, "If-Modified-Since: %s", kept->modified);
}

static CURLcode set_options(struct update_flight *fl)
{
	CURL *c = fl->curl;
	CURLcode code = CURLE_OK;
	uint64_t over_ms = fl->began_ms + (uint64_t)fl->t->max_s * 1000;
	uint64_t left_ms = over_ms > fl->f->now_ms ? over_ms - fl->f->now_ms : 1;
	long stall_s = (long)fl->f->o->stall_s;

#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (code == CURLE_OK)                                                              \
			code = curl_easy_setopt(c, option, value);                                 \
	} while (0)

	SET(CURLOPT_ERRORBUFFER, fl->error);
	SET(CURLOPT_PRIVATE, fl);
	SET(CURLOPT_URL, fl->url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_ACCEPT_ENCODING, fl->wants_range ? NULL : ""); /* "": all that it can unpack */
	SET(CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
	SET(CURLOPT_CONNECTTIMEOUT, stall_s);
	SET(CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_S);
	SET(CURLOPT_LOW_SPEED_TIME, stall_s);
	SET(CURLOPT_TIMEOUT_MS, (long)left_ms);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)fl->part->max_bytes);
	SET(CURLOPT_HTTPHEADER, fl->headers);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, fl);
	SET(CURLOPT_FRESH_CONNECT, fl->is_led ? 1L : 0L); /* not one that leads there already */
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, fl);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, fl);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, fl);
	SET(CURLOPT_NOPROGRESS, 0L);
#undef SET
	return code;
}

static void start_request(struct update_flight *fl)
{
	fl->error[0] = '\0';
	fl->err = 0;
	fl->header_bytes = 0;
	fl->is_taking = fl->is_packed = false;
	fl->curl = curl_easy_init();
	set_state(fl, TRANSFER_RUNNING);
	if (fl->curl == NULL || !add_conditions(fl) || set_options(fl) != CURLE_OK ||
	    (fl->lookup != NULL && !give_addresses(fl)) ||
	    curl_multi_add_handle(fl->f->multi, fl->curl) != CURLM_OK)
		end(fl, why_set(&fl->t->why, ERR_NOMEM, "no memory for it"));
}

/* ---- the response ---- */

/* Is what goes wrong the clock's fault? */
static bool is_clock_fault(const struct update_flight *fl, CURLcode code)
{
	long verdict = 0;

	if (code != CURLE_PEER_FAILED_VERIFICATION || fl->clock_waited || update_clock_is_set())
		return false;
	(void)curl_easy_getinfo(fl->curl, CURLINFO_SSL_VERIFYRESULT, &verdict);
	return verdict == VERIFY_NOT_YET_VALID || verdict == VERIFY_EXPIRED;
}

static void wait_for_clock(struct update_flight *fl)
{
	struct fetch *f = fl->f;

	if (f->clock_fd < 0)
		f->clock_fd = update_clock_watch();
	fl->clock_waited = true;
	drop_request(fl);
	fl->until_ms = f->now_ms + (uint64_t)f->o->clock_s * 1000;
	set_state(fl, TRANSFER_CLOCK);
	f->o->said(f->o->ctx, fl->t,
	    "the certificate does not hold at this time, and the clock is not set; "
	    "waiting until it is");
}

static bool is_passing(long status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static bool is_passing_error(CURLcode code)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FILESIZE_EXCEEDED:
	case CURLE_BAD_CONTENT_ENCODING:
		return false;
	default:
		return true;
	}
}

static void fail_with_code(struct update_flight *fl, CURLcode code)
{
	const char *text = fl->error[0] != '\0' ? fl->error : curl_easy_strerror(code);
	char max[TEXT_BYTES_SIZE];

	if (fl->err != 0) /* its reason is there */
		end(fl, fl->err);
	else if (code == CURLE_FILESIZE_EXCEEDED)
		end(fl, why_set(&fl->t->why, ERR_RANGE, "it is larger than %s",
			    text_bytes(max, fl->part->max_bytes)));
	else if (code == CURLE_OUT_OF_MEMORY) /* libcurl's word for a very long field, too */
		end(fl,
		    fail(fl, "a field of its header is too long, or there is no memory for it"));
	else if (is_clock_fault(fl, code))
		wait_for_clock(fl);
	else if (is_passing_error(code))
		try_again(fl,
		    fail(fl, "%s%s", code == CURLE_PARTIAL_FILE ? "it broke off: " : "", text), 0);
	else
		end(fl, fail(fl, "%s", text));
}

static void fail_with_status(struct update_flight *fl, long status)
{
	curl_off_t after_s = 0;
	int err = fail(fl, "the server answered %ld", status);

	fl->t->gone = !fl->is_also && (status == STATUS_NOT_FOUND || status == STATUS_GONE);
	(void)curl_easy_getinfo(fl->curl, CURLINFO_RETRY_AFTER, &after_s);
	if (after_s < 0 || after_s > INT32_MAX)
		after_s = INT32_MAX;
	if (fl->wants_range && (status == STATUS_BAD_RANGE || status == STATUS_PARTIAL)) {
		begin_anew(fl);
	} else if (is_passing(status)) {
		if (after_s > RETRY_AFTER_S)
			err =
			    fail(fl, "the server answered %ld, and asks for %" PRId64 " s of peace",
				status, (int64_t)after_s);
		try_again(fl, err, (uint64_t)after_s * 1000);
	} else {
		end(fl, err);
	}
}

static void take_also(struct update_flight *fl)
{
	struct update_transfer *t = fl->t;

	end(fl, update_part_read(&fl->also, &t->also_text, &t->also_len, &t->why));
}

static void begin_also(struct update_flight *fl)
{
	fl->is_also = true;
	update_part_open(&fl->also, -1, fl->t->name, true, ALSO_MAX);
	fl->part = &fl->also;
	begin_at(fl, fl->t->also);
}

static void take_whole(struct update_flight *fl)
{
	if (!fl->is_taking) /* the body is empty */
		begin_body(fl);
	if (!fl->is_taking) {
		fail_with_status(fl, status_of(fl->curl));
		return;
	}
	if (fl->is_also) {
		take_also(fl);
		return;
	}
	if (fl->t->also != NULL)
		begin_also(fl);
	else
		end(fl, 0);
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void on_response(struct update_flight *fl, CURLcode code)
{
	long status = status_of(fl->curl);
	curl_off_t came = 0;

	(void)curl_easy_getinfo(fl->curl, CURLINFO_SIZE_DOWNLOAD_T, &came);
	fl->t->transferred += (uint64_t)came;
	if (is_redirect(status) &&
	    (code == CURLE_OK || (code == CURLE_WRITE_ERROR && fl->err == 0))) {
		follow(fl);
	} else if (code == CURLE_OK && status == STATUS_NOT_MODIFIED && fl->asks_if_new) {
		fl->t->not_modified = true;
		fl->t->seen = fl->kept;
		update_part_set(&fl->t->part, fl->here);
		end(fl, 0);
	} else if (code == CURLE_OK && (status == STATUS_OK || status == STATUS_PARTIAL)) {
		take_whole(fl);
	} else if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && fl->err == 0)) {
		fail_with_status(fl, status);
	} else {
		fail_with_code(fl, code);
	}
}

/* ---- the loop ---- */

/* The text that is here with the bytes that `seen` speaks of.  False: none has them. */
static bool find_seen(
    const struct update_transfer *t, const struct update_seen *seen, enum update_here *here)
{
	for (unsigned i = 0; i < UPDATE_HERES; i++) {
		char file[UPDATE_PART_FILE_SIZE], *text;
		size_t len;
		bool fits;

		update_part_here(i, t->name, file);
		if (update_store_read_at(t->lists_fd, file, SIZE_MAX / 2, &text, &len, NULL) != 0)
			continue;
		fits = update_seen_fits(seen, text, len);
		free(text);
		*here = i;
		if (fits)
			return true;
	}
	return false;
}

/* What is known of what the publisher had serves if it is of this URL, and the text still here. */
static void look_at_kept(struct update_flight *fl)
{
	struct update_transfer *t = fl->t;
	char file[UPDATE_PART_FILE_SIZE];

	(void)snprintf(file, sizeof(file), "%s.seen", t->name);
	if (t->lists_fd < 0 || !update_seen_read(t->lists_fd, file, &fl->kept) ||
	    strcmp(fl->kept.url, t->url) != 0 ||
	    (t->key != NULL && t->key[0] != '\0' && strcmp(fl->kept.key, t->key) != 0) ||
	    !update_seen_has_validator(&fl->kept) || !find_seen(t, &fl->kept, &fl->here))
		memset(&fl->kept, 0, sizeof(fl->kept));
}

static void begin(struct fetch *f, struct update_transfer *t)
{
	struct update_flight *fl = t->flight;

	if (!fl->has_begun) {
		fl->has_begun = true;
		fl->began_ms = f->now_ms;
		look_at_kept(fl);
		update_part_open(&t->part, t->lists_fd, t->name, t->dry, (size_t)t->max_bytes);
		if (!update_part_resume(&t->part, t->url, &t->seen))
			memset(&t->seen, 0, sizeof(t->seen));
	}
	t->tries++;
	begin_at(fl, fl->is_also ? t->also : t->url);
}

static void end_lookup(struct update_flight *fl)
{
	const union addr *addresses;
	bool answered;
	char text[NAME_TEXT_SIZE + 128];

	if (update_lookup_result(fl->lookup, &addresses, &answered) == 0) {
		(void)snprintf(text, sizeof(text), "%s %s; asking the system's resolver",
		    answered ? "the upstreams know no address of" : "no upstream answered for",
		    fl->host);
		fl->f->o->said(fl->f->o->ctx, fl->t, text);
		fl->t->by_system = true;
		update_lookup_free(fl->lookup);
		fl->lookup = NULL;
	}
	start_request(fl);
}

static void step(struct fetch *f, struct update_transfer *t)
{
	struct update_flight *fl = t->flight;

	switch (t->state) {
	case TRANSFER_QUEUED:
		if (f->n_running < f->o->parallel)
			begin(f, t);
		break;
	case TRANSFER_PAUSED:
		if (f->now_ms >= fl->until_ms && f->n_running < f->o->parallel)
			begin(f, t);
		break;
	case TRANSFER_CLOCK:
		if (update_clock_is_set() || f->now_ms >= fl->until_ms) {
			t->tries--; /* this was not its fault */
			set_state(fl, TRANSFER_PAUSED);
			fl->until_ms = f->now_ms;
		}
		break;
	case TRANSFER_RESOLVING:
		if (!update_lookup_step(fl->lookup, f->now_ms))
			end_lookup(fl);
		break;
	case TRANSFER_RUNNING:
	case TRANSFER_ENDED:
		break;
	}
}

static void take_messages(struct fetch *f)
{
	struct update_flight *fl;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		CURLcode code = m->data.result;

		if (m->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&fl) == CURLE_OK)
			on_response(fl, code);
	}
}

static unsigned lookup_fds(
    const struct update_flight *fl, struct curl_waitfd *out, uint64_t *due_ms)
{
	struct pollfd fds[2];
	uint64_t until_ms;
	unsigned n = update_lookup_fds(fl->lookup, fds, &until_ms);

	for (unsigned i = 0; i < n; i++)
		out[i] = (struct curl_waitfd){.fd = fds[i].fd,
		    .events = fds[i].events == POLLOUT ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN};
	if (until_ms < *due_ms)
		*due_ms = until_ms;
	return n;
}

/* Until something can be done, a tick at the longest. */
static void wait_for_more(struct fetch *f, struct curl_waitfd *fds)
{
	uint64_t due_ms = f->now_ms + TICK_MS;
	unsigned n = 0;

	for (unsigned i = 0; i < f->n; i++) {
		const struct update_flight *fl = f->transfers[i]->flight;

		if (f->transfers[i]->state == TRANSFER_RESOLVING)
			n += lookup_fds(fl, fds + n, &due_ms);
		else if (f->transfers[i]->state == TRANSFER_PAUSED && fl->until_ms < due_ms)
			due_ms = fl->until_ms;
	}
	if (f->clock_fd >= 0)
		fds[n++] = (struct curl_waitfd){.fd = f->clock_fd, .events = CURL_WAIT_POLLIN};
	(void)curl_multi_poll(
	    f->multi, fds, n, due_ms > f->now_ms ? (int)(due_ms - f->now_ms) : 0, NULL);
}

static void look_at_clock(struct fetch *f)
{
	uint64_t ticks;

	/* Having been set once it is not watched any more: a read that fails with ECANCELED. */
	if (f->clock_fd >= 0 &&
	    (read(f->clock_fd, &ticks, sizeof(ticks)) >= 0 || errno != EAGAIN)) {
		close(f->clock_fd);
		f->clock_fd = update_clock_is_set() ? -1 : update_clock_watch();
	}
}

static void give_up(struct fetch *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct update_transfer *t = f->transfers[i];

		if (t->state != TRANSFER_ENDED)
			end(t->flight, why_set(&t->why, ERR_NET, "stopped"));
	}
}

static void carry_out(struct fetch *f, struct curl_waitfd *fds)
{
	int n_handles;

	while (f->n_left > 0) {
		f->now_ms = clock_ms();
		for (unsigned i = 0; i < f->n; i++)
			step(f, f->transfers[i]);
		(void)curl_multi_perform(f->multi, &n_handles);
		take_messages(f);
		if (!f->o->tick(f->o->ctx))
			give_up(f);
		else if (f->n_left > 0)
			wait_for_more(f, fds);
		look_at_clock(f);
	}
}

static bool prepare(struct fetch *f, struct curl_waitfd **fds)
{
	f->multi = curl_multi_init();
	*fds = calloc((size_t)f->n * 2 + 1, sizeof(**fds));
	for (unsigned i = 0; i < f->n; i++)
		update_part_open(&f->transfers[i]->part, -1, f->transfers[i]->name, true, 0);
	for (unsigned i = 0; i < f->n; i++) {
		struct update_transfer *t = f->transfers[i];

		t->flight = calloc(1, sizeof(*t->flight));
		if (t->flight == NULL)
			return false;
		*t->flight = (struct update_flight){.f = f, .t = t, .part = &t->part};
		update_part_open(&t->flight->also, -1, t->name, true, 0);
	}
	return f->multi != NULL && *fds != NULL;
}

void update_fetch(const struct update_fetch_options *options,
    struct update_transfer *const *transfers, unsigned n)
{
	struct fetch f = {
	    .o = options, .transfers = transfers, .n = n, .n_left = n, .clock_fd = -1};
	struct curl_waitfd *fds = NULL;

	rng_init(&f.rng);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		if (prepare(&f, &fds))
			carry_out(&f, fds);
		curl_multi_cleanup(f.multi);
		curl_global_cleanup();
	}
	for (unsigned i = 0; i < n; i++) { /* only where there was no memory to begin */
		struct update_transfer *t = transfers[i];

		if (t->state == TRANSFER_ENDED)
			continue;
		free(t->flight);
		t->flight = NULL;
		t->state = TRANSFER_ENDED;
		t->err = why_set(&t->why, ERR_NOMEM, "libcurl cannot be set up");
		options->ended(options->ctx, t);
	}
	if (f.clock_fd >= 0)
		close(f.clock_fd);
	free(fds);
}

void update_transfer_free(struct update_transfer *t)
{
	if (t->state == TRANSFER_ENDED)
		update_part_close(&t->part);
	free(t->also_text);
	t->also_text = NULL;
}

/* update_fetch.c - libcurl, with its bounds. */
#include "tools/update_fetch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "tools/text.h"

#define REDIRECTS_MAX 8L
#define TOTAL_S	      3600L /* a server that drips just fast enough is left after an hour */
#define SLOW_BYTES_S  64L   /* on the average of stall_s; less counts as silence */
#define FIRST_SIZE    ((size_t)1 << 16)

struct update_fetch {
	CURL *curl;
	size_t max_bytes;
	update_fetch_progress_fn *progress;
	void *progress_ctx;
	char error[CURL_ERROR_SIZE];
	/* --- of one download --- */
	char *text;
	size_t len, size;
	int err; /* why the body was refused */
};

static int grow(struct update_fetch *f, size_t need)
{
	size_t size = f->size != 0 ? f->size : FIRST_SIZE;
	char *text;

	while (size < need)
		size *= 2;
	text = realloc(f->text, size);
	if (text == NULL)
		return ERR_NOMEM;
	f->text = text;
	f->size = size;
	return 0;
}

static size_t take_body(char *bytes, size_t one, size_t n, void *ctx)
{
	struct update_fetch *f = ctx;

	(void)one; /* always 1 */
	if (n > f->max_bytes - f->len)
		f->err = ERR_RANGE;
	else if (n > f->size - f->len)
		f->err = grow(f, f->len + n);
	if (f->err != 0)
		return n == 0; /* another number than n stops the transfer */
	memcpy(f->text + f->len, bytes, n);
	f->len += n;
	return n;
}

static int on_progress(
    void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct update_fetch *f = ctx;
	curl_off_t per_s = 0;

	(void)up_total;
	(void)up_now;
	curl_easy_getinfo(f->curl, CURLINFO_SPEED_DOWNLOAD_T, &per_s);
	return !f->progress(f->progress_ctx, (uint64_t)now, (uint64_t)total, (uint64_t)per_s);
}

static CURLcode set_options(struct update_fetch *f, unsigned stall_s)
{
	CURL *c = f->curl;
	CURLcode code = CURLE_OK;

#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (code == CURLE_OK)                                                              \
			code = curl_easy_setopt(c, option, value);                                 \
	} while (0)

	SET(CURLOPT_ERRORBUFFER, f->error);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https,file");
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	SET(CURLOPT_FAILONERROR, 1L);
	SET(CURLOPT_ACCEPT_ENCODING, ""); /* all that this libcurl can unpack */
	SET(CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
	SET(CURLOPT_CONNECTTIMEOUT, (long)stall_s);
	SET(CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_S);
	SET(CURLOPT_LOW_SPEED_TIME, (long)stall_s);
	SET(CURLOPT_TIMEOUT, TOTAL_S);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)f->max_bytes);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, f);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, f);
	SET(CURLOPT_NOPROGRESS, 0L);
#undef SET
	return code;
}

struct update_fetch *update_fetch_new(
    size_t max_bytes, unsigned stall_s, update_fetch_progress_fn *progress, void *progress_ctx)
{
	struct update_fetch *f;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (f == NULL) {
		curl_global_cleanup();
		return NULL;
	}
	f->max_bytes = max_bytes;
	f->progress = progress;
	f->progress_ctx = progress_ctx;
	f->curl = curl_easy_init();
	if (f->curl == NULL || set_options(f, stall_s) != CURLE_OK) {
		update_fetch_free(f);
		return NULL;
	}
	return f;
}

void update_fetch_free(struct update_fetch *f)
{
	if (f == NULL)
		return;
	curl_easy_cleanup(f->curl);
	curl_global_cleanup();
	free(f);
}

static int too_large(const struct update_fetch *f, struct why *why)
{
	char max[TEXT_BYTES_SIZE];

	return why_set(why, ERR_RANGE, "it is larger than %s", text_bytes(max, f->max_bytes));
}

static int explain(struct update_fetch *f, CURLcode code, const char *url, struct why *why)
{
	long status = 0;

	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (f->err == ERR_NOMEM)
		return why_set(why, ERR_NOMEM, "no memory for it");
	if (f->err == ERR_RANGE || code == CURLE_FILESIZE_EXCEEDED)
		return too_large(f, why);
	if (code == CURLE_HTTP_RETURNED_ERROR ||
	    (code == CURLE_OK && status != 200 && strncasecmp(url, "file:", 5) != 0))
		return why_set(why, ERR_NET, "the server answered %ld", status);
	if (code == CURLE_PARTIAL_FILE)
		return why_set(why, ERR_NET, "it broke off: %s", f->error);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return why_set(why, ERR_NET, "stopped");
	if (code != CURLE_OK)
		return why_set(
		    why, ERR_NET, "%s", f->error[0] != '\0' ? f->error : curl_easy_strerror(code));
	return 0;
}

int update_fetch_get(
    struct update_fetch *f, const char *url, char **text, size_t *len, struct why *why)
{
	bool secure = strncasecmp(url, "https:", 6) == 0;
	CURLcode code;
	int err;

	f->text = NULL;
	f->len = f->size = 0;
	f->err = grow(f, 1); /* so that an empty body is a text too */
	f->error[0] = '\0';
	code = curl_easy_setopt(f->curl, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_setopt(
		    f->curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
	if (code == CURLE_OK && f->err == 0)
		code = curl_easy_perform(f->curl);
	err = explain(f, code, url, why);
	if (err != 0) {
		free(f->text);
		return err;
	}
	*text = f->text;
	*len = f->len;
	return 0;
}

/* update_report.c - a result as text and as JSON. */
#include "tools/update_report.h"

#include <inttypes.h>
#include <string.h>

#include "tools/text.h"
#include "tools/update_skips.h"

#define ESCAPED_SIZE (4 * CONF_URL_SIZE)

static const char *const image_texts[UPDATE_IMAGES] = {
    [UPDATE_IMAGE_FAILED] = "failed",
    [UPDATE_IMAGE_WRITTEN] = "written",
    [UPDATE_IMAGE_UNCHANGED] = "unchanged",
    [UPDATE_IMAGE_DRY] = "not written",
};

static const char *const told_texts[UPDATE_TOLDS] = {
    [UPDATE_TOLD_NOT_NEEDED] = "not told",
    [UPDATE_TOLD_RELOADED] = "reloaded",
    [UPDATE_TOLD_NOT_RUNNING] = "not running",
    [UPDATE_TOLD_FAILED] = "failed",
};

static void put_escaped(FILE *to, const char *raw)
{
	char text[ESCAPED_SIZE];

	fputs(text_escape(text, sizeof(text), raw, strlen(raw)), to);
}

/* Is name `i` of those that are looked out for exempted, since this list blocks it? */
static bool exempts(const struct update_result *r, const struct update_list *list, unsigned i)
{
	return r->watch->names[i].kind == UPDATE_WATCH_NEEDED && update_list_has_text(list) &&
	       list->facts.hits[i];
}

static bool is_exempted(const struct update_result *r, unsigned i)
{
	for (unsigned k = 0; k < r->n_lists; k++) {
		if (exempts(r, &r->lists[k], i))
			return true;
	}
	return false;
}

/* ---- text ---- */

static void text_list(FILE *to, const struct update_list *list)
{
	char bytes[TEXT_BYTES_SIZE], remedy[UPDATE_REMEDY_TEXT_SIZE];
	const struct feed_counts *counts = &list->counts;

	fprintf(to, "%s: %s", list->conf->name, update_list_outcome_text(list->outcome));
	if (update_list_has_text(list))
		fprintf(to, ", %" PRIu64 " rules, %s", counts->rules, text_bytes(bytes, list->len));
	if (counts->skips[FEED_BAD] != 0)
		fprintf(to, ", %" PRIu64 " bad lines (the first is line %" PRIu64 ": \"%s\")",
		    counts->skips[FEED_BAD], counts->first_bad_line, list->bad_text);
	update_skips_text(to, counts);
	if (update_list_failed(list)) {
		fputs(": ", to);
		put_escaped(to, list->why.text);
		fputs(" (", to);
		put_escaped(to, update_list_origin(list));
		fputc(')', to);
		if (update_list_remedy_text(list, remedy) != NULL)
			fprintf(to, "; %s", remedy);
	}
	fputc('\n', to);
}

static void text_transfers(FILE *to, const struct update_result *r)
{
	char in[TEXT_BYTES_SIZE], out[TEXT_BYTES_SIZE];
	uint64_t n_bytes = 0;

	for (unsigned i = 0; i < r->n_lists; i++)
		n_bytes += r->lists[i].transfer.transferred;
	fprintf(to, "transferred: %s; written: %s\n", text_bytes(in, n_bytes),
	    text_bytes(out, r->n_written));
}

static void text_exempted(FILE *to, const struct update_result *r, unsigned i)
{
	const char *between = "";
	char name[NAME_TEXT_SIZE];

	fprintf(to, "exempted: %s%s, since the network needs it (blocked by ",
	    r->watch->names[i].below ? "*." : "", name_to_text(r->watch->names[i].name, name));
	for (unsigned k = 0; k < r->n_lists; k++) {
		if (!exempts(r, &r->lists[k], i))
			continue;
		fprintf(to, "%s%s", between, r->lists[k].conf->name);
		between = ", ";
	}
	fprintf(to, "); to block it all the same: quellctl block %s\n", name);
}

static void text_image(FILE *to, const struct update_result *r)
{
	char bytes[TEXT_BYTES_SIZE];

	fprintf(to, "image: %s", image_texts[r->image]);
	if (r->image == UPDATE_IMAGE_FAILED) {
		fputs(", the old one stays in force: ", to);
		put_escaped(to, r->image_why.text);
	} else {
		fprintf(
		    to, ", %" PRIu64 " rules, %s, ", r->n_rules, text_bytes(bytes, r->image_len));
		put_escaped(to, r->state_dir);
		fputs("/image", to);
	}
	fputc('\n', to);
}

static void text_told(FILE *to, const struct update_result *r)
{
	if (r->told == UPDATE_TOLD_NOT_NEEDED)
		return;
	fprintf(to, "quelld: %s", told_texts[r->told]);
	if (r->told == UPDATE_TOLD_FAILED) {
		fputs(", what it had stays in force: ", to);
		put_escaped(to, r->told_why.text);
	}
	fputc('\n', to);
}

void update_report_text(FILE *to, const struct update_result *r)
{
	for (unsigned i = 0; i < r->n_lists; i++)
		text_list(to, &r->lists[i]);
	for (unsigned i = 0; i < r->watch->n; i++) {
		if (is_exempted(r, i))
			text_exempted(to, r, i);
	}
	text_image(to, r);
	text_told(to, r);
	text_transfers(to, r);
}

/* ---- JSON ---- */

static void json_text(FILE *to, const char *key, const char *value)
{
	fprintf(to, "\"%s\":", key);
	text_json(to, value);
}

static void json_number(FILE *to, const char *key, uint64_t value)
{
	fprintf(to, ",\"%s\":%" PRIu64, key, value);
}

static void json_flag(FILE *to, const char *key, bool value)
{
	fprintf(to, "\"%s\":%s", key, value ? "true" : "false");
}

static void json_reason(FILE *to, const struct why *why)
{
	fputc(',', to);
	json_text(to, "reason", why->text);
}

/* How it came, of a list that is downloaded. */
static void json_transfer(FILE *to, const struct update_transfer *t)
{
	fputs(",\"transfer\":{", to);
	json_flag(to, "from_cache", t->not_modified);
	fputc(',', to);
	json_flag(to, "resolved_by_system", t->by_system);
	json_number(to, "bytes", t->transferred);
	json_number(to, "resumed_at", t->resumed);
	json_number(to, "tries", t->tries);
	json_number(to, "redirects", t->redirects);
	json_number(to, "ms", t->took_ms);
	fputc('}', to);
}

static void json_list(FILE *to, const struct update_list *list)
{
	const struct feed_counts *counts = &list->counts;
	char remedy[UPDATE_REMEDY_TEXT_SIZE];

	fputc('{', to);
	json_text(to, "name", list->conf->name);
	fputc(',', to);
	json_text(to, "origin", update_list_origin(list));
	fputc(',', to);
	json_text(to, "result", update_list_outcome_text(list->outcome));
	if (update_list_failed(list))
		json_reason(to, &list->why);
	if (list->held)
		fputs(",\"held\":true", to);
	if (update_list_failed(list) && update_list_remedy_text(list, remedy) != NULL) {
		fputc(',', to);
		json_text(to, "remedy", remedy);
	}
	json_number(to, "bytes", update_list_has_text(list) ? list->len : 0);
	json_number(to, "lines", counts->lines);
	json_number(to, "rules", counts->rules);
	update_skips_json(to, counts);
	if (counts->skips[FEED_BAD] != 0) {
		json_number(to, "first_bad_line", counts->first_bad_line);
		fputc(',', to);
		json_text(to, "first_bad_text", list->bad_text);
	}
	if (list->transfer.url != NULL)
		json_transfer(to, &list->transfer);
	fputc('}', to);
}

static void json_exempted_name(FILE *to, const struct update_result *r, unsigned i)
{
	const char *between = "";
	char name[NAME_TEXT_SIZE];

	fputc('{', to);
	json_text(to, "name", name_to_text(r->watch->names[i].name, name));
	fputs(",\"lists\":[", to);
	for (unsigned k = 0; k < r->n_lists; k++) {
		if (!exempts(r, &r->lists[k], i))
			continue;
		fputs(between, to);
		text_json(to, r->lists[k].conf->name);
		between = ",";
	}
	fputs("]}", to);
}

static void json_exempted(FILE *to, const struct update_result *r)
{
	const char *between = "";

	fputs(",\"exempted\":[", to);
	for (unsigned i = 0; i < r->watch->n; i++) {
		if (!is_exempted(r, i))
			continue;
		fputs(between, to);
		json_exempted_name(to, r, i);
		between = ",";
	}
	fputc(']', to);
}

void update_report_json(FILE *to, const struct update_result *r)
{
	fprintf(to, "{\"exit\":%d,\"lists\":[", r->exit_code);
	for (unsigned i = 0; i < r->n_lists; i++) {
		if (i != 0)
			fputc(',', to);
		json_list(to, &r->lists[i]);
	}
	fputc(']', to);
	json_exempted(to, r);
	fputs(",\"image\":{", to);
	json_text(to, "state_dir", r->state_dir);
	fputc(',', to);
	json_text(to, "result", image_texts[r->image]);
	if (r->image == UPDATE_IMAGE_FAILED)
		json_reason(to, &r->image_why);
	json_number(to, "rules", r->n_rules);
	json_number(to, "bytes", r->image_len);
	fputs("},\"quelld\":{", to);
	json_text(to, "result", told_texts[r->told]);
	if (r->told == UPDATE_TOLD_FAILED)
		json_reason(to, &r->told_why);
	fputc('}', to);
	json_number(to, "bytes_written", r->n_written);
	fputs("}\n", to);
}

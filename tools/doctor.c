/* doctor.c - findings, kept and printed. */
#include "tools/doctor.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "tools/text.h"

#define FILE_MAX   65536
#define INDENT	   20 /* where texts begin */
#define ESCAPED(n) (4 * (n))

static const char *const words[] = {
    [DOCTOR_OK] = "ok",
    [DOCTOR_UNKNOWN] = "unknown",
    [DOCTOR_WARN] = "warn",
    [DOCTOR_BAD] = "bad",
};

void doctor_say(struct doctor *d, enum doctor_grade grade, const char *check, const char *fmt, ...)
{
	struct doctor_finding *f;
	va_list ap;

	if (grade > d->worst)
		d->worst = grade;
	d->last = NULL;
	if (d->n == DOCTOR_FINDINGS_MAX)
		return;
	f = d->last = &d->found[d->n++];
	*f = (struct doctor_finding){.check = check, .grade = grade};
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void doctor_fix(struct doctor *d, const char *fmt, ...)
{
	struct doctor_finding *f = d->last;
	va_list ap;

	if (f == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(f->fix, sizeof(f->fix), fmt, ap);
	va_end(ap);
}

int doctor_exit_status(const struct doctor *d)
{
	switch (d->worst) {
	case DOCTOR_WARN:
		return 1;
	case DOCTOR_BAD:
		return 2;
	default:
		return 0;
	}
}

static const char *escape(char shown[ESCAPED(DOCTOR_TEXT_SIZE)], const char *text)
{
	return text_escape(shown, ESCAPED(DOCTOR_TEXT_SIZE), text, strlen(text));
}

void doctor_print(const struct doctor *d, FILE *to)
{
	char shown[ESCAPED(DOCTOR_TEXT_SIZE)];

	for (unsigned i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->found[i];

		fprintf(to, "%-8s %-10s %s\n", words[f->grade], f->check, escape(shown, f->text));
		if (f->fix[0] != '\0')
			fprintf(to, "%*sfix: %s\n", INDENT, "", escape(shown, f->fix));
	}
}

static void print_member(FILE *to, const char *before, const char *text)
{
	fputs(before, to);
	text_json(to, text);
}

void doctor_print_json(const struct doctor *d, FILE *to)
{
	static const char *const states[] = {"well", "warnings", "bad"};

	fprintf(to, "{\"state\":\"%s\",\"checks\":[", states[doctor_exit_status(d)]);
	for (unsigned i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->found[i];

		fprintf(to, "%s{\"check\":\"%s\",\"state\":\"%s\"", i != 0 ? "," : "", f->check,
		    words[f->grade]);
		print_member(to, ",\"text\":", f->text);
		print_member(to, ",\"fix\":", f->fix);
		fputc('}', to);
	}
	fputs("]}\n", to);
}

/* ---- for the checks ---- */

static void copy(char *to, size_t size, const char *from, size_t len)
{
	len = len < size ? len : size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

bool doctor_next(const char **at, struct doctor_pair *pair)
{
	const char *line = *at;
	size_t len = strcspn(line, "\n"), key_len = strcspn(line, " \n");

	if (len == 0)
		return false;
	copy(pair->key, sizeof(pair->key), line, key_len);
	key_len += key_len < len; /* the blank */
	copy(pair->value, sizeof(pair->value), line + key_len, len - key_len);
	*at = line + len + (line[len] == '\n');
	return true;
}

bool doctor_value(const char *answer, const char *key, struct doctor_pair *pair)
{
	while (doctor_next(&answer, pair)) {
		if (strcmp(pair->key, key) == 0)
			return true;
	}
	return false;
}

char *doctor_read(const struct doctor_case *c, const char *path)
{
	char whole[CONF_PATH_SIZE], *text = NULL;
	size_t len;
	int fd;

	if (snprintf(whole, sizeof(whole), "%s%s", c->root, path) >= (int)sizeof(whole))
		return NULL;
	fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (file_read(fd, whole, FILE_MAX, &text, &len, NULL) != 0)
		text = NULL;
	(void)close(fd);
	return text;
}

static bool is_same_host(const union addr *a, const union addr *b)
{
	uint8_t bytes_a[16] = {0}, bytes_b[16] = {0};
	int family = addr_host_bytes(a, bytes_a);

	return family == addr_host_bytes(b, bytes_b) && family != AF_UNSPEC &&
	       memcmp(bytes_a, bytes_b, sizeof(bytes_a)) == 0;
}

bool doctor_addrs_has_host(const struct doctor_addrs *all, const union addr *a)
{
	for (unsigned i = 0; i < all->n; i++) {
		if (is_same_host(&all->addr[i], a))
			return true;
	}
	return false;
}

void doctor_addrs_add(struct doctor_addrs *all, const union addr *a)
{
	for (unsigned i = 0; i < all->n; i++) {
		if (addr_equal(&all->addr[i], a))
			return;
	}
	if (all->n < DOCTOR_ADDRS_MAX)
		all->addr[all->n++] = *a;
}

const char *doctor_addrs_text(const struct doctor_addrs *all, char *text, size_t size)
{
	char one[ADDR_TEXT_SIZE];
	size_t pos = 0;

	(void)snprintf(text, size, "nothing");
	for (unsigned i = 0; i < all->n && pos < size; i++)
		pos += (size_t)snprintf(text + pos, size - pos, "%s%s", i != 0 ? ", " : "",
		    addr_format_host(&all->addr[i], one));
	return text;
}

bool doctor_listens_at(const struct doctor_case *c, const union addr *a, uint16_t port)
{
	for (unsigned i = 0; i < c->listen.n; i++) {
		const union addr *l = &c->listen.addr[i];

		if (addr_port(l) != port || l->sa.sa_family != a->sa.sa_family)
			continue;
		if (addr_is_wildcard(l) || is_same_host(l, a))
			return true;
	}
	return false;
}

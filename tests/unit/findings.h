/* findings.h - for the tests of the doctor's checks: what one of them said. */
#ifndef QUELL_TESTS_FINDINGS_H
#define QUELL_TESTS_FINDINGS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/scratch.h"
#include "tools/doctor.h"

/* One finding, and no other: of `check`, with `grade`, with `text` in its text and `fix` ("":
 * there is none) in its fix.  Then `d` is empty again. */
static inline void assert_finding(
    struct doctor *d, const char *check, enum doctor_grade grade, const char *text, const char *fix)
{
	const struct doctor_finding *f = &d->found[0];

	if (d->n != 1)
		doctor_print(d, stderr);
	assert_int_equal(d->n, 1);
	if (f->grade != grade || strstr(f->text, text) == NULL || strstr(f->fix, fix) == NULL)
		doctor_print(d, stderr);
	assert_string_equal(f->check, check);
	assert_int_equal(f->grade, grade);
	assert_non_null(strstr(f->text, text));
	if (fix[0] == '\0')
		assert_string_equal(f->fix, "");
	else
		assert_non_null(strstr(f->fix, fix));
	*d = (struct doctor){.n = 0};
}

static inline union addr findings_addr(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(&a, text, 53, NULL), 0);
	return a;
}

/* A file below "root" of the scratch folder, with the folders that it takes. */
static inline void findings_file(const char *path, const char *text)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "root%s", path);
	for (char *slash = whole; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	scratch_write(whole, text);
}

#endif

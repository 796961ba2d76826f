/* update_progress.c - the progress line. */
#include "tools/update_progress.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tools/text.h"

#define REDRAW_MS 200

void update_progress_init(struct update_progress *p, unsigned n_all)
{
	*p = (struct update_progress){.is_terminal = isatty(STDERR_FILENO) == 1, .n_all = n_all};
}

void update_progress_begin(struct update_progress *p, const char *name)
{
	p->n++;
	p->name = name;
	p->drawn_ms = 0;
	if (p->is_terminal)
		update_progress_show(p, 0, 0, 0);
	else
		fprintf(stderr, "[%u/%u] %s\n", p->n, p->n_all, name);
}

void update_progress_show(struct update_progress *p, uint64_t now, uint64_t total, uint64_t per_s)
{
	char got[TEXT_BYTES_SIZE], rate[TEXT_BYTES_SIZE];
	uint64_t now_ms = clock_ms();

	if (!p->is_terminal || now_ms - p->drawn_ms < REDRAW_MS)
		return;
	p->drawn_ms = now_ms;
	p->drawn = true;
	fprintf(stderr, "\r\033[K[%u/%u] %s  %s  %s/s", p->n, p->n_all, p->name,
	    text_bytes(got, now), text_bytes(rate, per_s));
	if (total != 0)
		fprintf(stderr, "  %u %%", (unsigned)(100 * (now < total ? now : total) / total));
	fflush(stderr);
}

void update_progress_end(struct update_progress *p)
{
	if (p->drawn)
		fprintf(stderr, "\r\033[K");
	p->drawn = false;
}

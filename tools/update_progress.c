/* update_progress.c - the lines of progress. */
#include "tools/update_progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tools/text.h"

#define REDRAW_MS 200
#define LINE_SIZE 256
#define COLUMNS	  80 /* where the terminal does not tell */
#define ROWS	  24

void update_progress_init(struct update_progress *p, unsigned n_all)
{
	*p = (struct update_progress){.is_terminal = isatty(STDERR_FILENO) == 1, .n_all = n_all};
}

static const char *state_text(const struct update_transfer *t)
{
	switch (t->state) {
	case TRANSFER_RESOLVING:
		return "looking up its host";
	case TRANSFER_PAUSED:
		return "trying again soon";
	case TRANSFER_CLOCK:
		return "waiting for the clock to be set";
	case TRANSFER_RUNNING:
	case TRANSFER_QUEUED:
	case TRANSFER_ENDED:
		break;
	}
	return NULL;
}

static void format_line(char line[LINE_SIZE], const struct update_transfer *t)
{
	char got[TEXT_BYTES_SIZE], rate[TEXT_BYTES_SIZE];
	const char *state = state_text(t);
	int at;

	if (state != NULL) {
		(void)snprintf(line, LINE_SIZE, "%s  %s", t->name, state);
		return;
	}
	at = snprintf(line, LINE_SIZE, "%s  %s  %s/s", t->name, text_bytes(got, t->now),
	    text_bytes(rate, t->per_s));
	if (t->total != 0)
		(void)snprintf(line + at, LINE_SIZE - (size_t)at, "  %u %%",
		    (unsigned)(100 * (t->now < t->total ? t->now : t->total) / t->total));
}

/* What can be wiped: no line that the terminal breaks, and no more of them than it shows. */
static void room(int *columns, unsigned *rows)
{
	struct winsize size;
	bool is_told = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0;

	*columns = (is_told && size.ws_col != 0 ? size.ws_col : COLUMNS) - 1;
	*rows = is_told && size.ws_row != 0 ? size.ws_row : ROWS;
}

void update_progress_end(struct update_progress *p)
{
	for (; p->n_drawn > 0; p->n_drawn--)
		(void)fputs(p->n_drawn > 1 ? "\r\033[K\033[A" : "\r\033[K", stderr);
	(void)fflush(stderr);
}

void update_progress_show(
    struct update_progress *p, struct update_transfer *const *transfers, unsigned n)
{
	uint64_t now_ms = clock_ms();
	unsigned rows;
	int width;

	if (!p->is_terminal || (p->drawn_ms != 0 && now_ms - p->drawn_ms < REDRAW_MS))
		return;
	room(&width, &rows);
	p->drawn_ms = now_ms;
	update_progress_end(p);
	for (unsigned i = 0; i < n && p->n_drawn < rows; i++) {
		char line[LINE_SIZE];

		if (transfers[i]->state == TRANSFER_QUEUED || transfers[i]->state == TRANSFER_ENDED)
			continue;
		format_line(line, transfers[i]);
		(void)fprintf(stderr, "%s%.*s", p->n_drawn > 0 ? "\n" : "", width, line);
		p->n_drawn++;
	}
	(void)fflush(stderr);
}

static void print_transfer(const struct update_transfer *t)
{
	char bytes[TEXT_BYTES_SIZE];

	(void)fprintf(stderr, ", %s in %u.%u s", text_bytes(bytes, t->transferred),
	    (unsigned)(t->took_ms / 1000), (unsigned)(t->took_ms % 1000 / 100));
	if (t->tries > 1)
		(void)fprintf(stderr, ", %u tries", t->tries);
	if (t->resumed != 0)
		(void)fprintf(stderr, ", went on behind %s", text_bytes(bytes, t->resumed));
}

void update_progress_ended(struct update_progress *p, const struct update_list *list)
{
	p->n++;
	p->drawn_ms = 0; /* its line goes at once */
	if (p->is_terminal)
		return;
	(void)fprintf(stderr, "[%u/%u] %s: %s", p->n, p->n_all, list->conf->name,
	    update_list_outcome_text(list->outcome));
	if (list->transfer.url != NULL)
		print_transfer(&list->transfer);
	(void)fputc('\n', stderr);
}

void update_progress_say(struct update_progress *p, const char *name, const char *text)
{
	char escaped[4 * LINE_SIZE];

	update_progress_end(p);
	p->drawn_ms = 0;
	(void)fprintf(stderr, "quell-update: %s: %s\n", name,
	    text_escape(escaped, sizeof(escaped), text, strlen(text)));
}

/* health.c - counting deaths and silence. */
#include "resolver/health.h"

void health_started(struct health *h, uint64_t now_ms)
{
	h->started_ms = now_ms;
	h->n_silent = 0;
	h->answered = false;
}

bool health_loops(const struct health *h, uint64_t now_ms)
{
	const uint64_t oldest_ms = h->died_ms[h->n_died % HEALTH_DEATHS];
	const uint64_t last_ms = h->died_ms[(h->n_died + HEALTH_DEATHS - 1) % HEALTH_DEATHS];

	return oldest_ms != 0 && last_ms - oldest_ms < HEALTH_WINDOW_MS &&
	       now_ms - last_ms < HEALTH_WINDOW_MS;
}

unsigned health_died(struct health *h, uint64_t now_ms)
{
	h->died_ms[h->n_died++ % HEALTH_DEATHS] = now_ms;
	if (!health_loops(h, now_ms) || now_ms - h->started_ms >= HEALTH_LIFE_MS)
		h->delay_ms = 0;
	else if (h->delay_ms == 0)
		h->delay_ms = HEALTH_DELAY_MIN_MS;
	else if (h->delay_ms * 2 <= HEALTH_DELAY_MAX_MS)
		h->delay_ms *= 2;
	else
		h->delay_ms = HEALTH_DELAY_MAX_MS;
	return h->delay_ms;
}

bool health_ping(struct health *h)
{
	if (h->n_silent >= (h->answered ? HEALTH_SILENT : HEALTH_SILENT_START))
		return false;
	h->n_silent++;
	return true;
}

void health_heard(struct health *h, bool pong)
{
	h->n_silent = 0;
	h->answered = h->answered || pong;
}

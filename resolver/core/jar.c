/* jar.c - one client cookie for each upstream, and what came back with it. */
#include "resolver/core/jar.h"

#include <string.h>

uint8_t jar_get(struct jar *jar, struct rng *rng, bool careful, uint64_t now_ms)
{
	if (now_ms < jar->off_until_ms || (careful && !jar_is_proven(jar)))
		return 0;
	if (jar->len == 0) {
		rng_bytes(rng, jar->cookie, MSG_COOKIE_CLIENT);
		jar->len = MSG_COOKIE_CLIENT;
	}
	return jar->len;
}

void jar_empty(struct jar *jar)
{
	*jar = (struct jar){0};
}

bool jar_is_proven(const struct jar *jar)
{
	return jar->len > MSG_COOKIE_CLIENT;
}

/* Does the reply have our client cookie? */
static bool is_ours(const struct jar *jar, const uint8_t *msg, const struct msg_edns *edns)
{
	return edns->cookie && !edns->cookie_bad &&
	       memcmp(msg + edns->cookie_off, jar->cookie, MSG_COOKIE_CLIENT) == 0;
}

bool jar_is_forged(
    const struct jar *jar, uint8_t sent, const uint8_t *msg, const struct msg_edns *edns)
{
	if (sent == 0 || is_ours(jar, msg, edns))
		return false;
	/* RFC 7873, 5.3: one that is expected is missing, or there is another. */
	return edns->cookie || jar_is_proven(jar);
}

void jar_put(struct jar *jar, const uint8_t *msg, const struct msg_edns *edns, uint64_t now_ms)
{
	if (jar->len != 0 && is_ours(jar, msg, edns) && edns->cookie_len > MSG_COOKIE_CLIENT) {
		memcpy(jar->cookie, msg + edns->cookie_off, edns->cookie_len);
		jar->len = (uint8_t)edns->cookie_len;
		return;
	}
	if (jar->len != 0)
		jar->len = MSG_COOKIE_CLIENT;
	jar->off_until_ms = now_ms + JAR_OFF_MS;
}

/* traffic.h - what the programs that measure quelld from both sides share: the time, and a small upstream's replies.
 *
 * They are built by one call of the compiler (the first lines of each say what to type), so all of it is here.
 */
#ifndef QUELL_BENCH_TRAFFIC_H
#define QUELL_BENCH_TRAFFIC_H

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define NAME_OFF   12 /* of the name in a question */
#define REPLY_MORE 16 /* bytes by which a reply is longer than its query, at the most */

static inline uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static inline struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* The end of the question in a message, 0: there is none. */
static inline unsigned question_end(const uint8_t *msg, unsigned len)
{
	unsigned at = NAME_OFF;

	while (at < len && msg[at] != 0)
		at += msg[at] + 1u;
	return at + 5 <= len ? at + 5 : 0;
}

/* Make a query of `len` bytes into its reply, with the address NET.51.100.7; its length, 0 for what is no query.
 * `msg` has room for REPLY_MORE bytes more. */
static inline unsigned make_reply(uint8_t *msg, unsigned len, uint16_t ttl_s, uint8_t net)
{
	const uint8_t record[REPLY_MORE] = {0xc0, NAME_OFF, 0, 1, 0, 1, 0, 0, (uint8_t)(ttl_s >> 8),
	    (uint8_t)ttl_s, 0, 4, net, 51, 100, 7};
	unsigned end = question_end(msg, len);

	if (end == 0)
		return 0;
	msg[2] = 0x81;
	msg[3] = 0x80;
	memset(msg + 6, 0, 6);
	msg[7] = 1;
	memcpy(msg + end, record, sizeof(record));
	return end + REPLY_MORE;
}

#endif

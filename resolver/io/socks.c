/* socks.c - three short replies, one after another. */
#include "resolver/io/socks.h"

#include <string.h>

/* RFC 1928, 3 to 6, and RFC 1929, 2. */
#define VERSION	      5
#define LOGIN_VERSION 1
#define METHOD_NONE   0
#define METHOD_LOGIN  2
#define COMMAND	      1 /* connect */
#define TYPE_IPV4     1
#define TYPE_NAME     3
#define TYPE_IPV6     4
#define REPLY_OK      0
#define SHORT_REPLY   2 /* bytes: version, method or status */
#define REPLY_HEAD    5 /* version, reply, reserved, type, first byte of the address */
#define REPLY_BESIDES 6 /* all of it but the address: these without the last, and the port */

static void put(struct socks_out *out, const void *bytes, size_t len)
{
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

static void put_byte(struct socks_out *out, size_t byte)
{
	out->bytes[out->len++] = (uint8_t)byte;
}

static void put_word(struct socks_out *out, const char *word)
{
	put_byte(out, strlen(word));
	put(out, word, strlen(word));
}

/* A reply of `need` bytes is awaited. */
static void await(struct socks *s, enum socks_step step, uint16_t need)
{
	s->step = step;
	s->have = 0;
	s->need = need;
}

void socks_start(
    struct socks *s, const struct proxy *proxy, const union addr *to, struct socks_out *out)
{
	s->proxy = *proxy;
	s->to = *to;
	await(s, SOCKS_METHOD, SHORT_REPLY);
	out->len = 0;
	put_byte(out, VERSION);
	put_byte(out, 1);
	/* Only this one: who keeps circuits apart by user must not lose that unseen. */
	put_byte(out, proxy->user[0] != '\0' ? METHOD_LOGIN : METHOD_NONE);
}

static void say_login(struct socks *s, struct socks_out *out)
{
	await(s, SOCKS_LOGIN, SHORT_REPLY);
	put_byte(out, LOGIN_VERSION);
	put_word(out, s->proxy.user);
	put_word(out, s->proxy.password);
}

static void say_connect(struct socks *s, struct socks_out *out)
{
	uint8_t host[16];
	int family = addr_host_bytes(&s->to, host);
	uint16_t port = addr_port(&s->to);

	await(s, SOCKS_CONNECT, REPLY_HEAD);
	put_byte(out, VERSION);
	put_byte(out, COMMAND);
	put_byte(out, 0);
	put_byte(out, family == AF_INET ? TYPE_IPV4 : TYPE_IPV6);
	put(out, host, family == AF_INET ? 4 : 16);
	put_byte(out, port >> 8);
	put_byte(out, port & 0xff);
}

static int heed_method(struct socks *s, struct socks_out *out, struct why *why)
{
	bool login = s->proxy.user[0] != '\0';

	if (s->in[0] != VERSION)
		return why_set(why, ERR_FORMAT, "it does not speak SOCKS 5");
	if (s->in[1] != (login ? METHOD_LOGIN : METHOD_NONE))
		return why_set(why, ERR_DENIED,
		    login ? "it takes no user and password" : "it wants a user and password");
	if (login)
		say_login(s, out);
	else
		say_connect(s, out);
	return 0;
}

static int heed_login(struct socks *s, struct socks_out *out, struct why *why)
{
	if (s->in[1] != 0)
		return why_set(why, ERR_DENIED, "it refuses the user or the password");
	say_connect(s, out);
	return 0;
}

/* The first bytes of the last reply, or all of it. */
static int heed_connect(struct socks *s, struct why *why)
{
	/* RFC 1928, 6. */
	static const char *const says[] = {
	    [1] = "it has failed",
	    [2] = "its rules do not allow it",
	    [3] = "the network is unreachable for it",
	    [4] = "the host is unreachable for it",
	    [5] = "the upstream refuses the connection",
	    [6] = "the connection took it too long",
	    [7] = "it cannot make connections",
	    [8] = "it does not know this kind of address",
	};
	uint8_t reply = s->in[1], type = s->in[3];

	if (s->have > REPLY_HEAD)
		return 1;
	if (s->in[0] != VERSION)
		return why_set(why, ERR_FORMAT, "it does not speak SOCKS 5");
	if (reply != REPLY_OK && reply < sizeof(says) / sizeof(says[0]))
		return why_set(why, ERR_DENIED, "%s", says[reply]);
	if (reply != REPLY_OK)
		return why_set(why, ERR_DENIED, "it refuses (code %u)", reply);
	if (type != TYPE_IPV4 && type != TYPE_NAME && type != TYPE_IPV6)
		return why_set(why, ERR_FORMAT, "it does not speak SOCKS 5");
	/* A name has its length before it. */
	s->need = REPLY_BESIDES;
	s->need = (uint16_t)(s->need + (type == TYPE_IPV4      ? 4
					   : type == TYPE_IPV6 ? 16
							       : 1 + s->in[4]));
	return 0;
}

int socks_feed(struct socks *s, const uint8_t *bytes, size_t len, size_t *used,
    struct socks_out *out, struct why *why)
{
	int err = 0;

	out->len = 0;
	for (*used = 0; *used < len && err == 0;) {
		if (s->have < sizeof(s->in))
			s->in[s->have] = bytes[*used];
		s->have++;
		++*used;
		if (s->have < s->need)
			continue;
		switch (s->step) {
		case SOCKS_METHOD:
			err = heed_method(s, out, why);
			break;
		case SOCKS_LOGIN:
			err = heed_login(s, out, why);
			break;
		case SOCKS_CONNECT:
			err = heed_connect(s, why);
			break;
		}
	}
	return err;
}

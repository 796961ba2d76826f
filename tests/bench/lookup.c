/* lookup.c - look names up as `getent ahosts` does, one after the other in one process, and say how
 * long each took and how it ended: NAME MICROSECONDS, then the first address or why there is none.  For servfail.py, which compiles it
 * for each C library. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

static long now_us(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000L + ts.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

	for (int i = 1; i < argc; i++) {
		struct addrinfo *found = NULL;
		char text[64];
		long begin_us = now_us(), took_us;
		int err = getaddrinfo(argv[i], NULL, &hints, &found);

		took_us = now_us() - begin_us;
		if (err == 0 && getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text),
				    NULL, 0, NI_NUMERICHOST) != 0)
			(void)snprintf(text, sizeof(text), "?");
		printf("%s %ld %s\n", argv[i], took_us, err == 0 ? text : gai_strerror(err));
		(void)fflush(stdout);
		if (err == 0)
			freeaddrinfo(found);
	}
	return 0;
}

/* zipf.c - what a flood of random names takes from those who ask for the usual ones, measured.
 *
 *   quelld -c FILE --listen 127.0.0.1:5300 --upstream 127.0.0.1:5454 &      (FILE: cache_size = 8M)
 *   zipf [-n NAMES] [-q QUESTIONS_A_SECOND] [-t SECONDS] [-f SECONDS] [-w WINDOW] [-p PID_OF_A_WORKER] 5300 5454
 *
 * First the usual names alone, to fill the cache; the same, counted, each for -t SECONDS; then counted again for -f SECONDS
 * while WINDOW questions for names that never come again are always under way, which is all that this machine
 * can do.  The usual names are drawn by Zipf's law with an exponent of 1.  All answers live for an hour: what
 * does not hit was asked for the first time, or had to go.
 *
 * A hit is a question for a usual name that the upstream, which this program is, too, does not see.  With -p
 * the memory of the worker (PSS) is looked at each second.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

#define USUAL	  'u' /* first letter of the usual names ... */
#define RANDOM	  'r' /* ... and of the others */
#define NS_PER_S  UINT64_C(1000000000)
#define LOST_NS	  (2 * NS_PER_S) /* a question of the flood without an answer is forgotten */
#define TURN_SIZE 256		 /* messages taken at a time */

static struct {
	unsigned n_names, per_s, calm_s, flood_s, window, pid;
	uint16_t quelld_port, upstream_port;
} opt = {.n_names = 50000, .per_s = 5000, .calm_s = 60, .flood_s = 60, .window = 256};

static double *sum; /* of 1/rank, up to this rank */
static atomic_bool over;
static atomic_uint_fast64_t n_usual_upstream;
static int upstream_fd;

struct phase {
	uint64_t asked, answered, upstream, random;
	unsigned seconds, pss_max_kb;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "zipf: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t draw(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* ---- the upstream ---- */

static void *upstream(void *arg)
{
	(void)arg;
	while (!over) {
		struct pollfd p = {.fd = upstream_fd, .events = POLLIN};
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		uint8_t msg[512];
		ssize_t len;

		(void)poll(&p, 1, 100);
		while ((len = recvfrom(upstream_fd, msg, sizeof(msg) - 32, MSG_DONTWAIT,
			    (struct sockaddr *)&from, &size)) > NAME_OFF) {
			n_usual_upstream += (msg[NAME_OFF + 1] | 0x20) == USUAL;
			len = make_reply(msg, (unsigned)len, 3600, 198);
			if (len != 0)
				(void)sendto(upstream_fd, msg, (size_t)len, 0,
				    (const struct sockaddr *)&from, size);
			size = sizeof(from);
		}
	}
	return NULL;
}

/* ---- the clients ---- */

static void ask(int fd, char kind, uint64_t number)
{
	uint8_t msg[128] = {[2] = 1, [5] = 1};
	unsigned at = NAME_OFF;

	memcpy(msg, &(uint16_t){(uint16_t)draw()}, 2);
	msg[at] =
	    (uint8_t)snprintf((char *)msg + at + 1, 40, "%c%llx", kind, (unsigned long long)number);
	at += msg[at] + 1u;
	memcpy(msg + at, "\7example\3com\0\0\1\0\1", 17);
	/* What does not fit into the socket was not asked. */
	(void)send(fd, msg, at + 17, MSG_DONTWAIT);
}

/* The rank of a usual name. */
static unsigned draw_rank(void)
{
	const double at =
	    (double)(draw() >> 11) / (double)(UINT64_C(1) << 53) * sum[opt.n_names - 1];
	unsigned low = 0, high = opt.n_names - 1;

	while (low < high) {
		const unsigned middle = (low + high) / 2;

		if (sum[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many messages there are, up to TURN_SIZE. */
static unsigned take(int fd)
{
	uint8_t msg[600];
	unsigned n = 0;

	while (n < TURN_SIZE && recv(fd, msg, sizeof(msg), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

static unsigned pss_kb(void)
{
	char path[64], line[256];
	unsigned kb = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%u/smaps_rollup", opt.pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "Pss:", 4) == 0)
			kb = (unsigned)strtoul(line + 4, NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return kb;
}

static void run(int usual_fd, int random_fd, bool flood, struct phase *ph)
{
	const unsigned seconds = flood ? opt.flood_s : opt.calm_s;
	const uint64_t begin = now_ns(), end = begin + seconds * NS_PER_S;
	const uint64_t upstream_before = n_usual_upstream;
	uint64_t under_way = 0, last_ns = begin, second = 0;

	*ph = (struct phase){.seconds = seconds};
	for (uint64_t now = begin; now < end; now = now_ns()) {
		struct pollfd p[2] = {{.fd = usual_fd, .events = POLLIN},
		    {.fd = flood ? random_fd : -1, .events = POLLIN}};
		unsigned got;

		while (ph->asked * NS_PER_S / opt.per_s <= now - begin) {
			ask(usual_fd, USUAL, draw_rank());
			ph->asked++;
		}
		if (now - last_ns > LOST_NS)
			under_way = 0;
		while (flood && under_way < opt.window) {
			ask(random_fd, RANDOM, draw());
			ph->random++;
			under_way++;
			last_ns = now;
		}
		(void)poll(p, 2, 1);
		ph->answered += take(usual_fd);
		got = take(random_fd);
		under_way -= got < under_way ? got : under_way;
		if (opt.pid != 0 && (now - begin) / NS_PER_S != second) {
			const unsigned kb = pss_kb();

			second = (now - begin) / NS_PER_S;
			if (kb > ph->pss_max_kb)
				ph->pss_max_kb = kb;
		}
	}
	ph->upstream = n_usual_upstream - upstream_before;
}

static void report(const char *what, const struct phase *ph)
{
	(void)printf("%-8s %8.0f usual/s, %8.0f random/s; answered %6.2f %%; hits %6.2f %%", what,
	    (double)ph->asked / ph->seconds, (double)ph->random / ph->seconds,
	    100.0 * (double)ph->answered / (double)ph->asked,
	    100.0 - 100.0 * (double)ph->upstream / (double)ph->asked);
	if (opt.pid != 0)
		(void)printf("; PSS at most %u KiB", ph->pss_max_kb);
	(void)printf("\n");
	(void)fflush(stdout);
}

static int client(void)
{
	const struct sockaddr_in to = loopback(opt.quelld_port);
	const int size = 4 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		die("client");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "f:n:p:q:t:w:")) != -1) {
		unsigned value = c == '?' ? 0 : (unsigned)strtoul(optarg, NULL, 10);

		if (c == 'f')
			opt.flood_s = value;
		else if (c == 'n')
			opt.n_names = value;
		else if (c == 'p')
			opt.pid = value;
		else if (c == 'q')
			opt.per_s = value;
		else if (c == 't')
			opt.calm_s = value;
		else if (c == 'w')
			opt.window = value;
		else
			exit(2);
	}
	if (argc - optind != 2 || opt.n_names == 0 || opt.per_s == 0 || opt.calm_s == 0 ||
	    opt.flood_s == 0)
		exit(2);
	opt.quelld_port = (uint16_t)strtoul(argv[optind], NULL, 10);
	opt.upstream_port = (uint16_t)strtoul(argv[optind + 1], NULL, 10);
}

int main(int argc, char **argv)
{
	const int size = 8 << 20;
	int usual_fd, random_fd;
	struct sockaddr_in at;
	struct phase ph;
	pthread_t thread;

	read_options(argc, argv);
	sum = calloc(opt.n_names, sizeof(*sum));
	if (sum == NULL)
		die("names");
	for (unsigned i = 0; i < opt.n_names; i++)
		sum[i] = (i == 0 ? 0 : sum[i - 1]) + 1.0 / (i + 1);
	at = loopback(opt.upstream_port);
	upstream_fd = socket(AF_INET, SOCK_DGRAM, 0);
	(void)setsockopt(upstream_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(upstream_fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    pthread_create(&thread, NULL, upstream, NULL) != 0)
		die("upstream");
	usual_fd = client();
	random_fd = client();
	run(usual_fd, random_fd, false, &ph);
	report("filling", &ph);
	run(usual_fd, random_fd, false, &ph);
	report("calm", &ph);
	run(usual_fd, random_fd, true, &ph);
	report("flood", &ph);
	over = true;
	(void)pthread_join(thread, NULL);
	free(sum);
	return 0;
}

/* test_corpus.c - lib/dns against ldns, packet by packet.
 *
 * The packets are our own, the seeds of the fuzz targets `query` and `reply`, among them at least
 * one for each class of difference; and a larger corpus next to the source tree where there is one.
 * Each is judged by the checks of oracle.h.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/oracle.h"

struct tally {
	unsigned n_packets, n_failed;
	unsigned n_met[ORACLE_N_DIFFERENCES];
};

static const char *const difference_names[ORACLE_N_DIFFERENCES] = {"pointer", "short", "length",
    "type-map", "params", "opaque", "opaque-name", "tsig", "unread", "contract", "value", "count"};

static void print_tally(const struct tally *tally)
{
	print_message("# %u packets, %u unexplained\n", tally->n_packets, tally->n_failed);
	for (unsigned i = 0; i < ORACLE_N_DIFFERENCES; i++)
		print_message("#   %s: %u\n", difference_names[i], tally->n_met[i]);
}

/* In a block of exactly its size, so that a sanitizer sees every read behind it. */
static void check_packet(struct tally *tally, const char *source, const uint8_t *bytes, size_t len)
{
	uint8_t *packet = malloc(len > 0 ? len : 1);
	unsigned of_reply = 0, of_query = 0;
	const char *why[2];

	assert_non_null(packet);
	memcpy(packet, bytes, len);
	why[0] = oracle_check_reply(packet, len, &of_reply);
	why[1] = oracle_check_query(packet, len, &of_query);
	tally->n_packets++;
	for (unsigned i = 0; i < 2; i++) {
		if (why[i] == NULL)
			continue;
		tally->n_failed++;
		print_error("# packet %u (%s), read as a %s: %s\n", tally->n_packets, source,
		    i == 0 ? "reply" : "query", why[i]);
	}
	for (unsigned i = 0; i < ORACLE_N_DIFFERENCES; i++)
		tally->n_met[i] += ((of_reply | of_query) >> i) & 1;
	free(packet);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lines of `SOURCE HEX`. */
static struct tally check_lines(FILE *f)
{
	static char line[2 * MSG_MAX + 100];
	static uint8_t bytes[MSG_MAX];
	struct tally tally = {0};

	while (fgets(line, sizeof(line), f) != NULL) {
		char *hex = strchr(line, ' ');
		size_t len = 0;

		assert_non_null(hex);
		*hex++ = '\0';
		while (hex_digit(hex[0]) >= 0 && hex_digit(hex[1]) >= 0 && len < sizeof(bytes)) {
			bytes[len++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
			hex += 2;
		}
		assert_int_equal(*hex, '\n');
		check_packet(&tally, line, bytes, len);
	}
	return tally;
}

static const char *source_path(char path[4096], const char *below)
{
	const char *srcdir = getenv("top_srcdir");

	snprintf(path, 4096, "%s/%s", srcdir != NULL ? srcdir : ".", below);
	return path;
}

/* Call `check` with each file of the folder. */
static void for_each_seed(const char *folder,
    void (*check)(struct tally *, const char *name, const uint8_t *, size_t), struct tally *tally)
{
	char path[4096];
	struct dirent **entries = NULL;
	int n = scandir(source_path(path, folder), &entries, NULL, alphasort);

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		static uint8_t bytes[MSG_MAX];
		char file[4096 + sizeof(entries[i]->d_name)];
		FILE *f;

		if (entries[i]->d_name[0] != '.') {
			snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
			f = fopen(file, "rb");
			assert_non_null(f);
			check(tally, entries[i]->d_name, bytes, fread(bytes, 1, sizeof(bytes), f));
			fclose(f);
		}
		free(entries[i]);
	}
	free(entries);
}

static void test_own_packets(void **state)
{
	struct tally tally = {0};

	(void)state;
	for_each_seed("tests/fuzz/seeds/query", check_packet, &tally);
	for_each_seed("tests/fuzz/seeds/reply", check_packet, &tally);
	print_tally(&tally);
	assert_int_equal(tally.n_failed, 0);
	for (unsigned i = 0; i < ORACLE_N_DIFFERENCES; i++) {
		if (tally.n_met[i] == 0)
			fail_msg("no packet shows the difference %s", difference_names[i]);
	}
}

/* Bytes of a packet changed, and the packet cut, at random: most are malformed then. */
static void check_damaged(struct tally *tally, const char *name, const uint8_t *bytes, size_t len)
{
	static const uint8_t likely[] = {0, 1, 2, 4, 12, 41, 63, 64, 0xc0, 0xff};
	static uint8_t damaged[MSG_MAX];
	struct oracle_random r = {.state = len};

	for (unsigned i = 0; i < 200 && len > 0; i++) {
		memcpy(damaged, bytes, len);
		for (unsigned n = 1 + oracle_below(&r, 3); n > 0; n--) {
			uint8_t *at = damaged + oracle_below(&r, (unsigned)len);

			*at = oracle_below(&r, 2) ? (uint8_t)oracle_random(&r)
						  : likely[oracle_below(&r, sizeof(likely))];
		}
		check_packet(tally, name, damaged,
		    oracle_below(&r, 4) ? len : oracle_below(&r, (unsigned)len));
	}
}

static void test_damaged_packets(void **state)
{
	struct tally tally = {0};

	(void)state;
	for_each_seed("tests/fuzz/seeds/query", check_damaged, &tally);
	for_each_seed("tests/fuzz/seeds/reply", check_damaged, &tally);
	print_tally(&tally);
	assert_int_equal(tally.n_failed, 0);
}

static void test_shared_corpus(void **state)
{
	char path[4096], command[5000];
	struct tally tally;
	FILE *f;

	(void)state;
	f = fopen(source_path(path, "../shared/corpus/packets.txt.gz"), "r");
	if (f == NULL) {
		print_message("# there is no %s\n", path);
		skip();
	}
	fclose(f);
	snprintf(command, sizeof(command), "gzip -dc '%s'", path);
	f = popen(command, "r"); // NOLINT(cert-env33-c): the path is the source tree's own
	assert_non_null(f);
	tally = check_lines(f);
	print_tally(&tally);
	assert_int_equal(pclose(f), 0);
	assert_true(tally.n_packets > 0);
	assert_int_equal(tally.n_failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_own_packets),
	    cmocka_unit_test(test_damaged_packets),
	    cmocka_unit_test(test_shared_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

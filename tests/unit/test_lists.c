/* test_lists.c - files to a sealed image by a loader, and what is used where one is not good. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blocklists/trie.h"
#include "resolver/lists.h"

struct fixture {
	struct event_base *base;
	struct lists_loader *loader;
	struct conf *conf;
	struct settings_flags flags;
	char dir[64];
	char paths[6][128];
	unsigned n_paths;
	/* --- the result --- */
	bool done;
	int err;
	struct lists lists;
	struct why why;
};

static void on_done(void *ctx, int err, struct lists *next, const struct why *why)
{
	struct fixture *f = ctx;

	assert_false(f->done);
	f->done = true;
	f->err = err;
	if (err == 0)
		f->lists = *next;
	else
		f->why = *why;
	(void)event_base_loopbreak(f->base);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = event_base_new();
	f->loader = lists_loader_new(f->base, on_done, f);
	f->conf = conf_new();
	f->lists.fd = -1;
	assert_true(f->base != NULL && f->loader != NULL && f->conf != NULL);
	(void)snprintf(f->dir, sizeof(f->dir), "test_lists-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->conf->state_dir, sizeof(f->conf->state_dir), "%s", f->dir);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < f->n_paths; i++)
		assert_int_equal(unlink(f->paths[i]), 0);
	assert_int_equal(rmdir(f->dir), 0);
	if (f->lists.fd >= 0)
		assert_int_equal(close(f->lists.fd), 0);
	lists_loader_free(f->loader);
	conf_free(f->conf);
	event_base_free(f->base);
	free(f);
	return 0;
}

static const char *write_file(struct fixture *f, const char *name, const void *bytes, size_t len)
{
	char *path = f->paths[f->n_paths++];
	FILE *file;

	(void)snprintf(path, sizeof(f->paths[0]), "%s/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	return path;
}

static const char *write_text(struct fixture *f, const char *name, const char *text)
{
	return write_file(f, name, text, strlen(text));
}

/* Load and wait for the end. */
static void load(struct fixture *f, bool fall_back)
{
	if (f->lists.fd >= 0)
		assert_int_equal(close(f->lists.fd), 0);
	f->lists.fd = -1;
	f->done = false;
	lists_load(f->loader, f->conf, &f->flags, fall_back);
	if (!f->done)
		assert_int_equal(event_base_dispatch(f->base), 0);
	assert_true(f->done);
}

static void add_list(struct fixture *f, const char *name)
{
	f->conf->lists = calloc(1, sizeof(*f->conf->lists));
	assert_non_null(f->conf->lists);
	f->conf->n_lists = 1;
	(void)snprintf(f->conf->lists[0].name, sizeof(f->conf->lists[0].name), "%s", name);
}

/* Does the image that was loaded block this name (wire form)? */
static bool blocks(const struct fixture *f, const char *name)
{
	struct stat st;
	struct trie trie;
	void *bytes;
	bool blocked;

	assert_int_equal(fstat(f->lists.fd, &st), 0);
	assert_int_equal(st.st_size, f->lists.info.image_len);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, f->lists.fd, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	assert_int_equal(trie_open(&trie, bytes, (size_t)st.st_size, NULL), 0);
	blocked = trie_blocks(&trie, (const uint8_t *)name);
	assert_int_equal(munmap(bytes, (size_t)st.st_size), 0);
	return blocked;
}

static void test_texts(void **state)
{
	struct fixture *f = *state;
	struct reason_names names;
	struct lists_text text;

	f->flags.blocklist[0] =
	    write_text(f, "a", "0.0.0.0 ads.example\nwhat is this?\n0.0.0.0 b.example\n");
	f->flags.blocklist[1] =
	    write_text(f, "b", "tracker.example\nother.example\nthird.example\n");
	f->flags.n_blocklist = 2;
	load(f, true);
	assert_int_equal(f->err, 0);
	assert_int_equal(f->lists.source, LISTS_FILES);
	assert_int_equal(f->lists.info.n_lists, 2);
	assert_int_equal(f->lists.info.n_rules, 5);
	assert_true(f->lists.info.n_bad >= 1);
	assert_non_null(strstr(f->lists.info.text, "line 2"));
	assert_true(blocks(f, "\3ads\7example"));
	assert_true(blocks(f, "\3www\7tracker\7example"));
	assert_false(blocks(f, "\4good\7example"));
	lists_names(&f->lists, f->conf, &f->flags, &names);
	assert_int_equal(names.n, 2);
	assert_false(names.configured[1]);
	assert_string_equal(names.name[1], strrchr(f->flags.blocklist[1], '/') + 1);
	assert_true(lists_text(&f->lists, f->conf, &f->flags, 1, &text));
	assert_int_equal(text.path[0], '/'); /* who reads it may be elsewhere */
	assert_true(strlen(text.path) > strlen(f->flags.blocklist[1]));
	assert_string_equal(
	    text.path + strlen(text.path) - strlen(f->flags.blocklist[1]), f->flags.blocklist[1]);
	assert_string_equal(text.syntax, "auto");
	assert_false(lists_text(&f->lists, f->conf, &f->flags, 2, &text));
}

static void test_sealed(void **state)
{
	struct fixture *f = *state;

	f->flags.blocklist[0] = write_text(f, "a", "0.0.0.0 ads.example\n");
	f->flags.n_blocklist = 1;
	load(f, true);
	assert_int_equal(f->err, 0);
	assert_int_equal(write(f->lists.fd, "x", 1), -1);
	assert_int_equal(ftruncate(f->lists.fd, 0), -1);
	assert_ptr_equal(
	    mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, f->lists.fd, 0), MAP_FAILED);
}

/* The image that a load left, as bytes in memory that the caller frees. */
static void *take_image(const struct fixture *f, size_t *len)
{
	void *bytes;

	*len = (size_t)f->lists.info.image_len;
	bytes = malloc(*len);
	assert_non_null(bytes);
	assert_int_equal(pread(f->lists.fd, bytes, *len, 0), (ssize_t)*len);
	return bytes;
}

/* Say beside the image that it is of these lists. */
static void write_origin(
    struct fixture *f, const uint8_t *image, size_t len, const char *a, const char *b)
{
	struct origin *origin = calloc(1, sizeof(*origin));
	char *text;
	uint64_t sum;

	assert_non_null(origin);
	assert_true(origin_sum(image, len, &sum));
	origin_add(origin, a);
	if (b != NULL)
		origin_add(origin, b);
	assert_int_equal(origin_write(origin, sum, NULL, 0, &text, &len), 0);
	(void)write_file(f, "image.lists", text, len);
	free(text);
	free(origin);
}

static void test_image(void **state)
{
	struct fixture *f = *state;
	struct reason_answers answers;
	struct reason_names names;
	struct lists_text text;
	uint8_t *image;
	size_t len;

	f->flags.blocklist[0] = write_text(f, "a", "0.0.0.0 ads.example\n");
	f->flags.n_blocklist = 1;
	load(f, true);
	image = take_image(f, &len);
	f->flags.n_blocklist = 0;
	add_list(f, "mine");

	/* Not there, then damaged, then good; the previous one stands in where it may. */
	load(f, false);
	assert_int_equal(f->err, ERR_NOTFOUND);
	assert_non_null(strstr(f->why.text, "run quell-update"));

	(void)write_file(f, "image.previous", image, len);
	image[len / 2] ^= 0x10;
	(void)write_file(f, "image", image, len);
	load(f, false);
	assert_int_equal(f->err, ERR_FORMAT);
	assert_int_equal(f->lists.fd, -1);
	load(f, true);
	assert_int_equal(f->err, 0);
	assert_int_equal(f->lists.source, LISTS_PREVIOUS);
	assert_string_not_equal(f->lists.trouble.text, "");
	assert_true(blocks(f, "\3ads\7example"));

	/* Cut off before it says what it is, down to nothing: no list without rules. */
	for (size_t cut = 0; cut <= 8; cut += 4) {
		f->n_paths--;
		(void)write_file(f, "image", image, cut);
		load(f, false);
		assert_int_equal(f->err, ERR_FORMAT);
		load(f, true);
		assert_int_equal(f->lists.source, LISTS_PREVIOUS);
	}

	image[len / 2] ^= 0x10;
	f->n_paths--;
	(void)write_file(f, "image", image, len);
	load(f, false);
	assert_int_equal(f->err, 0);
	assert_int_equal(f->lists.source, LISTS_IMAGE);
	assert_string_equal(f->lists.trouble.text, "");
	lists_names(&f->lists, f->conf, &f->flags, &names);
	assert_int_equal(names.n, 0); /* nobody has said of which lists it is */
	assert_false(lists_text(&f->lists, f->conf, &f->flags, 0, &text));

	write_origin(f, image, len, "mine", "gone");
	load(f, false);
	lists_names(&f->lists, f->conf, &f->flags, &names);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.name[0], "mine");
	assert_string_equal(names.name[1], "gone");
	assert_true(names.configured[0]);
	assert_false(names.configured[1]);
	f->conf->lists[0].match = CONF_MATCH_BELOW;
	f->conf->lists[0].trust = CONF_TRUST_REWRITE;
	assert_true(lists_text(&f->lists, f->conf, &f->flags, 0, &text));
	assert_int_equal(strncmp(text.path, f->conf->state_dir, strlen(f->conf->state_dir)), 0);
	assert_string_equal(text.path + strlen(f->conf->state_dir), "/lists/mine.txt");
	assert_string_equal(text.match, "below");
	assert_string_equal(text.trust, "rewrite");
	assert_false(lists_answers(&f->lists, f->conf, &answers));
	f->conf->lists[0].block_answer.mode = BLOCK_NODATA;
	assert_true(lists_answers(&f->lists, f->conf, &answers));
	assert_int_equal(answers.list[0].mode, BLOCK_NODATA);
	assert_false(lists_text(&f->lists, f->conf, &f->flags, 1, &text));
	assert_false(lists_text(&f->lists, f->conf, &f->flags, 2, &text));

	/* Of another place in the configuration the name is still the image's. */
	f->n_paths--;
	write_origin(f, image, len, "gone", "mine");
	load(f, false);
	lists_names(&f->lists, f->conf, &f->flags, &names);
	assert_false(names.configured[0]);
	assert_true(names.configured[1]);
	assert_true(lists_answers(&f->lists, f->conf, &answers));
	assert_int_equal(answers.list[0].mode, BLOCK_DEFAULT);
	assert_int_equal(answers.list[1].mode, BLOCK_NODATA);
	assert_true(lists_text(&f->lists, f->conf, &f->flags, 1, &text));
	assert_string_equal(text.path + strlen(f->conf->state_dir), "/lists/mine.txt");
	/* What is said of another image is not said of this one. */
	image[24] ^= 1;
	f->n_paths--;
	write_origin(f, image, len, "mine", "gone");
	load(f, false);
	lists_names(&f->lists, f->conf, &f->flags, &names);
	assert_int_equal(names.n, 0);
	free(image);
}

/* An image that was named by the user: called as what stands beside it says; there are no texts. */
static void test_named_image(void **state)
{
	struct fixture *f = *state;
	struct reason_names names;
	struct reason_answers answers;
	struct lists_text text;
	uint8_t *image;
	size_t len;

	f->flags.blocklist[0] = write_text(f, "a", "0.0.0.0 ads.example\n");
	f->flags.n_blocklist = 1;
	load(f, true);
	image = take_image(f, &len);
	f->flags.blocklist[0] = write_file(f, "image", image, len);
	load(f, true);
	assert_int_equal(f->err, 0);
	assert_int_equal(f->lists.source, LISTS_FILES);
	lists_names(&f->lists, f->conf, &f->flags, &names);
	assert_int_equal(names.n, 0);
	assert_false(lists_text(&f->lists, f->conf, &f->flags, 0, &text));
	write_origin(f, image, len, "ads.txt", NULL);
	load(f, true);
	add_list(f, "ads.txt");
	lists_names(&f->lists, f->conf, &f->flags, &names);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.name[0], "ads.txt");
	assert_false(names.configured[0]);
	assert_false(lists_text(&f->lists, f->conf, &f->flags, 0, &text));
	f->conf->lists[0].block_answer.mode = BLOCK_NODATA;
	assert_false(lists_answers(&f->lists, f->conf, &answers));
	assert_int_equal(answers.list[0].mode, BLOCK_DEFAULT);
	free(image);
}

static void test_starter(void **state)
{
	struct fixture *f = *state;

	add_list(f, "mine");
	load(f, true);
	assert_int_equal(f->err, 0);
	assert_int_equal(f->lists.source, LISTS_STARTER);
	assert_non_null(strstr(f->lists.trouble.text, "run quell-update"));
	assert_true(blocks(f, "\13doubleclick\3net"));
	assert_false(blocks(f, "\7example\3com"));
}

static void test_none(void **state)
{
	struct fixture *f = *state;

	load(f, true);
	assert_int_equal(f->err, 0);
	assert_int_equal(f->lists.source, LISTS_NONE);
	assert_int_equal(f->lists.fd, -1);
	assert_int_equal(f->lists.info.n_rules, 0);
}

/* Files that the user named are used, or nothing is. */
static void test_bad_files(void **state)
{
	struct fixture *f = *state;

	f->flags.n_blocklist = 1;
	f->flags.blocklist[0] = write_text(f, "a", "<!DOCTYPE html>\n<html>\n");
	load(f, true);
	assert_int_equal(f->err, ERR_FORMAT);
	assert_non_null(strstr(f->why.text, f->flags.blocklist[0]));
	f->flags.blocklist[0] = "/nowhere/list";
	load(f, true);
	assert_int_equal(f->err, ERR_NOTFOUND);
	assert_non_null(strstr(f->why.text, "/nowhere/list"));
	f->flags.blocklist[0] = f->dir;
	load(f, true);
	assert_int_equal(f->err, ERR_FORMAT);
	assert_non_null(strstr(f->why.text, "not a regular file"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_texts),
	    TEST(test_sealed),
	    TEST(test_image),
	    TEST(test_named_image),
	    TEST(test_starter),
	    TEST(test_none),
	    TEST(test_bad_files),
	};

	return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}

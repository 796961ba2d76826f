# tests of blocklists
LISTS_UNIT_TESTS = \
	tests/unit/test_build \
	tests/unit/test_compile \
	tests/unit/test_effect \
	tests/unit/test_feed \
	tests/unit/test_judge \
	tests/unit/test_lists_doc \
	tests/unit/test_rule \
	tests/unit/test_starter \
	tests/unit/test_trie \
	tests/unit/test_verify
LISTS_TEST_LIBS = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += $(LISTS_UNIT_TESTS)
TESTS += $(LISTS_UNIT_TESTS)
endif

tests_unit_test_build_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_build_SOURCES = tests/unit/test_build.c tests/unit/lists.h
tests_unit_test_build_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_compile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_compile_SOURCES = tests/unit/test_compile.c tests/unit/lists.h
tests_unit_test_compile_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_effect_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_effect_SOURCES = tests/unit/test_effect.c
tests_unit_test_effect_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_SOURCES = tests/unit/test_feed.c tests/unit/lists.h
tests_unit_test_feed_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_judge_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_judge_SOURCES = tests/unit/test_judge.c
tests_unit_test_judge_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_lists_doc_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_lists_doc_SOURCES = tests/unit/test_lists_doc.c tests/unit/lists.h
tests_unit_test_lists_doc_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_rule_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rule_SOURCES = tests/unit/test_rule.c tests/unit/lists.h
tests_unit_test_rule_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_starter_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_starter_SOURCES = tests/unit/test_starter.c tests/unit/lists.h
tests_unit_test_starter_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_trie_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_trie_SOURCES = tests/unit/test_trie.c tests/unit/lists.h
tests_unit_test_trie_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_verify_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_verify_SOURCES = tests/unit/test_verify.c tests/unit/lists.h
tests_unit_test_verify_LDADD = $(LISTS_TEST_LIBS)

fuzz_programs += tests/fuzz/fuzz_feed tests/fuzz/fuzz_image
tests_fuzz_fuzz_feed_SOURCES = tests/fuzz/fuzz_feed.c
tests_fuzz_fuzz_feed_LDADD = $(FUZZ_MAIN) blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS)
tests_fuzz_fuzz_image_SOURCES = tests/fuzz/fuzz_image.c
tests_fuzz_fuzz_image_LDADD = $(FUZZ_MAIN) blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS)

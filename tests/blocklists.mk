# tests of blocklists
LISTS_UNIT_TESTS = \
	tests/unit/test_adblock_modifiers \
	tests/unit/test_adblock_rewrite \
	tests/unit/test_build \
	tests/unit/test_codes \
	tests/unit/test_compile \
	tests/unit/test_effect \
	tests/unit/test_explain \
	tests/unit/test_family \
	tests/unit/test_feed \
	tests/unit/test_feed_adblock \
	tests/unit/test_feed_dnsmasq \
	tests/unit/test_feed_domains \
	tests/unit/test_feed_hosts \
	tests/unit/test_feed_pihole_regex \
	tests/unit/test_feed_real \
	tests/unit/test_feed_rpz \
	tests/unit/test_feed_smartdns \
	tests/unit/test_feed_unbound \
	tests/unit/test_feed_wildcards \
	tests/unit/test_judge \
	tests/unit/test_layout \
	tests/unit/test_lists_doc \
	tests/unit/test_names \
	tests/unit/test_networks \
	tests/unit/test_origin \
	tests/unit/test_patterns \
	tests/unit/test_regex \
	tests/unit/test_rule \
	tests/unit/test_samples \
	tests/unit/test_sets \
	tests/unit/test_starter \
	tests/unit/test_trie \
	tests/unit/test_verify \
	tests/unit/test_walk \
	tests/unit/test_zonefile
LISTS_TEST_LIBS = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += $(LISTS_UNIT_TESTS)
TESTS += $(LISTS_UNIT_TESTS)
endif

tests_unit_test_adblock_modifiers_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_adblock_modifiers_SOURCES = tests/unit/test_adblock_modifiers.c tests/unit/feeds.h
tests_unit_test_adblock_modifiers_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_adblock_rewrite_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_adblock_rewrite_SOURCES = tests/unit/test_adblock_rewrite.c tests/unit/feeds.h
tests_unit_test_adblock_rewrite_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_build_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_build_SOURCES = tests/unit/test_build.c tests/unit/lists.h
tests_unit_test_build_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_compile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_compile_SOURCES = tests/unit/test_compile.c
tests_unit_test_compile_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_effect_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_effect_SOURCES = tests/unit/test_effect.c
tests_unit_test_effect_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_explain_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_explain_SOURCES = tests/unit/test_explain.c
tests_unit_test_explain_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_SOURCES = tests/unit/test_feed.c tests/unit/feeds.h
tests_unit_test_feed_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_adblock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_adblock_SOURCES = tests/unit/test_feed_adblock.c tests/unit/feeds.h \
	tests/unit/naive.c tests/unit/naive.h
tests_unit_test_feed_adblock_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_dnsmasq_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_dnsmasq_SOURCES = tests/unit/test_feed_dnsmasq.c tests/unit/feeds.h
tests_unit_test_feed_dnsmasq_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_domains_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_domains_SOURCES = tests/unit/test_feed_domains.c tests/unit/feeds.h
tests_unit_test_feed_domains_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_hosts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_hosts_SOURCES = tests/unit/test_feed_hosts.c tests/unit/feeds.h
tests_unit_test_feed_hosts_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_real_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_real_SOURCES = tests/unit/test_feed_real.c tests/unit/feeds.h
tests_unit_test_feed_real_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_smartdns_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_smartdns_SOURCES = tests/unit/test_feed_smartdns.c tests/unit/feeds.h
tests_unit_test_feed_smartdns_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_unbound_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_unbound_SOURCES = tests/unit/test_feed_unbound.c tests/unit/feeds.h
tests_unit_test_feed_unbound_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_wildcards_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_wildcards_SOURCES = tests/unit/test_feed_wildcards.c tests/unit/feeds.h
tests_unit_test_feed_wildcards_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_pihole_regex_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_pihole_regex_SOURCES = tests/unit/test_feed_pihole_regex.c tests/unit/feeds.h
tests_unit_test_feed_pihole_regex_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_feed_rpz_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_feed_rpz_SOURCES = tests/unit/test_feed_rpz.c tests/unit/feeds.h
tests_unit_test_feed_rpz_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_judge_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_judge_SOURCES = tests/unit/test_judge.c tests/unit/rounds.h
tests_unit_test_judge_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_lists_doc_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_lists_doc_SOURCES = tests/unit/test_lists_doc.c tests/unit/feeds.h
tests_unit_test_lists_doc_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_networks_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_networks_SOURCES = tests/unit/test_networks.c tests/unit/lists.h
tests_unit_test_networks_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_patterns_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_patterns_SOURCES = tests/unit/test_patterns.c tests/unit/regexes.h
tests_unit_test_patterns_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_regex_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_regex_SOURCES = tests/unit/test_regex.c tests/unit/regexes.h
tests_unit_test_regex_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_origin_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_origin_SOURCES = tests/unit/test_origin.c
tests_unit_test_origin_LDADD = $(LISTS_TEST_LIBS)
tests_unit_test_rule_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rule_SOURCES = tests/unit/test_rule.c tests/unit/lists.h
tests_unit_test_rule_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_samples_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_samples_SOURCES = tests/unit/test_samples.c tests/unit/naive.c tests/unit/naive.h
tests_unit_test_samples_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_starter_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_starter_SOURCES = tests/unit/test_starter.c tests/unit/lists.h
tests_unit_test_starter_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_trie_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_trie_SOURCES = tests/unit/test_trie.c tests/unit/lists.h tests/unit/rounds.h
tests_unit_test_trie_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_verify_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_verify_SOURCES = tests/unit/test_verify.c tests/unit/lists.h
tests_unit_test_verify_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_codes_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_codes_SOURCES = tests/unit/test_codes.c tests/unit/lists.h
tests_unit_test_codes_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_family_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_family_SOURCES = tests/unit/test_family.c tests/unit/lists.h
tests_unit_test_family_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_layout_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_layout_SOURCES = tests/unit/test_layout.c tests/unit/lists.h
tests_unit_test_layout_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_names_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_names_SOURCES = tests/unit/test_names.c tests/unit/lists.h
tests_unit_test_names_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_sets_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sets_SOURCES = tests/unit/test_sets.c tests/unit/lists.h
tests_unit_test_sets_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_walk_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_walk_SOURCES = tests/unit/test_walk.c tests/unit/lists.h
tests_unit_test_walk_LDADD = $(LISTS_TEST_LIBS)

tests_unit_test_zonefile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_zonefile_SOURCES = tests/unit/test_zonefile.c tests/unit/feeds.h
tests_unit_test_zonefile_LDADD = $(LISTS_TEST_LIBS)

fuzz_programs += tests/fuzz/fuzz_build tests/fuzz/fuzz_feed tests/fuzz/fuzz_image tests/fuzz/fuzz_patterns tests/fuzz/fuzz_regex
tests_fuzz_fuzz_build_SOURCES = tests/fuzz/fuzz_build.c
tests_fuzz_fuzz_build_LDADD = $(FUZZ_MAIN) blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS)
tests_fuzz_fuzz_feed_SOURCES = tests/fuzz/fuzz_feed.c
tests_fuzz_fuzz_feed_LDADD = $(FUZZ_MAIN) blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS)
tests_fuzz_fuzz_image_SOURCES = tests/fuzz/fuzz_image.c
tests_fuzz_fuzz_image_LDADD = $(FUZZ_MAIN) blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS)
tests_fuzz_fuzz_patterns_SOURCES = tests/fuzz/fuzz_patterns.c
tests_fuzz_fuzz_patterns_LDADD = $(FUZZ_MAIN) blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS)
tests_fuzz_fuzz_regex_SOURCES = tests/fuzz/fuzz_regex.c tests/unit/regexes.h
tests_fuzz_fuzz_regex_LDADD = $(FUZZ_MAIN) blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS)
EXTRA_DIST += tests/unit/count-rules.awk

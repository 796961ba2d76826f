# tests of dns
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_reverse
TESTS += tests/unit/test_reverse
tests_unit_test_reverse_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_reverse_SOURCES = tests/unit/test_reverse.c
tests_unit_test_reverse_LDADD = lib/libquell.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_name tests/unit/test_msg tests/unit/test_corpus tests/unit/test_type
TESTS += tests/unit/test_name tests/unit/test_msg tests/unit/test_corpus tests/unit/test_type
tests_unit_test_name_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(LDNS_CFLAGS)
tests_unit_test_name_SOURCES = tests/unit/test_name.c tests/unit/rounds.h
tests_unit_test_name_LDADD = $(ORACLE) $(CMOCKA_LIBS) $(LDNS_LIBS)
tests_unit_test_msg_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(LDNS_CFLAGS)
tests_unit_test_msg_SOURCES = tests/unit/test_msg.c tests/unit/rounds.h
tests_unit_test_msg_LDADD = $(ORACLE) $(CMOCKA_LIBS) $(LDNS_LIBS)
tests_unit_test_corpus_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(LDNS_CFLAGS)
tests_unit_test_corpus_SOURCES = tests/unit/test_corpus.c
tests_unit_test_corpus_LDADD = $(ORACLE) $(CMOCKA_LIBS) $(LDNS_LIBS)
tests_unit_test_type_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(LDNS_CFLAGS)
tests_unit_test_type_SOURCES = tests/unit/test_type.c
tests_unit_test_type_LDADD = lib/libquell.a $(CMOCKA_LIBS) $(LDNS_LIBS)
endif

# ldns as the judge of the wire code, for the tests above and the fuzz targets below.
EXTRA_LIBRARIES += tests/unit/liboracle.a
CLEANFILES += tests/unit/liboracle.a
tests_unit_liboracle_a_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS)
tests_unit_liboracle_a_SOURCES = tests/unit/oracle.c tests/unit/oracle.h
ORACLE = tests/unit/liboracle.a lib/libquell.a

fuzz_programs += tests/fuzz/fuzz_query tests/fuzz/fuzz_reply
tests_fuzz_fuzz_query_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS)
tests_fuzz_fuzz_query_SOURCES = tests/fuzz/fuzz_query.c $(mutate_message_sources)
tests_fuzz_fuzz_query_LDADD = $(FUZZ_MAIN) $(ORACLE) $(LDNS_LIBS)
tests_fuzz_fuzz_reply_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS)
tests_fuzz_fuzz_reply_SOURCES = tests/fuzz/fuzz_reply.c $(mutate_message_sources)
tests_fuzz_fuzz_reply_LDADD = $(FUZZ_MAIN) $(ORACLE) $(LDNS_LIBS)
EXTRA_DIST += tests/fuzz/make-dns-seeds.py

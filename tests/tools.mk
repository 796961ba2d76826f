# tests of tools

TESTS += tests/e2e/test_update.py
dist_check_SCRIPTS += tests/e2e/test_update.py
tests/e2e/test_update.log: quell-update

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_update_store tests/unit/test_text
TESTS += tests/unit/test_update_store tests/unit/test_text
tests_unit_test_update_store_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_store_SOURCES = tests/unit/test_update_store.c \
	tools/update_store.c tools/text.c
tests_unit_test_update_store_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_text_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_text_SOURCES = tests/unit/test_text.c tools/text.c
tests_unit_test_text_LDADD = $(CMOCKA_LIBS)
endif

# tests of lib
LIB_UNIT_TESTS = \
	tests/unit/test_addr \
	tests/unit/test_block_answer \
	tests/unit/test_clock \
	tests/unit/test_conf \
	tests/unit/test_conf_read \
	tests/unit/test_err \
	tests/unit/test_file \
	tests/unit/test_hash \
	tests/unit/test_holder \
	tests/unit/test_log \
	tests/unit/test_pages \
	tests/unit/test_proxy \
	tests/unit/test_ram \
	tests/unit/test_reserve \
	tests/unit/test_resolvconf \
	tests/unit/test_rng \
	tests/unit/test_sandbox tests/unit/test_sandbox_calls
if HAVE_CMOCKA
check_PROGRAMS += $(LIB_UNIT_TESTS)
TESTS += $(LIB_UNIT_TESTS)
endif

tests_unit_test_addr_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_addr_SOURCES = tests/unit/test_addr.c
tests_unit_test_addr_LDADD = lib/libquell.a $(CMOCKA_LIBS)

# The test shows the clock what it likes.
tests_unit_test_clock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_clock_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime,--wrap=__clock_gettime64
tests_unit_test_clock_SOURCES = tests/unit/test_clock.c
tests_unit_test_clock_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_block_answer_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_block_answer_SOURCES = tests/unit/test_block_answer.c
tests_unit_test_block_answer_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_proxy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_proxy_SOURCES = tests/unit/test_proxy.c
tests_unit_test_proxy_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_conf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c
tests_unit_test_conf_LDADD = lib/libquell.a $(CMOCKA_LIBS) $(CONFUSE_LIBS)

tests_unit_test_conf_read_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_conf_read_SOURCES = tests/unit/test_conf_read.c \
	tests/unit/scratch.c tests/unit/scratch.h
tests_unit_test_conf_read_LDADD = lib/libquell.a $(CMOCKA_LIBS) $(CONFUSE_LIBS)

tests_unit_test_err_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_err_SOURCES = tests/unit/test_err.c
tests_unit_test_err_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_file_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_file_SOURCES = tests/unit/test_file.c
tests_unit_test_file_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_hash_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_hash_SOURCES = tests/unit/test_hash.c
tests_unit_test_hash_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_holder_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_holder_SOURCES = tests/unit/test_holder.c
tests_unit_test_holder_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_pages_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_pages_SOURCES = tests/unit/test_pages.c
tests_unit_test_pages_LDADD = lib/libquell.a $(CMOCKA_LIBS)
tests_unit_test_reserve_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_reserve_SOURCES = tests/unit/test_reserve.c
tests_unit_test_reserve_LDADD = lib/libquell.a $(CMOCKA_LIBS)
tests_unit_test_ram_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ram_SOURCES = tests/unit/test_ram.c tests/unit/scratch.c tests/unit/scratch.h
tests_unit_test_ram_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_resolvconf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_resolvconf_SOURCES = tests/unit/test_resolvconf.c
tests_unit_test_resolvconf_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_rng_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rng_SOURCES = tests/unit/test_rng.c
tests_unit_test_rng_LDADD = lib/libquell.a $(CMOCKA_LIBS)

fuzz_programs += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c
tests_fuzz_fuzz_conf_LDADD = $(FUZZ_MAIN) lib/libquell.a $(CONFUSE_LIBS)

tests_unit_test_sandbox_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c
tests_unit_test_sandbox_LDADD = lib/libquell.a $(SECCOMP_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sandbox_calls_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sandbox_calls_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=seccomp_load
tests_unit_test_sandbox_calls_SOURCES = tests/unit/test_sandbox_calls.c
tests_unit_test_sandbox_calls_LDADD = lib/libquell.a $(SECCOMP_LIBS) $(CMOCKA_LIBS)

fuzz_programs += tests/fuzz/fuzz_resolvconf
tests_fuzz_fuzz_resolvconf_SOURCES = tests/fuzz/fuzz_resolvconf.c
tests_fuzz_fuzz_resolvconf_LDADD = $(FUZZ_MAIN) lib/libquell.a

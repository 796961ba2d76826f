# Fuzz targets.  To add one: tests/fuzz/fuzz_X.c, seeds in tests/fuzz/seeds/X, and these rows:
#
#	fuzz_programs += tests/fuzz/fuzz_X
#	tests_fuzz_fuzz_X_SOURCES = tests/fuzz/fuzz_X.c
#	tests_fuzz_fuzz_X_LDADD = $(FUZZ_MAIN) lib/libquell.a ...
#
# With --enable-fuzzers fuzz_X is a libFuzzer program.  Else replay.c is its main, and in `make check` it
# runs over seeds/X and crashes/X.
fuzz_programs =
EXTRA_PROGRAMS = $(fuzz_programs)
EXTRA_LIBRARIES = tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c tests/fuzz/fuzz.h
EXTRA_DIST += tests/fuzz/seeds tests/fuzz/crashes
CLEANFILES += $(fuzz_programs) tests/fuzz/libreplay.a

FUZZ_SECONDS = 60
if FUZZERS
FUZZ_MAIN = $(QUELL_FUZZER)
# Changes that leave a packet a packet, beside libFuzzer's own.
mutate_message_sources = tests/fuzz/mutate.c tests/fuzz/mutate.h tests/fuzz/mutate_message.c
mutate_core_sources = tests/fuzz/mutate.c tests/fuzz/mutate.h tests/fuzz/mutate_core.c
noinst_PROGRAMS += $(fuzz_programs)
fuzz: $(fuzz_programs)
	@for program in $(fuzz_programs); do \
		name=$${program##*/fuzz_}; \
		$(MKDIR_P) tests/fuzz/corpus/$$name && echo "fuzz: $$name, $(FUZZ_SECONDS) s" && \
		$$program -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
			-artifact_prefix=tests/fuzz/$$name- tests/fuzz/corpus/$$name \
			$(abs_top_srcdir)/tests/fuzz/seeds/$$name \
			$$(ls -d $(abs_top_srcdir)/tests/fuzz/crashes/$$name 2>/dev/null) || exit 1; \
	done
else
FUZZ_MAIN = tests/fuzz/libreplay.a
check_PROGRAMS += $(fuzz_programs)
TESTS += $(fuzz_programs)
fuzz:
	@echo "fuzz: configure with CC=clang --enable-fuzzers --enable-sanitizers first" >&2; exit 1
endif

# Some seconds for each, before a change is handed in.
fuzz-short:
	@$(MAKE) $(AM_MAKEFLAGS) fuzz FUZZ_SECONDS=5

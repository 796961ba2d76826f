# Fuzz targets: tests/fuzz/fuzz_X.c.  With --enable-fuzzers each is a libFuzzer program fuzz_X; without, it
# becomes replay_X, which runs over seeds/X and crashes/X in `make check`.
EXTRA_DIST += tests/fuzz/seeds tests/fuzz/crashes

fuzz_programs =
replay_programs =

FUZZ_SECONDS = 60
if FUZZERS
noinst_PROGRAMS += $(fuzz_programs)
fuzz: $(fuzz_programs)
	@for program in $(fuzz_programs); do \
		name=$${program##*/fuzz_}; \
		$(MKDIR_P) tests/fuzz/corpus/$$name && echo "fuzz: $$name, $(FUZZ_SECONDS) s" && \
		$$program -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
			-artifact_prefix=tests/fuzz/$$name- tests/fuzz/corpus/$$name \
			$(abs_top_srcdir)/tests/fuzz/seeds/$$name || exit 1; \
	done
else
fuzz:
	@echo "fuzz: configure with CC=clang --enable-fuzzers --enable-sanitizers first" >&2; exit 1
check_PROGRAMS += $(replay_programs)
TESTS += $(replay_programs)
endif

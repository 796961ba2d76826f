# What is measured: docs/bench/README.md.  `make check` only tries whether measuring works.
bench_programs = tests/bench/echo tests/bench/load tests/bench/micro
check_PROGRAMS += $(bench_programs)
tests_bench_echo_SOURCES = tests/bench/echo.c
tests_bench_load_SOURCES = tests/bench/load.c
tests_bench_micro_SOURCES = tests/bench/micro.c
tests_bench_micro_LDADD = $(UNIT_LIBS)

bench_tests = tests/bench/test_bench.py tests/bench/test_soak.py
TESTS += $(bench_tests)
EXTRA_DIST += $(bench_tests) tests/bench/bench.py tests/bench/micro.py tests/bench/names.py tests/bench/plot.py \
	tests/bench/spent.py \
	tests/bench/kills.py tests/bench/soak.py docs/bench/README.md docs/bench/instructions.json

# BENCH_OPTIONS: see tests/bench/bench.py --help, tests/bench/micro.py --help
bench_run = PYTHONDONTWRITEBYTECODE=1 top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' /usr/bin/python3
.PHONY: bench bench-micro bench-profile soak
bench: quelld quell-update $(bench_programs)
	@$(bench_run) $(srcdir)/tests/bench/bench.py $(BENCH_OPTIONS)

bench-micro: quell-update tests/bench/micro
	@$(bench_run) $(srcdir)/tests/bench/micro.py $(BENCH_OPTIONS)

bench-profile: quelld quell-update $(bench_programs)
	@$(bench_run) $(srcdir)/tests/bench/spent.py $(BENCH_OPTIONS)

SOAK_SECONDS = 1200
soak: quelld quell-update quellctl tests/bench/echo tests/bench/load
	@$(bench_run) $(srcdir)/tests/bench/soak.py --seconds $(SOAK_SECONDS)

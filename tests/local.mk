# TAP: each test prints its cases, and the driver counts them.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = bash $(top_srcdir)/tests/tap.sh $(QUELL_WRAPPER)
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
PY_LOG_DRIVER = $(LOG_DRIVER)
PY_LOG_COMPILER = /usr/bin/python3
TEST_EXTENSIONS = .sh .py
AM_TESTS_ENVIRONMENT = CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; \
	PYTHONDONTWRITEBYTECODE=1; export top_srcdir top_builddir PYTHONDONTWRITEBYTECODE;

# A unit test: tests/unit/test_X.c, one program for each module.
UNIT_LIBS = resolver/core/libcore.a blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS)

include $(srcdir)/tests/fuzz.mk
include $(srcdir)/tests/lib.mk
include $(srcdir)/tests/dns.mk
include $(srcdir)/tests/blocklists.mk
include $(srcdir)/tests/core.mk
include $(srcdir)/tests/resolver.mk
include $(srcdir)/tests/tools.mk
include $(srcdir)/tests/e2e.mk
include $(srcdir)/tests/bench.mk

TESTS += tests/test_layers.sh tests/test_hardening.sh tests/test_answers.py
EXTRA_DIST += tests/tap.sh tests/test_layers.sh tests/test_hardening.sh tests/test_answers.py tests/coverage.awk tests/coverage.h tests/lint.awk tests/lint.txt
dist_check_SCRIPTS += tests/arch.sh

# For those who run some of them.
.PHONY: list-tests
list-tests:
	@echo $(TESTS)

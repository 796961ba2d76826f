# tests of e2e: the built daemon on loopback, with a fake upstream
e2e_tests = tests/e2e/test_arch.py tests/e2e/test_resolve.py tests/e2e/test_fixed.py tests/e2e/test_block.py tests/e2e/test_malformed.py tests/e2e/test_memory.py tests/e2e/test_mutations.py tests/e2e/test_nomem.py tests/e2e/test_rfc.py \
	tests/e2e/test_reload.py tests/e2e/test_process.py \
	tests/e2e/test_cache.py tests/e2e/test_clients.py tests/e2e/test_clock.py tests/e2e/test_completion.py tests/e2e/test_cookies.py tests/e2e/test_disk.py tests/e2e/test_doctor.py tests/e2e/test_faults.py tests/e2e/test_inspect.py tests/e2e/test_names.py tests/e2e/test_outage.py tests/e2e/test_own.py tests/e2e/test_power.py tests/e2e/test_real_lists.py tests/e2e/test_sandbox.py tests/e2e/test_syntaxes.py tests/e2e/test_why.py tests/e2e/test_tcp.py tests/e2e/test_upstreams.py \
	tests/e2e/test_transfers.py \
	tests/regress/test_operations.py
TESTS += $(e2e_tests)
EXTRA_DIST += $(e2e_tests) tests/e2e/harness.py

# Runs quelld and quell-update, and lets system calls fail: test_faults.py and test_power.py.
check_PROGRAMS += tests/fault/fault
tests_fault_fault_SOURCES = tests/fault/fault.c
tests_fault_fault_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
tests_fault_fault_LDADD = $(SECCOMP_LIBS)

# A wall clock that is wrong, for test_clock.py.
check_DATA += tests/fault/clock.so
CLEANFILES += tests/fault/clock.so
EXTRA_DIST += tests/fault/clock.c
tests/fault/clock.so: tests/fault/clock.c
	@$(MKDIR_P) tests/fault
	$(AM_V_CC)$(CC) -shared -fPIC -O2 -g $(CPPFLAGS) -o $@ $(srcdir)/tests/fault/clock.c

# What is measured, not tested.
EXTRA_DIST += tests/bench/lookup.c tests/bench/lossy.c tests/bench/servfail.py tests/bench/spoof.c tests/bench/traffic.h tests/bench/zipf.c

# Takes the place of malloc in what test_nomem.py starts.
check_DATA += tests/fault/nomem.so
CLEANFILES += tests/fault/nomem.so
EXTRA_DIST += tests/fault/nomem.c
tests/fault/nomem.so: tests/fault/nomem.c
	@$(MKDIR_P) tests/fault
	$(AM_V_CC)$(CC) -shared -fPIC -O2 -g -D_GNU_SOURCE $(CPPFLAGS) -o $@ $(srcdir)/tests/fault/nomem.c

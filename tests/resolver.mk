# tests of resolver

# sockets, channels and the worker: each with a core of its own making
if HAVE_CMOCKA
IO_TESTS = tests/unit/test_channel tests/unit/test_listen_udp tests/unit/test_listen_tcp \
	tests/unit/test_carrier_udp tests/unit/test_carrier_tcp tests/unit/test_peers tests/unit/test_socks tests/unit/test_worker
check_PROGRAMS += $(IO_TESTS)
TESTS += $(IO_TESTS)
IO_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
IO_SOURCES = tests/unit/loopback.c tests/unit/loopback.h
IO_LIBS = resolver/libquelld.a resolver/io/libio.a lib/libquell.a $(EVENT_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
tests_unit_test_channel_CFLAGS = $(IO_CFLAGS)
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c
tests_unit_test_channel_LDADD = $(IO_LIBS)
tests_unit_test_listen_udp_CFLAGS = $(IO_CFLAGS)
tests_unit_test_listen_udp_SOURCES = tests/unit/test_listen_udp.c $(IO_SOURCES)
tests_unit_test_listen_udp_LDADD = $(IO_LIBS)
tests_unit_test_listen_tcp_CFLAGS = $(IO_CFLAGS)
tests_unit_test_listen_tcp_SOURCES = tests/unit/test_listen_tcp.c $(IO_SOURCES)
tests_unit_test_listen_tcp_LDADD = $(IO_LIBS)
tests_unit_test_carrier_udp_CFLAGS = $(IO_CFLAGS)
tests_unit_test_carrier_udp_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrlimit64
tests_unit_test_carrier_udp_SOURCES = tests/unit/test_carrier_udp.c $(IO_SOURCES)
tests_unit_test_carrier_udp_LDADD = $(IO_LIBS)
tests_unit_test_carrier_tcp_CFLAGS = $(IO_CFLAGS)
tests_unit_test_carrier_tcp_SOURCES = tests/unit/test_carrier_tcp.c $(IO_SOURCES)
tests_unit_test_carrier_tcp_LDADD = $(IO_LIBS)
tests_unit_test_peers_CFLAGS = $(IO_CFLAGS)
tests_unit_test_peers_SOURCES = tests/unit/test_peers.c $(IO_SOURCES)
tests_unit_test_peers_LDADD = $(IO_LIBS)
tests_unit_test_socks_CFLAGS = $(IO_CFLAGS)
tests_unit_test_socks_SOURCES = tests/unit/test_socks.c
tests_unit_test_socks_LDADD = $(IO_LIBS)
tests_unit_test_worker_CFLAGS = $(IO_CFLAGS)
tests_unit_test_worker_SOURCES = tests/unit/test_worker.c $(IO_SOURCES)
tests_unit_test_worker_LDADD = resolver/libquelld.a resolver/io/libio.a resolver/core/libcore.a $(IO_LIBS)

# The worker again, with the real core.
check_PROGRAMS += tests/unit/test_allocations
TESTS += tests/unit/test_allocations
tests_unit_test_allocations_CFLAGS = $(IO_CFLAGS)
tests_unit_test_allocations_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=clock_ms,--wrap=clock_ns
tests_unit_test_allocations_SOURCES = tests/unit/test_allocations.c $(IO_SOURCES)
tests_unit_test_allocations_LDADD = resolver/libquelld.a resolver/io/libio.a $(UNIT_LIBS) $(EVENT_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_house_read
TESTS += tests/unit/test_house_read
tests_unit_test_house_read_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_house_read_SOURCES = tests/unit/test_house_read.c
tests_unit_test_house_read_LDADD = resolver/libquelld.a resolver/core/libcore.a lib/libquell.a $(LDNS_LIBS) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz_house
tests_fuzz_fuzz_house_SOURCES = tests/fuzz/fuzz_house.c
tests_fuzz_fuzz_house_LDADD = $(FUZZ_MAIN) resolver/libquelld.a resolver/core/libcore.a lib/libquell.a $(LDNS_LIBS)

fuzz_programs += tests/fuzz/fuzz_rules
tests_fuzz_fuzz_rules_SOURCES = tests/fuzz/fuzz_rules.c
tests_fuzz_fuzz_rules_LDADD = $(FUZZ_MAIN) resolver/libquelld.a resolver/core/libcore.a \
	blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CONFUSE_LIBS)

fuzz_programs += tests/fuzz/fuzz_socks
tests_fuzz_fuzz_socks_SOURCES = tests/fuzz/fuzz_socks.c
tests_fuzz_fuzz_socks_LDADD = $(FUZZ_MAIN) resolver/io/libio.a lib/libquell.a

fuzz_programs += tests/fuzz/fuzz_stream
tests_fuzz_fuzz_stream_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_fuzz_fuzz_stream_SOURCES = tests/fuzz/fuzz_stream.c
tests_fuzz_fuzz_stream_LDADD = $(FUZZ_MAIN) resolver/io/libio.a lib/libquell.a $(EVENT_LIBS)

# The parent's side of the control socket and of the channels, without other processes.
fuzz_parent_sources = tests/fuzz/parent.c tests/fuzz/parent.h
fuzz_parent_libs = resolver/libquelld.a resolver/io/libio.a resolver/core/libcore.a \
	blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(EVENT_LIBS) $(CONFUSE_LIBS) $(SECCOMP_LIBS)
fuzz_programs += tests/fuzz/fuzz_channel tests/fuzz/fuzz_ctl
tests_fuzz_fuzz_channel_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_fuzz_fuzz_channel_SOURCES = tests/fuzz/fuzz_channel.c $(fuzz_parent_sources)
tests_fuzz_fuzz_channel_LDADD = $(FUZZ_MAIN) $(fuzz_parent_libs)
tests_fuzz_fuzz_ctl_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_fuzz_fuzz_ctl_SOURCES = tests/fuzz/fuzz_ctl.c $(fuzz_parent_sources)
tests_fuzz_fuzz_ctl_LDADD = $(FUZZ_MAIN) $(fuzz_parent_libs)

# the parent: its modules, with workers of the test's own making
if HAVE_CMOCKA
PARENT_TESTS = tests/unit/test_budget \
	tests/unit/test_child \
	tests/unit/test_ctl \
	tests/unit/test_health \
	tests/unit/test_hostnet \
	tests/unit/test_listeners \
	tests/unit/test_intruder \
	tests/unit/test_lists \
	tests/unit/test_loader \
	tests/unit/test_notify \
	tests/unit/test_own \
	tests/unit/test_pack \
	tests/unit/test_secret \
	tests/unit/test_priv \
	tests/unit/test_report \
	tests/unit/test_rules \
	tests/unit/test_server \
	tests/unit/test_settings \
	tests/unit/test_supervise \
	tests/unit/test_watchdog \
	tests/unit/test_witness
check_PROGRAMS += $(PARENT_TESTS)
TESTS += $(PARENT_TESTS)
PARENT_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
PARENT_LIBS = resolver/libquelld.a resolver/io/libio.a resolver/core/libcore.a \
	blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(EVENT_LIBS) $(CONFUSE_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
tests_unit_test_budget_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_budget_SOURCES = tests/unit/test_budget.c
tests_unit_test_budget_LDADD = $(PARENT_LIBS)
tests_unit_test_child_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_child_SOURCES = tests/unit/test_child.c
tests_unit_test_child_LDADD = $(PARENT_LIBS)
tests_unit_test_hostnet_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_hostnet_SOURCES = tests/unit/test_hostnet.c
tests_unit_test_hostnet_LDADD = $(PARENT_LIBS)
tests_unit_test_notify_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_notify_SOURCES = tests/unit/test_notify.c
tests_unit_test_notify_LDADD = $(PARENT_LIBS)
tests_unit_test_priv_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_priv_SOURCES = tests/unit/test_priv.c
tests_unit_test_priv_LDADD = $(PARENT_LIBS)
tests_unit_test_ctl_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_ctl_SOURCES = tests/unit/test_ctl.c
tests_unit_test_ctl_LDADD = $(PARENT_LIBS)
tests_unit_test_witness_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_witness_SOURCES = tests/unit/test_witness.c
tests_unit_test_witness_LDADD = $(PARENT_LIBS)
tests_unit_test_listeners_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_listeners_SOURCES = tests/unit/test_listeners.c
tests_unit_test_listeners_LDADD = $(PARENT_LIBS)
tests_unit_test_intruder_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_intruder_SOURCES = tests/unit/test_intruder.c
tests_unit_test_intruder_LDADD = $(PARENT_LIBS)
tests_unit_test_lists_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_lists_SOURCES = tests/unit/test_lists.c
tests_unit_test_lists_LDADD = $(PARENT_LIBS)
tests_unit_test_loader_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_loader_SOURCES = tests/unit/test_loader.c
tests_unit_test_loader_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=channel_send,--wrap=event_add
tests_unit_test_loader_LDADD = $(PARENT_LIBS)
tests_unit_test_report_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_report_SOURCES = tests/unit/test_report.c
tests_unit_test_report_LDADD = $(PARENT_LIBS)
tests_unit_test_secret_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_secret_SOURCES = tests/unit/test_secret.c tests/unit/scratch.c tests/unit/scratch.h
tests_unit_test_secret_LDADD = $(PARENT_LIBS)
tests_unit_test_own_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_own_SOURCES = tests/unit/test_own.c tests/unit/scratch.c tests/unit/scratch.h
tests_unit_test_own_LDADD = $(PARENT_LIBS)
tests_unit_test_pack_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_pack_SOURCES = tests/unit/test_pack.c
tests_unit_test_pack_LDADD = $(PARENT_LIBS)
tests_unit_test_rules_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c tests/unit/scratch.c tests/unit/scratch.h
tests_unit_test_rules_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=renameat2
tests_unit_test_rules_LDADD = $(PARENT_LIBS)
tests_unit_test_server_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_server_SOURCES = tests/unit/test_server.c tests/unit/images.h
tests_unit_test_server_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=event_add
tests_unit_test_server_LDADD = $(PARENT_LIBS)
tests_unit_test_settings_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_settings_SOURCES = tests/unit/test_settings.c
tests_unit_test_settings_LDADD = $(PARENT_LIBS)
tests_unit_test_health_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_health_SOURCES = tests/unit/test_health.c
tests_unit_test_health_LDADD = $(PARENT_LIBS)
tests_unit_test_watchdog_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_watchdog_SOURCES = tests/unit/test_watchdog.c
tests_unit_test_watchdog_LDADD = $(PARENT_LIBS)
tests_unit_test_supervise_CFLAGS = $(PARENT_CFLAGS)
tests_unit_test_supervise_SOURCES = tests/unit/test_supervise.c
tests_unit_test_supervise_LDADD = $(PARENT_LIBS)
endif

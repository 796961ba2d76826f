# tests of tools

TESTS += tests/e2e/test_update.py
dist_check_SCRIPTS += tests/e2e/test_update.py
tests/e2e/test_update.log: quell-update

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_update_store tests/unit/test_text
TESTS += tests/unit/test_update_store tests/unit/test_text
tests_unit_test_update_store_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_store_SOURCES = tests/unit/test_update_store.c tests/unit/images.h \
	tools/update_store.c tools/text.c
tests_unit_test_update_store_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_text_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_text_SOURCES = tests/unit/test_text.c tools/text.c
tests_unit_test_text_LDADD = $(CMOCKA_LIBS)
endif

# What they run against: a folder of their own, and a quelld that the test plays.
scratch_sources = tests/unit/scratch.c tests/unit/scratch.h
fake_quelld_sources = tests/unit/fake_quelld.c tests/unit/fake_quelld.h
CONTROL_UNIT_TESTS = tests/unit/test_control tests/unit/test_ctl_cache tests/unit/test_ctl_show tests/unit/test_ctl_why tests/unit/test_quellctl
OFFLINE_UNIT_TESTS = tests/unit/test_update_bench tests/unit/test_update_explain tests/unit/test_update_offline \
	tests/unit/test_update_origin tests/unit/test_update_owner tests/unit/test_update_skips \
	tests/unit/test_update_why tests/unit/test_why_text
if HAVE_CMOCKA
check_PROGRAMS += $(CONTROL_UNIT_TESTS) $(OFFLINE_UNIT_TESTS)
TESTS += $(CONTROL_UNIT_TESTS) $(OFFLINE_UNIT_TESTS)
endif

tests_unit_test_control_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_control_SOURCES = tests/unit/test_control.c $(scratch_sources) $(fake_quelld_sources) \
	tools/control.c
tests_unit_test_control_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_ctl_show_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ctl_show_SOURCES = tests/unit/test_ctl_show.c $(scratch_sources) tools/ctl_keys.c tools/ctl_show.c tools/text.c
tests_unit_test_ctl_show_LDADD = $(CMOCKA_LIBS)

tests_unit_test_ctl_cache_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ctl_cache_SOURCES = tests/unit/test_ctl_cache.c tools/ctl_cache.c tools/text.c
tests_unit_test_ctl_cache_LDADD = $(LDNS_LIBS) $(CMOCKA_LIBS)

# The test is the reader of texts.
tests_unit_test_ctl_why_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ctl_why_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=why_text_find
tests_unit_test_ctl_why_SOURCES = tests/unit/test_ctl_why.c tools/ctl_why.c tools/text.c tools/why_text.c
tests_unit_test_ctl_why_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)

fuzz_programs += tests/fuzz/fuzz_probe
# A fortified poll() has another name.
tests_fuzz_fuzz_probe_CFLAGS = $(AM_CFLAGS) -U_FORTIFY_SOURCE
tests_fuzz_fuzz_probe_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=socket,--wrap=connect,--wrap=poll,--wrap=clock_ms,--wrap=rng_init
tests_fuzz_fuzz_probe_SOURCES = tests/fuzz/fuzz_probe.c tools/probe.c
tests_fuzz_fuzz_probe_LDADD = $(FUZZ_MAIN) lib/libquell.a

fuzz_programs += tests/fuzz/fuzz_control
tests_fuzz_fuzz_control_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=socket,--wrap=connect,--wrap=why_text_find
tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c tools/control.c tools/ctl_cache.c tools/ctl_json.c \
	tools/ctl_keys.c tools/ctl_show.c tools/ctl_why.c tools/text.c tools/why_text.c
tests_fuzz_fuzz_control_LDADD = $(FUZZ_MAIN) blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS)

# It includes tools/quellctl.c, whose main() it calls by another name.
tests_unit_test_quellctl_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_quellctl_SOURCES = tests/unit/test_quellctl.c $(scratch_sources) $(fake_quelld_sources) \
	tools/control.c tools/ctl_cache.c tools/ctl_json.c tools/ctl_keys.c tools/ctl_show.c tools/ctl_why.c \
	$(doctor_sources) tools/text.c tools/why_text.c
tests_unit_test_quellctl_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CONFUSE_LIBS) $(CMOCKA_LIBS)

# A check of the doctor's by itself, on files of the test's own making.
doctor_sources = tools/doctor.c tools/doctor_answers.c tools/doctor_daemon.c tools/doctor_host.c tools/doctor_leases.c \
	tools/doctor_lists.c tools/doctor_net.c tools/doctor_port.c tools/doctor_run.c tools/doctor_upstream.c tools/probe.c tools/update_clock.c
doctor_test_sources = $(scratch_sources) tests/unit/findings.h tools/doctor.c tools/probe.c tools/text.c
doctor_test_libs = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CONFUSE_LIBS) $(CMOCKA_LIBS)
DOCTOR_UNIT_TESTS = tests/unit/test_doctor tests/unit/test_doctor_answers tests/unit/test_doctor_daemon \
	tests/unit/test_doctor_host tests/unit/test_doctor_lists tests/unit/test_doctor_net tests/unit/test_doctor_port \
	tests/unit/test_doctor_upstream tests/unit/test_probe
if HAVE_CMOCKA
check_PROGRAMS += $(DOCTOR_UNIT_TESTS)
TESTS += $(DOCTOR_UNIT_TESTS)
endif
tests_unit_test_doctor_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_doctor_SOURCES = tests/unit/test_doctor.c $(doctor_test_sources)
tests_unit_test_doctor_LDADD = $(doctor_test_libs)
tests_unit_test_doctor_answers_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_doctor_answers_SOURCES = tests/unit/test_doctor_answers.c tests/unit/images.h $(doctor_test_sources) tools/doctor_answers.c
tests_unit_test_doctor_answers_LDADD = $(doctor_test_libs)
tests_unit_test_doctor_daemon_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_doctor_daemon_SOURCES = tests/unit/test_doctor_daemon.c $(doctor_test_sources) tools/doctor_daemon.c
tests_unit_test_doctor_daemon_LDADD = $(doctor_test_libs)
tests_unit_test_doctor_host_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_doctor_host_SOURCES = tests/unit/test_doctor_host.c $(doctor_test_sources) tools/doctor_host.c
tests_unit_test_doctor_host_LDADD = $(doctor_test_libs)
tests_unit_test_doctor_lists_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_doctor_lists_SOURCES = tests/unit/test_doctor_lists.c $(doctor_test_sources) tools/doctor_lists.c
tests_unit_test_doctor_lists_LDADD = $(doctor_test_libs)
tests_unit_test_doctor_net_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_doctor_net_SOURCES = tests/unit/test_doctor_net.c $(doctor_test_sources) tools/doctor_leases.c tools/doctor_net.c
tests_unit_test_doctor_net_LDADD = $(doctor_test_libs)
tests_unit_test_doctor_port_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_doctor_port_SOURCES = tests/unit/test_doctor_port.c $(doctor_test_sources) tools/doctor_port.c
tests_unit_test_doctor_port_LDADD = $(doctor_test_libs)
tests_unit_test_doctor_upstream_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_doctor_upstream_SOURCES = tests/unit/test_doctor_upstream.c $(doctor_test_sources) tools/doctor_upstream.c
tests_unit_test_doctor_upstream_LDADD = $(doctor_test_libs)
tests_unit_test_probe_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_probe_SOURCES = tests/unit/test_probe.c tools/probe.c
tests_unit_test_probe_LDADD = lib/libquell.a $(CMOCKA_LIBS)

offline_sources = $(scratch_sources) tools/text.c tools/update_offline.c tools/update_origin.c tools/update_skips.c tools/update_store.c
tests_unit_test_update_bench_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_bench_SOURCES = tests/unit/test_update_bench.c tools/update_bench.c $(offline_sources)
tests_unit_test_update_bench_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)

tests_unit_test_update_offline_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_offline_SOURCES = tests/unit/test_update_offline.c $(offline_sources)
tests_unit_test_update_offline_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)

tests_unit_test_update_origin_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_origin_SOURCES = tests/unit/test_update_origin.c tests/unit/images.h $(scratch_sources) \
	tools/text.c tools/update_origin.c tools/update_store.c
tests_unit_test_update_origin_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)

tests_unit_test_update_owner_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_owner_SOURCES = tests/unit/test_update_owner.c $(scratch_sources) tools/update_owner.c
tests_unit_test_update_owner_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_update_skips_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_skips_SOURCES = tests/unit/test_update_skips.c tools/update_skips.c
tests_unit_test_update_skips_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)

tests_unit_test_update_why_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_why_SOURCES = tests/unit/test_update_why.c tools/update_why.c $(offline_sources)
tests_unit_test_update_why_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)

tests_unit_test_update_explain_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_explain_SOURCES = tests/unit/test_update_explain.c tools/update_explain.c tools/why_text.c \
	$(offline_sources)
tests_unit_test_update_explain_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CONFUSE_LIBS) $(CMOCKA_LIBS)

tests_unit_test_why_text_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_why_text_SOURCES = tests/unit/test_why_text.c $(scratch_sources) \
	tools/ctl_why.c tools/text.c tools/why_text.c
tests_unit_test_why_text_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS)

RUN_UNIT_TESTS = tests/unit/test_update_fetch tests/unit/test_update_jail tests/unit/test_update_list tests/unit/test_update_progress \
	tests/unit/test_update_report tests/unit/test_update_run
if HAVE_CMOCKA
check_PROGRAMS += $(RUN_UNIT_TESTS)
TESTS += $(RUN_UNIT_TESTS)
endif

# The test is the clock, and has certificates of its own.
tests_unit_test_update_fetch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS) -pthread
tests_unit_test_update_fetch_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=curl_easy_init
tests_unit_test_update_fetch_SOURCES = tests/unit/test_update_fetch.c $(part_sources) \
	tools/update_fetch.c tools/update_resolve.c
tests_unit_test_update_fetch_LDADD = $(part_test_libs)

tests_unit_test_update_jail_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_jail_SOURCES = tests/unit/test_update_jail.c tools/update_jail.c
tests_unit_test_update_jail_LDADD = lib/libquell.a $(SECCOMP_LIBS) $(CMOCKA_LIBS)

# The modules below it.
TRANSFER_UNIT_TESTS = tests/unit/test_update_clock tests/unit/test_update_local tests/unit/test_update_part \
	tests/unit/test_update_resolve tests/unit/test_update_seen
if HAVE_CMOCKA
check_PROGRAMS += $(TRANSFER_UNIT_TESTS)
TESTS += $(TRANSFER_UNIT_TESTS)
endif
part_sources = $(scratch_sources) tools/text.c tools/update_part.c tools/update_seen.c tools/update_store.c
part_test_libs = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS) $(CURL_LIBS)

# The test is the time of day.
tests_unit_test_update_clock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_clock_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=time,--wrap=__time64
tests_unit_test_update_clock_SOURCES = tests/unit/test_update_clock.c tools/update_clock.c
tests_unit_test_update_clock_LDADD = $(CMOCKA_LIBS)

tests_unit_test_update_local_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_update_local_SOURCES = tests/unit/test_update_local.c $(scratch_sources) \
	tools/text.c tools/update_local.c tools/update_store.c
tests_unit_test_update_local_LDADD = $(part_test_libs)

tests_unit_test_update_part_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_update_part_SOURCES = tests/unit/test_update_part.c $(part_sources)
tests_unit_test_update_part_LDADD = $(part_test_libs)

tests_unit_test_update_resolve_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_resolve_SOURCES = tests/unit/test_update_resolve.c tools/update_resolve.c
tests_unit_test_update_resolve_LDADD = lib/libquell.a $(CMOCKA_LIBS)

tests_unit_test_update_seen_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_update_seen_SOURCES = tests/unit/test_update_seen.c $(part_sources)
tests_unit_test_update_seen_LDADD = $(part_test_libs)

list_sources = $(scratch_sources) $(gate_sources) tools/text.c tools/update_clock.c tools/update_fetch.c tools/update_jail.c tools/update_list.c tools/update_local.c \
	tools/update_look.c tools/update_part.c tools/update_resolve.c tools/update_seen.c tools/update_store.c
tests_unit_test_update_list_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_update_list_SOURCES = tests/unit/test_update_list.c $(list_sources)
tests_unit_test_update_list_LDADD = $(gate_test_libs) $(CURL_LIBS)

# The test is the clock.
tests_unit_test_update_progress_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_update_progress_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_ms
tests_unit_test_update_progress_SOURCES = tests/unit/test_update_progress.c $(list_sources) tools/update_progress.c
tests_unit_test_update_progress_LDADD = $(gate_test_libs) $(CURL_LIBS)

tests_unit_test_update_report_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_update_report_SOURCES = tests/unit/test_update_report.c $(list_sources) tools/update_report.c tools/update_skips.c
tests_unit_test_update_report_LDADD = $(gate_test_libs) $(CURL_LIBS)

tests_unit_test_update_run_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_update_run_SOURCES = tests/unit/test_update_run.c tests/unit/images.h $(list_sources) $(fake_quelld_sources) \
	tools/control.c tools/update_origin.c tools/update_preview.c tools/update_progress.c tools/update_report.c tools/update_run.c \
	tools/update_skips.c
tests_unit_test_update_run_LDADD = $(gate_test_libs) $(CURL_LIBS)

# The lists of the configuration.
CONF_UNIT_TESTS = tests/unit/test_catalogue tests/unit/test_conf_edit tests/unit/test_conf_file \
	tests/unit/test_update_lists
if HAVE_CMOCKA
check_PROGRAMS += $(CONF_UNIT_TESTS)
TESTS += $(CONF_UNIT_TESTS)
endif

tests_unit_test_catalogue_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_catalogue_SOURCES = tests/unit/test_catalogue.c \
	tools/conf_edit.c tools/conf_file.c tools/text.c tools/update_lists.c
tests_unit_test_catalogue_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS) $(CONFUSE_LIBS)

tests_unit_test_conf_edit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_conf_edit_SOURCES = tests/unit/test_conf_edit.c tools/conf_edit.c
tests_unit_test_conf_edit_LDADD = lib/libquell.a $(CMOCKA_LIBS) $(CONFUSE_LIBS)

tests_unit_test_conf_file_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_conf_file_SOURCES = tests/unit/test_conf_file.c $(scratch_sources) tools/conf_file.c
tests_unit_test_conf_file_LDADD = lib/libquell.a $(CMOCKA_LIBS) $(CONFUSE_LIBS)

tests_unit_test_update_lists_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_lists_SOURCES = tests/unit/test_update_lists.c $(scratch_sources) \
	tools/conf_edit.c tools/conf_file.c tools/text.c tools/update_lists.c
tests_unit_test_update_lists_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS) $(CONFUSE_LIBS)

fuzz_programs += tests/fuzz/fuzz_confedit
tests_fuzz_fuzz_confedit_SOURCES = tests/fuzz/fuzz_confedit.c tools/conf_edit.c
tests_fuzz_fuzz_confedit_LDADD = $(FUZZ_MAIN) lib/libquell.a $(CONFUSE_LIBS)

TESTS += tests/e2e/test_catalogue.py
dist_check_SCRIPTS += tests/e2e/test_catalogue.py
tests/e2e/test_catalogue.log: quell-update

# What a new version of a list has to pass, and the versions before it.
GATE_UNIT_TESTS = tests/unit/test_update_gate tests/unit/test_update_preview tests/unit/test_update_sign \
	tests/unit/test_update_survey tests/unit/test_update_tld tests/unit/test_update_versions tests/unit/test_update_watch
if HAVE_CMOCKA
check_PROGRAMS += $(GATE_UNIT_TESTS)
TESTS += $(GATE_UNIT_TESTS)
endif
gate_sources = tools/update_gate.c tools/update_sign.c tools/update_tld.c tools/update_versions.c tools/update_watch.c
gate_test_libs = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CMOCKA_LIBS) $(CRYPTO_LIBS) $(CONFUSE_LIBS) $(SECCOMP_LIBS)

tests_unit_test_update_gate_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_update_gate_SOURCES = tests/unit/test_update_gate.c $(scratch_sources) $(gate_sources) \
	tools/text.c tools/update_store.c
tests_unit_test_update_gate_LDADD = $(gate_test_libs)

tests_unit_test_update_sign_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_update_sign_SOURCES = tests/unit/test_update_sign.c tools/update_sign.c
tests_unit_test_update_sign_LDADD = lib/libquell.a $(CMOCKA_LIBS) $(CRYPTO_LIBS)

tests_unit_test_update_versions_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_versions_SOURCES = tests/unit/test_update_versions.c $(scratch_sources) \
	tools/text.c tools/update_store.c tools/update_versions.c
tests_unit_test_update_versions_LDADD = $(gate_test_libs)

tests_unit_test_update_preview_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_update_preview_SOURCES = tests/unit/test_update_preview.c tests/unit/images.h $(list_sources) \
	tools/update_preview.c
tests_unit_test_update_preview_LDADD = $(gate_test_libs) $(CURL_LIBS)

tests_unit_test_update_survey_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_survey_SOURCES = tests/unit/test_update_survey.c $(offline_sources) tools/update_survey.c
tests_unit_test_update_survey_LDADD = $(gate_test_libs)

tests_unit_test_update_tld_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_tld_SOURCES = tests/unit/test_update_tld.c tests/unit/lists.h tools/update_tld.c
tests_unit_test_update_tld_LDADD = $(gate_test_libs)

tests_unit_test_update_watch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_update_watch_SOURCES = tests/unit/test_update_watch.c $(scratch_sources) tools/update_watch.c
tests_unit_test_update_watch_LDADD = $(gate_test_libs)

TESTS += tests/e2e/test_gate.py
dist_check_SCRIPTS += tests/e2e/test_gate.py
tests/e2e/test_gate.log: quell-update quelld quellctl

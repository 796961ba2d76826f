bin_PROGRAMS += quell-update quellctl
quell_update_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS)
quell_update_SOURCES = tools/quell-update.c \
	tools/conf_edit.c tools/conf_edit.h \
	tools/conf_file.c tools/conf_file.h \
	tools/control.c tools/control.h \
	tools/text.c tools/text.h \
	tools/update_bench.c tools/update_bench.h \
	tools/update_clock.c tools/update_clock.h \
	tools/update_explain.c tools/update_explain.h \
	tools/update_fetch.c tools/update_fetch.h \
	tools/update_gate.c tools/update_gate.h \
	tools/update_jail.c tools/update_jail.h \
	tools/update_list.c tools/update_list.h \
	tools/update_lists.c tools/update_lists.h \
	tools/update_local.c tools/update_local.h \
	tools/update_look.c tools/update_look.h \
	tools/update_offline.c tools/update_offline.h \
	tools/update_origin.c tools/update_origin.h \
	tools/update_owner.c tools/update_owner.h \
	tools/update_part.c tools/update_part.h \
	tools/update_preview.c tools/update_preview.h \
	tools/update_progress.c tools/update_progress.h \
	tools/update_report.c tools/update_report.h \
	tools/update_resolve.c tools/update_resolve.h \
	tools/update_run.c tools/update_run.h \
	tools/update_seen.c tools/update_seen.h \
	tools/update_sign.c tools/update_sign.h \
	tools/update_skips.c tools/update_skips.h \
	tools/update_store.c tools/update_store.h \
	tools/update_survey.c tools/update_survey.h \
	tools/update_tld.c tools/update_tld.h \
	tools/update_versions.c tools/update_versions.h \
	tools/update_watch.c tools/update_watch.h \
	tools/update_why.c tools/update_why.h \
	tools/why_text.c tools/why_text.h
quell_update_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS) $(CONFUSE_LIBS) $(SECCOMP_LIBS)
quellctl_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS)
quellctl_SOURCES = tools/quellctl.c \
	tools/control.c tools/control.h \
	tools/ctl_cache.c tools/ctl_cache.h \
	tools/ctl_json.c tools/ctl_json.h \
	tools/ctl_keys.c tools/ctl_keys.h \
	tools/ctl_show.c tools/ctl_show.h \
	tools/ctl_why.c tools/ctl_why.h \
	tools/doctor.c tools/doctor.h \
	tools/doctor_answers.c tools/doctor_answers.h \
	tools/doctor_daemon.c tools/doctor_daemon.h \
	tools/doctor_host.c tools/doctor_host.h \
	tools/doctor_leases.c tools/doctor_leases.h \
	tools/doctor_lists.c tools/doctor_lists.h \
	tools/doctor_net.c tools/doctor_net.h \
	tools/doctor_port.c tools/doctor_port.h \
	tools/doctor_run.c tools/doctor_run.h \
	tools/doctor_upstream.c tools/doctor_upstream.h \
	tools/probe.c tools/probe.h \
	tools/text.c tools/text.h \
	tools/update_clock.c tools/update_clock.h \
	tools/why_text.c tools/why_text.h
quellctl_LDADD = blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(CONFUSE_LIBS)
dist_noinst_SCRIPTS = tools/build.sh tools/check tools/deps tools/quickstart

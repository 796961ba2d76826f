# tests of core
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_adapt tests/unit/test_special
TESTS += tests/unit/test_adapt tests/unit/test_special
tests_unit_test_adapt_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_adapt_SOURCES = tests/unit/test_adapt.c
tests_unit_test_adapt_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_special_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_special_SOURCES = tests/unit/test_special.c
tests_unit_test_special_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_cache
TESTS += tests/unit/test_cache
tests_unit_test_cache_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_cache_SOURCES = tests/unit/test_cache.c tests/unit/counted.c tests/unit/counted.h
tests_unit_test_cache_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
tests_unit_test_cache_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_cachefile
TESTS += tests/unit/test_cachefile
tests_unit_test_cachefile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_cachefile_SOURCES = tests/unit/test_cachefile.c
tests_unit_test_cachefile_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_failures
TESTS += tests/unit/test_failures
tests_unit_test_failures_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_failures_SOURCES = tests/unit/test_failures.c
tests_unit_test_failures_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_local
TESTS += tests/unit/test_local
tests_unit_test_local_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_local_SOURCES = tests/unit/test_local.c
tests_unit_test_local_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_jar
TESTS += tests/unit/test_jar
tests_unit_test_jar_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_jar_SOURCES = tests/unit/test_jar.c
tests_unit_test_jar_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_mixcase
TESTS += tests/unit/test_mixcase
tests_unit_test_mixcase_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_mixcase_SOURCES = tests/unit/test_mixcase.c
tests_unit_test_mixcase_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_latency
TESTS += tests/unit/test_latency
tests_unit_test_latency_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_latency_SOURCES = tests/unit/test_latency.c
tests_unit_test_latency_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_outage
TESTS += tests/unit/test_outage
tests_unit_test_outage_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_outage_SOURCES = tests/unit/test_outage.c
tests_unit_test_outage_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_overlay
TESTS += tests/unit/test_overlay
tests_unit_test_overlay_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_overlay_SOURCES = tests/unit/test_overlay.c tests/unit/counted.c tests/unit/counted.h
tests_unit_test_overlay_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
tests_unit_test_overlay_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_query
TESTS += tests/unit/test_query
tests_unit_test_query_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_query_SOURCES = tests/unit/test_query.c tests/unit/counted.c tests/unit/counted.h
tests_unit_test_query_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
tests_unit_test_query_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_table
TESTS += tests/unit/test_table
tests_unit_test_table_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
endif

# Scenes: scripted questions through the real core.
EXTRA_DIST += tests/scene/README.md $(SCENES)
SCENES = \
	tests/scene/access.scene \
	tests/scene/adaptive.scene \
	tests/scene/alias.scene \
	tests/scene/authentic.scene \
	tests/scene/blocked.scene \
	tests/scene/cookie.scene \
	tests/scene/cookie-refused.scene \
	tests/scene/cookie-upstream.scene \
	tests/scene/block-answer.scene \
	tests/scene/block-answer-rules.scene \
	tests/scene/chain-negative.scene \
	tests/scene/counters.scene \
	tests/scene/dead.scene \
	tests/scene/declined.scene \
	tests/scene/dnssec-ok.scene \
	tests/scene/ede-upstream.scene \
	tests/scene/duplicates.scene \
	tests/scene/explored.scene \
	tests/scene/client-subnet.scene \
	tests/scene/client-subnet-refused.scene \
	tests/scene/failover.scene \
	tests/scene/fallback.scene \
	tests/scene/fallback-tries.scene \
	tests/scene/fallback-zone.scene \
	tests/scene/proxied.scene \
	tests/scene/failure.scene \
	tests/scene/forward.scene \
	tests/scene/forward-zone.scene \
	tests/scene/forward-change.scene \
	tests/scene/guessed.scene \
	tests/scene/hedged.scene \
	tests/scene/joined.scene \
	tests/scene/loop.scene \
	tests/scene/lying.scene \
	tests/scene/network-news.scene \
	tests/scene/key.scene \
	tests/scene/letter-case.scene \
	tests/scene/min-ttl.scene \
	tests/scene/local.scene \
	tests/scene/local-alias.scene \
	tests/scene/local-zone.scene \
	tests/scene/negative.scene \
	tests/scene/no-recursion.scene \
	tests/scene/no-upstream.scene \
	tests/scene/not-forwarded.scene \
	tests/scene/old-server.scene \
	tests/scene/outage.scene \
	tests/scene/overload.scene \
	tests/scene/overload-tries.scene \
	tests/scene/overload-waiters.scene \
	tests/scene/prefetch.scene \
	tests/scene/prefetch-bound.scene \
	tests/scene/one-way.scene \
	tests/scene/parallel.scene \
	tests/scene/rate.scene \
	tests/scene/strict.scene \
	tests/scene/rcodes.scene \
	tests/scene/dns64.scene \
	tests/scene/dns64-dnssec.scene \
	tests/scene/dns64-joined.scene \
	tests/scene/dns64-names.scene \
	tests/scene/dns64-rcodes.scene \
	tests/scene/dns64-rules.scene \
	tests/scene/dns64-stale.scene \
	tests/scene/hints.scene \
	tests/scene/hints-address.scene \
	tests/scene/rebind.scene \
	tests/scene/reconfigured.scene \
	tests/scene/referral.scene \
	tests/scene/rrset-ttl.scene \
	tests/scene/own-allow.scene \
	tests/scene/own-block.scene \
	tests/scene/own-cached.scene \
	tests/scene/own-pause.scene \
	tests/scene/own-waiting.scene \
	tests/scene/rule-allow.scene \
	tests/scene/rule-clients.scene \
	tests/scene/rule-cname.scene \
	tests/scene/rule-cname-bound.scene \
	tests/scene/rule-cname-size.scene \
	tests/scene/rule-reload.scene \
	tests/scene/rule-rewrite.scene \
	tests/scene/rule-rpz.scene \
	tests/scene/rule-types.scene \
	tests/scene/rule-untrusted.scene \
	tests/scene/shared.scene \
	tests/scene/single-label.scene \
	tests/scene/size.scene \
	tests/scene/special-names.scene \
	tests/scene/special-order.scene \
	tests/scene/special-reverse.scene \
	tests/scene/spoofed.scene \
	tests/scene/stale.scene \
	tests/scene/stale-day.scene \
	tests/scene/stale-verdict.scene \
	tests/scene/suppress.scene \
	tests/scene/targets.scene \
	tests/scene/truncated.scene \
	tests/scene/ttl.scene \
	tests/scene/unasked.scene \
	tests/scene/refused.scene \
	tests/scene/unreachable.scene \
	tests/scene/why-ede.scene \
	tests/scene/why-query.scene \
	tests/scene/workers.scene
check_PROGRAMS += tests/scene/scene
tests_scene_scene_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(EVENT_CFLAGS)
tests_scene_scene_SOURCES = tests/scene/scene.c tests/scene/split.c tests/scene/split.h
tests_scene_scene_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=accept4,--wrap=clock_ms,--wrap=clock_ns,--wrap=query_ask
tests_scene_scene_LDADD = resolver/libquelld.a resolver/io/libio.a $(UNIT_LIBS) $(LDNS_LIBS) $(EVENT_LIBS)
dist_check_SCRIPTS += tests/scene/scenes.sh
TESTS += tests/scene/scenes.sh

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_answer tests/unit/test_client tests/unit/test_inflight \
	tests/unit/test_policy tests/unit/test_reason tests/unit/test_stats tests/unit/test_upstream
TESTS += tests/unit/test_answer tests/unit/test_client tests/unit/test_inflight \
	tests/unit/test_policy tests/unit/test_reason tests/unit/test_stats tests/unit/test_upstream
tests_unit_test_answer_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_answer_SOURCES = tests/unit/test_answer.c
tests_unit_test_answer_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_cached tests/unit/test_cookie tests/unit/test_rate
TESTS += tests/unit/test_cached tests/unit/test_cookie tests/unit/test_rate
tests_unit_test_cached_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_cached_SOURCES = tests/unit/test_cached.c
tests_unit_test_cached_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_cookie_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_cookie_SOURCES = tests/unit/test_cookie.c
tests_unit_test_cookie_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_rate_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rate_SOURCES = tests/unit/test_rate.c
tests_unit_test_rate_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_client_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_client_SOURCES = tests/unit/test_client.c
tests_unit_test_client_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_inflight_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_inflight_SOURCES = tests/unit/test_inflight.c
tests_unit_test_inflight_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_policy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_policy_SOURCES = tests/unit/test_policy.c
tests_unit_test_policy_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_reason_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_reason_SOURCES = tests/unit/test_reason.c
tests_unit_test_reason_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_stats_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_stats_SOURCES = tests/unit/test_stats.c
tests_unit_test_stats_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_upstream_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_upstream_SOURCES = tests/unit/test_upstream.c
tests_unit_test_upstream_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_dns64
TESTS += tests/unit/test_dns64
tests_unit_test_dns64_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_dns64_SOURCES = tests/unit/test_dns64.c
tests_unit_test_dns64_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_rebind tests/unit/test_zones
TESTS += tests/unit/test_rebind tests/unit/test_zones
tests_unit_test_rebind_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rebind_SOURCES = tests/unit/test_rebind.c
tests_unit_test_rebind_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_zones_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_zones_SOURCES = tests/unit/test_zones.c
tests_unit_test_zones_LDADD = $(UNIT_LIBS) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz_cachefile
tests_fuzz_fuzz_cachefile_SOURCES = tests/fuzz/fuzz_cachefile.c
tests_fuzz_fuzz_cachefile_LDADD = $(FUZZ_MAIN) $(UNIT_LIBS)
fuzz_programs += tests/fuzz/fuzz_cookie
tests_fuzz_fuzz_cookie_SOURCES = tests/fuzz/fuzz_cookie.c
tests_fuzz_fuzz_cookie_LDADD = $(FUZZ_MAIN) $(UNIT_LIBS)
fuzz_programs += tests/fuzz/fuzz_local
tests_fuzz_fuzz_local_SOURCES = tests/fuzz/fuzz_local.c
tests_fuzz_fuzz_local_LDADD = $(FUZZ_MAIN) $(UNIT_LIBS)
fuzz_programs += tests/fuzz/fuzz_overlay
tests_fuzz_fuzz_overlay_SOURCES = tests/fuzz/fuzz_overlay.c
tests_fuzz_fuzz_overlay_LDADD = $(FUZZ_MAIN) $(UNIT_LIBS)
fuzz_programs += tests/fuzz/fuzz_core
tests_fuzz_fuzz_core_SOURCES = tests/fuzz/fuzz_core.c $(mutate_core_sources)
tests_fuzz_fuzz_core_LDADD = $(FUZZ_MAIN) $(UNIT_LIBS)

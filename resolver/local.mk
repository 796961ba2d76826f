noinst_LIBRARIES += resolver/core/libcore.a resolver/io/libio.a
resolver_core_libcore_a_SOURCES = \
	resolver/core/adapt.c resolver/core/adapt.h \
	resolver/core/answer.c resolver/core/answer.h \
	resolver/core/change.c resolver/core/change.h \
	resolver/core/cache.c resolver/core/cache.h \
	resolver/core/cached.c resolver/core/cached.h \
	resolver/core/cachefile.c resolver/core/cachefile.h \
	resolver/core/client.c resolver/core/client.h \
	resolver/core/cookie.c resolver/core/cookie.h \
	resolver/core/dns64.c resolver/core/dns64.h \
	resolver/core/failures.c resolver/core/failures.h \
	resolver/core/inflight.c resolver/core/inflight.h \
	resolver/core/latency.c resolver/core/latency.h \
	resolver/core/local.c resolver/core/local.h \
	resolver/core/options.h \
	resolver/core/overlay.c resolver/core/overlay.h \
	resolver/core/jar.c resolver/core/jar.h \
	resolver/core/mixcase.c resolver/core/mixcase.h \
	resolver/core/policy.c resolver/core/policy.h \
	resolver/core/query.c resolver/core/query.h \
	resolver/core/query_answer.c resolver/core/query_answer.h \
	resolver/core/query_family.c resolver/core/query_family.h \
	resolver/core/query_forward.c resolver/core/query_forward.h \
	resolver/core/query_inspect.c \
	resolver/core/query_names.c resolver/core/query_names.h \
	resolver/core/query_reply.c \
	resolver/core/query_saved.c \
	resolver/core/query_setup.c \
	resolver/core/query_state.h \
	resolver/core/query_try.c resolver/core/query_try.h \
	resolver/core/query_wait.c resolver/core/query_wait.h \
	resolver/core/query_why.c \
	resolver/core/rate.c resolver/core/rate.h \
	resolver/core/rebind.c resolver/core/rebind.h \
	resolver/core/shared.c resolver/core/shared.h \
	resolver/core/reason.c resolver/core/reason.h \
	resolver/core/special.c resolver/core/special.h \
	resolver/core/stats.c resolver/core/stats.h \
	resolver/core/tails.h \
	resolver/core/upstream.c resolver/core/upstream.h \
	resolver/core/zones.c resolver/core/zones.h

resolver_io_libio_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
resolver_io_libio_a_SOURCES = \
	resolver/io/cache_store.c resolver/io/cache_store.h \
	resolver/io/carrier_tcp.c resolver/io/carrier_tcp.h \
	resolver/io/carrier_udp.c resolver/io/carrier_udp.h \
	resolver/io/listen_tcp.c resolver/io/listen_tcp.h \
	resolver/io/listen_udp.c resolver/io/listen_udp.h \
	resolver/io/peers.c resolver/io/peers.h \
	resolver/io/socks.c resolver/io/socks.h \
	resolver/io/timer.h

noinst_LIBRARIES += resolver/libquelld.a
resolver_libquelld_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(LDNS_CFLAGS)
resolver_libquelld_a_SOURCES = \
	resolver/budget.c resolver/budget.h \
	resolver/channel.c resolver/channel.h \
	resolver/child.c resolver/child.h \
	resolver/confine.c resolver/confine.h \
	resolver/ctl.c resolver/ctl.h \
	resolver/saved.c resolver/saved.h \
	resolver/health.c resolver/health.h \
	resolver/hostnet.c resolver/hostnet.h \
	resolver/listeners.c resolver/listeners.h \
	resolver/steer.c resolver/steer.h \
	resolver/lists.c resolver/lists.h \
	resolver/loader.c resolver/loader.h \
	resolver/local_build.c resolver/local_build.h \
	resolver/house.c resolver/house.h \
	resolver/house_read.c resolver/house_read.h \
	resolver/notify.c resolver/notify.h \
	resolver/own.c resolver/own.h \
	resolver/pack.c resolver/pack.h \
	resolver/priv.c resolver/priv.h \
	resolver/inspect.c resolver/inspect.h \
	resolver/printable.c resolver/printable.h \
	resolver/report.c resolver/report.h \
	resolver/secret.c resolver/secret.h \
	resolver/server.c resolver/server.h \
	resolver/settings.c resolver/settings.h \
	resolver/supervise.c resolver/supervise.h \
	resolver/watchdog.c resolver/watchdog.h \
	resolver/witness.c resolver/witness.h \
	resolver/worker.c resolver/worker.h

sbin_PROGRAMS += quelld
quelld_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
quelld_SOURCES = resolver/main.c
quelld_LDADD = resolver/libquelld.a resolver/io/libio.a resolver/core/libcore.a \
	blocklists/libblocklists.a lib/libquell.a $(LISTS_LIBS) $(EVENT_LIBS) $(CONFUSE_LIBS) $(SECCOMP_LIBS)

noinst_LIBRARIES += lib/libquell.a
lib_libquell_a_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS) $(SECCOMP_CFLAGS)
lib_libquell_a_SOURCES = \
	lib/addr.c lib/addr.h \
	lib/block_answer.c lib/block_answer.h \
	lib/buf.h \
	lib/caps.c lib/caps.h \
	lib/clock.c lib/clock.h \
	lib/conf.c lib/conf.h \
	lib/conf_read.c lib/conf_table.h \
	lib/err.c lib/err.h \
	lib/file.c lib/file.h \
	lib/hash.c lib/hash.h \
	lib/holder.c lib/holder.h \
	lib/landlock.c lib/landlock.h \
	lib/log.c lib/log.h \
	lib/pages.c lib/pages.h \
	lib/proxy.c lib/proxy.h \
	lib/ram.c lib/ram.h \
	lib/reserve.c lib/reserve.h \
	lib/resolvconf.c lib/resolvconf.h \
	lib/rng.c lib/rng.h \
	lib/sandbox.c lib/sandbox.h \
	lib/sandbox_calls.c lib/sandbox_calls.h \
	lib/table.c lib/table.h \
	lib/dns/msg.c lib/dns/msg.h \
	lib/dns/name.c lib/dns/name.h \
	lib/dns/reverse.c lib/dns/reverse.h \
	lib/dns/svcb.h \
	lib/dns/type.c lib/dns/type.h

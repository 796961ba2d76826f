noinst_LIBRARIES += blocklists/libblocklists.a
blocklists_libblocklists_a_CFLAGS = $(AM_CFLAGS) $(IDN2_CFLAGS) $(LDNS_CFLAGS)
blocklists_libblocklists_a_SOURCES = \
	blocklists/build.c blocklists/build.h \
	blocklists/compile.c blocklists/compile.h \
	blocklists/effect.c blocklists/effect.h \
	blocklists/feed.c blocklists/feed.h \
	blocklists/feed_domains.c \
	blocklists/feed_hosts.c \
	blocklists/format.h \
	blocklists/judge.c blocklists/judge.h \
	blocklists/rule.c blocklists/rule.h \
	blocklists/starter.h \
	blocklists/trie.c blocklists/trie.h \
	blocklists/verify.c blocklists/verify.h
nodist_blocklists_libblocklists_a_SOURCES = blocklists/starter.c

# The starter list as a string in the program.
BUILT_SOURCES += blocklists/starter.c
CLEANFILES += blocklists/starter.c
dist_pkgdata_DATA = blocklists/starter.txt
EXTRA_DIST += blocklists/embed.awk
blocklists/starter.c: blocklists/starter.txt blocklists/embed.awk
	$(AM_V_GEN)$(MKDIR_P) blocklists && \
	$(AWK) -f $(srcdir)/blocklists/embed.awk $(srcdir)/blocklists/starter.txt >$@.tmp && mv $@.tmp $@

noinst_LIBRARIES += blocklists/libblocklists.a
blocklists_libblocklists_a_CFLAGS = $(AM_CFLAGS) $(IDN2_CFLAGS) $(LDNS_CFLAGS)
blocklists_libblocklists_a_SOURCES = \
	blocklists/adblock.h \
	blocklists/adblock_modifiers.c \
	blocklists/adblock_rewrite.c \
	blocklists/bits.h \
	blocklists/build.c blocklists/build.h \
	blocklists/codes.c blocklists/codes.h \
	blocklists/compile.c blocklists/compile.h \
	blocklists/effect.c blocklists/effect.h \
	blocklists/explain.c blocklists/explain.h \
	blocklists/family.c blocklists/family.h \
	blocklists/feed.c blocklists/feed.h \
	blocklists/feed_adblock.c \
	blocklists/feed_dnsmasq.c \
	blocklists/feed_domains.c \
	blocklists/feed_hosts.c \
	blocklists/feed_pihole_regex.c \
	blocklists/feed_rpz.c \
	blocklists/feed_smartdns.c \
	blocklists/feed_unbound.c \
	blocklists/feed_wildcards.c \
	blocklists/format.c blocklists/format.h \
	blocklists/grow.h \
	blocklists/judge.c blocklists/judge.h \
	blocklists/layout.c blocklists/layout.h \
	blocklists/names.c blocklists/names.h \
	blocklists/networks.c blocklists/networks.h \
	blocklists/patterns.c blocklists/patterns.h \
	blocklists/patterns_build.c \
	blocklists/patterns_format.h \
	blocklists/regex.c blocklists/regex.h \
	blocklists/regex_literals.c \
	blocklists/regex_name.c \
	blocklists/regex_tree.c blocklists/regex_tree.h \
	blocklists/rule.c blocklists/rule.h \
	blocklists/sets.c blocklists/sets.h \
	blocklists/starter.h \
	blocklists/trie.c blocklists/trie.h \
	blocklists/verify.c blocklists/verify.h \
	blocklists/walk.c blocklists/walk.h \
	blocklists/zonefile.c blocklists/zonefile.h
nodist_blocklists_libblocklists_a_SOURCES = blocklists/starter.c

# The starter list as a string in the program.
BUILT_SOURCES += blocklists/starter.c
CLEANFILES += blocklists/starter.c
dist_pkgdata_DATA = blocklists/starter.txt
EXTRA_DIST += blocklists/embed.awk
blocklists/starter.c: blocklists/starter.txt blocklists/embed.awk
	$(AM_V_GEN)$(MKDIR_P) blocklists && \
	$(AWK) -f $(srcdir)/blocklists/embed.awk $(srcdir)/blocklists/starter.txt >$@.tmp && mv $@.tmp $@

noinst_LIBRARIES += blocklists/libblocklists.a
blocklists_libblocklists_a_CFLAGS = $(AM_CFLAGS) $(IDN2_CFLAGS) $(LDNS_CFLAGS)
blocklists_libblocklists_a_SOURCES = \
	blocklists/adblock.h \
	blocklists/adblock_modifiers.c \
	blocklists/adblock_rewrite.c \
	blocklists/bits.h \
	blocklists/build.c blocklists/build.h \
	blocklists/catalogue.h \
	blocklists/chunks.h \
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
	blocklists/origin.c blocklists/origin.h \
	blocklists/patterns.c blocklists/patterns.h \
	blocklists/patterns_build.c \
	blocklists/patterns_format.h \
	blocklists/regex.c blocklists/regex.h \
	blocklists/regex_literals.c \
	blocklists/regex_name.c \
	blocklists/regex_tree.c blocklists/regex_tree.h \
	blocklists/rule.c blocklists/rule.h \
	blocklists/rules.c blocklists/rules.h \
	blocklists/sets.c blocklists/sets.h \
	blocklists/starter.h \
	blocklists/trie.c blocklists/trie.h \
	blocklists/verify.c blocklists/verify.h \
	blocklists/vital.h \
	blocklists/walk.c blocklists/walk.h \
	blocklists/zonefile.c blocklists/zonefile.h
nodist_blocklists_libblocklists_a_SOURCES = blocklists/catalogue.c blocklists/starter.c blocklists/vital.c

# The starter list as a string in the program.
BUILT_SOURCES += blocklists/starter.c
CLEANFILES += blocklists/starter.c
dist_pkgdata_DATA = blocklists/starter.txt
EXTRA_DIST += blocklists/catalogue.awk blocklists/catalogue.txt blocklists/embed.awk
blocklists/starter.c: blocklists/starter.txt blocklists/embed.awk
	$(AM_V_GEN)$(MKDIR_P) blocklists && \
	$(AWK) -v name=starter -f $(srcdir)/blocklists/embed.awk $(srcdir)/blocklists/starter.txt >$@.tmp && mv $@.tmp $@

# The names that the network needs, likewise.
BUILT_SOURCES += blocklists/vital.c
CLEANFILES += blocklists/vital.c
EXTRA_DIST += blocklists/vital.txt
blocklists/vital.c: blocklists/vital.txt blocklists/embed.awk
	$(AM_V_GEN)$(MKDIR_P) blocklists && \
	$(AWK) -v name=vital -f $(srcdir)/blocklists/embed.awk $(srcdir)/blocklists/vital.txt >$@.tmp && mv $@.tmp $@

# The catalogue of public lists as a table in the program.
BUILT_SOURCES += blocklists/catalogue.c
CLEANFILES += blocklists/catalogue.c
blocklists/catalogue.c: blocklists/catalogue.txt blocklists/catalogue.awk
	$(AM_V_GEN)$(MKDIR_P) blocklists && \
	$(AWK) -f $(srcdir)/blocklists/catalogue.awk $(srcdir)/blocklists/catalogue.txt >$@.tmp && mv $@.tmp $@

bin_PROGRAMS += quell-update quellctl
quell_update_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
quell_update_SOURCES = tools/quell-update.c
quell_update_LDADD = blocklists/libblocklists.a lib/libquell.a $(CURL_LIBS) $(CONFUSE_LIBS)
quellctl_SOURCES = tools/quellctl.c
quellctl_LDADD = lib/libquell.a $(CONFUSE_LIBS)
dist_noinst_SCRIPTS = tools/build.sh tools/check tools/deps tools/quickstart

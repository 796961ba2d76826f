# man pages and the documentation that is installed
dist_man_MANS += docs/man/quell.conf.5
dist_man_MANS += docs/man/quelld.8 docs/man/quellctl.8
dist_man_MANS += docs/man/quell-update.8

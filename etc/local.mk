# the example configuration, completion for shells and the systemd units
quellsysconfdir = $(sysconfdir)/quell
dist_quellsysconf_DATA = etc/quell.conf.example

zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = etc/completion/_quell

# One file for all three; bash looks for one that is called as the command.
bashcompletiondir = $(datadir)/bash-completion/completions
EXTRA_DIST += etc/completion/quell.bash
install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) $(srcdir)/etc/completion/quell.bash '$(DESTDIR)$(bashcompletiondir)/quellctl'
	cd '$(DESTDIR)$(bashcompletiondir)' && ln -sf quellctl quell-update && ln -sf quellctl quelld
uninstall-hook:
	cd '$(DESTDIR)$(bashcompletiondir)' && rm -f quellctl quell-update quelld

EXTRA_DIST += \
	etc/systemd/quell-update.service.in \
	etc/systemd/quell.sysusers etc/systemd/quelld.service.in
if SYSTEMD
nodist_systemdsystemunit_DATA = etc/systemd/quelld.service etc/systemd/quell-update.service
dist_systemdsystemunit_DATA = etc/systemd/quell-update.timer
CLEANFILES += $(nodist_systemdsystemunit_DATA)
# Where programs are is known only when the Makefile runs.
.service.in.service:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' $< >$@.tmp && mv $@.tmp $@
SUFFIXES = .service.in .service

sysusersdir = $(prefix)/lib/sysusers.d
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)'
	$(INSTALL_DATA) $(srcdir)/etc/systemd/quell.sysusers '$(DESTDIR)$(sysusersdir)/quell.conf'
uninstall-local:
	rm -f '$(DESTDIR)$(sysusersdir)/quell.conf'
endif

# the example configuration and the systemd units
quellsysconfdir = $(sysconfdir)/quell
dist_quellsysconf_DATA = etc/quell.conf.example

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

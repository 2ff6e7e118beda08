# The command xl, and what is written from its tables.
$(eval $(call TS_PROGRAM,usr/sbin/xl,xl,-lxenlight -lxlutil -lxentoollog -lyajl))

TS_FILES += $(TS_ROOT)/usr/share/man/man1/xl.1 $(TS_ROOT)/usr/share/bash-completion/completions/xl
$(TS_ROOT)/usr/share/man/man1/xl.1: $(TS_ROOT)/usr/sbin/xl
	@mkdir -p $(@D)
	$(Q)$< generate man >$@
$(TS_ROOT)/usr/share/bash-completion/completions/xl: $(TS_ROOT)/usr/sbin/xl
	@mkdir -p $(@D)
	$(Q)$< generate completion >$@

.PHONY: docs
docs: $(TS_ROOT)/usr/sbin/xl ## docs/reference of what has tables
	$< generate reference >docs/reference/xl.md
	$< generate cfg >docs/reference/xl.cfg.md
	$< generate conf >docs/reference/xl.conf.md

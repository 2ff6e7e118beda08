# Helpers that xl and the units run
$(eval $(call TS_PROGRAM,$(TS_BINDIR)/xenconsole,utils/xenconsole xc,-lxenstore $$(TS_XC_LIBS)))
$(eval $(call TS_PROGRAM,$(TS_BINDIR)/xen-init-dom0,utils/init-dom0 xc,-lxenlight -lxenstore -lxentoollog $$(TS_XC_LIBS)))
$(eval $(call TS_PROGRAM,usr/sbin/xen-stream-check,utils/stream-check stream xc,$$(TS_XC_LIBS)))
# The store from a shell: one program, a name for each of its modes
$(eval $(call TS_PROGRAM,usr/bin/xenstore,utils/xenstore,-lxenstore))
TS_XENSTORE := $(foreach m,read write ls rm list exists chmod watch,$(TS_ROOT)/usr/bin/xenstore-$(m))
TS_FILES += $(TS_XENSTORE)
$(TS_XENSTORE): $(TS_ROOT)/usr/bin/xenstore
	$(Q)ln -sfn xenstore $@

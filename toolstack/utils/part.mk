# Helpers that xl and the units run
$(eval $(call TS_PROGRAM,$(TS_BINDIR)/xenconsole,utils/xenconsole xc,-lxenstore $$(TS_XC_LIBS)))
$(eval $(call TS_PROGRAM,$(TS_BINDIR)/xen-init-dom0,utils/init-dom0 xc,-lxenlight -lxenstore -lxentoollog $$(TS_XC_LIBS)))
$(eval $(call TS_PROGRAM,usr/sbin/xen-stream-check,utils/stream-check stream xc,$$(TS_XC_LIBS)))

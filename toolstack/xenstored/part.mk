# The store's daemon
$(eval $(call TS_PROGRAM,$(TS_BINDIR)/xenstored,xenstored xc,-lxenevtchn -lxengnttab -lsystemd $(TS_XC_LIBS)))

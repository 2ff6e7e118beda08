# The consoles of guests as terminals
$(eval $(call TS_PROGRAM,$(TS_BINDIR)/xenconsoled,xenconsoled xc,-lxenstore -lxenevtchn -lxengnttab $$(TS_XC_LIBS) -lsystemd -lutil))

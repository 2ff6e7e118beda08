# The consoles of guests as terminals
$(eval $(call TS_PROGRAM,$(TS_BINDIR)/xenconsoled,xenconsoled lifeline xc,-lxenstore -lxenevtchn -lxengnttab $$(TS_XC_LIBS) -lsystemd -lutil))

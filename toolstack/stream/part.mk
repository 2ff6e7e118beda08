# The migration stream: linked into libxenlight, and into a program for jobs in dom0 (`make streams`)
.PHONY: streams
streams: $(O)/streams
$(O)/streams: tests/host/streams.c $(call ts-objects,stream) $(call ts-objects,xc)
	@echo '  LD streams'
	$(Q)$(TS_CC) $(TS_CFLAGS) $(TS_LDFLAGS) -o $@ $^ $(TS_XC_LIBS) -lxenstore

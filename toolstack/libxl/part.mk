# libxenlight.so.4.17: libxl itself, with the parts that it stands on. What it exports are the
# functions of the public headers; a name that does not begin with libxl_ stays inside.
LIBXL_GEN   := $(TS_O)/gen/libxl_types
LIBXL_TYPES := toolstack/libxl/types
LIBXL_LIBS  := -lyajl -lxencall -lxenforeignmemory -lxenevtchn -lxengnttab -lxendevicemodel -lxentoollog \
               -lxenstore -lxentoolcore -luuid

$(LIBXL_GEN).c: $(LIBXL_TYPES)/generate.py $(LIBXL_TYPES)/notes.txt $(wildcard /usr/include/*libxl*.h)
	@mkdir -p $(@D)
	@echo '  GEN $@'
	$(Q)python3 $(LIBXL_TYPES)/generate.py /usr/include $(LIBXL_TYPES)/notes.txt > $@.new
	$(Q)mv $@.new $@

$(LIBXL_GEN).o: $(LIBXL_GEN).c toolstack/toolstack.mk
	@echo '  CC $<'
	$(Q)$(TS_CC) $(TS_CFLAGS) -MMD -MP -c -o $@ $<

$(TS_O)/toolstack/libxl/%.o $(LIBXL_GEN).o: TS_CFLAGS += -fvisibility=default

$(eval $(call TS_LIBRARY,xenlight,4.17,libxl,libxl lifeline xc builder stream,$(LIBXL_LIBS),$(LIBXL_GEN).o))

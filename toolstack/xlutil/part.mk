# libxlutil.so.4.17: the language of xl.cfg. It needs only public functions of libxenlight.
$(TS_O)/toolstack/xlutil/%.o: TS_CFLAGS += -fvisibility=default

$(eval $(call TS_LIBRARY,xlutil,4.17,xlu,xlutil,-L$(TS_ROOT)/$(TS_LIBDIR) -lxenlight,$(TS_ROOT)/$(TS_LIBDIR)/libxenlight.so.4.17.0))

UNIT_TESTS += $(UNIT_O)/toolstack-symbols.t
unit-tests: $(UNIT_O)/toolstack-symbols.t
$(UNIT_O)/toolstack-symbols.t: tests/toolstack/symbols/symbols $(TS_LIBRARIES)
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec %s %s\n' '$(abspath $<)' '$(abspath $(TS_ROOT)/$(TS_LIBDIR))' > $@
	@chmod +x $@

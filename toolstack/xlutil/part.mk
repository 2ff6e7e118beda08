# libxlutil.so.4.17: the language of xl.cfg. It needs only public functions of libxenlight: of ours,
# or, where that is not built, of the installed one.
$(TS_O)/toolstack/xlutil/%.o: TS_CFLAGS += -fvisibility=default

$(eval $(call TS_LIBRARY,xlutil,4.17,xlu,xlutil,-L$(TS_ROOT)/$(TS_LIBDIR) -lxenlight,$(filter %/libxenlight.so.4.17.0,$(TS_LIBRARIES))))

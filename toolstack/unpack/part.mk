# libhospes-unpack.so.1: what unpacks kernels; libxenlight loads it when there is one to unpack.
TS_UNPACK_LIBS := -lz -lbz2 -llzma -llz4 -lzstd

$(eval $(call TS_LIBRARY,hospes-unpack,1,hospes,unpack,$(TS_UNPACK_LIBS)))

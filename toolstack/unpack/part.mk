# libhospes-unpack.so.1: what unpacks kernels; libxenlight loads it when there is one to unpack.
$(eval $(call TS_LIBRARY,hospes-unpack,1,hospes,unpack,-lz -lbz2 -llzma -llz4 -lzstd))

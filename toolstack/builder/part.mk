# Makes a domain's memory from a kernel: linked into libxenlight, with
TS_BUILDER_LIBS := -lz -lbz2 -llzma -llz4 -lzstd

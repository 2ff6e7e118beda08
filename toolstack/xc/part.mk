# Typed hypercalls: linked into the libraries and programs that make them, with
TS_XC_LIBS := -lxencall -lxenforeignmemory

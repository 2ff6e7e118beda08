/* The image's own symbol table, for backtraces. */
#ifndef HV_SYMBOLS_H
#define HV_SYMBOLS_H

#include <hv/types.h>

/* Name of the function around `addr`, its offset and size; NULL if not ours. `buf` >= 64 bytes. */
const char *symbol_lookup(uintptr_t addr, char *buf, size_t *offset, size_t *size);
/* The functions in order of address, from 0 on; NULL after the last. `buf` >= 64 bytes. */
const char *symbol_by_number(uint32_t number, char *buf, uintptr_t *addr);
/* "name+0x12/0x40" */
void symbol_print(uintptr_t addr);

#endif

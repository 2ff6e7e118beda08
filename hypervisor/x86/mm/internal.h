/* Between the files of x86/mm. */
#ifndef X86_MM_INTERNAL_H
#define X86_MM_INTERNAL_H

#include <hv/types.h>

void boot_alloc_init(void);
void boot_alloc_finish(void); /* what is left goes to the buddy allocator */

/* ---- memory_map.c ---- */
long mem_machine_memory_map(guest_ptr_t arg);
long mem_set_memory_map(guest_ptr_t arg);
long mem_memory_map(guest_ptr_t arg);

/* Until the buddy allocator is filled, page tables come from boot_alloc(). */
extern bool boot_allocating;

#endif

/* Between the files of x86/mm. */
#ifndef X86_MM_INTERNAL_H
#define X86_MM_INTERNAL_H

#include <hv/types.h>

void boot_alloc_init(void);
void boot_alloc_finish(void); /* what is left goes to the buddy allocator */

/* Until the buddy allocator is filled, page tables come from boot_alloc(). */
extern bool boot_allocating;

#endif

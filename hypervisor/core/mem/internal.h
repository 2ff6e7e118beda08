/* Between the files of core/mem that implement XENMEM_*. */
#ifndef MEM_INTERNAL_H
#define MEM_INTERNAL_H

#include <hv/domain.h>
#include <hv/mem.h>
#include <xen/memory.h>

/* A list that was preempted continues at the place in the command's upper bits. */
#define CMD_SHIFT 6
#define CMD_MASK  ((1UL << CMD_SHIFT) - 1)

/* ---- resource.c ---- */
long mem_acquire_resource(unsigned long cmd, guest_ptr_t arg);

#endif

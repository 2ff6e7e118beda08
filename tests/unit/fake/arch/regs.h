/* Unit tests: the guest's registers of x86, which nobody finds on top of a stack here. */
#ifndef FAKE_ARCH_REGS_H
#define FAKE_ARCH_REGS_H

#include <stdint.h>

static inline uintptr_t cpu_area_self(void)
{
    return 0;
}

#include "../../../../hypervisor/x86/include/arch/regs.h"

#endif

/* HYPERVISOR_platform_op (cpu/platform_op.c) and HYPERVISOR_mca (cpu/mca.c). */
#ifndef ARCH_PLATFORM_H
#define ARCH_PLATFORM_H

#include <hv/types.h>

/* -EPERM: not the hardware domain; -EACCES: another interface version; -ENOSYS. */
must_check long do_platform_op(guest_ptr_t arg);
/* The same, and -EINVAL: no such operation; -EOPNOTSUPP: errors cannot be injected. */
must_check long do_mca(guest_ptr_t arg);
/* At boot, while the firmware's data is still there. */
void platform_op_init(void);

#endif

/*
 * Copying to and from the current vCPU's address space. Everything a guest points at is reached
 * through here, once; faults and hypervisor addresses give -EFAULT.
 */
#ifndef HV_GUEST_ACCESS_H
#define HV_GUEST_ACCESS_H

#include <hv/types.h>

must_check int copy_from_guest(void *dst, guest_ptr_t src, size_t size);
must_check int copy_to_guest(guest_ptr_t dst, const void *src, size_t size);
must_check int clear_guest(guest_ptr_t dst, size_t size);

static inline guest_ptr_t guest_ptr_add(guest_ptr_t p, uint64_t bytes)
{
    return (guest_ptr_t){ p.v + bytes };
}

static inline bool guest_ptr_is_null(guest_ptr_t p)
{
    return p.v == 0;
}

#endif

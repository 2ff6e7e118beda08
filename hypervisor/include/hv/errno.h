/*
 * Error numbers: plain EINVAL, ENOMEM, ... with the values of Xen's public ABI, so that what a
 * function returns can be handed to a guest as it is. Hosted builds (unit tests, fuzzers) take the
 * C library's, whose values are the same on Linux.
 */
#ifndef HV_ERRNO_H
#define HV_ERRNO_H

#if __STDC_HOSTED__

#include <errno.h>

#else

/* EINTR and ERESTART never reach a guest; the public header shows them to a hypervisor only. */
#ifndef __XEN__
#define __XEN__
#define HV_ERRNO_UNDEF_XEN
#endif

#define XEN_ERRNO(name, value) name = value,
enum hv_errno {
#include <xen/errno.h>
};

#ifdef HV_ERRNO_UNDEF_XEN
#undef HV_ERRNO_UNDEF_XEN
#undef __XEN__
#endif

#endif

#endif

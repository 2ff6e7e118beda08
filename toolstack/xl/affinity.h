/*
 * The CPUs that /etc/xen/xl.conf leaves for guests.
 */
#ifndef XL_AFFINITY_H
#define XL_AFFINITY_H

#include "xl.h"

/* Take from the hard affinity what xl.conf keeps from guests of this type, or of this guest's type.
 * Returns a libxl error, which is told, when nothing is left. */
int affinity_limit_type(libxl_domain_type type, libxl_bitmap *hard);
int affinity_limit(uint32_t domid, libxl_bitmap *hard);

#endif

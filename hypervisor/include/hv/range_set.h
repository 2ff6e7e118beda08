/* A sorted set of inclusive integer ranges: I/O ports, frames, interrupts that a domain may use. */
#ifndef HV_RANGE_SET_H
#define HV_RANGE_SET_H

#include <hv/types.h>

struct range_set;

must_check struct range_set *range_set_create(const char *name);
void range_set_destroy(struct range_set *s);
/* [first, last]; merged with what touches it. -ENOMEM; -ENOSPC over 4,096 ranges. */
must_check int range_set_add(struct range_set *s, uint64_t first, uint64_t last);
must_check int range_set_remove(struct range_set *s, uint64_t first, uint64_t last);
/* The whole of [first, last] is in the set. */
bool range_set_contains(const struct range_set *s, uint64_t first, uint64_t last);
void range_set_print(const struct range_set *s);

#endif

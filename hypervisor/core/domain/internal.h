/* Private to core/domain. */
#ifndef DOMAIN_INTERNAL_H
#define DOMAIN_INTERNAL_H

#include <hv/domain.h>

/* list.c: LOCK_DOMAIN_LIST */
void domain_list_init_entry(struct domain *d);
must_check int domain_list_add(struct domain *d); /* -EEXIST */
/* Nobody finds d any more, and nobody who looked is still looking at it. Interrupts on. */
void domain_list_remove(struct domain *d);

/* info.c: the shared info page and the places of vcpu_info */
extern const struct domain_part info_part;

#endif

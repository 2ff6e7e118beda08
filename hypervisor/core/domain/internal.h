/* Private to core/domain. */
#ifndef DOMAIN_INTERNAL_H
#define DOMAIN_INTERNAL_H

#include <hv/domain.h>

/* list.c: LOCK_DOMAIN_LIST */
must_check int domain_list_add(struct domain *d); /* -EEXIST */
/* Nobody finds d any more, and nobody who looked is still looking at it. Interrupts on. */
void domain_list_remove(struct domain *d);

/* pause.c: tasklet of a domain that has shut down */
void domain_tell_shut_down(void *domain);

/* info.c: the shared info page and the places of vcpu_info */
extern const struct domain_part info_part;

#endif

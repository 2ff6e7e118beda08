/*
 * Domains: those that own nodes, those that are introduced and talk through a ring; what the
 * hypervisor says of them. Called by request.c, store.c and main.c, as part of a step where not
 * said otherwise.
 */
#ifndef XENSTORED_DOMAIN_H
#define XENSTORED_DOMAIN_H

#include "state.h"

/* NULL: nothing is known of it */
struct domain *domain_find(uint32_t domid);
/* The same, made when it is not there */
struct domain *domain_get(uint32_t domid);
/* Warn when it has more memory than the soft limit */
void domain_check_memory(struct domain *d);

/* -EINVAL: it has another ring; -ENOENT, -EIO: the ring or the event channel cannot be used */
int domain_introduce(uint32_t domid, uint64_t frame, uint32_t port);
int domain_release(uint32_t domid); /* -ENOENT */
int domain_resume(uint32_t domid);  /* -ENOENT */
int domain_set_target(uint32_t domid, uint32_t target);
bool domain_is_introduced(uint32_t domid);

/* Steps of their own: dom0's ring; rings of before a restart; a look at who has died or shut down
 */
int domain_start_dom0(void);
void domain_adopt(void);
void domain_look(void);

/* Options: a domain beside dom0 that may do everything; nodes outlive their owner as dom0's */
extern uint32_t domain_privileged;
extern bool domain_keep_orphans;

/* A record that was read back: -EINVAL */
int domain_index(ref_t ref);
void domain_reset(void);
/* The end of a step */
void domain_commit(void);
void domain_rollback(void);

#endif

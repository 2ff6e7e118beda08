/* Shared by the event tests: the operations as a guest calls them, and the groups. */
#ifndef EVENT_TEST_H
#define EVENT_TEST_H

#include "../harness/world.h"

/* Each returns what the hypercall returns, or the port. The caller is world.running. */
long ev_alloc_unbound(domid_t dom, domid_t remote);
long ev_bind_interdomain(domid_t dom, evtchn_port_t port);
long ev_bind_virq(unsigned int virq, unsigned int vcpu);
long ev_bind_ipi(unsigned int vcpu);
long ev_bind_pirq(unsigned int pirq);
long ev_bind_vcpu(evtchn_port_t port, unsigned int vcpu);
long ev_close(evtchn_port_t port);
long ev_send(evtchn_port_t port);
long ev_unmask(evtchn_port_t port);
long ev_reset(domid_t dom);
struct evtchn_status ev_status(domid_t dom, evtchn_port_t port, long *rc);
long ev_init_control(uint64_t frame, uint32_t offset, uint32_t vcpu);
long ev_expand_array(uint64_t frame);
long ev_set_priority(evtchn_port_t port, unsigned int priority);

/* A connected pair: a port of `a` on its vCPU 0, and the peer's. */
struct ev_pair {
    evtchn_port_t a, b;
};
struct ev_pair ev_pair(struct domain *a, struct domain *b);

extern struct domain *dom0, *dom1, *dom2;
int setup_world(void **state);
int teardown_world(void **state);

extern const struct CMUnitTest tests_2l[], tests_fifo[], tests_model[];
extern const size_t nr_tests_2l, nr_tests_fifo, nr_tests_model;

#endif

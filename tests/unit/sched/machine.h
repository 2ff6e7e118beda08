/* A machine of four CPUs on a clock that jumps from event to event: the scheduler under test runs
 * guests that only burn time, block and wake. */
#ifndef MACHINE_H
#define MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/sched.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/time.h>
#include <xen/sched.h>
#include "../fake/hv.h"
#include "../../../hypervisor/core/sched/internal.h"

#define MAX_GUESTS 40

/* A vCPU that runs for `burst`, blocks for `rest` and so on; burst 0: never blocks. */
struct guest {
    struct vcpu vcpu;
    struct vcpu_info info;
    struct domain *domain;
    s_time_t burst, rest;
    s_time_t left;    /* of this burst */
    s_time_t wake_at; /* while it rests */
    s_time_t ran, ran_on[FAKE_CPUS];
    s_time_t runnable_since, worst_wait; /* from a wake until it ran */
    unsigned int switched_in;
    bool yields; /* when its burst ends, instead of blocking */
};

extern struct guest guest[MAX_GUESTS];
extern unsigned int nr_guests;
extern struct vcpu *unsaved[FAKE_CPUS]; /* switched away from, registers not saved yet */
extern bool save_later;                 /* leave that to machine_save() */
extern s_time_t shortest_run;           /* of a vCPU that was preempted */
extern unsigned int virqs, kicks, shutdowns, nmis, info_moves;
extern uint8_t shutdown_reason;
extern struct domain *known_domain; /* what domain_get() finds */
extern int port_pending;            /* what event_port_is_pending() says */

void machine_start(unsigned int cpus);
void machine_stop(void);
struct guest *add_guest(unsigned int weight);
struct guest *add_vcpu(struct domain *d); /* another vCPU of that domain */
void start_guest(struct guest *g);        /* bring it up */
struct vcpu *on_cpu(unsigned int cpu);
void become(struct guest *g); /* go on as the hypercall handler of a running guest */
void machine_save(unsigned int cpu);
void machine_settle(void); /* until no CPU has anything to do just now */
void machine_run(s_time_t for_how_long);
void check_invariants(bool quiet);

extern const struct CMUnitTest pool_tests[];
extern const size_t nr_pool_tests;

#endif

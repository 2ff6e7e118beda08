/*
 * Where a domain's memory comes from on a machine with several NUMA nodes: the nodes that the
 * control domain chose, or those on which the domain's vCPUs are to run. Called without locks.
 */
#include <hv/control.h>
#include <hv/mem.h>
#include <hv/sched.h>

/* Where it would like to run, if it may; else where it may. */
static cpumask_t preferred_cpus(struct vcpu *v)
{
    cpumask_t may, likes;

    sched_get_places(v, &may, &likes);
    likes = cpumask_and(&may, &likes);
    return cpumask_empty(&likes) ? may : likes;
}

static uint64_t nodes_of_vcpus(struct domain *d)
{
    cpumask_t done = { { 0 } };
    uint64_t nodes = 0;
    struct cpu_place place;
    unsigned int i, cpu;
    struct vcpu *v;

    for_each_vcpu (d, v, i) {
        cpumask_t cpus = preferred_cpus(v);

        for_each_cpu (cpu, &cpus) {
            if (cpumask_test(cpu, &done))
                continue;
            arch_cpu_place(cpu, &place);
            nodes |= BIT(place.node);
            set_bit(cpu, done.bits);
        }
    }
    return nodes;
}

uint64_t domain_nodes(struct domain *d)
{
    unsigned int count = frames_node_count();
    uint64_t all = ~0UL >> (64 - count), nodes = READ_ONCE(d->mem->nodes);

    if (count > 1 && !nodes)
        nodes = nodes_of_vcpus(d);
    return nodes & all ? nodes & all : all;
}

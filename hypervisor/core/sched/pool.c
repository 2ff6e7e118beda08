/*
 * Pools of CPUs (public sysctl.h, cpupool_op). A CPU is in one pool or free; a domain is in one
 * pool, and its vCPUs run on that pool's CPUs only. Pool 0 is there from the start, with every CPU,
 * and keeps one at least. Pools, and who is in them, change under
 * LOCK_DOMCTL; each vCPU's set of CPUs follows under its LOCK_SCHED_CPU, after which nobody reads
 * the old pool for it. A vCPU that runs where it may not any more leaves that CPU on its way out of
 * the hypervisor, before it enters the guest again.
 */
#include "internal.h"

#include <hv/cmdline.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/printk.h>

#define MAX_POOLS 255 /* besides pool 0: one with CPUs for each CPU there may be */

static unsigned int ratelimit_us = 1000;
UINT_OPTION("sched_ratelimit_us", ratelimit_us,
            "microseconds that a vCPU runs before another may preempt it");

struct cpupool cpupool0;
static unsigned int nr_pools; /* besides it */

static struct cpupool *find(uint32_t id)
{
    struct cpupool *pool = &cpupool0;

    while (pool && pool->id != id)
        pool = pool->next;
    return pool;
}

void cpupool_init(void)
{
    cpupool0 = (struct cpupool){ .ratelimit_us = ratelimit_us };
}

/* ---- CPUs ---- */

static void set_pool(unsigned int cpu, struct cpupool *pool)
{
    struct sched_cpu *sc = &per_cpu(sched_cpu, cpu);
    unsigned long flags = spin_lock_irqsave(&sc->lock);

    sc->pool = pool;
    spin_unlock_irqrestore(&sc->lock, flags);
}

/* The online CPUs that are in no pool. */
cpumask_t cpupool_free_cpus(void)
{
    cpumask_t free = cpu_online_mask;
    unsigned int cpu;

    for_each_online_cpu (cpu) {
        if (per_cpu(sched_cpu, cpu).pool)
            cpumask_clear(cpu, &free);
    }
    return free;
}

/* Call fn for every vCPU of the pool, until one returns an error. */
static int for_vcpus(const struct cpupool *pool, int (*fn)(struct vcpu *v))
{
    struct domain *d;
    int rc = 0;

    for (unsigned int id = 0; !rc && (d = domain_next(id)) != NULL; id = d->id + 1U) {
        struct vcpu *v;
        unsigned int i;

        for_each_vcpu (d, v, i) {
            if (!rc && d->sched->pool == pool)
                rc = fn(v);
        }
        domain_put(d);
    }
    return rc;
}

static int follow_pool(struct vcpu *v)
{
    sched_pool_changed(v, false);
    return 0;
}

static void add_cpu(struct cpupool *pool, unsigned int cpu)
{
    set_pool(cpu, pool);
    cpumask_set(cpu, &pool->cpus);
    for_vcpus(pool, follow_pool);
}

void sched_cpu_online(unsigned int cpu)
{
    add_cpu(&cpupool0, cpu);
}

int cpupool_add_cpu(uint32_t id, unsigned int cpu)
{
    struct cpupool *pool = find(id);
    cpumask_t free = cpupool_free_cpus();

    if (cpu == XEN_SYSCTL_CPUPOOL_PAR_ANY)
        cpu = cpumask_next(0, &free);
    else if (cpu >= nr_cpus)
        return -EINVAL;
    if (cpu >= NR_CPUS || !cpumask_test(cpu, &free))
        return -ENODEV;
    if (!pool)
        return -ENOENT;
    add_cpu(pool, cpu);
    return 0;
}

/* Dying domains do not run any more: pool 0 takes them. -EBUSY: another one is in the pool. */
static int empty_of_domains(struct cpupool *pool)
{
    struct domain *d;

    if (pool == &cpupool0)
        return -EINVAL;
    for (unsigned int id = 0; (d = domain_next(id)) != NULL; id = d->id + 1U) {
        int rc = 0;

        if (d->sched->pool == pool)
            rc = d->is_dying ? cpupool_move_domain(d, cpupool0.id) : -EBUSY;
        domain_put(d);
        if (rc)
            return rc;
    }
    return 0;
}

static int check_pin(struct vcpu *v)
{
    cpumask_t left = cpumask_and(&v->hard_affinity, &v->domain->sched->pool->cpus);

    return v->sched->pinned && cpumask_empty(&left) ? -EADDRINUSE : 0;
}

static int remove_cpu(struct cpupool *pool, unsigned int cpu)
{
    int rc = cpumask_weight(&pool->cpus) == 1 ? empty_of_domains(pool) : 0;

    if (rc)
        return rc;
    /* A vCPU cannot pin itself there from now on; who did so before is in the way. */
    cpumask_clear(cpu, &pool->cpus);
    rc = for_vcpus(pool, check_pin);
    if (rc) {
        cpumask_set(cpu, &pool->cpus);
    } else {
        for_vcpus(pool, follow_pool);
        set_pool(cpu, NULL);
    }
    return rc;
}

static unsigned int last_cpu(const cpumask_t *mask)
{
    unsigned int cpu, last = NR_CPUS;

    for_each_cpu (cpu, mask)
        last = cpu;
    return last;
}

int cpupool_remove_cpu(uint32_t id, unsigned int cpu)
{
    struct cpupool *pool = find(id);

    if (!pool)
        return -ENOENT;
    if (cpu == XEN_SYSCTL_CPUPOOL_PAR_ANY)
        cpu = last_cpu(&pool->cpus);
    else if (cpu >= nr_cpus)
        return -EINVAL;
    if (cpu >= NR_CPUS || !cpumask_test(cpu, &pool->cpus))
        return -EADDRNOTAVAIL;
    return remove_cpu(pool, cpu);
}

int sched_cpu_leave(unsigned int cpu)
{
    struct cpupool *pool = per_cpu(sched_cpu, cpu).pool;

    return pool ? remove_cpu(pool, cpu) : 0;
}

/* ---- pools ---- */

int cpupool_create(uint32_t *id, uint32_t scheduler)
{
    struct cpupool *before = &cpupool0, *pool;

    if (scheduler != sched_id() || nr_pools == MAX_POOLS)
        return -ENOSPC;
    if (find(*id))
        return -EEXIST;
    while (before->next && before->next->id < *id)
        before = before->next;
    if (*id == XEN_SYSCTL_CPUPOOL_PAR_ANY)
        *id = before->id + 1;
    if (*id == XEN_SYSCTL_CPUPOOL_PAR_ANY) /* the highest has the last number there is */
        return -ENOSPC;
    pool = hv_alloc_type(struct cpupool);
    if (!pool)
        return -ENOMEM;
    pool->id = *id;
    pool->ratelimit_us = ratelimit_us;
    pool->next = before->next;
    before->next = pool;
    nr_pools++;
    return 0;
}

int cpupool_destroy(uint32_t id)
{
    struct cpupool *pool = find(id), *before = &cpupool0;

    if (!pool)
        return -ENOENT;
    if (pool == &cpupool0 || __atomic_load_n(&pool->domains, __ATOMIC_ACQUIRE) ||
        !cpumask_empty(&pool->cpus))
        return -EBUSY;
    while (before->next != pool)
        before = before->next;
    before->next = pool->next;
    nr_pools--;
    hv_free(pool);
    return 0;
}

int cpupool_info(uint32_t from, struct cpupool_info *info)
{
    const struct cpupool *pool = &cpupool0;

    while (pool && pool->id < from)
        pool = pool->next;
    if (!pool)
        return -ENOENT;
    *info = (struct cpupool_info){ .id = pool->id,
                                   .domains = READ_ONCE(pool->domains),
                                   .cpus = pool->cpus };
    return 0;
}

int cpupool_ratelimit(uint32_t id, unsigned int **us)
{
    struct cpupool *pool = find(id);

    if (!pool)
        return -ESRCH;
    *us = &pool->ratelimit_us;
    return 0;
}

/* ---- domains ---- */

void cpupool_enter(struct domain *d, struct cpupool *pool)
{
    __atomic_add_fetch(&pool->domains, 1, __ATOMIC_RELAXED);
    d->sched->pool = pool;
}

void cpupool_leave(struct domain *d)
{
    __atomic_sub_fetch(&d->sched->pool->domains, 1, __ATOMIC_RELEASE);
}

static int find_usable(uint32_t id, struct cpupool **out)
{
    *out = find(id);
    if (!*out)
        return -ENOENT;
    return cpumask_empty(&(*out)->cpus) ? -ENODEV : 0;
}

int cpupool_add_domain(struct domain *d, uint32_t id)
{
    struct cpupool *pool;
    int rc = find_usable(id, &pool);

    if (rc)
        return rc;
    cpupool_leave(d);
    cpupool_enter(d, pool);
    return 0;
}

int cpupool_move_domain(struct domain *d, uint32_t id)
{
    struct cpupool *from = d->sched->pool, *to;
    struct vcpu *v;
    unsigned int i;
    int rc = find_usable(id, &to);

    if (rc || from == to)
        return rc;
    for_each_vcpu (d, v, i) {
        if (v->sched->pinned)
            return -EBUSY;
    }
    cpupool_enter(d, to);
    sched_set_weight(d, DEFAULT_WEIGHT);
    sched_set_cap(d, 0);
    for_each_vcpu (d, v, i)
        sched_pool_changed(v, true);
    __atomic_sub_fetch(&from->domains, 1, __ATOMIC_RELEASE);
    return 0;
}

uint32_t cpupool_of(const struct domain *d)
{
    return d->sched->pool->id;
}

cpumask_t cpupool_cpus_of(const struct domain *d)
{
    return d->sched->pool->cpus;
}

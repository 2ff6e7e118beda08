/*
 * The credit2 scheduler. Every CPU has a queue of the vCPUs that wait for it, the one that spent
 * least first: running costs its time, divided by the weight of the domain. Credit is what a CPU
 * granted to each of its vCPUs so far less what a vCPU spent; when the first in the queue has none
 * left, the CPU grants more to all. A vCPU that slept wakes with at most one grant. So every vCPU's
 * share is its weight's, and one that runs little runs at once.
 * A CPU with nothing to do takes a waiting vCPU from another; a busy one does so now and then from
 * one that has more to do, so that shares even out across CPUs. Caps: cap.c.
 * LOCK_SCHED_CPU guards a CPU's queue; a vCPU changes CPU under both locks. The masks are hints.
 */
#include "internal.h"

#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/softirq.h>
#include <hv/time.h>
#include <xen/domctl.h>

#define GRANT       MILLISECS(10)  /* of credit, each time */
#define MIN_SLICE   MICROSECS(100) /* while somebody waits */
#define MAX_SLICE   MILLISECS(5)
#define EVEN_PERIOD MILLISECS(30) /* a busy CPU looks for a longer queue this often */
#define MAX_CHARGE  SECONDS(10)
#define MAX_SEARCH  64 /* waiting vCPUs looked at for one that may move */

struct credit2_vcpu {
    struct vcpu_sched base;
    struct vcpu *vcpu;
    struct prio_node node; /* key: spent */
    s_time_t spent;        /* weighted ns, on the scale of its CPU's `granted` */
    s_time_t enqueued;     /* when */
    s_time_t waited;       /* in the queue, of late */
    unsigned int load;     /* its weight while it counts in the CPU's load, else 0 */
    bool yields;
};

struct run_queue {
    struct prio_queue waiting;
    s_time_t granted;
    s_time_t since;     /* the current vCPU was switched in */
    s_time_t charged;   /* the current vCPU has paid until */
    s_time_t looked;    /* for a longer queue, last */
    unsigned int found; /* whose queue that was */
    uint64_t load;      /* weights of who runs or waits; others read it as a hint */
    unsigned int vcpus; /* that have this `cpu`; others read it as a hint */
};

static DEFINE_PER_CPU(struct run_queue, run_queue);
static cpumask_t idle_cpus;    /* idle, and not yet told that there is work */
static cpumask_t waiting_cpus; /* somebody waits there */

static struct credit2_vcpu *credit2(const struct vcpu *v)
{
    return container_of(v->sched, struct credit2_vcpu, base);
}

static s_time_t ratelimit(const struct vcpu *v)
{
    return MICROSECS(READ_ONCE(v->domain->sched->pool->ratelimit_us));
}

static s_time_t weighted(const struct vcpu *v, s_time_t passed)
{
    unsigned int weight = READ_ONCE(v->domain->sched->weight);

    return (min(passed, MAX_CHARGE) * DEFAULT_WEIGHT + weight - 1) / weight;
}

/* ---- the queue ---- */

static void enqueue(struct run_queue *rq, struct vcpu *v, s_time_t time)
{
    struct credit2_vcpu *c = credit2(v);

    c->enqueued = time;
    prio_add(&rq->waiting, &c->node, c->spent);
    c->base.queued = true;
    if (rq->waiting.count == 1)
        cpumask_set(v->cpu, &waiting_cpus);
}

static void dequeue(struct run_queue *rq, struct vcpu *v, s_time_t time)
{
    struct credit2_vcpu *c = credit2(v);

    c->waited += max(time - c->enqueued, (s_time_t)0);
    prio_del(&rq->waiting, &c->node);
    c->base.queued = false;
    if (rq->waiting.count == 0)
        cpumask_clear(v->cpu, &waiting_cpus);
}

static struct vcpu *first_waiting(const struct run_queue *rq)
{
    struct prio_node *node = prio_first(&rq->waiting);

    return node ? container_of(node, struct credit2_vcpu, node)->vcpu : NULL;
}

static void count_load(struct run_queue *rq, struct vcpu *v)
{
    struct credit2_vcpu *c = credit2(v);

    c->load = READ_ONCE(v->domain->sched->weight);
    WRITE_ONCE(rq->load, rq->load + c->load);
}

static void uncount_load(struct run_queue *rq, struct vcpu *v)
{
    struct credit2_vcpu *c = credit2(v);

    WRITE_ONCE(rq->load, rq->load - c->load);
    c->load = 0;
}

/* The current vCPU pays for its time until now. */
static void charge(struct run_queue *rq, struct vcpu *v, s_time_t time)
{
    if (time <= rq->charged)
        return;
    credit2(v)->spent += weighted(v, time - rq->charged);
    cap_charge(v->domain, time - rq->charged, time);
    rq->charged = time;
}

/* Grant until the vCPU that spent least has credit again: it has at most as much as one that slept
 * until now gets. */
static void grant(struct run_queue *rq, const struct vcpu *richest)
{
    s_time_t debt = credit2(richest)->spent - rq->granted;

    if (debt >= 0)
        rq->granted += (debt / GRANT + 1) * GRANT;
}

/* v keeps its credit on another CPU; both CPUs' locks are held, v is in no queue. */
static void credit2_move(struct vcpu *v, unsigned int cpu)
{
    struct run_queue *from = &per_cpu(run_queue, v->cpu), *to = &per_cpu(run_queue, cpu);
    struct credit2_vcpu *c = credit2(v);

    c->spent = to->granted - min(from->granted - c->spent, GRANT);
    WRITE_ONCE(from->vcpus, from->vcpus - 1);
    WRITE_ONCE(to->vcpus, to->vcpus + 1);
    v->cpu = cpu;
}

/* ---- who is told ---- */

/* Take one idle CPU of `mask`, the vCPU's own first; NR_CPUS if there is none. */
static unsigned int claim_idle(unsigned int own, const cpumask_t *mask)
{
    cpumask_t idle = cpumask_and(&idle_cpus, mask);
    unsigned int cpu;

    if (cpumask_test(own, &idle) && test_and_clear_bit_atomic(own, idle_cpus.bits))
        return own;
    for_each_cpu (cpu, &idle) {
        if (test_and_clear_bit_atomic(cpu, idle_cpus.bits))
            return cpu;
    }
    return NR_CPUS;
}

/* An idle CPU, if there is one, takes v. */
static bool tickle_idle(struct vcpu *v)
{
    cpumask_t preferred = cpumask_and(&v->sched->allowed, &v->soft_affinity);
    unsigned int cpu;

    /* v is in its queue before we look for idle CPUs; they say so before they look for work. */
    smp_mb();
    cpu = claim_idle(v->cpu, &preferred);
    if (cpu == NR_CPUS)
        cpu = claim_idle(v->cpu, &v->sched->allowed);
    if (cpu == NR_CPUS)
        return false;
    softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
    return true;
}

static void credit2_wake(struct vcpu *v)
{
    struct run_queue *rq = &per_cpu(run_queue, v->cpu);
    struct vcpu *running = per_cpu(running_vcpu, v->cpu);
    struct credit2_vcpu *c = credit2(v);
    s_time_t time = now();

    if (!cap_admits(v, time))
        return;
    if (!is_idle_vcpu(running)) {
        charge(rq, running, time);
        if (!first_waiting(rq))
            grant(rq, running); /* alone until now, perhaps for long */
    }
    c->spent = max(c->spent, rq->granted - GRANT);
    count_load(rq, v);
    enqueue(rq, v, time);
    if (tickle_idle(v))
        return;
    /* The first to wait also ends the current one's unlimited slice. */
    if (is_idle_vcpu(running) || rq->waiting.count == 1 || c->spent < credit2(running)->spent)
        softirq_raise_on(v->cpu, SOFTIRQ_SCHEDULE);
}

static void credit2_sleep(struct vcpu *v)
{
    struct run_queue *rq = &per_cpu(run_queue, v->cpu);

    dequeue(rq, v, now());
    credit2(v)->waited = 0;
    uncount_load(rq, v);
}

static void credit2_yield(struct vcpu *v)
{
    credit2(v)->yields = true;
}

static void credit2_movable(struct vcpu *v)
{
    tickle_idle(v);
}

/* ---- taking from other CPUs ---- */

/* A vCPU waiting at rq that may run on `cpu`; `mask` says whether it should be at home there. */
static struct vcpu *find_movable(struct run_queue *rq, unsigned int cpu, bool soft)
{
    struct prio_node *node = prio_first(&rq->waiting);

    for (unsigned int i = 0; node && i < MAX_SEARCH; i++, node = prio_next(node)) {
        struct vcpu *v = container_of(node, struct credit2_vcpu, node)->vcpu;

        if (!v->is_running && cpumask_test(cpu, &v->sched->allowed) &&
            (!soft || cpumask_test(cpu, &v->soft_affinity)))
            return v;
    }
    return NULL;
}

/* Take v, which waits at `from`, to `cpu`; both locks are held. */
static void pull(struct run_queue *from, struct vcpu *v, unsigned int cpu, s_time_t time)
{
    struct run_queue *to = &per_cpu(run_queue, cpu);

    dequeue(from, v, time);
    uncount_load(from, v);
    credit2_move(v, cpu);
    count_load(to, v);
    enqueue(to, v, time);
}

/* The CPUs of this one's pool where somebody waits. */
static cpumask_t waiting_nearby(unsigned int cpu)
{
    static const cpumask_t none;
    const struct cpupool *pool = per_cpu(sched_cpu, cpu).pool;

    return pool ? cpumask_and(&waiting_cpus, &pool->cpus) : none;
}

/* This CPU has nothing to do: is there a vCPU that waits elsewhere? Its lock is held, and others
 * hold theirs and may want ours: so ours does not wait, but comes back. */
static bool steal(unsigned int cpu, bool soft, s_time_t time)
{
    cpumask_t waiting = waiting_nearby(cpu);
    unsigned int other;
    bool busy = false;

    for_each_cpu (other, &waiting) {
        spinlock_t *lock = &per_cpu(sched_cpu, other).lock;
        struct run_queue *rq = &per_cpu(run_queue, other);
        struct vcpu *v;

        if (other == cpu)
            continue;
        if (!spin_trylock(lock)) {
            busy = true;
            continue;
        }
        v = find_movable(rq, cpu, soft);
        if (v)
            pull(rq, v, cpu, time);
        spin_unlock(lock);
        if (v)
            return true;
    }
    if (busy)
        softirq_raise(SOFTIRQ_SCHEDULE);
    return false;
}

/* Would it be fairer if v, which waits at `from`, shared this CPU with `running`? Yes if the load
 * is more even then. If the two CPUs just swap their loads, those who share take turns: `running`
 * has waited the least of the three. */
static bool is_fairer(const struct run_queue *rq, const struct vcpu *running,
                      const struct run_queue *from, const struct vcpu *stays, const struct vcpu *v)
{
    uint64_t then = rq->load + credit2(v)->load;

    if (is_idle_vcpu(stays) || then != from->load)
        return then < from->load;
    return credit2(running)->waited <= credit2(v)->waited &&
           credit2(running)->waited <= credit2(stays)->waited;
}

/* The CPU that has the most to do, if that is more than here, else NR_CPUS. If there are several,
 * not the same each time. */
static unsigned int find_longest(struct run_queue *rq, unsigned int cpu)
{
    cpumask_t waiting = waiting_nearby(cpu);
    unsigned int other, longest = NR_CPUS;
    uint64_t most = rq->load;

    for_each_cpu (other, &waiting) {
        uint64_t load = READ_ONCE(per_cpu(run_queue, other).load);
        bool is_next = longest <= rq->found && other > rq->found;

        if (other != cpu && (load > most || (load == most && is_next))) {
            most = load;
            longest = other;
        }
    }
    rq->found = longest;
    return longest;
}

/* A busy CPU may take one from the CPU with the most to do: with 5 vCPUs on 4 CPUs, the pair that
 * shares a CPU changes all the time. */
static void even_out(struct run_queue *rq, unsigned int cpu, struct vcpu *running, s_time_t time)
{
    unsigned int longest;

    if (time - rq->looked < EVEN_PERIOD)
        return;
    rq->looked = time;
    credit2(running)->waited -= credit2(running)->waited / 16;
    longest = find_longest(rq, cpu);
    if (longest != NR_CPUS && spin_trylock(&per_cpu(sched_cpu, longest).lock)) {
        struct run_queue *from = &per_cpu(run_queue, longest);
        struct vcpu *v = find_movable(from, cpu, true);

        if (v && is_fairer(rq, running, from, per_cpu(running_vcpu, longest), v))
            pull(from, v, cpu, time);
        spin_unlock(&per_cpu(sched_cpu, longest).lock);
    }
}

/* ---- the decision ---- */

static bool has_others(const cpumask_t *cpus)
{
    return cpumask_next(cpumask_next(0, cpus) + 1, cpus) < NR_CPUS;
}

/* How long until somebody else should have a turn, as far as is known now. */
static s_time_t slice_of(const struct run_queue *rq, struct vcpu *next)
{
    const struct vcpu *waiting = first_waiting(rq);
    s_time_t ahead;

    if (!waiting)
        return has_others(&next->domain->sched->pool->cpus) ? EVEN_PERIOD : -1;
    ahead = credit2(waiting)->spent - credit2(next)->spent;
    if (ahead < 0)
        ahead = 0;
    ahead = min(ahead, MAX_CHARGE) * READ_ONCE(next->domain->sched->weight) / DEFAULT_WEIGHT;
    ahead += max(ratelimit(next), MIN_SLICE);
    return min(ahead, max(ratelimit(next), MAX_SLICE));
}

static struct sched_decision be_idle(unsigned int cpu)
{
    return (struct sched_decision){ .next = sched_idle_vcpu(cpu), .slice = -1 };
}

/* The waiting vCPU with the most credit whose domain is not at its cap; those before it leave the
 * queue until it is not. */
static struct vcpu *first_admitted(struct run_queue *rq, s_time_t time)
{
    struct vcpu *v = first_waiting(rq);

    while (v && !cap_admits(v, time)) {
        credit2_sleep(v);
        v = first_waiting(rq);
    }
    return v;
}

/* The same, from another CPU if none waits here. */
static struct vcpu *find_work(struct run_queue *rq, unsigned int cpu, s_time_t time)
{
    struct vcpu *v = first_admitted(rq, time);

    if (v)
        return v;
    cpumask_set(cpu, &idle_cpus);
    smp_mb();
    while (!v && (steal(cpu, true, time) || steal(cpu, false, time)))
        v = first_admitted(rq, time);
    return v;
}

static struct sched_decision credit2_decide(unsigned int cpu, s_time_t time)
{
    struct run_queue *rq = &per_cpu(run_queue, cpu);
    struct vcpu *prev = per_cpu(running_vcpu, cpu), *next;
    bool was_busy = !is_idle_vcpu(prev), stays = false, yields = false;

    if (was_busy) {
        charge(rq, prev, time);
        stays = vcpu_runnable(prev) && cpumask_test(cpu, &prev->sched->allowed) &&
                cap_admits(prev, time);
        yields = credit2(prev)->yields;
        credit2(prev)->yields = false;
        if (!stays) {
            uncount_load(rq, prev);
            credit2(prev)->waited = 0;
        }
    }
    if (stays) {
        even_out(rq, cpu, prev, time);
        next = first_admitted(rq, time);
        if (next && !yields && time - rq->since < ratelimit(prev))
            return (struct sched_decision){ prev, cap_slice(prev->domain,
                                                            ratelimit(prev) - (time - rq->since)) };
        if (!next || (!yields && credit2(prev)->spent <= credit2(next)->spent))
            next = prev;
    } else {
        next = find_work(rq, cpu, time);
        if (!next)
            return be_idle(cpu);
    }

    if (next != prev) {
        dequeue(rq, next, time);
        if (stays)
            enqueue(rq, prev, time);
        rq->since = rq->charged = time;
    }
    if (cpumask_test(cpu, &idle_cpus))
        cpumask_clear(cpu, &idle_cpus);
    grant(rq, next);
    return (struct sched_decision){ next, cap_slice(next->domain, slice_of(rq, next)) };
}

/* ---- placement ---- */

/* The CPU of `mask` that has the fewest vCPUs, an idle one if possible; NR_CPUS if it is empty. */
static unsigned int emptiest(const cpumask_t *mask)
{
    unsigned int cpu, best = NR_CPUS, best_vcpus = 0;
    bool best_idle = false;

    for_each_cpu (cpu, mask) {
        bool idle = cpumask_test(cpu, &idle_cpus);
        unsigned int vcpus = READ_ONCE(per_cpu(run_queue, cpu).vcpus);

        if (best == NR_CPUS || (idle && !best_idle) || (idle == best_idle && vcpus < best_vcpus)) {
            best = cpu;
            best_vcpus = vcpus;
            best_idle = idle;
        }
    }
    return best;
}

static unsigned int credit2_pick_cpu(struct vcpu *v)
{
    cpumask_t preferred = cpumask_and(&v->sched->allowed, &v->soft_affinity);
    unsigned int cpu = emptiest(cpumask_empty(&preferred) ? &v->sched->allowed : &preferred);

    return cpu == NR_CPUS ? v->cpu : cpu;
}

static int credit2_cpu_init(unsigned int cpu)
{
    struct run_queue *rq = &per_cpu(run_queue, cpu);

    rq->granted = GRANT;
    return 0;
}

static int credit2_vcpu_init(struct vcpu *v)
{
    struct credit2_vcpu *c = hv_alloc_type(struct credit2_vcpu);
    struct run_queue *rq;
    unsigned long flags;

    if (!c)
        return -ENOMEM;
    c->vcpu = v;
    c->base.allowed = cpumask_and(&v->hard_affinity, &v->domain->sched->pool->cpus);
    v->sched = &c->base;
    v->cpu = credit2_pick_cpu(v);

    rq = &per_cpu(run_queue, v->cpu);
    flags = spin_lock_irqsave(&per_cpu(sched_cpu, v->cpu).lock);
    c->spent = rq->granted - GRANT;
    WRITE_ONCE(rq->vcpus, rq->vcpus + 1);
    __atomic_add_fetch(&v->domain->sched->vcpus, 1, __ATOMIC_RELAXED);
    spin_unlock_irqrestore(&per_cpu(sched_cpu, v->cpu).lock, flags);
    return 0;
}

/* v is paused and off its CPU for good. */
static void credit2_vcpu_free(struct vcpu *v)
{
    struct run_queue *rq = &per_cpu(run_queue, v->cpu);
    unsigned long flags;

    if (!v->sched)
        return;
    flags = spin_lock_irqsave(&per_cpu(sched_cpu, v->cpu).lock);
    WRITE_ONCE(rq->vcpus, rq->vcpus - 1);
    __atomic_sub_fetch(&v->domain->sched->vcpus, 1, __ATOMIC_RELAXED);
    spin_unlock_irqrestore(&per_cpu(sched_cpu, v->cpu).lock, flags);
    hv_free(credit2(v));
    v->sched = NULL;
}

static void credit2_print_cpu(unsigned int cpu)
{
    spinlock_t *lock = &per_cpu(sched_cpu, cpu).lock;
    const struct run_queue *rq = &per_cpu(run_queue, cpu);
    unsigned long flags = spin_lock_irqsave(lock);
    const struct prio_node *node = prio_first(&rq->waiting);

    printk_raw("  %u vCPUs, load %llu, %u waiting\n", rq->vcpus, (unsigned long long)rq->load,
               rq->waiting.count);
    for (unsigned int i = 0; node && i < 16; i++, node = prio_next(node)) {
        const struct credit2_vcpu *c = container_of(node, struct credit2_vcpu, node);

        printk_raw("  d%uv%u: credit %lld us\n", c->vcpu->domain->id, c->vcpu->id,
                   (long long)(rq->granted - c->spent) / 1000);
    }
    spin_unlock_irqrestore(lock, flags);
}

const struct scheduler sched_credit2 = {
    .name = "credit2",
    .id = XEN_SCHEDULER_CREDIT2,
    .cpu_init = credit2_cpu_init,
    .vcpu_init = credit2_vcpu_init,
    .vcpu_free = credit2_vcpu_free,
    .pick_cpu = credit2_pick_cpu,
    .wake = credit2_wake,
    .sleep = credit2_sleep,
    .yield = credit2_yield,
    .decide = credit2_decide,
    .movable = credit2_movable,
    .move = credit2_move,
    .print_cpu = credit2_print_cpu,
};

/* The machine that machine.h describes. */
#include "machine.h"

#include <hv/arch.h>
#include <hv/console.h>
#include <hv/grant.h>
#include <hv/keyhandler.h>
#include <hv/numa.h>
#include <hv/pci.h>
#include "../fake/hv.h"

const struct domain_part *const world_parts[] = { NULL };
const unsigned int world_nr_parts;

struct domain *dom0, *dom1, *dom3;
char ring[] = "the last words of the hypervisor";
uint32_t ring_cleared;
char keys_run[256];
unsigned int dom_exc;
struct domain *virq_handler;
int kill_rounds;
bool pinned;
uint8_t guest_buffer[4 * PAGE_SIZE];

uint64_t max_mfn = 0x1000;
struct domain *domain_idle;

static struct vcpu idle[4];
static unsigned int weight, cap;

unsigned int moved_vcpus, pcpu_changes;
int down_rounds;
bool cpu_answers;
DEFINE_PER_CPU(struct sched_cpu, sched_cpu) = { .lock = SPINLOCK_INIT(LOCK_SCHED_CPU) };

/* ---- the console ---- */

uint32_t console_ring_start(void)
{
    return RING_START;
}

size_t console_ring_read(char *buf, size_t size, uint32_t *index, bool clear)
{
    uint32_t end = RING_START + (uint32_t)strlen(ring);
    size_t len = 0;

    if (*index < RING_START || *index > end)
        *index = RING_START;
    while (len < size && *index != end)
        buf[len++] = ring[(*index)++ - RING_START];
    if (clear)
        ring_cleared = *index;
    return len;
}

void keyhandler_schedule(char key)
{
    keys_run[strlen(keys_run)] = key;
}

/* ---- the machine ---- */

unsigned int frames_node_count(void)
{
    return 2;
}

uint64_t frames_node_free(unsigned int node)
{
    assert_true(node < 2);
    return 10 + node;
}

uint64_t frames_node_total(unsigned int node)
{
    assert_true(node < 2);
    return 100 + node;
}

uint64_t frames_free_count(void)
{
    return 21;
}

uint64_t frames_total_count(void)
{
    return 201;
}

uint64_t domain_claims(void)
{
    return 7;
}

int vnuma_set(struct domain *d, const struct xen_domctl_vnuma *from)
{
    assert_ptr_equal(d, dom1);
    return from->nr_vnodes == 5 ? 0 : -E2BIG;
}

void arch_cpu_place(unsigned int cpu, struct cpu_place *out)
{
    *out = (struct cpu_place){ .core = cpu / 2 % 2, .socket = cpu / 4, .node = cpu / 2 };
}

unsigned int grant_max_version(void)
{
    return 2;
}

void arch_physinfo(struct xen_sysctl_physinfo *info)
{
    info->cpu_khz = 1234;
    info->capabilities = XEN_SYSCTL_PHYSCAP_pv;
}

const struct sysctl arch_sysctls[NR_SYSCTLS];

static int arch_op(struct domain *d, struct xen_domctl *op)
{
    op->u.hypercall_init.gmfn = d->id;
    return -ENOBUFS;
}

const struct domctl arch_domctls[NR_DOMCTLS] = {
    [XEN_DOMCTL_hypercall_init] = { .name = "hypercall_init", .fn = arch_op, .copy_back = true },
};

bool mfn_valid(mfn_t m)
{
    return m.v < max_mfn;
}

unsigned int numa_distance(unsigned int from, unsigned int to)
{
    return from == to ? 10 : 20 + to;
}

bool pci_device_known(pci_sbdf_t dev)
{
    return dev.bus == KNOWN_BUS;
}

/* ---- the scheduler ---- */

unsigned int idle_max_cstate;

struct idle_stats idle_get_stats(unsigned int cpu)
{
    assert_int_equal(cpu, 1);
    return (struct idle_stats){ .sleeps = 7, .asleep = 20, .awake = 30 };
}

void idle_reset_stats(unsigned int cpu)
{
    (void)cpu;
}

struct vcpu *sched_idle_vcpu(unsigned int cpu)
{
    assert_true(cpumask_test(cpu, &cpu_online_mask));
    return &idle[cpu];
}

void vcpu_get_runstate(struct vcpu *v, struct vcpu_runstate_info *info)
{
    *info = v->runstate;
}

void sched_get_affinity(struct vcpu *v, cpumask_t *hard, cpumask_t *soft)
{
    *hard = v->hard_affinity;
    *soft = v->soft_affinity;
}

void sched_get_places(struct vcpu *v, cpumask_t *may, cpumask_t *likes)
{
    *may = cpumask_and(&v->hard_affinity, &cpu_online_mask);
    *likes = v->soft_affinity;
}

int sched_control_affinity(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft, bool unpin)
{
    cpumask_t usable = cpumask_and(hard, &cpu_online_mask);

    if (pinned && !unpin)
        return -EBUSY;
    if (cpumask_empty(&usable))
        return -EINVAL;
    pinned = false;
    v->hard_affinity = *hard;
    v->soft_affinity = *soft;
    return 0;
}

uint32_t sched_id(void)
{
    return XEN_SCHEDULER_CREDIT2;
}

unsigned int sched_get_weight(const struct domain *d)
{
    assert_ptr_equal(d, dom1);
    return weight;
}

void sched_set_weight(struct domain *d, unsigned int new_weight)
{
    assert_ptr_equal(d, dom1);
    weight = new_weight;
}

unsigned int sched_get_cap(const struct domain *d)
{
    assert_ptr_equal(d, dom1);
    return cap;
}

void sched_set_cap(struct domain *d, unsigned int percent)
{
    assert_ptr_equal(d, dom1);
    cap = percent;
}

void sched_pool_changed(struct vcpu *v, bool anew)
{
    (void)v, (void)anew;
    moved_vcpus++;
}

int arch_cpu_up(unsigned int cpu)
{
    if (!cpu_answers)
        return -ETIMEDOUT;
    cpumask_set(cpu, &cpu_online_mask);
    return 0;
}

int arch_cpu_down(unsigned int cpu)
{
    assert_null(per_cpu(sched_cpu, cpu).pool);
    if (down_rounds-- > 0)
        return -ERESTART;
    if (!cpu_answers)
        return -EBUSY;
    cpumask_clear(cpu, &cpu_online_mask);
    return 0;
}

/* ---- domains ---- */

void domain_pause(struct domain *d)
{
    assert_ptr_not_equal(d, world.running->domain);
    d->pause_count++;
}

void domain_unpause(struct domain *d)
{
    assert_true(d->pause_count > 0);
    d->pause_count--;
}

static struct domain *add_domain(domid_t id, unsigned int nr_vcpus)
{
    struct domain *d = world_domain(id, nr_vcpus);
    unsigned int i;
    struct vcpu *v;

    d->mem = calloc(1, sizeof(*d->mem));
    spin_lock_init(&d->mem->lock, LOCK_DOMAIN_PAGES);
    d->mem->tot_pages = 100U + id;
    d->mem->max_pages = UINT64_MAX;
    d->shared_info_mfn = mfn(50U + id);
    d->sched = calloc(1, sizeof(*d->sched));
    cpupool_enter(d, &cpupool0);
    for_each_vcpu (d, v, i) {
        v->cpu = i;
        v->sched = calloc(1, sizeof(*v->sched));
        v->hard_affinity = v->soft_affinity = (cpumask_t){ { ~0UL, ~0UL, ~0UL, ~0UL } };
        v->runstate.time[RUNSTATE_running] = CPU_NS;
    }
    return d;
}

static void free_extras(struct domain *d)
{
    cpupool_leave(d);
    free(d->mem);
    free(d->sched);
    for (unsigned int n = 0; n < d->max_vcpus; n++)
        free(d->vcpu[n]->sched);
}

struct domain *created, *told_time;
struct domain_config created_as;
struct vcpu *vcpu_to_create;

int domain_create(domid_t id, const struct domain_config *config, struct domain **out)
{
    if (id == 1 || id == 3)
        return -EEXIST;
    created_as = *config;
    *out = created = add_domain(id, 1);
    return 0;
}

void created_killed(void)
{
    assert_int_equal(created->mem->max_pages, 0);
    assert_int_equal(cpupool_of(created), 0);
    free_extras(created);
    created->is_dying = false;
    world_kill(created);
    created = NULL;
}

struct domain *domain_find(domid_t id)
{
    struct domain *d = domain_get(id);

    if (d)
        domain_put(d);
    return d;
}

int vcpu_create(struct domain *d, unsigned int id, struct vcpu **out)
{
    *out = d->vcpu[id] = vcpu_to_create;
    return vcpu_to_create ? 0 : -ENOMEM;
}

int arch_domain_configure(struct domain *d, const struct xen_arch_domainconfig *config)
{
    (void)d;
    return config->misc_flags == 99 ? -EINVAL : 0;
}

void domain_resume(struct domain *d)
{
    d->is_shut_down = false;
}

void time_publish(struct domain *d)
{
    told_time = d;
}

int domain_kill(struct domain *d)
{
    if (d->is_hardware || d == current->domain)
        return -EINVAL;
    d->is_dying = true;
    return kill_rounds-- > 0 ? -ERESTART : 0;
}

int event_set_virq_handler(struct domain *d, unsigned int virq)
{
    virq_handler = d;
    return virq == VIRQ_TIMER ? -EINVAL : 0;
}

void event_send_global_virq(unsigned int virq)
{
    if (virq == VIRQ_PCPU_STATE)
        pcpu_changes++;
    else
        dom_exc++;
    assert_true(virq == VIRQ_PCPU_STATE || virq == VIRQ_DOM_EXC);
}

int machine_setup(void **state)
{
    (void)state;
    world_reset();
    cpu_online_mask = (cpumask_t){ { 0xb } }; /* 2 is not */
    nr_cpus = 4;
    cpupool_init();
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        if (cpumask_test(cpu, &cpu_online_mask))
            sched_cpu_online(cpu);
    }
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        idle[cpu].runstate.time[RUNSTATE_running] = (cpu + 1) * IDLE_NS;
    dom0 = add_domain(0, 2);
    dom1 = add_domain(1, 3);
    dom3 = add_domain(3, 1);
    world_be(dom0, 0);
    memset(guest_buffer, 0xaa, sizeof(guest_buffer));
    memset(keys_run, 0, sizeof(keys_run));
    ring_cleared = dom_exc = moved_vcpus = pcpu_changes = 0;
    kill_rounds = down_rounds = 0;
    cpu_answers = true;
    created = told_time = NULL;
    pinned = false;
    weight = 256;
    cap = 0;
    idle_max_cstate = UINT32_MAX;
    return 0;
}

int machine_teardown(void **state)
{
    struct domain *all[] = { dom0, dom1, dom3 };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
        assert_int_equal(all[i]->refs, 1);
        free_extras(all[i]);
    }
    world_end();
    return 0;
}

long call_sysctl(uint32_t cmd, struct xen_sysctl *op)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return do_sysctl(G(op));
}

long call_domctl(uint32_t cmd, domid_t id, struct xen_domctl *op)
{
    op->cmd = cmd;
    op->domain = id;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    return do_domctl(G(op));
}

int main(void)
{
    struct CMUnitTest all[64];
    size_t n = 0;

    for (size_t i = 0; i < nr_sysctl_tests; i++)
        all[n++] = sysctl_tests[i];
    for (size_t i = 0; i < nr_domctl_tests; i++)
        all[n++] = domctl_tests[i];
    for (size_t i = 0; i < nr_hypfs_tests; i++)
        all[n++] = hypfs_tests[i];
    return _cmocka_run_group_tests("control", all, n, NULL, NULL);
}

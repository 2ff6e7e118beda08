/* What machine.h describes: the parts of the hypervisor around PV memory, and the CPUs. */
#include "machine.h"

#include <arch/cpu_features.h>
#include <arch/debugreg.h>
#include <arch/fpu.h>
#include <arch/io.h>
#include <arch/policy.h>
#include <arch/trap.h>
#include <hv/guest_access.h>
#include <hv/printk.h>
#include <hv/range_set.h>
#include "../fake/hv.h"

#define weak __attribute__((weak)) /* other tests that use this machine link the real one */

struct cpu cpus[CPUS];
struct domain *domains[2];
mfn_t own[2][OWN];
unsigned int preempt_one_in, fault_one_in;
uint64_t m2p[RAM_END];
bool granted[RAM_END];
unsigned long leaves_found, stores_done, faults_logged;
__typeof__(continued) continued;
pte_t boot_l4[PTES_PER_TABLE];
struct host_cpu host_cpu;
struct domain *hardware_domain, *domain_idle;

static const struct memory_range ram[] = { { RAM_START, RAM_END, 0 } };
static struct domain idle_domain = { .id = DOMID_IDLE_CPU };
static struct arch_domain idle_arch;
static struct vcpu idle_vcpu = { .domain = &idle_domain };
static struct vcpu *running = &idle_vcpu;

/* ---- CPUs ---- */

void tlb_flush_local(void)
{
    memset(cpus[fake_cpu].tlb, 0, sizeof(cpus[fake_cpu].tlb));
}

void tlb_flush_mask(const cpumask_t *mask)
{
    for (unsigned int i = 0; i < CPUS; i++)
        if (cpumask_test(i, mask))
            memset(cpus[i].tlb, 0, sizeof(cpus[i].tlb));
}

void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg)
{
    (void)mask;
    (void)fn; /* writing caches back is for the hypervisor alone */
    (void)arg;
}

/* INVLPG drops what is remembered of tables too. */
void tlb_flush_page_local(uint64_t va)
{
    for (unsigned int i = 0; i < REMEMBERS; i++) {
        struct translation *t = &cpus[fake_cpu].tlb[i];

        if (t->level || t->va >> PAGE_SHIFT == va >> PAGE_SHIFT)
            memset(t, 0, sizeof(*t));
    }
}

void tlb_flush_page_mask(const cpumask_t *mask, uint64_t va)
{
    unsigned int self = fake_cpu;

    for (fake_cpu = 0; fake_cpu < CPUS; fake_cpu++)
        if (cpumask_test(fake_cpu, mask))
            tlb_flush_page_local(va);
    fake_cpu = self;
}

void write_cr3(uint64_t value)
{
    assert_true(memory_is_ram(mfn(value >> PAGE_SHIFT)));
}

static void remember(struct cpu *c, mfn_t m, unsigned int level, bool write, uint64_t va)
{
    c->tlb[c->next++ % REMEMBERS] = (struct translation){
        .m = m,
        .level = level,
        .write = write,
        .va = va,
        .owner = (domid_t)mfn_to_frame(m)->state.owner,
    };
}

static void store(mfn_t m, uint64_t value)
{
    ((uint64_t *)mfn_to_virt(m))[any_index()] = value;
    stores_done++;
}

/* Walk, from a table that is remembered or from the base. True: a page fault, since `va` may be
 * read but not written. */
static bool walk(struct cpu *c, mfn_t m, uint64_t va, const uint64_t *value)
{
    const struct translation *t = &c->tlb[below(REMEMBERS)];
    unsigned int level = 4;
    bool write = true;

    /* As likely as not it begins at a table that it remembers. */
    if (t->level && t->va >> (PAGE_SHIFT + 9 * t->level) == va >> (PAGE_SHIFT + 9 * t->level)) {
        m = t->m;
        level = t->level;
    }
    for (;; level--) {
        pte_t *e = (pte_t *)mfn_to_virt(m) + pte_index(va, level);

        remember(c, m, level, false, va);
        if (!(*e & PTE_PRESENT))
            return false;
        write = write && *e & PTE_WRITE;
        *e |= PTE_ACCESSED | (level == 1 && value && write ? PTE_DIRTY : 0);
        m = pte_mfn(*e);
        if (level == 1)
            break;
        assert_false(mfn_is_io(m));
    }
    leaves_found++;
    if (mfn_is_io(m))
        return false;
    remember(c, m, 0, write, va);
    if (value && write)
        store(m, *value);
    return value && !write;
}

void touch(unsigned int cpu, uint64_t va, bool user_table, const uint64_t *value)
{
    struct cpu *c = &cpus[cpu];
    struct pv_vcpu *pv = &c->vcpu->arch->pv;
    mfn_t m = user_table ? pv->walked_table_user : pv->walked_table;
    const struct translation *t = &c->tlb[below(REMEMBERS)];

    if (value && t->m.v && t->level == 0 && t->write)
        store(t->m, *value);
    if (m.v == INVALID_MFN.v || !is_canonical(va) || (va >= HV_VIRT_START && va < HV_VIRT_END))
        return;
    if (!walk(c, m, va, value))
        return;
    /* The CPU forgets what it knew of an address that it faulted on. */
    tlb_flush_page_local(va);
    pv->kernel_mode = !user_table;
    if (pv_log_dirty_fault(va, PFEC_PRESENT | PFEC_WRITE | PFEC_USER)) {
        faults_logged++;
        assert_false(walk(c, m, va, value));
    }
    pv->kernel_mode = true;
}

void run_on(unsigned int cpu)
{
    running = cpu < CPUS ? cpus[cpu].vcpu : &idle_vcpu;
    fake_cpu = cpu < CPUS ? cpu : CPUS;
}

struct vcpu *current_vcpu(void)
{
    return running;
}

/* ---- the rest of the hypervisor ---- */

bool hypercall_preempt_check(void)
{
    return preempt_one_in && below(preempt_one_in) == 0;
}

long hypercall_continue_args(unsigned int op, unsigned int nargs, const uint64_t *args)
{
    continued.set = true;
    continued.op = op;
    memset(continued.args, 0, sizeof(continued.args));
    memcpy(continued.args, args, nargs * sizeof(*args));
    return -1000;
}

static bool guest_faults(guest_ptr_t p)
{
    return p.v < PAGE_SIZE || (fault_one_in && below(fault_one_in) == 0);
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t size)
{
    if (guest_faults(src))
        return -EFAULT;
    memcpy(dst, (const void *)src.v, size);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t size)
{
    if (guest_faults(dst))
        return -EFAULT;
    memcpy((void *)dst.v, src, size);
    return 0;
}

struct domain *domain_find(domid_t id)
{
    return id < 2 ? domains[id] : NULL;
}

struct domain *domain_get(domid_t id)
{
    struct domain *d = id == DOMID_SELF ? running->domain : domain_find(id);

    if (d)
        domain_hold(d);
    return d;
}

void domain_put(struct domain *d)
{
    assert_true(d->refs > 1 || d->is_dying);
    d->refs--;
}

void guest_printk(const struct domain *d, enum log_level level, const char *fmt, ...)
{
    (void)d, (void)level, (void)fmt;
}

void arch_frame_set_gfn(mfn_t m, gfn_t g)
{
    frame_dirtied(mfn_to_frame(m));
    m2p[m.v] = g.v;
    frame_dirtied(mfn_to_frame(m));
}

gfn_t arch_frame_gfn(mfn_t m)
{
    return gfn(m2p[m.v]);
}

/* Its CPUs leave its tables, and forget all. */
weak void domain_pause(struct domain *d)
{
    d->pause_count++;
    for (unsigned int i = 0; i < CPUS; i++)
        if (cpus[i].vcpu && cpus[i].vcpu->domain == d)
            memset(cpus[i].tlb, 0, sizeof(cpus[i].tlb));
}

weak void domain_unpause(struct domain *d)
{
    assert_true(d->pause_count > 0);
    d->pause_count--;
}

/* Here nobody holds frames for as long as he likes. */
void grant_mark_written(struct domain *d)
{
    (void)d;
}

void event_mark_written(struct domain *d)
{
    (void)d;
}

int arch_get_guest_frame(struct domain *d, gfn_t g, struct frame **out)
{
    if (mfn_is_io(mfn(g.v)))
        return -EINVAL;
    *out = mfn_to_frame(mfn(g.v));
    return frame_get(*out, d) ? -EINVAL : 0;
}

long arch_memory_op(unsigned long cmd, guest_ptr_t arg)
{
    (void)cmd, (void)arg;
    return -ENOSYS;
}

/* A domain's table is one page. */
unsigned int grant_max_frames(const struct domain *d)
{
    (void)d;
    return 1;
}

int grant_get_shared_frame(struct domain *d, unsigned long idx, mfn_t *out)
{
    (void)idx;
    *out = d->shared_info_mfn;
    return 0;
}

unsigned int grant_max_status_frames(const struct domain *d)
{
    (void)d;
    return 1;
}

int grant_get_status_frame(struct domain *d, unsigned long idx, mfn_t *out)
{
    (void)d, (void)idx, (void)out;
    return -EINVAL;
}

bool iomem_readonly(mfn_t m)
{
    return m.v == RAM_START - 1;
}

void desc_load_vcpu(struct vcpu *v)
{
    (void)v;
}

weak int guest_tsc_set(struct domain *d, uint32_t mode, uint32_t khz, uint64_t elapsed, uint32_t n)
{
    (void)d, (void)mode, (void)khz, (void)elapsed, (void)n;
    return 0;
}

weak int policy_domain_init(struct domain *d)
{
    (void)d;
    return 0;
}

weak void policy_domain_free(struct domain *d)
{
    (void)d;
}

weak int fpu_vcpu_init(struct vcpu *v)
{
    (void)v;
    return 0;
}

weak void fpu_vcpu_free(struct vcpu *v)
{
    (void)v;
}

weak void fpu_vcpu_reset(struct vcpu *v)
{
    (void)v;
}

/* ---- domains ---- */

unsigned int role_of(unsigned int i)
{
    return i < 5 ? 4 : i < 10 ? 3 : i < 16 ? 2 : i < 28 ? 1 : 0;
}

/* Tables of its own for a vCPU: three entries in each, all the way down to data. */
static void build_tables(domid_t id, unsigned int i)
{
    unsigned int at = i, next;

    for (unsigned int level = 4; level > 0; level--, at = next) {
        for (next = 0; role_of(next) != level - 1; next++)
            ;
        next += i;
        for (unsigned int e = 0; e < 3; e++)
            ((pte_t *)mfn_to_virt(own[id][at]))[e] =
                pte_make(own[id][level > 1 ? next : next + 2 * e], PTE_PRESENT | PTE_WRITE);
    }
}

struct domain *make_domain(domid_t id, unsigned int vcpus, unsigned int first_cpu)
{
    struct domain *d = calloc(1, sizeof(*d));

    d->id = id;
    d->refs = 1;
    d->type = DOMAIN_PV;
    d->is_control = d->is_hardware = id == 0;
    d->max_vcpus = vcpus;
    d->vcpu = calloc(vcpus, sizeof(d->vcpu[0]));
    domains[id] = d;
    assert_int_equal(memory_part.init(d), 0);
    assert_int_equal(arch_part.init(d), 0);
    d->mem->max_pages = OWN + 40;
    d->shared_info = page_alloc();
    d->shared_info_mfn = virt_to_mfn(d->shared_info);
    frame_share(mfn_to_frame(d->shared_info_mfn), d, false);
    if (id == 0) {
        d->arch->io_mem = range_set_create("frames");
        assert_int_equal(range_set_add(d->arch->io_mem, RAM_START - 8, RAM_START - 1), 0);
    }
    for (unsigned int i = 0; i < OWN; i++) {
        assert_int_equal(domain_populate(d, 0, 0, NUMA_ANY, INVALID_GFN, &own[id][i]), 0);
        arch_frame_set_gfn(own[id][i], gfn(i));
    }
    for (unsigned int i = 0; i < vcpus; i++) {
        struct vcpu *v = calloc(1, sizeof(*v));

        v->id = i;
        v->domain = d;
        v->cpu = first_cpu + i;
        v->is_running = true;
        v->info_mfn = INVALID_MFN;
        assert_int_equal(arch_part.vcpu_init(v), 0);
        d->vcpu[i] = v;
        cpus[v->cpu] = (struct cpu){ .vcpu = v };
        cpumask_set(v->cpu, &d->arch->pv.dirty_cpus);
        build_tables(id, i);
        spin_lock(&d->arch->pv.lock);
        assert_int_equal(pv_set_base(v, own[id][i], false), 0);
        spin_unlock(&d->arch->pv.lock);
    }
    return d;
}

void kill_domain(domid_t id)
{
    struct domain *d = domains[id];
    int rc;

    run_on(CPUS);
    d->is_dying = true;
    /* Its vCPUs do not run any more. */
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        memset(cpus[d->vcpu[i]->cpu].tlb, 0, sizeof(cpus[0].tlb));
        d->vcpu[i]->is_running = false;
    }
    while ((rc = arch_part.teardown(d)) == -ERESTART)
        check_everything();
    assert_int_equal(rc, 0);
    frame_unshare(mfn_to_frame(d->shared_info_mfn));
    d->shared_info_mfn = INVALID_MFN;
    while ((rc = memory_part.teardown(d)) == -ERESTART)
        check_everything();
    assert_int_equal(rc, 0);
    check_everything();
}

void free_domain(domid_t id)
{
    struct domain *d = domains[id];

    assert_int_equal(d->mem->tot_pages, 0);
    assert_int_equal(d->mem->shared_pages, 0);
    assert_int_equal(d->refs, 1);
    assert_null(d->arch->pv.log);
    assert_null(d->arch->pv.old_log);
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        cpus[d->vcpu[i]->cpu].vcpu = NULL;
        arch_part.vcpu_free(d->vcpu[i]);
        free(d->vcpu[i]);
    }
    arch_part.free(d);
    memory_part.free(d);
    domains[id] = NULL;
    free(d->vcpu);
    free(d);
}

void machine_start(void)
{
    idle_domain.arch = &idle_arch;
    domain_idle = &idle_domain;
    memory_reset(ram, 1);
    for (unsigned int i = HV_SLOT_FIRST; i <= HV_SLOT_LAST; i++)
        boot_l4[i] = pte_make(mfn(i), PTE_PRESENT | PTE_WRITE | PTE_ACCESSED);
}

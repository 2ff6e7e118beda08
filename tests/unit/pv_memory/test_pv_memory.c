/*
 * PV memory safety as a property: two domains issue random operations, sensible ones and hostile
 * ones, half of them preempted, some never continued, while their CPUs walk the tables and remember
 * what they find. After every step all counts are compared with what is really there (check.c).
 */
#include "machine.h"

#include <xen/grant_table.h>
#include <xen/memory.h>
#include <arch/trap.h>

#define MAX_LIST 6

/* A guest's hypercall arguments; it may change them while a call is to be continued. */
static struct args {
    struct mmu_update updates[MAX_LIST];
    struct mmuext_op ops[MAX_LIST];
    struct xen_memory_reservation reservation;
    struct xen_memory_exchange exchange;
    uint64_t in[16], out[16];
    unsigned int done;
    uint8_t vcpus;
} args[CPUS];

static unsigned long calls, refused, continuations, deaths, held_up;

static mfn_t any_frame(domid_t d)
{
    switch (below(32)) {
    case 0:
        return mfn(random64() >> below(64));
    case 1:
        return mfn(RAM_START - 10 + below(12)); /* device frames, and the edge */
    case 2:
        return mfn(RAM_START + below(RAM_END - RAM_START));
    case 3:
        return own[!d][below(OWN)];
    case 4:
        return domains[below(2)] ? domains[d]->shared_info_mfn : mfn(0);
    default:
        return own[d][below(OWN)];
    }
}

static mfn_t frame_for(domid_t d, unsigned int level)
{
    mfn_t m = cpus[below(CPUS)].tlb[below(REMEMBERS)].m;
    unsigned int i;

    if (level == 0 && m.v && below(4) == 0)
        return m;
    do
        i = below(OWN);
    while (role_of(i) != level);
    return own[d][i];
}

unsigned int any_index(void)
{
    static const uint16_t edges[] = { 255, 256, 260, 261, 271, 272, 511 };

    return below(16) ? below(3) : below(4) ? edges[below(7)] : below(PTES_PER_TABLE);
}

static uint64_t any_address(void)
{
    uint64_t va = 0;

    for (unsigned int level = 1; level <= 4; level++)
        va |= (uint64_t)any_index() << (PAGE_SHIFT + 9 * (level - 1));
    va = (uint64_t)((int64_t)(va << 16) >> 16);
    return below(32) ? va : below(2) ? va ^ 1UL << below(64) : random64();
}

/* An entry for a table of `level`, or any. */
static pte_t any_entry(domid_t d, unsigned int level)
{
    pte_t flags = PTE_PRESENT | PTE_USER;

    if (below(8) == 0)
        return below(4) ? 0 : random64();
    if (below(16) == 0)
        return pte_make(any_frame(d), (random64() & ~PTE_ADDR) | PTE_PRESENT);
    if (below(2) || level > 1)
        flags |= PTE_WRITE;
    if (below(32) == 0)
        flags |= 1UL << below(12);
    if (below(4) == 0)
        flags &= ~PTE_USER;
    if (level <= 1)
        return pte_make(below(4) ? frame_for(d, 0) : any_frame(d), flags);
    return pte_make(frame_for(d, level - 1), flags);
}

static domid_t any_owner(void)
{
    static const domid_t ids[] = { DOMID_IO, DOMID_XEN, 0, 1, 2, 0x7ff5 };

    return below(4) ? (domid_t)DOMID_SELF : ids[below(6)];
}

/* For tables of d's, mostly; entries name frames of `named`. */
static unsigned int fill_updates(domid_t d, domid_t named, struct args *a)
{
    unsigned int n = 1 + below(MAX_LIST);

    for (unsigned int i = 0; i < n; i++) {
        unsigned int which = below(OWN);
        mfn_t table = below(16) ? own[d][which] : frame_for(d, 0);
        unsigned int cmd = below(4) ? MMU_NORMAL_PT_UPDATE : below(5);

        a->updates[i].ptr = table.v << PAGE_SHIFT | any_index() * sizeof(pte_t) | cmd;
        a->updates[i].val = any_entry(named, role_of(which));
    }
    return n;
}

static unsigned int fill_ops(domid_t d, struct args *a)
{
    static const uint8_t often[] = { MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                     MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE,
                                     MMUEXT_UNPIN_TABLE,  MMUEXT_UNPIN_TABLE,
                                     MMUEXT_NEW_BASEPTR,  MMUEXT_NEW_USER_BASEPTR,
                                     MMUEXT_CLEAR_PAGE,   MMUEXT_COPY_PAGE };
    unsigned int n = 1 + below(MAX_LIST);

    for (unsigned int i = 0; i < n; i++) {
        struct mmuext_op *op = &a->ops[i];

        op->cmd = below(8) ? often[below(sizeof(often))] : below(24);
        if (op->cmd == MMUEXT_FLUSH_CACHE || op->cmd == MMUEXT_FLUSH_CACHE_GLOBAL)
            op->cmd = MMUEXT_MARK_SUPER; /* an instruction that is not for us */
        op->arg1.mfn = below(12) ? own[d][below(OWN)].v : any_frame(d).v;
        if (op->cmd <= MMUEXT_PIN_L4_TABLE && below(8))
            op->arg1.mfn = frame_for(d, op->cmd - MMUEXT_PIN_L1_TABLE + 1).v;
        if ((op->cmd == MMUEXT_NEW_BASEPTR || op->cmd == MMUEXT_NEW_USER_BASEPTR) && below(8))
            op->arg1.mfn = below(16) ? frame_for(d, 4).v : INVALID_MFN.v;
        if (op->cmd == MMUEXT_SET_LDT || op->cmd >= MMUEXT_TLB_FLUSH_LOCAL)
            op->arg1.linear_addr = any_address();
        op->arg2.src_mfn = any_frame(d).v;
        if (op->cmd == MMUEXT_SET_LDT)
            op->arg2.nr_ents = below(3000);
        if (op->cmd == MMUEXT_TLB_FLUSH_MULTI || op->cmd == MMUEXT_INVLPG_MULTI)
            set_xen_guest_handle(op->arg2.vcpumask, &a->vcpus);
        if (op->cmd == MMUEXT_CLEAR_PAGE || op->cmd == MMUEXT_COPY_PAGE)
            op->arg1.mfn = any_frame(d).v;
    }
    a->vcpus = (uint8_t)random64();
    return n;
}

static bool is_remembered(mfn_t m)
{
    for (unsigned int i = 0; i < CPUS * REMEMBERS; i++)
        if (cpus[i / REMEMBERS].tlb[i % REMEMBERS].m.v == m.v)
            return true;
    return false;
}

/* One that could be given away: nothing but the domain itself holds it. Best one that a CPU has not
 * forgotten yet. Where it is in own[]. */
static unsigned int free_frame(domid_t d)
{
    unsigned int best = below(OWN - 4);

    for (unsigned int i = 0; i < OWN - 4; i++) {
        union frame_state s = mfn_to_frame(own[d][i])->state;

        if (s.refs != 1 || s.owner != d || !s.allocated || s.progress != FRAME_INVALID)
            continue;
        best = i;
        if (is_remembered(own[d][i]))
            break;
    }
    return best;
}

/* Reserve some for the guest, or nothing. */
static long claim_memory(struct args *a)
{
    memset(&a->reservation, 0, sizeof(a->reservation));
    a->reservation.domid = 1;
    a->reservation.nr_extents = below(3) ? OWN + below(60) : 0;
    return do_memory_op(XENMEM_claim_pages, guest_ptr(&a->reservation));
}

/* Frames of the guest's own list move in and out of it; the control domain may move the other's. */
static long change_memory(domid_t caller, struct args *a)
{
    domid_t d = caller == 0 && below(4) == 0 ? 1 : caller;
    struct xen_memory_reservation *r = &a->reservation;
    unsigned int op = below(3), which = below(8) ? free_frame(d) : below(OWN - 4);
    long rc;

    if (d != caller && below(8) == 0)
        return claim_memory(a);
    if (op == 2) {
        struct xen_memory_exchange *x = &a->exchange;
        unsigned int order = below(8) ? below(2) : below(3);

        memset(x, 0, sizeof(*x));
        x->in.domid = x->out.domid = DOMID_SELF;
        x->in.nr_extents = 1UL << order;
        x->out.nr_extents = below(8) ? 1 : below(8);
        x->out.extent_order = below(8) ? order : below(20);
        for (unsigned int i = 0; i < 1U << order; i++)
            a->in[i] = own[d][which + i].v;
        a->out[0] = which;
        set_xen_guest_handle(x->in.extent_start, a->in);
        set_xen_guest_handle(x->out.extent_start, a->out);
        rc = do_memory_op(XENMEM_exchange, guest_ptr(x));
        if (rc == 0 && x->nr_exchanged == 1U << order)
            for (unsigned int i = 0; i < 1U << order; i++)
                own[d][which + i].v = a->out[0] + i;
        return rc;
    }
    memset(r, 0, sizeof(*r));
    r->domid = below(2) ? d : d == caller ? (domid_t)DOMID_SELF : (domid_t)below(3);
    r->nr_extents = 1 + below(3);
    r->extent_order = below(8) == 0;
    for (unsigned int i = 0; i < r->nr_extents; i++)
        a->in[i] = op ? own[d][which + i].v : i;
    set_xen_guest_handle(r->extent_start, a->in);
    rc = do_memory_op(op ? XENMEM_decrease_reservation : XENMEM_populate_physmap, guest_ptr(r));
    if (!op && rc > 0 && rc <= (long)r->nr_extents && (r->domid == d || r->domid == DOMID_SELF))
        for (long i = 0; i < rc; i++)
            own[d][which + i].v = a->in[i];
    return rc;
}

static long change_descriptors(domid_t d, struct args *a)
{
    if (below(2))
        return pv_update_descriptor(any_frame(d).v << PAGE_SHIFT | any_index() * 8,
                                    below(2) ? 0x00cffb000000ffffu : random64());
    for (unsigned int i = 0; i < PV_GDT_FRAMES; i++)
        a->in[i] = any_frame(d).v;
    return pv_set_gdt(guest_ptr(&a->in[0]), below(4) ? below(1025) : below(8000));
}

/* As a grant mapping does, of a frame of either domain; the handle's reference is not kept. */
static long map_grant(struct vcpu *v, domid_t d)
{
    domid_t other = (domid_t)below(2);
    unsigned int flags = below(2) ? GNTMAP_contains_pte : 0;
    uint64_t addr = flags ? frame_for(d, 1).v << PAGE_SHIFT | any_index() * 8 : any_address();
    mfn_t m = any_frame(other);
    struct frame *f;
    long rc;

    if (mfn_is_io(m) || !domains[other])
        return -EINVAL;
    f = mfn_to_frame(m);
    if (frame_get_writable(f, domains[other]))
        return -EINVAL;
    granted[m.v] = true;
    rc = arch_grant_map(v, addr, m, flags);
    if (rc == 0 && below(2))
        rc = arch_grant_unmap(v, addr, m, flags, below(4) ? 0 : any_address());
    arch_tlb_sync(v->domain);
    frame_put_writable(f);
    return rc;
}

static long random_call(unsigned int cpu)
{
    struct vcpu *v = cpus[cpu].vcpu;
    domid_t d = v->domain->id;
    struct args *a = &args[cpu];
    guest_ptr_t done = below(4) ? guest_ptr(&a->done) : guest_ptr(NULL);
    unsigned int n, foreign = any_owner();
    pte_t entry = any_entry(d, 1);
    uint64_t seen;
    bool other;

    switch (below(16)) {
    case 0:
        return change_memory(d, a);
    case 1:
        return change_descriptors(d, a);
    case 2:
        return map_grant(v, d);
    case 3:
        if (pv_put_old_table(v))
            return -ERESTART;
        return pv_pt_write(v, any_address() & ~7UL, 8, below(2) ? 0 : random64(), entry, below(2),
                           &seen);
    case 4:
    case 5:
    case 6:
        if (foreign < 2)
            entry = any_entry((domid_t)foreign, 1);
        return pv_update_va_mapping(any_address(), entry, below(4), (domid_t)foreign);
    case 7:
    case 8:
    case 9:
    case 10:
        n = fill_ops(below(16) ? d : !d, a);
        return pv_mmuext_op(guest_ptr(&a->ops[0]), n, done, foreign);
    default:
        other = below(16) == 0 && domains[!d];
        n = fill_updates(other ? !d : d, other && below(4) ? !d : d, a);
        if (other && below(2))
            foreign = (below(2) ? (unsigned int)!d : foreign) | (unsigned int)(!d + 1) << 16;
        else if (below(16) == 0)
            foreign |= (1 + (below(4) ? below(3) : (unsigned int)DOMID_SELF)) << 16;
        return pv_mmu_update(guest_ptr(&a->updates[0]), n, done, foreign);
    }
}

static long again(unsigned int op, const uint64_t *arg)
{
    switch (op) {
    case __HYPERVISOR_mmu_update:
        return pv_mmu_update((guest_ptr_t){ arg[0] }, (unsigned int)arg[1], (guest_ptr_t){ arg[2] },
                             (unsigned int)arg[3]);
    case __HYPERVISOR_mmuext_op:
        return pv_mmuext_op((guest_ptr_t){ arg[0] }, (unsigned int)arg[1], (guest_ptr_t){ arg[2] },
                            (unsigned int)arg[3]);
    case __HYPERVISOR_update_va_mapping_otherdomain:
        return pv_update_va_mapping(arg[0], arg[1], arg[2], (domid_t)arg[3]);
    case __HYPERVISOR_memory_op:
        return do_memory_op(arg[0], (guest_ptr_t){ arg[1] });
    default:
        fail_msg("hypercall %u is to be continued", op);
        return 0;
    }
}

static void use_tables(unsigned int cpu)
{
    domid_t d = cpus[cpu].vcpu->domain->id;

    for (unsigned int i = below(4); i > 0; i--) {
        uint64_t value = any_entry(d, below(5));

        touch(cpu, any_address(), below(4) == 0, below(2) ? &value : NULL);
    }
}

/* A call with all its continuations; in between others may make theirs. */
static void step(unsigned int cpu, unsigned int depth)
{
    long rc;

    if (cpus[cpu].vcpu->domain->pause_count || cpus[cpu].vcpu->domain->is_dying)
        return;
    run_on(cpu);
    use_tables(cpu);
    continued.set = false;
    rc = random_call(cpu);
    check_everything();
    calls++;
    refused += rc < 0 && !continued.set;
    while (continued.set && below(16)) {
        __typeof__(continued) call = continued;

        continuations++;
        if (depth < 3 && below(3) == 0)
            step(below(CPUS), depth + 1);
        if (cpus[cpu].vcpu->domain->pause_count)
            return;
        run_on(cpu);
        use_tables(cpu);
        continued.set = false;
        (void)again(call.op, call.args);
        check_everything();
    }
}

/* Frames that are free or, with small objects, the heap's for good. */
static uint64_t not_a_domains(void)
{
    uint64_t count = frames_free_count();

    for (uint64_t m = RAM_START; m < RAM_END; m++)
        count += mfn_to_frame(mfn(m))->state.owner == DOMID_XEN;
    return count;
}

static void somebody_else(void)
{
    step(below(CPUS), 3);
}

/* Whole pages of the hypervisor's. */
static uint64_t pages_in_use(void)
{
    uint64_t count = 0;

    for (uint64_t m = RAM_START; m < RAM_END; m++) {
        union frame_state s = mfn_to_frame(mfn(m))->state;

        count += s.owner == DOMID_XEN && s.refs && s.types == 0;
    }
    return count;
}

/* The control domain lets go of all that it maps of the other. */
static void let_go(void)
{
    struct mmu_update u;

    run_on(0);
    for (uint64_t m = RAM_START; m < RAM_END; m++) {
        union frame_state s = mfn_to_frame(mfn(m))->state;
        const pte_t *table = mfn_to_virt(mfn(m));

        if (s.owner != 0 || s.type != FRAME_L1 || s.progress != FRAME_VALID)
            continue;
        for (unsigned int i = 0; i < PTES_PER_TABLE; i++) {
            mfn_t to = pte_mfn(table[i]);

            if (!(table[i] & PTE_PRESENT) || mfn_is_io(to) || mfn_to_frame(to)->state.owner != 1)
                continue;
            u = (struct mmu_update){ m << PAGE_SHIFT | i * sizeof(pte_t), 0 };
            do
                continued.set = false;
            while (pv_mmu_update(guest_ptr(&u), 1, guest_ptr(NULL), DOMID_SELF) == -EFAULT ||
                   continued.set);
            check_everything();
        }
    }
    while (pv_put_old_table(cpus[0].vcpu) == -ERESTART)
        check_everything();
}

/* The guest dies under the control domain's hands, and another one comes in its place when nothing
 * is left of it. */
static void die_and_be_born(unsigned int *dead_for)
{
    struct domain *d = domains[1];
    unsigned int preempt = preempt_one_in;

    if (!d->is_dying) {
        if (below(100))
            return;
        kill_domain(1);
        deaths++;
        *dead_for = 0;
    }
    held_up += d->mem->tot_pages > 0;
    if (++*dead_for == 30)
        let_go();
    if (d->mem->tot_pages || d->mem->shared_pages)
        return;
    assert_int_equal(d->refs, 1);
    free_domain(1);
    preempt_one_in = 0;
    make_domain(1, 2, 1);
    preempt_one_in = preempt;
    check_everything();
}

static void random_life(uint64_t seed, unsigned int steps)
{
    unsigned int dead_for = 0;
    size_t heap = hv_heap_used();
    uint64_t pages = pages_in_use();

    memory_seed = seed;
    preempt_one_in = fault_one_in = 0;
    memset(args, 0, sizeof(args));
    memset(granted, 0, sizeof(granted));
    make_domain(0, 1, 0);
    make_domain(1, 2, 1);
    preempt_one_in = (unsigned int[]){ 0, 2, 4, 16 }[below(4)];
    fault_one_in = below(2) ? 0 : 40;
    for (unsigned int i = 0; i < steps; i++) {
        step(below(CPUS), 0);
        if (seed % 3) {
            die_and_be_born(&dead_for);
            continue;
        }
        for (unsigned int cpu = 1; cpu < CPUS; cpu++) {
            run_on(cpu);
            use_tables(cpu);
        }
        migrate_step();
    }
    /* Either order; what the control domain still maps of the other goes when it does. */
    if (!domains[1]->is_dying)
        kill_domain(1);
    kill_domain(0);
    migrate_finish();
    assert_int_equal(domain_claims(), 0);
    free_domain(1);
    free_domain(0);
    assert_int_equal(hv_heap_used(), heap);
    assert_int_equal(pages_in_use(), pages);
    assert_int_equal(not_a_domains(), RAM_END - RAM_START);
}

static void random_operations(void **state)
{
    const char *lives = getenv("LIVES"); /* for a long run */
    unsigned long last = lives ? strtoul(lives, NULL, 0) : 80;

    (void)state;
    for (uint64_t seed = 1; seed <= last; seed++)
        random_life(seed, 400);
    print_message("# %lu calls, %lu refused, %lu continued; %lu translations, %lu stores\n", calls,
                  refused, continuations, leaves_found, stores_done);
    /* It is no proof if nothing happens. */
    assert_true(refused < calls * 3 / 4 && continuations > calls / 50);
    assert_true(leaves_found > calls / 10 && stores_done > calls / 50);
    print_message("# %lu deaths, %lu steps with pages of the dead\n", deaths, held_up);
    assert_true(deaths > last && held_up > last);
    print_message("# migration: %lu rounds, %lu faults, %lu pages sent, compared %lu times\n",
                  rounds_done, faults_logged, pages_sent, arrivals_compared);
    assert_true(rounds_done > 300 && faults_logged > 300 && arrivals_compared > rounds_done / 4);
}

static struct frame *own_table(domid_t d, unsigned int role)
{
    unsigned int i = 0;

    while (role_of(i) != role)
        i++;
    return mfn_to_frame(own[d][i]);
}

/* What the entries of level 1 to 4 say of caches, after each was set to `bits`. */
static void assert_caching(unsigned int cpu, pte_t bits, pte_t leaf, pte_t table)
{
    domid_t d = cpus[cpu].vcpu->domain->id;

    run_on(cpu);
    for (unsigned int level = 1; level <= 4; level++) {
        struct frame *f = own_table(d, level);
        pte_t *e = mfn_to_virt(frame_to_mfn(f)),
              wish = *e | (bits & (level == 1 ? ~0UL : ~PTE_PSE));
        struct mmu_update u = { frame_to_mfn(f).v << PAGE_SHIFT, wish };

        assert_int_equal(pv_mmu_update(guest_ptr(&u), 1, guest_ptr(NULL), DOMID_SELF), 0);
        assert_int_equal(*e & (PTE_PWT | PTE_PCD | PTE_PSE), level == 1 ? leaf : table);
    }
    check_everything();
}

static void two_lives(void)
{
    preempt_one_in = fault_one_in = 0;
    make_domain(0, 1, 0);
    make_domain(1, 2, 1);
}

static void end_of_both(void)
{
    kill_domain(1);
    kill_domain(0);
    free_domain(1);
    free_domain(0);
}

/* Only who has devices sees its memory past the caches. */
static void caching_is_not_chosen(void **state)
{
    const pte_t all = PTE_PWT | PTE_PCD | PTE_PSE;

    (void)state;
    two_lives();
    assert_caching(0, all, all, 0);
    assert_caching(1, all, 0, 0);
    /* Nor by what a table says when it is checked. */
    *(pte_t *)mfn_to_virt(own[1][26]) = pte_make(own[1][50], PTE_PRESENT | all);
    spin_lock(&domains[1]->arch->pv.lock);
    assert_int_equal(pv_pin(domains[1], own[1][26], FRAME_L1), 0);
    spin_unlock(&domains[1]->arch->pv.lock);
    assert_int_equal(*(pte_t *)mfn_to_virt(own[1][26]) & all, 0);
    end_of_both();
}

/* Other bits of an entry change, and its frame is held as often as before; what it may do to the
 * frame is counted. */
static void other_bits_change(void **state)
{
    struct frame *table, *f;
    pte_t *e, before;
    uint64_t held;

    (void)state;
    two_lives();
    run_on(1);
    table = own_table(1, 1);
    e = mfn_to_virt(frame_to_mfn(table));
    before = *e;
    assert_true(before & PTE_PRESENT);
    f = mfn_to_frame(pte_mfn(before));
    held = f->state.raw;
    for (unsigned int i = 0; i < 2; i++) {
        pte_t wish = before ^ (i ? PTE_WRITE : PTE_NX | PTE_DIRTY);
        struct mmu_update u = { frame_to_mfn(table).v << PAGE_SHIFT, wish };

        assert_int_equal(pv_mmu_update(guest_ptr(&u), 1, guest_ptr(NULL), DOMID_SELF), 0);
        assert_int_equal((*e ^ wish) & (PTE_ADDR | PTE_WRITE | PTE_NX | PTE_DIRTY), 0);
        if (i == 0)
            assert_true(f->state.raw == held);
        else
            assert_false(f->state.raw == held);
        check_everything();
    }
    end_of_both();
}

/* Who waits for the lock gets it before a great many tables are checked, or released. */
static void lock_is_passed_on(void **state)
{
    struct domain *d;
    spinlock_t *lock;
    int rc;

    (void)state;
    two_lives();
    d = domains[1];
    lock = &d->arch->pv.lock;
    run_on(1);
    for (unsigned int e = 0; e < 3; e++)
        ((pte_t *)mfn_to_virt(own[1][4]))[e] = pte_make(own[1][5 + e % 2], PTE_PRESENT | PTE_WRITE);
    spin_lock(lock);
    lock->next++; /* somebody came */
    rc = pv_pin(d, own[1][4], FRAME_L4);
    assert_int_equal(rc, -ERESTART);
    assert_int_equal(mfn_to_frame(own[1][4])->state.progress, FRAME_PROMOTING);
    lock->next--;
    assert_int_equal(pv_pin(d, own[1][4], FRAME_L4), 0);
    spin_unlock(lock);
    check_everything();
    end_of_both();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caching_is_not_chosen),
        cmocka_unit_test(other_bits_change),
        cmocka_unit_test(lock_is_passed_on),
        cmocka_unit_test(random_operations),
    };

    migrate_others = somebody_else;
    machine_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

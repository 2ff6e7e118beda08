/*
 * The rules of PV memory, checked on the whole machine: every reference and type that a frame
 * counts is found by looking at everything that may hold one, and nothing else is found.
 */
#include "machine.h"

#include <arch/io.h>
#include <hv/range_set.h>

#define NR_TYPES 7

static struct expected {
    uint32_t refs, types[NR_TYPES], listed;
} expected[RAM_END];

static union frame_state state_of(uint64_t m)
{
    return mfn_to_frame(mfn(m))->state;
}

static struct expected *frame(mfn_t m)
{
    assert_true(memory_is_ram(m));
    return &expected[m.v];
}

static void hold(mfn_t m, enum frame_type type)
{
    frame(m)->refs++;
    if (type != FRAME_NONE)
        frame(m)->types[type]++;
}

static void check_leaf(pte_t e, const struct domain *d)
{
    mfn_t m = pte_mfn(e);

    assert_true(e & PTE_USER);
    if (mfn_is_io(m)) {
        assert_true(d->arch->io_mem && range_set_contains(d->arch->io_mem, m.v, m.v));
        assert_false(e & PTE_WRITE && iomem_readonly(m));
        return;
    }
    assert_true(state_of(m.v).owner == d->id || d->is_control || granted[m.v]);
    hold(m, e & PTE_WRITE ? FRAME_WRITABLE : FRAME_NONE);
}

/* What the entries below `count` of a table hold. */
static void check_entries(mfn_t m, union frame_state s, unsigned int count)
{
    const pte_t *table = mfn_to_virt(m);
    const struct domain *d = domain_find((domid_t)s.owner);
    unsigned int level = s.type - FRAME_L1 + 1;

    assert_non_null(d);
    for (unsigned int i = 0; i < count; i++) {
        pte_t e = table[i];
        union frame_state child;

        if (!(e & PTE_PRESENT) || (level == 4 && !pv_l4_slot_is_guests(i)))
            continue;
        if (level == 1) {
            check_leaf(e, d);
            continue;
        }
        assert_true(e & PTE_USER);
        assert_false(e & PTE_PSE);
        assert_true(memory_is_ram(pte_mfn(e)));
        child = state_of(pte_mfn(e).v);
        assert_int_equal(child.owner, d->id);
        /* The entry that is being released has given up the type first. */
        if (s.progress != FRAME_VALID && i == count - 1 && child.progress == FRAME_DEMOTING) {
            hold(pte_mfn(e), FRAME_NONE);
        } else {
            assert_int_equal(child.progress, FRAME_VALID);
            assert_int_equal(child.type, FRAME_L1 + level - 2);
            hold(pte_mfn(e), FRAME_L1 + level - 2);
        }
    }
}

static void check_l4(mfn_t m, const struct domain *d)
{
    const pte_t *table = mfn_to_virt(m);

    for (unsigned int i = HV_SLOT_FIRST; i <= HV_SLOT_LAST; i++)
        if (i == PERDOMAIN_SLOT)
            assert_int_equal(pte_mfn(table[i]).v, d->arch->pv.perdomain_l3.v);
        else if (i != HV_SLOT_FIRST || table[i]) /* hidden from the guest's user */
            assert_int_equal(table[i] & ~PTE_ACCESSED, boot_l4[i] & ~PTE_ACCESSED);
}

static void count_frame(uint64_t m)
{
    union frame_state s = state_of(m);
    struct expected *x = &expected[m];
    bool table = s.type >= FRAME_L1 && s.type <= FRAME_L4;

    assert_int_not_equal(s.progress, s.refs ? FRAME_BUSY : FRAME_VALID);
    if (s.refs == 0 || s.owner >= 2)
        return;
    x->refs += s.allocated + (s.shared && domains[s.owner]->shared_info_mfn.v == m);
    x->types[FRAME_WRITABLE] += s.shared; /* for good, even when it is not ours any more */
    if (s.pinned) {
        x->refs++;
        x->types[s.type] += s.progress == FRAME_VALID;
        assert_true(s.progress == FRAME_VALID ||
                    (s.progress == FRAME_DEMOTING && domains[s.owner]->is_dying));
    }
    switch ((enum frame_progress)s.progress) {
    case FRAME_VALID:
        if (table)
            check_entries(mfn(m), s, PTES_PER_TABLE);
        if (s.type == FRAME_L4)
            check_l4(mfn(m), domains[s.owner]);
        break;
    case FRAME_PROMOTING:
    case FRAME_UNDOING:
    case FRAME_DEMOTING:
        assert_true(table);
        assert_int_not_equal(s.type, FRAME_L1);
        x->refs++;
        check_entries(mfn(m), s, s.types);
        break;
    default:
        break;
    }
}

static void count_vcpu(const struct vcpu *v)
{
    const struct pv_vcpu *pv = &v->arch->pv;
    const pte_t *area = v->arch->perdomain_l1;

    if (pv->guest_table.v != INVALID_MFN.v)
        hold(pv->guest_table, FRAME_L4);
    if (pv->guest_table_user.v != INVALID_MFN.v)
        hold(pv->guest_table_user, FRAME_L4);
    if (pv->old_table) {
        hold(frame_to_mfn(pv->old_table), FRAME_NONE);
        assert_int_equal(pv->old_table->state.progress, FRAME_DEMOTING);
    }
    for (unsigned int i = 0; i < PV_AREA_PAGES; i++) {
        bool gdt = i < PV_GDT_FRAMES;

        assert_false(area[i] & (PTE_WRITE | PTE_USER));
        if (gdt && i >= pv->nr_gdt_frames)
            assert_int_equal(pte_mfn(area[i]).v, virt_to_mfn(pv_zero_page).v);
        else if (area[i] & PTE_PRESENT)
            hold(pte_mfn(area[i]), FRAME_SEGDESC);
    }
}

static void count_list(const struct domain *d, const struct frame_list *l, bool allocated)
{
    uint64_t count = 0;

    for (uint32_t m = l->head; m != FRAME_LIST_END; m = mfn_to_frame(mfn(m))->next) {
        union frame_state s = state_of(m);

        assert_int_equal(s.owner, d->id);
        assert_true(s.refs > 0 && !s.shared);
        assert_int_equal(s.allocated, allocated);
        frame(mfn(m))->listed++;
        count++;
    }
    assert_int_equal(count, l->count);
}

static void same(uint64_t m, const char *what, uint64_t has, uint64_t found)
{
    union frame_state s = state_of(m);

    if (has != found)
        fail_msg("frame %#lx of domain %u, type %u, progress %u, %u references, %u types: "
                 "counts %lu %s, but %lu are there",
                 m, s.owner, s.type, s.progress, s.refs, s.types, has, what, found);
}

static void compare(uint64_t m)
{
    union frame_state s = state_of(m);
    const struct expected *x = &expected[m];

    if (s.owner >= 2 || s.refs == 0) {
        same(m, "references", 0, x->refs); /* nothing leads to memory that is free or ours */
        return;
    }
    same(m, "references", s.refs, x->refs);
    same(m, "list entries", !s.shared, x->listed);
    for (unsigned int t = FRAME_WRITABLE; t < NR_TYPES; t++)
        same(m, "types", s.progress == FRAME_VALID && s.type == t ? s.types : 0, x->types[t]);
}

/* No CPU remembers a way to what became something else. */
static void check_tlb(const struct cpu *c)
{
    for (unsigned int i = 0; i < REMEMBERS; i++) {
        const struct translation *t = &c->tlb[i];
        union frame_state s;

        if (t->m.v == 0)
            continue;
        s = state_of(t->m.v);
        assert_int_equal(s.owner, t->owner);
        assert_true(s.refs > 0);
        if (t->level && s.owner == DOMID_XEN) {
            assert_int_equal(mirror_level(c->vcpu->domain, t->m), t->level);
            continue;
        }
        if (t->level)
            assert_int_equal(s.type, FRAME_L1 + t->level - 1);
        else if (t->write)
            assert_int_equal(s.type, FRAME_WRITABLE);
    }
}

void check_everything(void)
{
    memset(expected, 0, sizeof(expected));
    for (uint64_t m = RAM_START; m < RAM_END; m++)
        count_frame(m);
    for (unsigned int i = 0; i < 2; i++) {
        if (!domains[i])
            continue;
        count_list(domains[i], &domains[i]->mem->pages, true);
        count_list(domains[i], &domains[i]->mem->given_up, false);
        assert_int_equal(domains[i]->mem->pages.count + domains[i]->mem->given_up.count,
                         domains[i]->mem->tot_pages);
        for (unsigned int n = 0; n < domains[i]->max_vcpus; n++)
            count_vcpu(domains[i]->vcpu[n]);
    }
    for (uint64_t m = RAM_START; m < RAM_END; m++)
        compare(m);
    for (unsigned int i = 0; i < 2; i++)
        if (domains[i] && domains[i]->arch->pv.log)
            check_mirrors(domains[i]);
    for (unsigned int i = 0; i < CPUS; i++)
        if (cpus[i].vcpu)
            check_tlb(&cpus[i]);
    assert_true(irq_enabled());
}

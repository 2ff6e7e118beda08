/*
 * A control domain that has lost its mind: random operations on another domain's memory, on who it
 * is mapped for, on what it may have, with arguments that nearly make sense. The hypervisor must
 * survive it; and when the other domain is destroyed, all memory is free again.
 */
#include "pv.h"

#include <xen/domctl.h>

#define OTHER   5u
#define PAGES   64u
#define WINDOW  16u /* of our addresses are used for its frames */
#define VA      0xffffffffa0000000ul
#define LIST    8u
#define CONTROL 9u

static uint64_t mfn[PAGES], list[LIST], spare; /* a page of ours that may be anything */
static unsigned int array[64];
static unsigned long accepted, rejected;

static void count(long rc)
{
    if (rc < 0)
        rejected++;
    else
        accepted++;
}

static long domctl(unsigned int cmd, struct xen_domctl *op)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = OTHER;
    return hypercall1(__HYPERVISOR_domctl, (unsigned long)op);
}

static uint64_t free_pages(void)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_physinfo,
                             .interface_version = XEN_SYSCTL_INTERFACE_VERSION };

    if (hypercall1(__HYPERVISOR_sysctl, (unsigned long)&op))
        bail("physinfo");
    return op.u.physinfo.free_pages;
}

/* A number of any size, often an edge. */
static uint64_t any_number(void)
{
    uint64_t n = random_next() >> random_below(64);

    return random_below(8) ? n : random_below(2) ? ~n : 0;
}

static uint64_t any_frame(void)
{
    return random_below(16) ? mfn[random_below(PAGES)] : random_below(2) ? any_number() : spare;
}

static unsigned int any_owner(void)
{
    static const domid_t ids[] = { OTHER, 0, 77, DOMID_SELF, DOMID_IO, DOMID_XEN, DOMID_IDLE };

    return random_below(3) ? OTHER : ids[random_below(ARRAY_SIZE(ids))];
}

/* What a list may be: ours, or no memory of ours at all. */
static void *any_list(void *usual)
{
    static const uint64_t none[] = { 0, 8, 0xffff800000000000ul, 0xffff820000000000ul, 1ul << 63 };

    return random_below(16) ? usual : (void *)none[random_below(ARRAY_SIZE(none))];
}

static void fill_list(void)
{
    for (unsigned int i = 0; i < LIST; i++)
        list[i] = any_frame();
}

/* ---- one of everything ---- */

static void random_mapping(void)
{
    static const uint64_t flags[] = { PTE_LEAF, PTE_LEAF, PTE_LEAF_RO, 0 };
    struct mmu_update u = {
        .ptr = pte_machine(VA + random_below(WINDOW) * PAGE_SIZE, 1) | random_below(4),
        .val = make_pte(any_frame() & 0xfffffffffful, flags[random_below(4)]),
    };
    unsigned int owners = any_owner();

    if ((u.ptr & 3) == MMU_MACHPHYS_UPDATE)
        u.ptr = mfn[random_below(PAGES)] << PAGE_SHIFT | MMU_MACHPHYS_UPDATE;
    if (random_below(4) == 0) {
        u.ptr = mfn[random_below(PAGES)] << PAGE_SHIFT | random_below(8) * 8;
        owners |= (OTHER + 1) << 16;
    }
    count(hypercall5(__HYPERVISOR_mmu_update, (unsigned long)&u, 1, 0, owners, 0));
}

/* Data for a table that will be checked: through a mapping, if it is writable. */
static void random_store(void)
{
    volatile uint64_t *at = (volatile uint64_t *)(VA + random_below(WINDOW) * PAGE_SIZE);

    try_write(at + random_below(8),
              make_pte(any_frame() & 0xfffffffffful, random_below(2) ? PTE_LEAF : PTE_LEAF_RO));
}

static void random_table(void)
{
    static const uint8_t ops[] = { MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                   MMUEXT_PIN_L4_TABLE, MMUEXT_UNPIN_TABLE,  MMUEXT_UNPIN_TABLE,
                                   MMUEXT_CLEAR_PAGE,   MMUEXT_COPY_PAGE,    MMUEXT_NEW_BASEPTR };
    struct mmuext_op op = { .cmd = ops[random_below(ARRAY_SIZE(ops))],
                            .arg1.mfn = mfn[random_below(PAGES)],
                            .arg2.src_mfn = any_frame() };

    count(hypercall5(__HYPERVISOR_mmuext_op, (unsigned long)&op, 1, 0, OTHER, 0));
}

static void random_reservation(void)
{
    static const uint8_t ops[] = { XENMEM_populate_physmap, XENMEM_increase_reservation,
                                   XENMEM_decrease_reservation, XENMEM_decrease_reservation,
                                   XENMEM_claim_pages };
    unsigned int cmd = ops[random_below(ARRAY_SIZE(ops))], first = random_below(PAGES - LIST);
    struct xen_memory_reservation r = {
        .nr_extents = random_below(4) ? random_below(LIST + 1) : 1,
        .extent_order = random_below(8) ? 0 : (unsigned int)any_number(),
        .mem_flags = random_below(4) ? 0 : (unsigned int)any_number(),
        .domid = random_below(16) ? OTHER : 77,
    };
    long rc;

    fill_list();
    if (cmd == XENMEM_claim_pages) {
        r.nr_extents = random_below(2) ? random_below(300) : any_number();
        r.extent_order = r.mem_flags = 0;
    } else {
        set_xen_guest_handle(r.extent_start, any_list(list));
    }
    rc = memory_op(cmd, &r);
    if ((cmd == XENMEM_populate_physmap || cmd == XENMEM_increase_reservation) && !r.extent_order &&
        r.extent_start.p == list)
        for (long i = 0; i < rc && i < (long)LIST; i++)
            mfn[first + i] = list[i];
    count(rc);
}

static void random_question(void)
{
    struct xen_mem_acquire_resource r = { .domid = (domid_t)any_owner(),
                                          .type = (uint16_t)random_below(4),
                                          .id = (uint32_t)random_below(3),
                                          .nr_frames = (uint32_t)any_number(),
                                          .frame = any_number() };
    struct xen_foreign_memory_map map = { .domid = OTHER,
                                          .map.nr_entries = (unsigned int)any_number() };
    struct xen_pod_target pod = { .domid = OTHER, .target_pages = any_number() };

    set_xen_guest_handle(r.frame_list, any_list(list));
    if (r.nr_frames > LIST && r.frame_list.p == list)
        r.nr_frames = LIST;
    map.map.buffer.p = any_list(array);
    if (map.map.nr_entries > 8 && map.map.buffer.p == array)
        map.map.nr_entries = 8;
    count(memory_op(XENMEM_acquire_resource, &r));
    count(memory_op(XENMEM_set_memory_map, &map));
    count(memory_op(random_below(2) ? XENMEM_set_pod_target : XENMEM_get_pod_target, &pod));
    count(memory_op((unsigned int)random_below(40), (void *)8));
}

static void random_control(void)
{
    static const uint8_t ops[CONTROL] = {
        XEN_DOMCTL_getpageframeinfo3, XEN_DOMCTL_iomem_permission, XEN_DOMCTL_ioport_permission,
        XEN_DOMCTL_irq_permission,    XEN_DOMCTL_memory_mapping,   XEN_DOMCTL_setnodeaffinity,
        XEN_DOMCTL_getnodeaffinity,   XEN_DOMCTL_setvnumainfo,     XEN_DOMCTL_getdomaininfo,
    };
    unsigned int cmd = ops[random_below(CONTROL)];
    struct xen_domctl op = { 0 };
    uint64_t *words = (uint64_t *)&op.u;

    for (unsigned int i = 0; i < 8; i++)
        words[i] = any_number();
    fill_list();
    switch (cmd) {
    case XEN_DOMCTL_getpageframeinfo3:
        op.u.getpageframeinfo3.num = random_below(8) ? random_below(LIST) : any_number();
        set_xen_guest_handle(op.u.getpageframeinfo3.array, any_list(list));
        break;
    case XEN_DOMCTL_setnodeaffinity:
    case XEN_DOMCTL_getnodeaffinity:
        op.u.nodeaffinity.nodemap.nr_bits %= 8 * sizeof(array);
        op.u.nodeaffinity.nodemap.bitmap.p = any_list(array);
        break;
    case XEN_DOMCTL_setvnumainfo:
        op.u.vnuma.nr_vnodes %= 40;
        op.u.vnuma.nr_vcpus = 1;
        op.u.vnuma.pad = 0;
        op.u.vnuma.vdistance.p = op.u.vnuma.vcpu_to_vnode.p = any_list(array);
        op.u.vnuma.vnode_to_pnode.p = array;
        op.u.vnuma.vmemrange.p = any_list(array);
        break;
    default:
        break;
    }
    count(domctl(cmd, &op));
}

/* ---- */

static void create(void)
{
    struct xen_domctl op = { .u.createdomain = { .max_vcpus = 1,
                                                 .max_evtchn_port = 31,
                                                 .max_grant_frames = 4,
                                                 .max_maptrack_frames = 4,
                                                 .grant_opts = XEN_DOMCTL_GRANT_version(1) } };
    struct xen_memory_reservation r = { .nr_extents = PAGES, .domid = OTHER };

    if (domctl(XEN_DOMCTL_createdomain, &op))
        bail("createdomain");
    op.u.max_mem.max_memkb = 200 * 4;
    if (domctl(XEN_DOMCTL_max_mem, &op))
        bail("max_mem");
    set_xen_guest_handle(r.extent_start, mfn);
    if (memory_op(XENMEM_populate_physmap, &r) != PAGES)
        bail("populate");
}

static bool other_is_there(void)
{
    struct xen_domctl op = { 0 };

    return domctl(XEN_DOMCTL_getdomaininfo, &op) == 0 && op.u.getdomaininfo.domain == OTHER;
}

static void destroy(void)
{
    struct xen_domctl op = { 0 };

    is(domctl(XEN_DOMCTL_destroydomain, &op), 0, "destroy it");
    for (unsigned int i = 0; i < 500; i++) { /* the dead are no better off */
        random_mapping();
        random_table();
        random_reservation();
        random_question();
        random_control();
    }
    for (unsigned int i = 0; i < WINDOW; i++)
        mmu_write(pte_machine(VA + i * PAGE_SIZE, 1), 0);
    for (unsigned int i = 0; i < 1000 && other_is_there(); i++)
        sched_op(SCHEDOP_yield, NULL);
    ok(!other_is_there(), "it is gone");
}

static void live(unsigned long calls)
{
    create();
    for (unsigned long i = 0; i < calls; i++)
        switch (random_below(8)) {
        case 0:
        case 1:
            random_mapping();
            break;
        case 2:
            random_store();
            break;
        case 3:
        case 4:
            random_table();
            break;
        case 5:
            random_reservation();
            break;
        case 6:
            random_question();
            break;
        default:
            random_control();
            break;
        }
    destroy();
}

void guest_main(void)
{
    unsigned long calls = option("calls", 20000);
    uint64_t before;

    random_seed(option("seed", 1));
    ensure_tables(VA);
    spare = virt_to_mfn(alloc_page());
    live(1000);
    before = free_pages();
    live(calls);
    live(calls);
    is((long)free_pages(), (long)before, "all memory is free again");
    ok(accepted > calls / 4 && rejected > calls / 4, "%lu operations are accepted, %lu are not",
       accepted, rejected);
}

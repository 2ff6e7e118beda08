/*
 * As control domain: make another domain, fill its memory through mappings of its frames, make page
 * tables of some, give it this and that; then destroy it while its frames are mapped. They stay as
 * they are until the last mapping goes, and then all memory is as free as it was.
 */
#include "pv.h"

#include <xen/domctl.h>

#define OTHER      5u
#define PAGES      32u
#define MAX_PAGES  48u
#define VA         0xffffffffa0000000ul
#define GRANTS_VA  (VA + 0x20000ul)
#define M2P_VA     (VA + 0x21000ul)
#define NOT_MAPPED 0ul

static uint64_t mfn[PAGES], list[PAGES];

static long domctl(unsigned int cmd, struct xen_domctl *op)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = OTHER;
    return hypercall1(__HYPERVISOR_domctl, (unsigned long)op);
}

static struct xen_sysctl_physinfo physinfo(void)
{
    struct xen_sysctl op = { .cmd = XEN_SYSCTL_physinfo,
                             .interface_version = XEN_SYSCTL_INTERFACE_VERSION };

    if (hypercall1(__HYPERVISOR_sysctl, (unsigned long)&op))
        bail("physinfo");
    return op.u.physinfo;
}

static uint64_t page_va(unsigned int i)
{
    return VA + i * PAGE_SIZE;
}

/* As tools do: an entry of ours, a frame of `owner`. */
static long map_at(uint64_t va, unsigned long frame, uint64_t flags, unsigned int owner)
{
    struct mmu_update u = { .ptr = pte_machine(va, 1) | MMU_NORMAL_PT_UPDATE,
                            .val = flags ? make_pte(frame, flags) : 0 };
    struct mmuext_op flush = { .cmd = MMUEXT_INVLPG_LOCAL, .arg1.linear_addr = va };
    unsigned int done = 0;
    long rc =
        hypercall5(__HYPERVISOR_mmu_update, (unsigned long)&u, 1, (unsigned long)&done, owner, 0);

    if (rc == 0 && done != 1)
        bail("an update succeeds, but is not done");
    mmuext_ops(&flush, 1, NULL);
    return rc;
}

static long map(unsigned int i, uint64_t flags)
{
    return map_at(page_va(i), mfn[i], flags, OTHER);
}

static long others_mmuext(unsigned int cmd, unsigned long frame, unsigned long source)
{
    struct mmuext_op op = { .cmd = cmd, .arg1.mfn = frame, .arg2.src_mfn = source };

    return hypercall5(__HYPERVISOR_mmuext_op, (unsigned long)&op, 1, 0, OTHER, 0);
}

static volatile uint64_t *page(unsigned int i)
{
    return (volatile uint64_t *)page_va(i);
}

/* ---- a domain and its memory ---- */

static void create(void)
{
    struct xen_domctl op = { .u.createdomain = { .max_vcpus = 1,
                                                 .max_evtchn_port = 31,
                                                 .max_grant_frames = 4,
                                                 .max_maptrack_frames = 4,
                                                 .grant_opts = XEN_DOMCTL_GRANT_version(1) } };

    is(domctl(XEN_DOMCTL_createdomain, &op), 0, "createdomain");
    op.u.max_mem.max_memkb = MAX_PAGES * 4;
    is(domctl(XEN_DOMCTL_max_mem, &op), 0, "max_mem");
}

static long claim(unsigned long pages)
{
    struct xen_memory_reservation r = { .nr_extents = pages, .domid = OTHER };

    return memory_op(XENMEM_claim_pages, &r);
}

static void populate(void)
{
    struct xen_memory_reservation r = { .nr_extents = PAGES, .domid = OTHER };
    uint64_t free_pages = physinfo().free_pages;
    unsigned int wrong = 0;

    is(claim(40), 0, "claim 40 pages");
    is((long)physinfo().outstanding_pages, 40, "they are told");
    is((long)physinfo().free_pages, (long)free_pages, "and are free still");
    for (unsigned int i = 0; i < PAGES; i++)
        mfn[i] = 1000 + i;
    set_xen_guest_handle(r.extent_start, mfn);
    is(memory_op(XENMEM_populate_physmap, &r), PAGES, "populate");
    is((long)physinfo().outstanding_pages, 40 - PAGES, "the claim is used up");
    is((long)(free_pages - physinfo().free_pages), PAGES, "so many are not free any more");
    is(claim(0), 0, "the rest of the claim is given back");
    for (unsigned int i = 0; i < PAGES; i++)
        wrong += mfn_to_pfn(mfn[i]) != 1000 + i;
    is(wrong, 0, "the machine-to-physical table knows them");
}

static uint64_t use_of(unsigned long frame)
{
    struct xen_domctl op = { .u.getpageframeinfo3.num = 1 };

    list[0] = frame;
    set_xen_guest_handle(op.u.getpageframeinfo3.array, list);
    return domctl(XEN_DOMCTL_getpageframeinfo3, &op) ? ~0ul : list[0];
}

static void check_bounds(void)
{
    struct xen_domctl op = { .u.getpageframeinfo3.num = 1025 };

    set_xen_guest_handle(op.u.getpageframeinfo3.array, list);
    is(domctl(XEN_DOMCTL_getpageframeinfo3, &op), -XEN_E2BIG, "more than 1024 at once");
    op.u.getpageframeinfo3.num = 1024;
    op.u.getpageframeinfo3.array.p = (void *)8;
    is(domctl(XEN_DOMCTL_getpageframeinfo3, &op), -XEN_EFAULT, "from nowhere");
    is(domctl(XEN_DOMCTL_memory_mapping, &op), -XEN_EOPNOTSUPP, "it maps devices by itself");
}

static void map_and_fill(void)
{
    unsigned int wrong = 0;

    ensure_tables(VA);
    for (unsigned int i = 0; i < PAGES; i++)
        wrong += map(i, PTE_LEAF) != 0;
    is(wrong, 0, "its frames can be mapped");
    for (unsigned int i = 0; i < PAGES; i++) {
        wrong += page(i)[0] != 0; /* nothing of whose they were before */
        page(i)[0] = 7000 + i;
    }
    is(wrong, 0, "and are clean");
    for (unsigned int i = 0; i < PAGES; i++)
        wrong += page(i)[0] != 7000 + i || use_of(mfn[i]) != XEN_DOMCTL_PFINFO_NOTAB;
    is(wrong, 0, "and can be written");
    refused(map_at(VA + PAGES * PAGE_SIZE, mfn[0], PTE_LEAF, DOMID_SELF), "to map one as our own");
    refused(map_at(VA, virt_to_mfn(mfn), PTE_LEAF, OTHER), "to map our own as one of its");
    refused(map_at(VA, mfn[0], PTE_LEAF, 77), "a domain that is not there");
    is((long)use_of(virt_to_mfn(mfn)), XEN_DOMCTL_PFINFO_XTAB, "ours is none of its pages");
    is((long)use_of(~0ul >> 12), XEN_DOMCTL_PFINFO_XTAB, "nor is what is no memory");
    is((long)page(0)[0], 7000, "what is refused leaves the mapping alone");
}

/* Frame 0 becomes a level-1 table that maps frames 1 and 2. */
static void make_tables(void)
{
    struct mmu_update u = { .ptr = mfn[0] << PAGE_SHIFT | 8, .val = make_pte(mfn[2], PTE_LEAF_RO) };

    page(0)[0] = make_pte(mfn[1], PTE_LEAF);
    refused(others_mmuext(MMUEXT_PIN_L1_TABLE, mfn[0], 0), "to pin what we can write");
    is(map(0, PTE_LEAF_RO), 0, "read-only it is mapped in place of that");
    is(others_mmuext(MMUEXT_PIN_L1_TABLE, mfn[0], 0), 0, "then it can be pinned");
    is((long)use_of(mfn[0]), XEN_DOMCTL_PFINFO_L1TAB | XEN_DOMCTL_PFINFO_LPINTAB, "and says so");
    refused(map(0, PTE_LEAF), "to write the table");
    refused(others_mmuext(MMUEXT_PIN_L1_TABLE, mfn[1], 0), "to pin what the table lets it write");
    is(hypercall5(__HYPERVISOR_mmu_update, (unsigned long)&u, 1, 0, (OTHER + 1) << 16 | OTHER, 0),
       0, "an entry is set in its table");
    is((long)(page(0)[1] & PTE_FRAME), (long)(mfn[2] << PAGE_SHIFT), "which we see");
    u.val = make_pte(virt_to_mfn(mfn), PTE_LEAF);
    refused(
        hypercall5(__HYPERVISOR_mmu_update, (unsigned long)&u, 1, 0, (OTHER + 1) << 16 | OTHER, 0),
        "an entry that maps ours as its own");
    is(hypercall5(__HYPERVISOR_mmu_update, (unsigned long)&u, 1, 0, (OTHER + 1) << 16 | DOMID_SELF,
                  0),
       -XEN_EPERM, "or as ours");
    is(others_mmuext(MMUEXT_UNPIN_TABLE, mfn[0], 0), 0, "unpin");
    is((long)use_of(mfn[0]), XEN_DOMCTL_PFINFO_NOTAB, "it is no table any more");
    is(map(0, PTE_LEAF), 0, "and can be written again");
    page(0)[0] = 7000;
    is(others_mmuext(MMUEXT_COPY_PAGE, mfn[1], mfn[2]), 0, "copy a page of its");
    is((long)page(1)[0], 7002, "it is copied");
    is(others_mmuext(MMUEXT_CLEAR_PAGE, mfn[1], 0), 0, "clear it");
    is((long)page(1)[0], 0, "it is cleared");
    page(1)[0] = 7001;
}

static struct xen_mem_acquire_resource grant_table(unsigned int count)
{
    struct xen_mem_acquire_resource r = { .domid = OTHER,
                                          .type = XENMEM_resource_grant_table,
                                          .id = XENMEM_resource_grant_table_id_shared,
                                          .nr_frames = count };

    if (count)
        set_xen_guest_handle(r.frame_list, list);
    return r;
}

static void map_grant_table(void)
{
    struct xen_mem_acquire_resource r = grant_table(0);
    volatile struct grant_entry_v1 *table = (struct grant_entry_v1 *)GRANTS_VA;

    is(memory_op(XENMEM_acquire_resource, &r), 0, "how long is its grant table?");
    is(r.nr_frames, 4, "4 frames");
    r = grant_table(1);
    is(memory_op(XENMEM_acquire_resource, &r), 0, "its first frame");
    is(map_at(GRANTS_VA, list[0], PTE_LEAF, OTHER), 0, "can be mapped as the domain's");
    table[0].domid = 9;
    is(table[0].domid, 9, "and written");
    is((long)use_of(list[0]), XEN_DOMCTL_PFINFO_XTAB, "but is not its memory");
    refused(map_at(M2P_VA, list[0], PTE_LEAF_RO, DOMID_XEN), "to map it as the hypervisor's");
    r.id = XENMEM_resource_grant_table_id_status;
    is(memory_op(XENMEM_acquire_resource, &r), -XEN_EINVAL, "version 1 has no status frames");
}

static void map_m2p(void)
{
    struct xen_machphys_mfn_list m = { .max_extents = 1 };
    unsigned long own = virt_to_mfn(mfn);

    set_xen_guest_handle(m.extent_start, list);
    is(memory_op(XENMEM_machphys_mfn_list, &m), 0, "where is the machine-to-physical table?");
    own = own < PAGES * PAGE_SIZE ? own : 512;
    is(map_at(M2P_VA, list[0] + own / 512, PTE_LEAF_RO, DOMID_XEN), 0, "a page of it is mapped");
    is((long)((uint64_t *)M2P_VA)[own % 512], (long)mfn_to_pfn(own), "and holds what it should");
    refused(map_at(M2P_VA, list[0], PTE_LEAF, DOMID_XEN), "to write it");
    is(map_at(M2P_VA, 0, NOT_MAPPED, DOMID_SELF), 0, "it can be unmapped");
}

static void give_rights(void)
{
    struct xen_domctl op = { .u.ioport_permission = {
                                 .first_port = 0x80, .nr_ports = 2, .allow_access = 1 } };

    is(domctl(XEN_DOMCTL_ioport_permission, &op), 0, "give it ports");
    op.u.ioport_permission.first_port = 0x20;
    is(domctl(XEN_DOMCTL_ioport_permission, &op), -XEN_EPERM, "ports that we do not have");
    op.u.ioport_permission.first_port = 0xffff;
    is(domctl(XEN_DOMCTL_ioport_permission, &op), -XEN_EINVAL, "ports that are not there");
    memset(&op, 0, sizeof(op));
    op.u.iomem_permission.first_mfn = 0xb8;
    op.u.iomem_permission.nr_mfns = 8;
    op.u.iomem_permission.allow_access = 1;
    is(domctl(XEN_DOMCTL_iomem_permission, &op), 0, "give it device frames");
    op.u.iomem_permission.first_mfn = 0xfee00;
    is(domctl(XEN_DOMCTL_iomem_permission, &op), -XEN_EPERM, "frames that we do not have");
    op.u.iomem_permission.nr_mfns = 0;
    is(domctl(XEN_DOMCTL_iomem_permission, &op), -XEN_EINVAL, "none at all");
    is(map_at(M2P_VA, 0xb8, PTE_LEAF, OTHER), 0, "what both have is mapped for it");
    is(map_at(M2P_VA, 0xa0, PTE_LEAF, OTHER), -XEN_EPERM, "what it has not is not");
    op.u.iomem_permission.first_mfn = 0xb8;
    op.u.iomem_permission.nr_mfns = 8;
    op.u.iomem_permission.allow_access = 0;
    is(domctl(XEN_DOMCTL_iomem_permission, &op), 0, "take them away");
    is(map_at(M2P_VA, 0, NOT_MAPPED, DOMID_SELF), 0, "what was mapped can go");
    is(map_at(M2P_VA, 0xb8, PTE_LEAF, OTHER), -XEN_EPERM, "then it has none");
}

static void give_up(void)
{
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = OTHER };

    set_xen_guest_handle(r.extent_start, list);
    list[0] = mfn[10];
    is(memory_op(XENMEM_decrease_reservation, &r), 1, "a mapped page of its is given up");
    is(memory_op(XENMEM_decrease_reservation, &r), 0, "once");
    is((long)page(10)[0], 7010, "we see it still");
    is(others_mmuext(MMUEXT_PIN_L1_TABLE, mfn[10], 0), -XEN_EINVAL, "but it becomes no table");
}

/* ---- and its death ---- */

/* -1: it is gone. */
static long pages_of_other(uint32_t *flags)
{
    struct xen_domctl op = { 0 };

    if (domctl(XEN_DOMCTL_getdomaininfo, &op) || op.u.getdomaininfo.domain != OTHER)
        return -1;
    *flags = op.u.getdomaininfo.flags;
    return (long)op.u.getdomaininfo.tot_pages;
}

static void destroy(void)
{
    struct xen_domctl op = { 0 };
    unsigned int wrong = 0;
    uint32_t flags = 0;

    is(claim(36), 0, "a claim is left");
    for (unsigned int i = 16; i < PAGES; i++)
        wrong += map(i, NOT_MAPPED) != 0;
    is(wrong, 0, "half of its pages are unmapped");
    is(domctl(XEN_DOMCTL_destroydomain, &op), 0, "destroy it");
    is((long)physinfo().outstanding_pages, 0, "the claim died with it");
    is(pages_of_other(&flags), 16, "what is mapped is still there");
    ok(flags & XEN_DOMINF_dying, "the domain is dying");
    for (unsigned int i = 0; i < 16; i++) {
        wrong += page(i)[0] != 7000 + i;
        page(i)[1] = i;
    }
    is(wrong, 0, "with what it held");
    refused(others_mmuext(MMUEXT_PIN_L1_TABLE, mfn[3], 0), "to make a table of it");
    refused(map(20, PTE_LEAF), "to map what is free again");
    is(map_at(GRANTS_VA, 0, NOT_MAPPED, DOMID_SELF), 0, "the grant table goes");
    for (unsigned int i = 0; i < 16; i++)
        wrong += map(i, NOT_MAPPED) != 0;
    is(wrong, 0, "all goes");
    for (unsigned int i = 0; i < 1000 && pages_of_other(&flags) >= 0; i++)
        sched_op(SCHEDOP_yield, NULL);
    is(pages_of_other(&flags), -1, "and with it the domain");
}

void guest_main(void)
{
    uint64_t before = 0;

    for (unsigned int round = 0; round < 2; round++) {
        if (round) /* what the first one left behind for the next is kept */
            before = physinfo().free_pages;
        create();
        populate();
        check_bounds();
        map_and_fill();
        make_tables();
        map_grant_table();
        map_m2p();
        give_rights();
        give_up();
        destroy();
    }
    is((long)physinfo().free_pages, (long)before, "all memory is free again");
}

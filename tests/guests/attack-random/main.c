/*
 * Random hypercalls, with arguments that are half plausible: numbers, operations, pointers to
 * records of the same kind, frames of pages that may be lost, grants of such pages to the guest
 * itself. calls=N, seed=N; the seed is printed. What would rightly end the guest or the machine is
 * left out; all else must come back.
 */
#include "pv.h"

#define SCRATCH_PAGES 64
#define LIST          8
#define REFS          40
#define SCRATCH_VA    0xffffffffa0000000ul

static char *scratch, *table;
static unsigned long frames[SCRATCH_PAGES], end_mfn;

/* Somebody else's; dom0 may have many of those. */
static uint64_t random_frame(void)
{
    uint64_t mfn = random_below(end_mfn);

    return is_dom0() || is_own_frame(mfn) ? frames[mfn % SCRATCH_PAGES] : mfn;
}

static uint64_t random_value(void)
{
    switch (random_below(14)) {
    case 0:
        return random_below(4);
    case 1:
        return random_below(64);
    case 2:
        return frames[random_below(SCRATCH_PAGES)];
    case 3:
        return (frames[random_below(SCRATCH_PAGES)] << PAGE_SHIFT) + random_below(512) * 8;
    case 4:
        return make_pte(frames[random_below(SCRATCH_PAGES)], random_next() & 0xfff);
    case 5:
        return (uint64_t)scratch + random_below(SCRATCH_PAGES * PAGE_SIZE);
    case 6:
        return ((uint64_t)scratch + random_below(SCRATCH_PAGES * PAGE_SIZE)) & ~7ul;
    case 7:
        return SCRATCH_VA + random_below(512) * PAGE_SIZE;
    case 8:
        return DOMID_SELF + random_below(4);
    case 9:
        return 1ul << random_below(64);
    case 10:
        return 0ul - random_below(64);
    case 11:
        return random_frame();
    case 12:
        return random_frame() << PAGE_SHIFT | (random_next() & 0xfff);
    default:
        return random_next();
    }
}

/* Records in the scratch pages are made of such values, in 8-, 4- and 2-byte fields. */
static void refresh_scratch(void)
{
    for (unsigned int i = 0; i < 40; i++) {
        uint64_t *at = (uint64_t *)(scratch + random_below(SCRATCH_PAGES * PAGE_SIZE / 8) * 8);
        uint64_t value = random_value();

        if (random_below(3) == 0)
            value = value << 32 | (random_value() & 0xffffffff);
        /* A page may have become a table, or have been given away: then it stays as it is. */
        try_write(at, value);
    }
}

static bool skipped(unsigned int nr, const uint64_t *args)
{
    uint32_t op = (uint32_t)args[0];

    switch (nr) {
    case __HYPERVISOR_iret:
    case __HYPERVISOR_multicall: /* would make any of the others */
    case __HYPERVISOR_stack_switch:
    case __HYPERVISOR_set_callbacks:
    case __HYPERVISOR_callback_op:
    case __HYPERVISOR_set_trap_table:
    case __HYPERVISOR_sched_op_compat:
        return true;
    case __HYPERVISOR_platform_op: /* sleeps, CPUs taken offline */
    case __HYPERVISOR_sysctl:      /* debug keys: reboot */
    case __HYPERVISOR_domctl:
    case __HYPERVISOR_kexec_op:
        return is_dom0();
    case __HYPERVISOR_sched_op:
        return op != SCHEDOP_yield && op < 16;
    case __HYPERVISOR_vcpu_op:
        return op == VCPUOP_initialise || op == VCPUOP_down || op == VCPUOP_register_vcpu_info ||
               op == VCPUOP_register_runstate_memory_area ||
               op == VCPUOP_register_vcpu_time_memory_area;
    case __HYPERVISOR_mmuext_op:
        return false;
    case __HYPERVISOR_event_channel_op:
        return op == EVTCHNOP_reset || op == EVTCHNOP_init_control;
    case __HYPERVISOR_physdev_op:
        /* What dom0 says of the machine's buses is believed. */
        return op == PHYSDEVOP_apic_write ||
               (op >= PHYSDEVOP_manage_pci_add && op != PHYSDEVOP_setup_gsi &&
                op != PHYSDEVOP_get_free_pirq);
    case __HYPERVISOR_console_io:
        return op == CONSOLEIO_write; /* would break the report's lines */
    case __HYPERVISOR_memory_op:
        return (op & 63) == XENMEM_set_memory_map;
    default:
        return false;
    }
}

/*
 * Lists for the two calls that take many operations, in a page that only this vCPU writes. A random
 * root would be the end of the guest; the rest may change.
 */
static void fill_mmuext(struct mmuext_op *ops)
{
    for (unsigned int i = 0; i < LIST; i++) {
        ops[i].cmd = (unsigned int)random_below(22);
        if (ops[i].cmd == MMUEXT_NEW_BASEPTR)
            ops[i].cmd = MMUEXT_CLEAR_PAGE;
        ops[i].arg1.mfn = random_value();
        ops[i].arg2.src_mfn = random_value();
    }
}

static void fill_updates(struct mmu_update *updates)
{
    for (unsigned int i = 0; i < LIST; i++) {
        updates[i].ptr = random_value();
        if (random_below(4))
            updates[i].ptr = (frames[random_below(SCRATCH_PAGES)] << PAGE_SHIFT) +
                             random_below(512) * 8 + random_below(4);
        updates[i].val = random_value();
    }
}

/* A record of an event operation; not one that ends the guest's console. */
static void fill_event(uint32_t *record)
{
    for (unsigned int i = 0; i < 6; i++)
        record[i] = (uint32_t)random_value();
    if (!is_dom0() && record[0] <= start_info->console.domU.evtchn)
        record[0] += start_info->console.domU.evtchn + 1;
}

/* Mostly one that is refreshed. */
static grant_ref_t random_ref(void)
{
    return (grant_ref_t)(random_below(16) ? 16 + random_below(REFS - 16) : random_below(REFS));
}

/* Entries of either version, but not those that dom0's daemons use. */
static void refresh_grants(void)
{
    static const uint16_t flags[] = { GTF_permit_access,
                                      GTF_permit_access,
                                      GTF_permit_access | GTF_readonly,
                                      GTF_permit_access | GTF_sub_page,
                                      GTF_transitive,
                                      GTF_accept_transfer,
                                      GTF_invalid };
    unsigned int ref = random_ref() | 16;
    struct grant_entry_v1 *v1 = (struct grant_entry_v1 *)table + ref;
    union grant_entry_v2 *v2 = (union grant_entry_v2 *)table + ref;
    uint64_t frame = frames[random_below(SCRATCH_PAGES)];

    if (random_below(2)) {
        v1->domid = (domid_t)(guest_domid() + (random_below(8) == 0));
        v1->frame = (uint32_t)frame;
        v1->flags = flags[random_below(ARRAY_SIZE(flags))];
    } else {
        v2->hdr.domid = (domid_t)guest_domid();
        v2->full_page.pad0 = (uint32_t)random_next() & 0x0fff0fff; /* offset and length, too */
        v2->full_page.frame = random_below(4) ? frame : random_ref();
        v2->hdr.flags = flags[random_below(ARRAY_SIZE(flags))];
    }
}

static domid_t random_domid(void)
{
    static const domid_t others[] = { 0, 1, 2, 3, DOMID_SELF, DOMID_XEN };

    return (domid_t)(random_below(4) ? guest_domid() : others[random_below(ARRAY_SIZE(others))]);
}

static uint64_t random_place(void)
{
    return SCRATCH_VA + random_below(512) * PAGE_SIZE;
}

static struct gnttab_copy_ptr random_copy_ptr(bool is_ref)
{
    struct gnttab_copy_ptr ptr = { .domid = is_ref ? random_domid() : DOMID_SELF,
                                   .offset = (uint16_t)random_below(random_below(4) ? 64 : 8192) };

    if (is_ref)
        ptr.u.ref = random_ref();
    else
        ptr.u.gmfn = frames[random_below(SCRATCH_PAGES)];
    return ptr;
}

static void fill_grants(unsigned int op, void *list)
{
    for (unsigned int i = 0; i < LIST; i++)
        if (op == GNTTABOP_map_grant_ref) {
            ((struct gnttab_map_grant_ref *)list)[i] = (struct gnttab_map_grant_ref){
                .host_addr = random_place(),
                .flags = (uint32_t)random_below(random_below(8) ? 8 : 1024),
                .ref = random_ref(),
                .dom = random_domid()
            };
        } else if (op == GNTTABOP_unmap_grant_ref) {
            ((struct gnttab_unmap_grant_ref *)list)[i] = (struct gnttab_unmap_grant_ref){
                .host_addr = random_place(),
                .dev_bus_addr =
                    random_below(2) ? frames[random_below(SCRATCH_PAGES)] << PAGE_SHIFT : 0,
                .handle = (grant_handle_t)random_below(300)
            };
        } else if (op == GNTTABOP_copy) {
            uint16_t flags = (uint16_t)random_below(4);

            ((struct gnttab_copy *)list)[i] =
                (struct gnttab_copy){ .source = random_copy_ptr(flags & GNTCOPY_source_gref),
                                      .dest = random_copy_ptr(flags & GNTCOPY_dest_gref),
                                      .len = (uint16_t)random_below(random_below(4) ? 64 : 4097),
                                      .flags = flags };
        } else if (op == GNTTABOP_swap_grant_ref) {
            ((struct gnttab_swap_grant_ref *)list)[i] =
                (struct gnttab_swap_grant_ref){ .ref_a = random_ref() | 16,
                                                .ref_b = random_ref() | 16 };
        } else {
            ((uint64_t *)list)[i] = random_value();
        }
    if (op == GNTTABOP_set_version)
        *(uint32_t *)list = 1 + (uint32_t)random_below(2);
}

struct run {
    unsigned long calls, seed, answers[2];
    void *list;
    volatile bool finished;
};

static void make_calls(void *arg)
{
    static const unsigned int deep[] = {
        __HYPERVISOR_mmu_update,     __HYPERVISOR_mmuext_op,        __HYPERVISOR_grant_table_op,
        __HYPERVISOR_grant_table_op, __HYPERVISOR_event_channel_op, __HYPERVISOR_update_va_mapping
    };
    struct run *run = arg;
    unsigned long made = 0;

    random_seed(run->seed);
    while (made < run->calls) {
        unsigned int nr = (unsigned int)random_below(random_below(8) ? 43 : 64);
        uint64_t args[5];
        long ret;

        /* Half of them are those that take lists. */
        if (random_below(2))
            nr = deep[random_below(ARRAY_SIZE(deep))];
        for (unsigned int i = 0; i < 5; i++)
            args[i] = random_value();
        if (random_below(4))
            args[0] = random_below(40);
        if (random_below(2))
            args[1] = (uint64_t)scratch + random_below(SCRATCH_PAGES * PAGE_SIZE / 8) * 8;
        if (skipped(nr, args))
            continue;
        if (nr == __HYPERVISOR_event_channel_op) {
            fill_event(run->list);
            args[1] = (uint64_t)run->list;
        }
        if (nr == __HYPERVISOR_grant_table_op) {
            args[0] = random_below(13);
            fill_grants((unsigned int)args[0], run->list);
            args[1] = (uint64_t)run->list;
            args[2] = 1 + random_below(LIST);
        }
        if (nr == __HYPERVISOR_mmuext_op || nr == __HYPERVISOR_mmu_update) {
            if (nr == __HYPERVISOR_mmuext_op)
                fill_mmuext(run->list);
            else
                fill_updates(run->list);
            args[0] = (uint64_t)run->list;
            args[1] = 1 + random_below(LIST);
            args[2] = 0;
            if (random_below(4))
                args[3] = DOMID_SELF;
        }
        if (nr == __HYPERVISOR_update_va_mapping ||
            nr == __HYPERVISOR_update_va_mapping_otherdomain)
            args[0] = SCRATCH_VA + random_below(512) * PAGE_SIZE;
        if (made % 8 == 0) {
            refresh_scratch();
            refresh_grants();
        }
        ret = hypercall5(nr, args[0], args[1], args[2], args[3], args[4]);
        run->answers[ret < 0]++;
        made++;
        fpu_taskswitch(0);
    }
    run->finished = true;
}

void guest_main(void)
{
    static struct run runs[2];
    bool second = option("vcpus", 1) > 1;

    for (unsigned int i = 0; i < 2; i++) {
        runs[i].calls = option("calls", 200000);
        runs[i].list = alloc_page();
        runs[i].seed = option("seed", 20150117) + i;
    }
    note("seed=%lu calls=%lu", runs[0].seed, runs[0].calls);
    scratch = alloc_pages(SCRATCH_PAGES);
    end_mfn = machine_frames();
    table = (char *)grant_table_map(1);
    for (unsigned int i = 0; i < SCRATCH_PAGES; i++)
        frames[i] = virt_to_mfn(scratch + i * PAGE_SIZE);
    ensure_tables(SCRATCH_VA);
    if (second)
        is(vcpu_start(1, make_calls, &runs[1]), 0, "start a second vCPU");
    make_calls(&runs[0]);
    while (second && !runs[1].finished)
        sched_op(SCHEDOP_yield, NULL);
    for (unsigned int i = 0; i <= second; i++)
        ok(runs[i].answers[0] > 0 && runs[i].answers[1] > 0,
           "vCPU %u: %lu random hypercalls were taken, %lu refused", i, runs[i].answers[0],
           runs[i].answers[1]);
    is(xen_version(XENVER_version, NULL), 4 << 16 | 17, "the hypervisor answers");
}

/*
 * memory_op: what a domain has, giving a page back and getting one again, and the refusals.
 */
#include "pv.h"

static struct xen_memory_reservation reservation(xen_pfn_t *frames, unsigned long count)
{
    struct xen_memory_reservation r = { .nr_extents = count, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, frames);
    return r;
}

static long current(void)
{
    domid_t self = DOMID_SELF;

    return memory_op(XENMEM_current_reservation, &self);
}

static void check_queries(void)
{
    domid_t self = DOMID_SELF, nobody = 999;
    struct xen_machphys_mapping mapping;
    struct xen_machphys_mfn_list list = { .max_extents = 4 };
    xen_pfn_t frames[4] = { 0 };
    unsigned long highest = 0;

    for (unsigned long pfn = 0; pfn < guest_pages(); pfn++)
        highest = pfn_to_mfn(pfn) > highest ? pfn_to_mfn(pfn) : highest;
    is(current(), (long)guest_pages(), "current_reservation is what start info said");
    ok(memory_op(XENMEM_maximum_reservation, &self) >= current(),
       "maximum_reservation is not less");
    ok(memory_op(XENMEM_maximum_ram_page, NULL) >= (long)highest, "maximum_ram_page covers ours");
    is(memory_op(XENMEM_current_reservation, &nobody), -XEN_ESRCH, "of an unknown domain: ESRCH");
    is(memory_op(XENMEM_machphys_mapping, &mapping), 0, "machphys_mapping");
    is((long)mapping.v_start, (long)MACH2PHYS_VIRT_START, "the M2P starts where the ABI says");
    ok(mapping.max_mfn >= highest, "and covers our frames");
    set_xen_guest_handle(list.extent_start, frames);
    is(memory_op(XENMEM_machphys_mfn_list, &list), 0, "machphys_mfn_list");
    ok(list.nr_extents >= 1 && frames[0], "lists the frames behind the M2P");
    is(memory_op(63, &self), -XEN_ENOSYS, "an unknown subop is ENOSYS");
}

static void check_machine_map(void)
{
    static uint8_t entries[128 * 20];
    struct xen_memory_map map = { .nr_entries = 128 };
    uint64_t ram = 0;
    bool sorted = true;

    set_xen_guest_handle(map.buffer, (void *)entries);
    is(memory_op(XENMEM_machine_memory_map, &map), 0, "machine_memory_map");
    for (unsigned int i = 0; i < map.nr_entries; i++) {
        uint64_t start, size, before;
        uint32_t type;

        memcpy(&start, entries + i * 20, 8);
        memcpy(&size, entries + i * 20 + 8, 8);
        memcpy(&type, entries + i * 20 + 16, 4);
        if (i) {
            memcpy(&before, entries + (i - 1) * 20, 8);
            sorted &= before < start;
        }
        if (type == 1)
            ram += size;
    }
    ok(map.nr_entries >= 3 && sorted, "%u entries, ascending", map.nr_entries);
    ok(ram >> PAGE_SHIFT >= guest_pages(), "%lu kB of RAM", ram >> 10);
    map.nr_entries = 1;
    is(memory_op(XENMEM_machine_memory_map, &map), -XEN_EINVAL, "a short buffer is EINVAL");
}

static void check_give_and_take(void)
{
    void *page = alloc_page();
    xen_pfn_t frame = virt_to_mfn(page), pfn = mfn_to_pfn(frame);
    struct xen_memory_reservation r = reservation(&frame, 1);
    long before = current();

    update_va((uint64_t)page, 0, UVMF_INVLPG);
    is(memory_op(XENMEM_decrease_reservation, &r), 1, "decrease_reservation frees one page");
    is(current(), before - 1, "which counts");
    ok(update_va((uint64_t)page, make_pte(frame, PTE_LEAF), UVMF_INVLPG) < 0,
       "the freed page cannot be mapped again");
    is(memory_op(XENMEM_decrease_reservation, &r), 0, "nor freed again");

    frame = pfn;
    is(memory_op(XENMEM_populate_physmap, &r), 1, "populate_physmap brings one back");
    is(current(), before, "which counts");
    is((long)mfn_to_pfn(frame), (long)pfn, "the M2P names the pfn asked for");
    is(update_va((uint64_t)page, make_pte(frame, PTE_LEAF), UVMF_INVLPG), 0, "it can be mapped");
    is((long)*(uint64_t *)page, 0, "and is clean");
    ((unsigned long *)start_info->mfn_list)[pfn] = frame;

    frame = pfn;
    is(memory_op(XENMEM_increase_reservation, &r), 0, "beyond the maximum nothing is given");
}

static void check_exchange(void)
{
    void *page = alloc_page();
    xen_pfn_t old = virt_to_mfn(page), pfn = mfn_to_pfn(old), fresh = pfn;
    struct xen_memory_exchange exchange = { .in = reservation(&old, 1),
                                            .out = reservation(&fresh, 1) };

    update_va((uint64_t)page, 0, UVMF_INVLPG);
    is(memory_op(XENMEM_exchange, &exchange), 0, "exchange of one page");
    is((long)exchange.nr_exchanged, 1, "says it exchanged one");
    ok(fresh != old, "for another frame");
    is((long)mfn_to_pfn(fresh), (long)pfn, "that took over the pfn");
    is(update_va((uint64_t)page, make_pte(fresh, PTE_LEAF), UVMF_INVLPG), 0, "and can be mapped");
    ((unsigned long *)start_info->mfn_list)[pfn] = fresh;

    exchange.nr_exchanged = 0;
    exchange.out.nr_extents = 2;
    is(memory_op(XENMEM_exchange, &exchange), -XEN_EINVAL, "unequal amounts are EINVAL");
}

static void check_refusals(void)
{
    xen_pfn_t frame = 0x7fffffffff;
    struct xen_memory_reservation r = reservation(&frame, 1);

    is(memory_op(XENMEM_decrease_reservation, &r), 0, "a wild frame is not freed");
    r.extent_order = 40;
    ok(memory_op(XENMEM_populate_physmap, &r) <= 0, "order 40 is refused");
    r.extent_order = 0;
    r.domid = 999;
    is(memory_op(XENMEM_populate_physmap, &r), 0, "for an unknown domain nothing is done");
    ok(memory_op(XENMEM_populate_physmap, (void *)0xdead000ul) <= 0, "nor from a bad argument");
    set_xen_guest_handle(r.extent_start, (xen_pfn_t *)HYPERVISOR_VIRT_START);
    r.domid = DOMID_SELF;
    is(memory_op(XENMEM_populate_physmap, &r), 0, "nor from a list in the hypervisor");
}

void guest_main(void)
{
    check_queries();
    check_machine_map();
    check_give_and_take();
    check_exchange();
    check_refusals();
}

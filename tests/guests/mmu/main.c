/*
 * Page tables by asking: update_va_mapping, mmu_update and mmuext_op, the types that frames take
 * on, and the accessed and dirty bits.
 */
#include "pv.h"

#define SPARE_VA 0xffffffffa0000000ul

static void check_update_va(void)
{
    void *page = alloc_page();
    volatile uint64_t *spare = (uint64_t *)SPARE_VA;
    struct fault fault;

    ensure_tables(SPARE_VA);
    is(update_va(SPARE_VA, make_pte(virt_to_mfn(page), PTE_LEAF), UVMF_NONE), 0, "map a page");
    *spare = 0x1234;
    is((long)*(uint64_t *)page, 0x1234, "the same memory is seen through it");
    is(update_va(SPARE_VA, make_pte(virt_to_mfn(page), PTE_LEAF_RO), UVMF_INVLPG), 0, "read-only");
    fault = try_write(spare, 1);
    ok(fault.vector == VECTOR_PF && fault.cr2 == SPARE_VA, "a write faults, CR2 is right");
    is(fault.error, 3, "with a protection violation by a write in kernel mode");
    is(update_va(SPARE_VA, make_pte(virt_to_mfn(page), PTE_LEAF | PTE_NX), UVMF_INVLPG), 0, "NX");
    *(uint8_t *)page = 0xc3;
    fault = try_jump(SPARE_VA);
    ok(fault.vector == VECTOR_PF && (fault.error & 0x11) == 0x11, "an instruction fetch faults");
    is(update_va(SPARE_VA, 0, UVMF_INVLPG), 0, "unmap");
    fault = try_read(spare, NULL);
    ok(fault.vector == VECTOR_PF && fault.error == 0, "a read faults with error 0");
    ok(update_va(0x123400000000, make_pte(virt_to_mfn(page), PTE_LEAF), 0) < 0,
       "an address without tables is refused");
}

static void check_mmu_update(void)
{
    void *page = alloc_page();
    struct mmu_update updates[3];
    unsigned int done = 99;
    uint64_t entry = pte_machine(SPARE_VA, 1);

    for (int i = 0; i < 3; i++)
        updates[i] = (struct mmu_update){ .ptr = entry + (uint64_t)i * 8,
                                          .val = make_pte(virt_to_mfn(page), PTE_LEAF) };
    is(mmu_update(updates, 3, &done), 0, "three updates in one call");
    is(done, 3, "all were done");
    is((long)(*pte_of(SPARE_VA + 2 * PAGE_SIZE, 1) & PTE_FRAME),
       (long)virt_to_mfn(page) << PAGE_SHIFT, "the last is in the table");
    updates[1].val = make_pte(root_mfn(), PTE_LEAF);
    ok(mmu_update(updates, 3, &done) < 0, "a writable mapping of the root table is refused");
    is(done, 1, "after one update");
    updates[0].ptr = virt_to_mfn(page) << PAGE_SHIFT;
    updates[0].val = 0x1234;
    is(mmu_update(updates, 1, &done), 0, "an update of a data page");
    is((long)*(uint64_t *)page, 0x1234, "is a plain write");
    updates[0].ptr = entry | 3;
    updates[0].val = 0;
    is(mmu_update(updates, 1, &done), 0, "no_translate is a plain update on PV");
    is(hypercall5(__HYPERVISOR_mmu_update, (uint64_t)updates, 1, 0, 999, 0), -XEN_ESRCH,
       "an unknown foreign domain is ESRCH");
}

static void check_accessed_dirty(void)
{
    void *page = alloc_page();
    uint64_t entry = pte_machine(SPARE_VA, 1);
    pte_t clean = make_pte(virt_to_mfn(page), PTE_P | PTE_RW | PTE_US);
    struct mmu_update update = { .ptr = entry, .val = clean };

    mmu_update(&update, 1, NULL);
    mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0);
    is((long)(*pte_of(SPARE_VA, 1) & (PTE_A | PTE_D)), 0, "a fresh entry is clean");
    *(volatile uint64_t *)SPARE_VA = 1;
    is((long)(*pte_of(SPARE_VA, 1) & (PTE_A | PTE_D)), PTE_A | PTE_D, "a write marks it");
    update.ptr = entry | MMU_PT_UPDATE_PRESERVE_AD;
    update.val = clean & ~PTE_RW;
    is(mmu_update(&update, 1, NULL), 0, "preserve_ad");
    is((long)(*pte_of(SPARE_VA, 1) & (PTE_A | PTE_D | PTE_RW)), PTE_A | PTE_D,
       "changes the rest and keeps the marks");
    update.ptr = entry;
    mmu_update(&update, 1, NULL);
    is((long)(*pte_of(SPARE_VA, 1) & (PTE_A | PTE_D)), 0, "a normal update does not");
    mmu_write(entry, 0);
    mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0);
}

static void check_types(void)
{
    void *page = alloc_page();
    unsigned long mfn = virt_to_mfn(page);

    ok(mmuext(MMUEXT_PIN_L1_TABLE, mfn) < 0, "a page mapped writable cannot be pinned");
    page_protect(page, PTE_LEAF_RO);
    is(mmuext(MMUEXT_PIN_L1_TABLE, mfn), 0, "read-only, it can: pin L1");
    ok(mmuext(MMUEXT_PIN_L1_TABLE, mfn) < 0, "not twice");
    ok(mmuext(MMUEXT_PIN_L2_TABLE, mfn) < 0, "not as another level");
    ok(page_protect(page, PTE_LEAF) < 0, "it cannot be mapped writable");
    is(mmu_write(mfn << PAGE_SHIFT, make_pte(mfn, PTE_LEAF_RO)), 0, "it may map itself read-only");
    ok(mmu_write(mfn << PAGE_SHIFT, make_pte(mfn, PTE_LEAF)) < 0, "not writable");
    is(mmu_write(mfn << PAGE_SHIFT, 0), 0, "clear it");
    is(mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "unpin");
    ok(mmuext(MMUEXT_UNPIN_TABLE, mfn) < 0, "not twice");
    is(page_protect(page, PTE_LEAF), 0, "now it can be mapped writable");
    ok(mmuext(MMUEXT_UNPIN_TABLE, 0x7fffffffff) < 0, "a wild frame cannot be unpinned");
    for (unsigned int level = 1; level <= 4; level++) {
        static const unsigned int pin[] = { 0, MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                            MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE };

        make_table(page);
        is(mmuext(pin[level], mfn), 0, "an empty L%u can be pinned", level);
        is(mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "and unpinned");
        is(page_protect(page, PTE_LEAF), 0, "and used as data again");
    }
}

static void check_base_pointer(void)
{
    uint64_t *copy = alloc_page();
    unsigned long mfn = virt_to_mfn(copy);

    memcpy(copy, (void *)start_info->pt_base, PAGE_SIZE);
    memset(&copy[256], 0, 16 * sizeof(*copy));
    page_protect(copy, PTE_LEAF_RO);
    is(mmuext(MMUEXT_NEW_BASEPTR, mfn), 0, "run on a copy of the root, unpinned");
    ok(copy[256] & PTE_P, "the hypervisor filled in its own slots");
    ok(page_protect(copy, PTE_LEAF) < 0, "the running root cannot be mapped writable");
    is(mmuext(MMUEXT_NEW_BASEPTR, root_mfn()), 0, "and back");
    is(page_protect(copy, PTE_LEAF), 0, "then it is an ordinary page");
    ok(mmuext(MMUEXT_NEW_BASEPTR, mfn) < 0, "a writable page is no root");
}

static void check_other_ops(void)
{
    uint64_t *from = alloc_page(), *to = alloc_page();
    struct mmuext_op op = { .cmd = MMUEXT_COPY_PAGE, .arg1.mfn = virt_to_mfn(to) };
    unsigned long vcpus = 1;

    from[5] = 77;
    op.arg2.src_mfn = virt_to_mfn(from);
    is(mmuext_ops(&op, 1, NULL), 0, "copy_page");
    is((long)to[5], 77, "copied");
    is(mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(to)), 0, "clear_page");
    is((long)to[5], 0, "cleared");
    ok(mmuext(MMUEXT_CLEAR_PAGE, root_mfn()) < 0, "clearing a page table is refused");
    is(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0), 0, "tlb_flush_local");
    is(mmuext(MMUEXT_TLB_FLUSH_ALL, 0), 0, "tlb_flush_all");
    is(mmuext(MMUEXT_FLUSH_CACHE, 0), 0, "flush_cache");
    is(mmuext(MMUEXT_FLUSH_CACHE_GLOBAL, 0), 0, "flush_cache_global");
    op = (struct mmuext_op){ .cmd = MMUEXT_INVLPG_LOCAL, .arg1.linear_addr = SPARE_VA };
    is(mmuext_ops(&op, 1, NULL), 0, "invlpg_local");
    op = (struct mmuext_op){ .cmd = MMUEXT_INVLPG_MULTI, .arg1.linear_addr = SPARE_VA };
    set_xen_guest_handle(op.arg2.vcpumask, (void *)&vcpus);
    is(mmuext_ops(&op, 1, NULL), 0, "invlpg_multi");
    ok(mmuext(999, 0) < 0, "an unknown command is refused");
}

static void check_io_memory(void)
{
    pte_t before = *pte_of(SPARE_VA, 1);

    is(update_va(SPARE_VA, 0xb8000 | PTE_LEAF | PTE_PCD, UVMF_INVLPG), 0, "dom0 maps the VGA text");
    ok(update_va(SPARE_VA, 0xfee00000 | PTE_LEAF | PTE_PCD, UVMF_INVLPG) < 0, "not the local APIC");
    update_va(SPARE_VA, before, UVMF_INVLPG);
}

void guest_main(void)
{
    check_update_va();
    check_mmu_update();
    check_accessed_dirty();
    check_types();
    check_base_pointer();
    check_other_ops();
    check_io_memory();
}

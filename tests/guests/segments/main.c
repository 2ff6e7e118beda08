/*
 * Descriptor tables: the guest's own GDT below the hypervisor's part, an LDT, and segment bases.
 */
#include "pv.h"

#define SEGMENT_DATA 0x00cff3000000ffffull /* flat, 4 GiB, DPL 3, writable */
#define SEGMENT_BYTE 0x0040f30000000000ull /* base and limit 0 */

static uint64_t based(uint32_t base)
{
    return SEGMENT_DATA | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(base >> 24) << 56;
}

static void load_fs(void *arg)
{
    __asm__ volatile("mov %w0, %%fs" : : "r"(arg));
}

static void load_es(void *arg)
{
    __asm__ volatile("mov %w0, %%es" : : "r"(arg));
}

static long set_gdt(unsigned long *frames, unsigned int entries)
{
    return hypercall2(__HYPERVISOR_set_gdt, (unsigned long)frames, entries);
}

static long update_descriptor(uint64_t machine, uint64_t value)
{
    return hypercall2(__HYPERVISOR_update_descriptor, machine, value);
}

static void check_gdt(void)
{
    uint64_t *gdt = alloc_page();
    unsigned long frame = virt_to_mfn(gdt);

    gdt[3] = SEGMENT_DATA;
    ok(set_gdt(&frame, 512) < 0, "a page mapped writable is no GDT");
    page_protect(gdt, PTE_LEAF_RO);
    is(set_gdt(&frame, 512), 0, "read-only it is");
    is(try_call(load_es, (void *)(3 << 3 | 3)).vector, NO_FAULT, "a selector of ours loads");
    is(try_call(load_es, (void *)(4 << 3 | 3)).vector, VECTOR_GP, "an empty one does not");
    ok(page_protect(gdt, PTE_LEAF) < 0, "the GDT cannot be mapped writable");
    is(update_descriptor((frame << PAGE_SHIFT) + 4 * 8, SEGMENT_DATA), 0, "update_descriptor");
    is(try_call(load_es, (void *)(4 << 3 | 3)).vector, NO_FAULT, "now it loads");
    is(try_call(load_es, (void *)FLAT_KERNEL_SS).vector, NO_FAULT,
       "the hypervisor's selectors are still there");
    ok(update_descriptor((frame << PAGE_SHIFT) + 4, 0) < 0, "an odd address is refused");
    is(try_call(load_es, NULL).vector, NO_FAULT, "back to the null selector");
    is(set_gdt(NULL, 0), 0, "drop the GDT");
    is(page_protect(gdt, PTE_LEAF), 0, "the page is ordinary memory again");
    is(set_gdt(&frame, 20000), -XEN_EINVAL, "too many entries are EINVAL");
}

static void check_ldt(void)
{
    uint64_t *ldt = alloc_page();
    struct mmuext_op op = { .cmd = MMUEXT_SET_LDT };

    ldt[1] = SEGMENT_DATA;
    ldt[2] = based(0x1000);
    page_protect(ldt, PTE_LEAF_RO);
    op.arg1.linear_addr = (unsigned long)ldt;
    op.arg2.nr_ents = 512;
    is(mmuext_ops(&op, 1, NULL), 0, "set_ldt");
    is(try_call(load_es, (void *)(1 << 3 | 7)).vector, NO_FAULT, "an LDT selector loads");
    is(try_call(load_es, (void *)(3 << 3 | 7)).vector, VECTOR_GP, "an empty one does not");
    ok(page_protect(ldt, PTE_LEAF) < 0, "the LDT cannot be mapped writable while used");
    try_call(load_es, NULL);
    op.arg2.nr_ents = 0;
    is(mmuext_ops(&op, 1, NULL), 0, "drop the LDT");
    is(page_protect(ldt, PTE_LEAF), 0, "the page is ordinary memory again");
    ok(try_call(load_es, (void *)(1 << 3 | 7)).vector == VECTOR_GP, "its selectors are gone");
    op.arg2.nr_ents = 9000;
    is(mmuext_ops(&op, 1, NULL), -XEN_EINVAL, "too many entries are EINVAL");
}

static void check_bases(void)
{
    static uint64_t words[3] = { 0x10, 0x11, 0x12 };
    uint64_t value;

    is(set_segment_base(SEGBASE_FS, (uint64_t)&words[1]), 0, "set the FS base");
    __asm__ volatile("mov %%fs:0, %0" : "=r"(value));
    is((long)value, 0x11, "it counts");
    is(set_segment_base(SEGBASE_GS_KERNEL, (uint64_t)&words[2]), 0, "set the GS base");
    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    is((long)value, 0x12, "it counts");
    sched_op(SCHEDOP_yield, NULL);
    time_sleep(1000000);
    __asm__ volatile("mov %%fs:8, %0" : "=r"(value));
    is((long)value, 0x12, "both survive a sleep");
    is(set_segment_base(SEGBASE_GS_USER_SEL, 0), 0, "set the user's GS selector");
    is(set_segment_base(77, 0), -XEN_EINVAL, "an unknown register is EINVAL");
    is(try_call(load_fs, NULL).vector, NO_FAULT, "load a null FS");
}

void guest_main(void)
{
    int port = event_bind_virq(VIRQ_TIMER, 0);

    event_bind((unsigned int)port, NULL);
    check_gdt();
    check_ldt();
    check_bases();
}

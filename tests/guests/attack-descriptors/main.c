/*
 * Descriptors that would lead into ring 0: gates, system segments, code of a lower DPL; tables made
 * of what must not be one; and every selector there is.
 */
#include "pv.h"

#define CODE64(dpl)       (0x00209b0000000000ull | (uint64_t)(dpl) << 45)
#define DATA32(dpl)       (0x00cf93000000ffffull | (uint64_t)(dpl) << 45)
#define SYSTEM(type, dpl) ((uint64_t)(0x80 | (dpl) << 5 | (type)) << 40)

static uint64_t *gdt;
static unsigned long gdt_mfn;

static long set_gdt(const unsigned long *frames, unsigned int entries)
{
    return hypercall2(__HYPERVISOR_set_gdt, (unsigned long)frames, entries);
}

static void load_ds(void *arg)
{
    __asm__ volatile("mov %w0, %%ds; mov %w1, %%ds" : : "r"(arg), "r"(0));
}

static void load_ss(void *arg)
{
    uint16_t old;

    __asm__ volatile("mov %%ss, %0" : "=r"(old));
    __asm__ volatile("mov %w0, %%ss; mov %w1, %%ss" : : "r"(arg), "r"(old));
}

static void load_fs_gs(void *arg)
{
    __asm__ volatile("mov %w0, %%fs; mov %w1, %%fs" : : "r"(arg), "r"(0));
}

static void far_return(void *arg)
{
    /* To the next instruction with the selector as CS; a plain return gets back. */
    __asm__ volatile("push %0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
                     :
                     : "r"(arg)
                     : "rax", "memory");
}

static void far_call(void *arg)
{
    struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) target = { 0, (uint16_t)(uintptr_t)arg };

    __asm__ volatile("lcall *%0" : : "m"(target) : "memory");
}

/* Either the descriptor is refused, or what was stored cannot reach ring 0. */
static void try_descriptor(uint64_t value, const char *what)
{
    long ret = hypercall2(__HYPERVISOR_update_descriptor, (gdt_mfn << PAGE_SHIFT) + 5 * 8, value);
    uint64_t stored = gdt[5];
    bool present = stored >> 47 & 1, code_or_data = stored >> 44 & 1;
    /* A system descriptor of type 0 is no descriptor at all. */
    bool none = !code_or_data && !(stored >> 40 & 15);

    ok(ret < 0 || !present || none || (code_or_data && (stored >> 45 & 3) == 3),
       "%s: refused or made harmless (%ld, 0x%lx)", what, ret, stored);
    for (unsigned int rpl = 0; rpl < 4; rpl++) {
        try_call(far_call, (void *)(5ul << 3 | rpl));
        try_call(load_ds, (void *)(5ul << 3 | rpl));
    }
    hypercall2(__HYPERVISOR_update_descriptor, (gdt_mfn << PAGE_SHIFT) + 5 * 8, 0);
}

static void check_descriptors(void)
{
    for (unsigned int type = 0; type < 16; type++) {
        note("system type %u", type);
        try_descriptor(SYSTEM(type, 0) | 0xe0080000ull, "system segment or gate, DPL 0");
        try_descriptor(SYSTEM(type, 3) | 0xe0080000ull, "system segment or gate, DPL 3");
    }
    for (unsigned int dpl = 0; dpl < 3; dpl++) {
        try_descriptor(CODE64(dpl), "64-bit code of a low DPL");
        try_descriptor(CODE64(dpl) | 1ull << 42, "conforming code of a low DPL");
        try_descriptor(CODE64(dpl) | 1ull << 54, "code with both L and D");
        try_descriptor(DATA32(dpl), "data of a low DPL");
    }
}

static void check_tables(void)
{
    unsigned long frames[17];
    unsigned long data = virt_to_mfn(alloc_page());
    uint64_t *bad = alloc_page();
    unsigned long bad_mfn = virt_to_mfn(bad);

    for (unsigned int i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = gdt_mfn;
    is(set_gdt(frames, 14 * 512), 0, "one frame fourteen times is a GDT");
    refused(set_gdt(frames, 14 * 512 + 1), "reaching into the hypervisor's part is not");
    refused(set_gdt(frames, 0x80000001), "nor a negative number of entries");
    frames[0] = data;
    refused(set_gdt(frames, 1), "a writable page is no GDT");
    for (int level = 1; level <= 4; level++) {
        frames[0] = pte_machine((uint64_t)gdt, level) >> PAGE_SHIFT;
        refused(set_gdt(frames, 512), "an L%d table is no GDT", level);
    }
    frames[0] = 0xfffffffff;
    refused(set_gdt(frames, 512), "no frame is no GDT");
    frames[0] = 1;
    refused(set_gdt(frames, 512), "low memory is no GDT");
    bad[7] = SYSTEM(12, 3) | 0xe0080000ull;
    page_protect(bad, PTE_LEAF_RO);
    frames[0] = bad_mfn;
    refused(set_gdt(frames, 512), "a page with a call gate is no GDT");
    is(page_protect(bad, PTE_LEAF), 0, "and is not held after that");
    frames[0] = gdt_mfn;
    is(set_gdt(frames, 512), 0, "the good one is");
    refused(page_protect(gdt, PTE_LEAF), "it cannot be mapped writable");
    ok(try_write(gdt, 0).vector == VECTOR_PF, "nor written");
    refused(mmuext(MMUEXT_CLEAR_PAGE, gdt_mfn), "nor cleared");
    refused(mmu_write(gdt_mfn << PAGE_SHIFT, CODE64(0)), "nor updated as a page table");
    refused(mmuext(MMUEXT_PIN_L1_TABLE, gdt_mfn), "nor pinned as one");
    for (unsigned int low = 1; low < 8; low++)
        refused(hypercall2(__HYPERVISOR_update_descriptor, (gdt_mfn << PAGE_SHIFT) + low, 0),
                "a descriptor at byte %u", low);
}

static void check_ldt(void)
{
    uint64_t *page = alloc_page();
    static const uint64_t bases[] = { HYPERVISOR_VIRT_START, 0xffff830000000000, 0x800000000000,
                                      0xfffffffffffff000,    0x7ffffffff000,     0xdead000 };

    for (unsigned int i = 0; i < ARRAY_SIZE(bases); i++) {
        struct mmuext_op op = { .cmd = MMUEXT_SET_LDT, .arg1.linear_addr = bases[i] };
        unsigned int loaded = 0;

        op.arg2.nr_ents = 8192;
        if (mmuext_ops(&op, 1, NULL) == 0)
            for (unsigned long selector = 4; selector < 0x10000; selector += 8 * 61)
                loaded += try_call(load_ds, (void *)(selector | 3)).vector == NO_FAULT;
        is(loaded, 0, "an LDT at %lx gives no segment", bases[i]);
    }
    for (unsigned int i = 1; i < 512; i++)
        page[i] = i & 1 ? SYSTEM(12, 3) | 0xe0080000ull : CODE64(0);
    page_protect(page, PTE_LEAF_RO);
    {
        struct mmuext_op op = { .cmd = MMUEXT_SET_LDT, .arg1.linear_addr = (uint64_t)page };
        unsigned int loaded = 0;

        op.arg2.nr_ents = 512;
        mmuext_ops(&op, 1, NULL);
        for (unsigned long i = 0; i < 512; i++) {
            loaded += try_call(far_call, (void *)(i << 3 | 4)).vector == NO_FAULT;
            loaded += try_call(load_ds, (void *)(i << 3 | 4)).vector == NO_FAULT;
        }
        is(loaded, 0, "an LDT of gates and ring 0 code gives no segment");
        op.arg1.linear_addr++;
        refused(mmuext_ops(&op, 1, NULL), "an LDT at an odd address");
        op.arg1.linear_addr--;
        op.arg2.nr_ents = 8193;
        refused(mmuext_ops(&op, 1, NULL), "an LDT of 8193 entries");
        op.arg2.nr_ents = 0;
        is(mmuext_ops(&op, 1, NULL), 0, "drop it");
    }
}

/* Only selectors of ring 3 may load; no far transfer may leave ring 3. */
static void check_every_selector(void)
{
    unsigned int loaded = 0, stacks = 0, codes = 0;

    for (unsigned long selector = 4; selector < 0x10000; selector++) {
        if ((selector & 4) && selector > 64)
            continue;
        loaded += try_call(load_ds, (void *)selector).vector == NO_FAULT;
        try_call(load_fs_gs, (void *)selector);
        if ((selector & 3) != 3) {
            stacks += try_call(load_ss, (void *)selector).vector == NO_FAULT;
            codes += try_call(far_return, (void *)selector).vector == NO_FAULT;
        }
    }
    note("%u data selectors load", loaded);
    ok(loaded < 100, "few selectors load at all");
    is(stacks, 0, "no stack segment of another ring does");
    is(codes, 0, "no code segment of another ring does");
}

void guest_main(void)
{
    unsigned long frame;

    gdt = alloc_page();
    frame = gdt_mfn = virt_to_mfn(gdt);
    page_protect(gdt, PTE_LEAF_RO);
    is(set_gdt(&frame, 512), 0, "install a GDT");
    check_descriptors();
    check_tables();
    check_ldt();
    check_every_selector();
}

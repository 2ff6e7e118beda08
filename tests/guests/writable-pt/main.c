/*
 * Writes to a live page table through its read-only mapping, as a kernel with "writable page
 * tables" makes them: emulated whatever the instruction, and still checked.
 */
#include "pv.h"

#define SPARE_VA 0xffffffffa0000000ul

static volatile pte_t *entry;
static unsigned long page_mfn;

static void store(void *arg)
{
    *entry = (pte_t)arg;
}

static void exchange(void *arg)
{
    pte_t value = (pte_t)arg;

    __asm__ volatile("xchg %0, %1" : "+r"(value), "+m"(*entry));
}

static void lock_clear_rw(void *arg)
{
    (void)arg;
    __asm__ volatile("lock btrq $1, %0" : "+m"(*entry) : : "cc");
}

static void lock_and(void *arg)
{
    __asm__ volatile("lock andq %1, %0" : "+m"(*entry) : "r"(arg) : "cc");
}

static void lock_or(void *arg)
{
    __asm__ volatile("lock orq %1, %0" : "+m"(*entry) : "r"(arg) : "cc");
}

static void compare_exchange(void *arg)
{
    pte_t old = *entry;

    __asm__ volatile("lock cmpxchgq %2, %1" : "+a"(old), "+m"(*entry) : "r"(arg) : "cc");
}

static void store_low_half(void *arg)
{
    *(volatile uint32_t *)entry = (uint32_t)(uintptr_t)arg;
}

static void store_byte(void *arg)
{
    *(volatile uint8_t *)entry = (uint8_t)(uintptr_t)arg;
}

static bool usable(void)
{
    mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0);
    return try_write((void *)SPARE_VA, 1).vector == NO_FAULT;
}

static void check_emulation(void)
{
    pte_t leaf = make_pte(page_mfn, PTE_LEAF);

    is(try_call(store, (void *)leaf).vector, NO_FAULT, "mov");
    ok(usable(), "maps the page");
    is(try_call(lock_clear_rw, NULL).vector, NO_FAULT, "lock btr of the write bit");
    ok(!(*entry & PTE_RW) && !usable(), "makes it read-only");
    is(try_call(lock_or, (void *)PTE_RW).vector, NO_FAULT, "lock or of the write bit");
    ok(usable(), "makes it writable");
    is(try_call(lock_and, (void *)~(PTE_A | PTE_D)).vector, NO_FAULT, "lock and");
    is((long)(*entry & (PTE_A | PTE_D)), 0, "clears accessed and dirty");
    is(try_call(exchange, (void *)0).vector, NO_FAULT, "xchg");
    ok(*entry == 0 && !usable(), "unmaps it");
    is(try_call(compare_exchange, (void *)leaf).vector, NO_FAULT, "lock cmpxchg");
    ok(usable(), "maps it");
    is(try_call(store_byte, (void *)0).vector, NO_FAULT, "a byte");
    ok(!usable(), "unmaps it");
    is(try_call(store_low_half, (void *)(leaf & 0xffffffff)).vector, NO_FAULT, "half an entry");
    ok(usable(), "maps it");
}

static void check_refusals(void)
{
    pte_t before = *entry;
    struct fault fault = try_call(store, (void *)make_pte(root_mfn(), PTE_LEAF));

    is(fault.vector, VECTOR_PF, "mapping the root table writable faults");
    is((long)*entry, (long)before, "and changes nothing");
    fault = try_call(store, (void *)make_pte(0x7fffffff, PTE_LEAF));
    is(fault.vector, VECTOR_PF, "mapping a frame that does not exist faults");
    fault = try_write(pte_of(SPARE_VA, 2), 0);
    is(fault.vector, VECTOR_PF, "a level 2 entry is not written this way");
    ok(usable(), "the mapping survived");
}

void guest_main(void)
{
    void *page = alloc_page();

    page_mfn = virt_to_mfn(page);
    ensure_tables(SPARE_VA);
    entry = pte_of(SPARE_VA, 1);

    is(vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), 0, "enable the assist");
    check_emulation();
    check_refusals();
    is(vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables), 0, "disable the assist");
    is(vm_assist(VMASST_CMD_enable, 63), -XEN_EINVAL, "an unknown assist is EINVAL");
    is(vm_assist(7, VMASST_TYPE_writable_pagetables), -XEN_ENOSYS, "an unknown command is ENOSYS");
}

/*
 * The benchmark guest: what a PV kernel does most, each many times over, in TSC ticks per
 * operation. Under an emulator that counts instructions a tick is an instruction of guest and
 * hypervisor together, so the guest's part of each operation is kept to a few instructions of
 * assembly. Prints "bench NAME TICKS" lines. With "memory=1" it takes all the memory it can get
 * instead, and with "peer=DOMAIN" it is one of two guests that work with each other (pair.c).
 */
#include "bench.h"

#define UNMAPPED_VA 0x700000000000ul

static struct mmu_update updates[64], removals[64];
static struct multicall_entry calls[8];
static void *page, *table;
static unsigned int port;

static void null_hypercall(void)
{
    xen_version(XENVER_version, NULL);
}

static void update_one(void)
{
    mmu_update(updates, 1, NULL);
}

static void update_64(void)
{
    mmu_update(updates, 64, NULL);
}

static void map_64(void)
{
    mmu_update(updates, 64, NULL);
    mmu_update(removals, 64, NULL);
}

static void update_va_one(void)
{
    update_va(SPARE_VA, updates[0].val, UVMF_INVLPG);
}

static void pin_unpin(void)
{
    mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table));
    mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(table));
}

static void switch_root(void)
{
    mmuext(MMUEXT_NEW_BASEPTR, root_mfn());
}

static void emulated_write(void)
{
    *(volatile pte_t *)pte_of(SPARE_VA, 1) = updates[0].val;
}

static void fault(void)
{
    __asm__ volatile("mov (%0), %%rcx" : : "a"(UNMAPPED_VA) : "rcx", "memory");
}

static void event_to_self(void)
{
    event_send(port);
}

static void timer_in_the_past(void)
{
    uint64_t before = bench_upcalls;

    set_timer_op(1);
    while (bench_upcalls == before)
        ;
}

static void multicall_8(void)
{
    multicall(calls, 8);
}

static void emulated_cpuid(void)
{
    uint32_t a = 1, b, c = 0, d;

    __asm__ volatile(XEN_EMULATE_PREFIX "cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

static void segment_base(void)
{
    set_segment_base(SEGBASE_FS, 0x1000);
}

static void switch_stack(void)
{
    stack_switch(KERNEL_SS, (uint64_t)&switch_stack);
}

static void task_switched(void)
{
    fpu_taskswitch(0);
}

static void yield(void)
{
    sched_op(SCHEDOP_yield, NULL);
}

static void console_line(void)
{
    console_write("# a line of forty characters, like this\n", 40);
}

static void measure_system_call(void)
{
    struct frame registers = { .rip = USER_CODE, .rsp = USER_STACK + PAGE_SIZE - 16, .rbx = 1000 };
    uint64_t start;

    user_init();
    user_map(USER_CODE, bench_user, (size_t)(bench_user_end - bench_user));
    user_map(USER_STACK, NULL, 0);
    callback_register(CALLBACKTYPE_syscall, CALLBACKF_mask_events, (uint64_t)bench_syscall_stub);
    start = read_tsc();
    user_run(&registers);
    print("bench system-call %lu\n", (read_tsc() - start) / 1000);
}

static void set_fault_handler(uint64_t address)
{
    struct trap_info one[2] = {
        { .vector = VECTOR_PF, .cs = FLAT_KERNEL_CS, .address = address },
    };

    set_trap_table(one);
}

static void prepare(void)
{
    page = alloc_page();
    table = alloc_page();
    ensure_tables(SPARE_VA);
    for (unsigned int i = 0; i < 64; i++)
        updates[i] = (struct mmu_update){ .ptr = pte_machine(SPARE_VA + i * PAGE_SIZE, 1),
                                          .val = make_pte(virt_to_mfn(alloc_page()), PTE_LEAF) };
    for (unsigned int i = 0; i < 64; i++)
        removals[i].ptr = updates[i].ptr;
    for (unsigned int i = 0; i < 512; i++)
        ((pte_t *)table)[i] = make_pte(virt_to_mfn(page), PTE_LEAF);
    page_protect(table, PTE_LEAF_RO);
    for (unsigned int i = 0; i < 8; i++)
        calls[i] = (struct multicall_entry){ .op = __HYPERVISOR_xen_version,
                                             .args = { XENVER_version, 0 } };
}

static uint64_t machine_pages(void)
{
    static uint8_t entries[128 * 20];
    struct xen_memory_map map = { .nr_entries = 128 };
    uint64_t ram = 0;

    set_xen_guest_handle(map.buffer, (void *)entries);
    if (memory_op(XENMEM_machine_memory_map, &map))
        bail("no machine memory map");
    for (unsigned int i = 0; i < map.nr_entries; i++) {
        uint64_t size;
        uint32_t type;

        memcpy(&size, entries + i * 20 + 8, 8);
        memcpy(&type, entries + i * 20 + 16, 4);
        if (type == 1)
            ram += size;
    }
    return ram >> PAGE_SHIFT;
}

/* Everything that can be had, in ever smaller pieces; what is missing then, is kept from guests. */
static void measure_memory(void)
{
    static xen_pfn_t frames[512];
    uint64_t got = guest_pages();

    for (int order = 9; order >= 0; order -= order > 0 ? 3 : 1) {
        for (;;) {
            struct xen_memory_reservation r = { .nr_extents = ARRAY_SIZE(frames),
                                                .extent_order = (unsigned int)order,
                                                .domid = DOMID_SELF };
            long done;

            set_xen_guest_handle(r.extent_start, frames);
            done = memory_op(XENMEM_increase_reservation, &r);
            if (done <= 0)
                break;
            got += (uint64_t)done << order;
        }
    }
    print("bench memory-kept %lu\n", (machine_pages() - got) * (PAGE_SIZE / 1024));
}

void guest_main(void)
{
    if (option("peer", 0)) {
        pair((domid_t)option("peer", 0), option("measure", 0));
        return;
    }
    print("bench entry %lu\n", read_tsc() / 1000);
    if (option("memory", 0)) {
        measure_memory();
        return;
    }
    prepare();
    measure("null-hypercall", null_hypercall, 1000);
    measure("mmu-update", update_one, 1000);
    measure("mmu-update-64", update_64, 200);
    measure("map-64", map_64, 200);
    measure("update-va-mapping", update_va_one, 1000);
    measure("pin-unpin-table", pin_unpin, 100);
    measure("new-root", switch_root, 200);
    vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    measure("emulated-table-write", emulated_write, 200);
    measure("multicall-8", multicall_8, 200);
    measure("cpuid", emulated_cpuid, 200);
    measure("segment-base", segment_base, 1000);
    measure("stack-switch", switch_stack, 1000);
    measure("fpu-taskswitch", task_switched, 1000);
    measure("yield", yield, 200);
    set_fault_handler((uint64_t)bench_fault_stub);
    measure("page-fault", fault, 1000);
    set_fault_handler((uint64_t)vector_stubs + VECTOR_PF * 32);
    measure_system_call();
    callback_register(CALLBACKTYPE_event, 0, (uint64_t)bench_upcall_stub);
    port = (unsigned int)event_bind_ipi(0);
    event_bind(port, NULL);
    events_enable();
    measure("event-to-self", event_to_self, 1000);
    event_close(port);
    port = (unsigned int)event_bind_virq(VIRQ_TIMER, 0);
    vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    event_bind(port, NULL);
    measure("timer", timer_in_the_past, 200);
    measure("console-line", console_line, 20);
}

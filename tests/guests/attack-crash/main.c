/*
 * What a guest cannot survive, it must not survive alone: the hypervisor ends it and says why. One
 * way per run, chosen by how=N; the runner waits for the sentence.
 */
#include "pv.h"

static void no_stack(void)
{
    __asm__ volatile("mov $0xdead000, %%rsp; ud2" : : : "memory");
}

static void stack_in_hypervisor(void)
{
    __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(HYPERVISOR_VIRT_END - 64) : "memory");
}

static void stack_not_canonical(void)
{
    __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(0x8000000000000000ul) : "memory");
}

static void iret_without_frame(void)
{
    __asm__ volatile("mov $0xdead000, %%rsp; mov $23, %%eax; syscall" : : : "memory");
}

static void no_handler(void)
{
    set_trap_table(NULL);
    __asm__ volatile("ud2");
}

static void handler_unmapped(void)
{
    struct trap_info one[2] = {
        { .vector = VECTOR_PF, .cs = FLAT_KERNEL_CS, .address = 0xdead000 }
    };

    set_trap_table(one);
    *(volatile int *)0xbeef000 = 1;
}

static void asks_for_it(void)
{
    guest_shutdown(SHUTDOWN_crash);
}

static void user_without_tables(void)
{
    struct frame frame = { .rip = 0x1000, .rsp = 0x2000 };

    user_run(&frame);
}

void guest_main(void)
{
    static void (*const ways[])(
        void) = { no_stack,   stack_in_hypervisor, stack_not_canonical, iret_without_frame,
                  no_handler, handler_unmapped,    asks_for_it,         user_without_tables };
    unsigned long how = option("how", 0);

    note("way %lu", how);
    if (how < ARRAY_SIZE(ways))
        ways[how]();
    ok(false, "the guest should not be here");
}

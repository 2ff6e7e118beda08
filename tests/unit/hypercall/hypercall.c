/* Dispatch, multicall and continuation, xen_version, vm_assist, console_io. The guest's side of a
 * continuation is played by run(): it executes the call again for as long as it is asked to. */
#include "../harness/world.h"

#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/console.h>
#include <hv/control.h>
#include <hv/irq.h>
#include <hv/sched.h>
#include <hv/softirq.h>
#include <xen/sched.h>
#include <xen/version.h>

const struct domain_part *const world_parts[] = { &console_part };
const unsigned int world_nr_parts = 1;

struct boot_info boot_info = { .cmdline = "loglvl=all console=com1" };

static struct domain *dom0, *dom1;
static bool softirq;
static uint64_t seen[8][NR_HYPERCALL_ARGS];
static unsigned int calls;
static struct {
    bool set;
    unsigned int op, nargs;
    uint64_t args[NR_HYPERCALL_ARGS];
} again;

/* ---- what the calls call ---- */

bool softirq_pending(unsigned int cpu)
{
    (void)cpu;
    if (world.work_before_preemption > 0)
        world.work_before_preemption--;
    return softirq || world.work_before_preemption == 0;
}

void arch_hypercall_continue(unsigned int op, unsigned int nargs, const uint64_t *args)
{
    assert_false(again.set);
    again.set = true;
    again.op = op;
    again.nargs = nargs;
    memcpy(again.args, args, nargs * sizeof(*args));
}

static long note(unsigned int n, const uint64_t *args)
{
    if (args && calls < ARRAY_SIZE(seen))
        memcpy(seen[calls], args, n * sizeof(*args));
    return (long)++calls;
}

long do_event_channel_op(int cmd, guest_ptr_t arg)
{
    uint64_t a[] = { (uint64_t)cmd, arg.v };

    return note(2, a);
}

/* Takes arg.v steps of work, is preempted after each. */
long do_memory_op(unsigned long cmd, guest_ptr_t arg)
{
    calls++;
    if (arg.v > 1)
        return hypercall_continue(__HYPERVISOR_memory_op, 2, cmd, arg.v - 1);
    return -ENOMEM;
}

long do_grant_table_op(unsigned int cmd, guest_ptr_t arg, unsigned int count)
{
    uint64_t a[] = { cmd, arg.v, count };

    return note(3, a);
}

long do_set_timer_op(s_time_t deadline)
{
    return deadline == -1 ? 77 : -EINVAL;
}

long do_vcpu_op(int cmd, unsigned int vcpuid, guest_ptr_t arg)
{
    uint64_t a[] = { (uint64_t)cmd, vcpuid, arg.v };

    return note(3, a);
}

long do_sched_op(int cmd, guest_ptr_t arg)
{
    (void)arg;
    softirq = cmd == SCHEDOP_yield;
    return 0;
}

long do_physdev_op(int cmd, guest_ptr_t arg)
{
    (void)cmd, (void)arg;
    return -ENODEV;
}

long do_hypfs_op(unsigned int cmd, guest_ptr_t path, uint64_t path_len, guest_ptr_t data,
                 uint64_t size)
{
    (void)cmd, (void)path, (void)path_len, (void)data, (void)size;
    return 42;
}

long do_sysctl(guest_ptr_t arg)
{
    return note(1, &arg.v);
}

long do_domctl(guest_ptr_t arg)
{
    return note(1, &arg.v);
}

static long arch_call(const uint64_t *args)
{
    return note(6, args);
}

static long arch_special(const uint64_t *args)
{
    (void)args;
    return 5;
}

const struct hypercall arch_hypercalls[NR_HYPERCALLS] = {
    [__HYPERVISOR_mmu_update] = { "mmu_update", arch_call, 4, HYPERCALL_PV },
    [__HYPERVISOR_iret] = { "iret", arch_special, 0, HYPERCALL_PV | HYPERCALL_NO_MULTICALL },
};

static uint32_t features(const struct domain *d)
{
    return d->type == DOMAIN_PV ? 1U << XENFEAT_mmu_pt_update_preserve_ad : 0;
}

const struct arch_abi arch_abi = {
    .capabilities = "xen-3.0-x86_64 ",
    .virt_start = 0xffff800000000000,
    .vm_assist_all = BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_m2p_strict),
    .features = features,
};

static char console[4096];
static size_t console_len;
static const char *typed = "";

void console_guest_write(const char *s, size_t len)
{
    memcpy(console + console_len, s, len);
    console_len += len;
}

size_t console_guest_read(char *buf, size_t size)
{
    size_t len = min(strlen(typed), size);

    memcpy(buf, typed, len);
    typed += len;
    return len;
}

/* The world's counts messages only. */
static void take_line(const char *line)
{
    console_len +=
        (size_t)snprintf(console + console_len, sizeof(console) - console_len, "%s", line);
}

/* ---- the guest ---- */

static long call(unsigned int op, uint64_t a0, uint64_t a1, uint64_t a2)
{
    const uint64_t args[NR_HYPERCALL_ARGS] = { a0, a1, a2, 3, 4, 5 };

    again.set = false;
    return hypercall_dispatch(op, args);
}

/* How often it had to be executed. */
static unsigned int rounds;

static long run(unsigned int op, uint64_t a0, uint64_t a1, uint64_t a2)
{
    long rc = call(op, a0, a1, a2);

    for (rounds = 1; again.set; rounds++) {
        uint64_t args[NR_HYPERCALL_ARGS] = { 0 };

        assert_true(hypercall_was_continued());
        assert_int_equal(rc, again.op);
        assert_true(rounds < 1000);
        memcpy(args, again.args, again.nargs * sizeof(args[0]));
        again.set = false;
        softirq = false;
        rc = hypercall_dispatch(again.op, args);
    }
    assert_false(hypercall_was_continued());
    return rc;
}

static int setup(void **state)
{
    (void)state;
    world_reset();
    dom0 = world_domain(0, 1);
    dom1 = world_domain(1, 1);
    world_be(dom0, 0);
    softirq = false;
    calls = 0;
    console_len = 0;
    memset(seen, 0, sizeof(seen));
    again.set = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end();
    return 0;
}

static void test_dispatch(void **state)
{
    (void)state;
    assert_int_equal(call(__HYPERVISOR_event_channel_op, 4, 0x1234, 0), 1);
    assert_int_equal(seen[0][0], 4);
    assert_int_equal(seen[0][1], 0x1234);
    assert_int_equal(call(__HYPERVISOR_mmu_update, 7, 8, 9), 2);
    assert_int_equal(seen[1][2], 9);
    assert_int_equal(seen[1][5], 5);
    assert_int_equal(call(__HYPERVISOR_set_timer_op, ~0UL, 0, 0), 77);
    assert_int_equal(call(__HYPERVISOR_iret, 0, 0, 0), 5);
    assert_int_equal(call(11, 0, 0, 0), -ENOSYS);
    assert_int_equal(call(__HYPERVISOR_tmem_op, 0, 0, 0), -ENOSYS);
    assert_int_equal(call(63, 0, 0, 0), -ENOSYS);
    assert_int_equal(call(64, 0, 0, 0), -ENOSYS);
    assert_int_equal(call(64 + __HYPERVISOR_mmu_update, 0, 0, 0), -ENOSYS);
    assert_int_equal(call(~0U, 0, 0, 0), -ENOSYS);
    assert_string_equal(hypercall_name(__HYPERVISOR_memory_op), "memory_op");
    assert_string_equal(hypercall_name(__HYPERVISOR_iret), "iret");
    assert_null(hypercall_name(11));
    assert_null(hypercall_name(64));
    dom0->type = DOMAIN_HVM;
    assert_int_equal(call(__HYPERVISOR_mmu_update, 0, 0, 0), -ENOSYS);
    assert_true(call(__HYPERVISOR_event_channel_op, 4, 0, 0) > 0);
    dom0->type = DOMAIN_PV;
}

static void test_continuation(void **state)
{
    (void)state;
    assert_int_equal(run(__HYPERVISOR_memory_op, 6, 5, 0), -ENOMEM);
    assert_int_equal(rounds, 5);
    assert_int_equal(calls, 5);
}

static struct multicall_entry entry(unsigned long op, unsigned long a0, unsigned long a1)
{
    return (struct multicall_entry){ .op = op, .result = 0xdead, .args = { a0, a1, 2, 3, 4, 5 } };
}

static void test_multicall(void **state)
{
    struct multicall_entry list[] = {
        entry(__HYPERVISOR_event_channel_op, 1, 10),
        entry(11, 0, 0),
        entry(__HYPERVISOR_mmu_update, 20, 21),
        entry(__HYPERVISOR_multicall, 0, 0),
        entry(__HYPERVISOR_iret, 0, 0),
        entry(64, 0, 0),
        entry((1UL << 32) + __HYPERVISOR_event_channel_op, 0, 0),
        entry(~0UL, 0, 0),
        entry(__HYPERVISOR_set_timer_op, ~0UL, 0),
    };
    static const long results[] = {
        1, -ENOSYS, 2, -EINVAL, -EINVAL, -ENOSYS, -ENOSYS, -ENOSYS, 77
    };

    (void)state;
    assert_int_equal(run(__HYPERVISOR_multicall, (uintptr_t)list, ARRAY_SIZE(list), 0), 0);
    assert_int_equal(rounds, 1);
    for (unsigned int i = 0; i < ARRAY_SIZE(list); i++)
        assert_int_equal((long)list[i].result, results[i]);
    assert_int_equal(seen[1][0], 20);
    assert_int_equal(seen[1][5], 5);
    assert_int_equal(call(__HYPERVISOR_iret, 0, 0, 0), 5); /* outside again */
    assert_int_equal(run(__HYPERVISOR_multicall, 8, 0, 0), 0);
    assert_int_equal(run(__HYPERVISOR_multicall, 8, 1, 0), -EFAULT);
}

/* Only the low half of the count is the argument. */
static void test_multicall_count(void **state)
{
    struct multicall_entry list[] = { entry(__HYPERVISOR_event_channel_op, 1, 10) };

    (void)state;
    assert_int_equal(run(__HYPERVISOR_multicall, (uintptr_t)list, 1UL << 32 | 1, 0), 0);
    assert_int_equal(calls, 1);
}

static void test_multicall_preempted(void **state)
{
    struct multicall_entry list[] = {
        entry(__HYPERVISOR_event_channel_op, 1, 0),
        entry(__HYPERVISOR_sched_op, SCHEDOP_yield, 0),
        entry(__HYPERVISOR_event_channel_op, 2, 0),
        entry(__HYPERVISOR_event_channel_op, 3, 0),
        entry(__HYPERVISOR_sched_op, SCHEDOP_yield, 0),
    };

    (void)state;
    assert_int_equal(call(__HYPERVISOR_multicall, (uintptr_t)list, 5, 0), __HYPERVISOR_multicall);
    assert_true(again.set);
    assert_int_equal(again.args[0], (uintptr_t)&list[2]);
    assert_int_equal(again.args[1], 3);
    assert_int_equal(list[1].result, 0);
    assert_int_equal(list[2].result, 0xdead);
    softirq = false;
    calls = 0;
    again.set = false;
    /* Preempted after the last entry: it is done all the same. */
    assert_int_equal(run(__HYPERVISOR_multicall, (uintptr_t)&list[2], 3, 0), 0);
    assert_int_equal(rounds, 1);
    assert_int_equal(calls, 2);
}

/* An event for the caller counts as urgent too, unless it has masked them. */
static void test_multicall_event(void **state)
{
    struct multicall_entry list[] = { entry(__HYPERVISOR_event_channel_op, 1, 0),
                                      entry(__HYPERVISOR_event_channel_op, 2, 0) };

    (void)state;
    dom0->vcpu[0]->info->evtchn_upcall_pending = 1;
    dom0->vcpu[0]->info->evtchn_upcall_mask = 1;
    assert_int_equal(run(__HYPERVISOR_multicall, (uintptr_t)list, 2, 0), 0);
    assert_int_equal(rounds, 1);
    dom0->vcpu[0]->info->evtchn_upcall_mask = 0;
    assert_int_equal(run(__HYPERVISOR_multicall, (uintptr_t)list, 2, 0), 0);
    assert_int_equal(rounds, 2);
}

static void test_multicall_inner_continuation(void **state)
{
    struct multicall_entry list[] = {
        entry(__HYPERVISOR_memory_op, 6, 4),
        entry(__HYPERVISOR_event_channel_op, 1, 0),
        entry(__HYPERVISOR_memory_op, 6, 2),
        entry(__HYPERVISOR_memory_op, 6, 1),
    };

    (void)state;
    assert_int_equal(call(__HYPERVISOR_multicall, (uintptr_t)list, 4, 0), __HYPERVISOR_multicall);
    assert_int_equal(again.args[0], (uintptr_t)list);
    assert_int_equal(again.args[1], 4);
    assert_int_equal(list[0].op, __HYPERVISOR_memory_op);
    assert_int_equal(list[0].args[0], 6);
    assert_int_equal(list[0].args[1], 3);
    assert_int_equal(list[0].args[2], 2); /* not its argument */
    calls = 0;
    assert_int_equal(run(__HYPERVISOR_multicall, (uintptr_t)list, 4, 0), 0);
    assert_int_equal(rounds, 4);
    assert_int_equal(calls, 3 + 1 + 2 + 1);
    assert_int_equal((long)list[0].result, -ENOMEM);
    assert_int_equal((long)list[2].result, -ENOMEM);
    assert_int_equal((long)list[3].result, -ENOMEM);
}

static void test_multicall_faults(void **state)
{
    struct multicall_entry list[] = { entry(__HYPERVISOR_event_channel_op, 1, 0),
                                      entry(__HYPERVISOR_memory_op, 6, 4) };

    (void)state;
    world.copies_to_before_fault = 0;
    assert_int_equal(run(__HYPERVISOR_multicall, (uintptr_t)list, 2, 0), -EFAULT);
    world.copies_to_before_fault = 1;
    assert_int_equal(run(__HYPERVISOR_multicall, (uintptr_t)list, 2, 0), -EFAULT);
    world.copies_to_before_fault = -1;
    assert_int_equal(call(__HYPERVISOR_iret, 0, 0, 0), 5);
    world.copies_from_before_fault = 1;
    assert_int_equal(run(__HYPERVISOR_multicall, (uintptr_t)list, 2, 0), -EFAULT);
    world.copies_from_before_fault = -1;
}

static long version(unsigned int cmd, void *arg)
{
    return call(__HYPERVISOR_xen_version, cmd, (uintptr_t)arg, 0);
}

static void test_version(void **state)
{
    struct xen_feature_info fi = { .submap_idx = 0 };
    struct xen_platform_parameters pp;
    struct xen_compile_info ci;
    char text[1024];

    (void)state;
    assert_int_equal(version(XENVER_version, NULL), 4 << 16 | 17);
    memset(text, 'x', sizeof(text));
    assert_int_equal(version(XENVER_extraversion, text), 0);
    assert_string_equal(text, ".0-hospes");
    assert_int_equal(text[15], 0);
    assert_int_equal(text[16], 'x');
    assert_int_equal(version(XENVER_capabilities, text), 0);
    assert_string_equal(text, "xen-3.0-x86_64 ");
    assert_int_equal(text[1023], 0);
    assert_int_equal(version(XENVER_commandline, text), 0);
    assert_string_equal(text, "loglvl=all console=com1");
    assert_int_equal(version(XENVER_changeset, text), 0);
    assert_int_equal(version(XENVER_compile_info, &ci), 0);
    assert_true(strlen(ci.compiler) > 0 && strnlen(ci.compiler, 64) < 64);
    assert_int_equal(version(XENVER_platform_parameters, &pp), 0);
    assert_true(pp.virt_start == 0xffff800000000000);
    assert_int_equal(version(XENVER_get_features, &fi), 0);
    assert_true(fi.submap & 1U << XENFEAT_dom0);
    assert_false(fi.submap & 1U << XENFEAT_memory_op_vnode_supported);
    assert_true(fi.submap & 1U << XENFEAT_mmu_pt_update_preserve_ad);
    fi.submap_idx = 1;
    assert_int_equal(version(XENVER_get_features, &fi), -EINVAL);
    assert_int_equal(version(XENVER_pagesize, NULL), 4096);
    assert_int_equal(version(XENVER_pagesize, text), -EINVAL);
    memset(dom0->handle, 0xab, sizeof(dom0->handle));
    assert_int_equal(version(XENVER_guest_handle, text), 0);
    assert_int_equal((unsigned char)text[15], 0xab);
    assert_int_equal(version(XENVER_build_id, NULL), -ENODATA);
    assert_int_equal(version(11, NULL), -ENOSYS);
    assert_int_equal(version(XENVER_extraversion, NULL), -EFAULT);
    assert_int_equal(version(XENVER_get_features, NULL), -EFAULT);

    world_be(dom1, 0);
    assert_int_equal(version(XENVER_commandline, text), 0);
    assert_string_equal(text, "<denied>");
    assert_int_equal(version(XENVER_build_id, NULL), -EPERM);
    fi.submap_idx = 0;
    assert_int_equal(version(XENVER_get_features, &fi), 0);
    assert_false(fi.submap & 1U << XENFEAT_dom0);
}

static void test_vm_assist(void **state)
{
    (void)state;
    assert_int_equal(call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 2, 0), 0);
    assert_int_equal(call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 32, 0), 0);
    assert_true(dom0->vm_assist == (BIT(2) | BIT(32)));
    assert_int_equal(call(__HYPERVISOR_vm_assist, VMASST_CMD_disable, 2, 0), 0);
    assert_true(dom0->vm_assist == BIT(32));
    assert_int_equal(call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 0, 0), -EINVAL);
    assert_int_equal(call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 64, 0), -EINVAL);
    assert_int_equal(call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, ~0UL, 0), -EINVAL);
    assert_int_equal(call(__HYPERVISOR_vm_assist, 2, 2, 0), -ENOSYS);
}

static long console_io(unsigned int cmd, uint32_t count, const void *buffer)
{
    return run(__HYPERVISOR_console_io, cmd, count, (uintptr_t)buffer);
}

static void test_console(void **state)
{
    char text[1000];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[500] = 7;
    assert_int_equal(console_io(CONSOLEIO_write, sizeof(text), text), 0);
    assert_int_equal(console_len, sizeof(text));
    assert_memory_equal(console, text, sizeof(text));

    console_len = 0;
    world.work_before_preemption = 3; /* again and again */
    softirq = true;
    assert_int_equal(console_io(CONSOLEIO_write, sizeof(text), text), 0);
    assert_true(rounds > 1);
    assert_int_equal(console_len, sizeof(text));
    assert_memory_equal(console, text, sizeof(text));
    world.work_before_preemption = -1;
    softirq = false;

    assert_int_equal(console_io(CONSOLEIO_write, 10, NULL), -EFAULT);
    assert_int_equal(console_io(CONSOLEIO_write, 0, NULL), 0);
    assert_int_equal(console_io(7, 0, text), -ENOSYS);
    typed = "ls -l\r";
    assert_int_equal(console_io(CONSOLEIO_read, sizeof(text), text), 6);
    assert_memory_equal(text, "ls -l\r", 6);
    assert_int_equal(console_io(CONSOLEIO_read, sizeof(text), text), 0);
    assert_int_equal(console_io(CONSOLEIO_read, 1U << 31, text), -E2BIG);
    typed = "x";
    assert_int_equal(console_io(CONSOLEIO_read, 1, NULL), -EFAULT);
}

static void test_console_unprivileged(void **state)
{
    char text[1000];

    (void)state;
    world.on_message = take_line;
    world_be(dom1, 0);
    assert_int_equal(console_io(CONSOLEIO_read, 1, text), -EPERM);
    assert_int_equal(console_io(CONSOLEIO_write, 6, "Hello "), 0);
    assert_int_equal(world.messages, 0);
    assert_int_equal(console_io(CONSOLEIO_write, 9, "\033[1mwo\0\x9b%"), 0);
    assert_int_equal(console_io(CONSOLEIO_write, 6, "s\r\nnext"), 0);
    assert_int_equal(world.messages, 1);
    console[console_len] = '\0';
    assert_string_equal(console, "Hello [1mwo%s\n");
    memset(text, 'b', sizeof(text));
    assert_int_equal(console_io(CONSOLEIO_write, sizeof(text), text), 0);
    assert_in_range(world.messages, 6, 9); /* no line is without an end */
    world.on_message = NULL;
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(dispatch),
        T(continuation),
        T(multicall),
        T(multicall_count),
        T(multicall_preempted),
        T(multicall_event),
        T(multicall_inner_continuation),
        T(multicall_faults),
        T(version),
        T(vm_assist),
        T(console),
        T(console_unprivileged),
    };

    return cmocka_run_group_tests_name("hypercall", tests, NULL, NULL);
}

/* Contexts: what is set is what is got; what is refused changes nothing and holds nothing. */
#include "state.h"

#include <hv/guest_access.h>

static void set_is_got(void **state)
{
    struct vcpu_guest_context c = good;

    (void)state;
    assert_int_equal(get_context(0, &c), -ENODATA);
    assert_int_equal(set_context(0, &good), 0);
    assert_context(0, &good);
    assert_int_equal(guest->vm_assist, good.vm_assist);
    check_everything();
    /* The same again, as when a guest is resumed with another return value. */
    c = good;
    c.user_regs.rax = 1;
    assert_int_equal(set_context(0, &c), 0);
    assert_context(0, &c);
    /* Down, in its user, without tables of descriptors; vm_assist is not this vCPU's business. */
    c = good;
    c.flags = 0;
    c.vm_assist = ~0UL;
    c.gdt_ents = c.ldt_ents = c.ldt_base = 0;
    memset(c.gdt_frames, 0, sizeof(c.gdt_frames));
    c.ctrlreg[3] = xen_pfn_to_cr3(own[1][1].v);
    assert_int_equal(set_context(1, &c), 0);
    assert_true(guest->vcpu[1]->pause_flags & 1UL << VCPU_DOWN);
    assert_false(guest->vcpu[0]->pause_flags & 1UL << VCPU_DOWN);
    assert_int_equal(get_context(1, &c), 0);
    assert_int_equal(c.flags, VGCF_i387_valid);
    assert_int_equal(guest->vm_assist, good.vm_assist);
    check_everything();
}

static void made_harmless(void **state)
{
    struct vcpu_guest_context c = good;

    (void)state;
    c.user_regs.cs = 0xe030;
    c.user_regs.ss = 0xe028;
    c.kernel_ss = 0xffffe028;
    c.user_regs.rflags |= 0x4000 | 0x20000; /* NT, VM */
    c.user_regs.rflags &= ~0x202UL;
    c.user_regs.error_code = 77;
    c.trap_ctxt[3].vector = 9;
    c.debugreg[4] = c.debugreg[5] = ~0UL;
    c.debugreg[6] = 1;
    c.ctrlreg[0] = CR0_TS;
    c.ctrlreg[2] = c.ctrlreg[7] = ~0UL;
    c.ctrlreg[4] = ~0UL;
    c.ctrlreg[3] |= 0x18;
    assert_int_equal(set_context(0, &c), 0);
    c = good;
    c.ctrlreg[4] = CR4_PAE | CR4_TSD | CR4_DE | CR4_FSGSBASE | CR4_OSXSAVE;
    assert_context(0, &c);
}

/* ---- refused ---- */

#define CONTEXT(field) offsetof(struct vcpu_guest_context, field)

static const struct {
    size_t at;
    uint64_t value;
} hostile[] = {
    { CONTEXT(flags), 0 }, /* with no user table: see below */
    { CONTEXT(trap_ctxt[0].address), 1UL << 47 },
    { CONTEXT(trap_ctxt[255].address), 0xffff7fffffffffff },
    { CONTEXT(event_callback_eip), 1UL << 63 },
    { CONTEXT(failsafe_callback_eip), 1UL << 47 },
    { CONTEXT(syscall_callback_eip), 0x8000000000000 },
    { CONTEXT(fs_base), 1UL << 47 },
    { CONTEXT(gs_base_kernel), 1UL << 47 },
    { CONTEXT(gs_base_user), 1UL << 47 },
    { CONTEXT(gdt_ents), 14 * 512 + 1 },
    { CONTEXT(gdt_ents), ~0UL },
    { CONTEXT(gdt_ents), 1UL << 32 },
    { CONTEXT(debugreg[0]), HV_VIRT_START },
    { CONTEXT(debugreg[7]), 0x2000 },
    { CONTEXT(debugreg[6]), 1UL << 32 },
    { CONTEXT(fpu_ctxt.x[24]), ~0UL },
    { CONTEXT(vm_assist), 1UL << 63 },
    { CONTEXT(vm_assist), 1UL << VMASST_TYPE_architectural_iopl },
};

/* Of these only the tables know. */
static const struct {
    size_t at;
    uint64_t value;
} bad_tables[] = {
    { CONTEXT(ctrlreg[3]), 0 },
    { CONTEXT(ctrlreg[3]), ~0UL },
    { CONTEXT(ctrlreg[3]), (RAM_START - 1UL) << PAGE_SHIFT },
    { CONTEXT(ctrlreg[3]), (RAM_END + 5UL) << PAGE_SHIFT },
    { CONTEXT(ctrlreg[1]), ~0UL },
    { CONTEXT(ctrlreg[1]), (RAM_START - 1UL) << PAGE_SHIFT },
    { CONTEXT(gdt_frames[0]), 0 },
    { CONTEXT(gdt_frames[1]), ~0UL },
    { CONTEXT(gdt_frames[2]), RAM_START - 1UL },
    { CONTEXT(ldt_base), 0x7001 },
    { CONTEXT(ldt_base), HV_VIRT_START },
    { CONTEXT(ldt_ents), 16 * 512 + 1 },
    { CONTEXT(ldt_ents), ~0UL },
};

static struct vcpu_guest_context with(size_t at, uint64_t value)
{
    struct vcpu_guest_context c = good;

    memcpy((char *)&c + at, &value, sizeof(value));
    if (at == CONTEXT(flags))
        c.ctrlreg[1] = 0;
    return c;
}

static void refused_where_there_is_none(void **state)
{
    struct vcpu_guest_context c;

    (void)state;
    for (unsigned int n = 0; n < ARRAY_SIZE(hostile); n++) {
        c = with(hostile[n].at, hostile[n].value);
        assert_int_equal(set_context(0, &c), -EINVAL);
        assert_int_equal(get_context(0, &c), -ENODATA);
        check_everything();
    }
    for (unsigned int n = 0; n < ARRAY_SIZE(bad_tables); n++) {
        c = with(bad_tables[n].at, bad_tables[n].value);
        assert_int_equal(set_context(0, &c), -EINVAL);
        assert_int_equal(get_context(0, &c), -ENODATA);
        check_everything();
    }
    /* A page that is mapped writable is no table of either kind. */
    c = with(CONTEXT(ctrlreg[1]), xen_pfn_to_cr3(own[1][28].v));
    assert_true(set_context(0, &c) < 0);
    c = with(CONTEXT(gdt_frames[1]), own[1][28].v);
    assert_int_equal(set_context(0, &c), -EINVAL);
    check_everything();
    assert_int_equal(guest->vm_assist, 0);
    assert_int_equal(set_context(0, &good), 0);
    assert_context(0, &good);
}

static void refused_where_there_is_one(void **state)
{
    struct vcpu_guest_context c;

    (void)state;
    assert_int_equal(set_context(0, &good), 0);
    for (unsigned int n = 0; n < ARRAY_SIZE(hostile); n++) {
        c = with(hostile[n].at, hostile[n].value);
        assert_int_equal(set_context(0, &c), -EINVAL);
        assert_context(0, &good);
    }
    for (unsigned int n = 0; n < ARRAY_SIZE(bad_tables); n++) {
        c = with(bad_tables[n].at, bad_tables[n].value);
        assert_int_equal(set_context(0, &c), -EOPNOTSUPP);
        assert_context(0, &good);
    }
    /* Good ones, but others: not without a reset. */
    c = with(CONTEXT(ctrlreg[3]), xen_pfn_to_cr3(own[1][1].v));
    assert_int_equal(set_context(0, &c), -EOPNOTSUPP);
    c = with(CONTEXT(gdt_ents), 0);
    assert_int_equal(set_context(0, &c), -EOPNOTSUPP);
    assert_context(0, &good);
    check_everything();
}

static void nobody_there(void **state)
{
    struct vcpu_guest_context c;
    struct xen_domctl op = { 0 };

    (void)state;
    assert_int_equal(set_context(2, &good), -EINVAL);
    assert_int_equal(set_context(~0u, &good), -EINVAL);
    assert_int_equal(get_context(2, &c), -EINVAL);
    assert_int_equal(set_context(0, (void *)8), -EFAULT);
    assert_int_equal(set_context(0, &good), 0);
    assert_int_equal(get_context(0, (void *)8), -EFAULT);
    run_on(0); /* not its own */
    assert_int_equal(set_context(1, &good), -EINVAL);
    assert_int_equal(get_context(1, &c), -EINVAL);
    run_on(CPUS);
    op.u.address_size.size = 32;
    assert_int_equal(domctl_set_address_size(guest, &op), -EINVAL);
    op.u.address_size.size = 64;
    assert_int_equal(domctl_set_address_size(guest, &op), 0);
    op.u.address_size.size = 0;
    assert_int_equal(domctl_get_address_size(guest, &op), 0);
    assert_int_equal(op.u.address_size.size, 64);
}

static void back_to_none(void **state)
{
    struct vcpu_guest_context c = good;

    (void)state;
    assert_int_equal(set_context(0, &good), 0);
    guest->vcpu[0]->pause_flags |= 1UL << VCPU_BLOCKED;
    assert_int_equal(set_context(0, NULL), 0);
    assert_int_equal(guest->vcpu[0]->pause_flags, 1UL << VCPU_DOWN);
    assert_int_equal(get_context(0, &c), -ENODATA);
    check_everything();
    for (unsigned int n = 0; n < 3; n++)
        assert_int_equal(mfn_to_frame(own[1][GDT_FIRST + n])->state.refs, 1);
    assert_int_equal(set_context(0, NULL), 0);
    /* Now it may have others. */
    c.ctrlreg[3] = xen_pfn_to_cr3(own[1][1].v);
    c.gdt_ents = 0;
    assert_int_equal(set_context(0, &c), 0);
    memset(c.gdt_frames, 0, sizeof(c.gdt_frames));
    assert_context(0, &c);
    check_everything();
}

static void goes_on_after_preemption(void **state)
{
    unsigned int again = 0;
    int rc;

    (void)state;
    for (unsigned int round = 0; round < 200; round++) {
        assert_int_equal(set_context(0, NULL), 0);
        preempt_one_in = 3;
        while ((rc = set_context(0, &good)) == -ERESTART) {
            check_everything();
            again++;
        }
        assert_int_equal(rc, 0);
        check_everything();
        guest->vcpu[0]->pause_flags = 0;
        while ((rc = set_context(0, NULL)) == -ERESTART) {
            /* With half of its tables it neither runs nor is brought up. */
            assert_int_equal(guest->vcpu[0]->pause_flags, 1UL << VCPU_DOWN);
            assert_false(guest->vcpu[0]->is_initialised);
            check_everything();
            again++;
        }
        assert_int_equal(rc, 0);
        check_everything();
        preempt_one_in = 0;
    }
    assert_true(again > 200);
}

/* Anything: taken or refused, the machine is consistent, and what was taken can be set again. */
static void anything(void **state)
{
    static const size_t fields[] = {
        CONTEXT(flags),      CONTEXT(user_regs.rflags), CONTEXT(user_regs.cs), CONTEXT(ldt_base),
        CONTEXT(ldt_ents),   CONTEXT(gdt_frames[0]),    CONTEXT(gdt_ents),     CONTEXT(ctrlreg[1]),
        CONTEXT(ctrlreg[3]), CONTEXT(ctrlreg[4]),       CONTEXT(debugreg[7]),  CONTEXT(vm_assist),
        CONTEXT(fs_base),    CONTEXT(fpu_ctxt.x[24]),
    };
    struct vcpu_guest_context c, got;
    unsigned int taken = 0, refused = 0;

    (void)state;
    for (unsigned int round = 0; round < 20000; round++) {
        unsigned int vcpu = below(2);
        int rc;

        c = good;
        for (unsigned int n = below(4); n > 0; n--) {
            uint64_t value = random64() >> below(64);
            size_t at = below(4) ? fields[below(ARRAY_SIZE(fields))] : below(sizeof(c) / 8) * 8;

            if (below(2) && (at == CONTEXT(ctrlreg[1]) || at == CONTEXT(ctrlreg[3])))
                value = xen_pfn_to_cr3(own[1][below(OWN)].v);
            if (below(2) && at == CONTEXT(gdt_frames[0]))
                value = own[1][below(OWN)].v;
            memcpy((char *)&c + at, &value, sizeof(value));
        }
        preempt_one_in = below(2) ? 4 : 0;
        while ((rc = set_context(vcpu, &c)) == -ERESTART)
            ;
        if (rc) {
            refused++;
        } else {
            taken++;
            assert_int_equal(get_context(vcpu, &got), 0);
            assert_int_equal(set_context(vcpu, &got), 0);
            assert_context(vcpu, &got);
        }
        if (below(4) == 0)
            while (set_context(vcpu, NULL) == -ERESTART)
                ;
        if (round % 16 == 0)
            check_everything();
    }
    preempt_one_in = 0;
    check_everything();
    print_message("# %u contexts taken, %u refused\n", taken, refused);
    assert_true(taken > 1000 && refused > 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
const struct CMUnitTest context_tests[] = {
    TEST(set_is_got),
    TEST(made_harmless),
    TEST(refused_where_there_is_none),
    TEST(refused_where_there_is_one),
    TEST(nobody_there),
    TEST(back_to_none),
    TEST(goes_on_after_preemption),
    TEST(anything),
};
const size_t nr_context_tests = ARRAY_SIZE(context_tests);

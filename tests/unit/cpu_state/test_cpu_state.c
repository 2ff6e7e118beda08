/*
 * What a guest may put into its debug registers, XCR0 and FPU image. Only the checks: what touches
 * the CPU's own control registers runs in the microguests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <hv/mem.h>
#include <arch/cpu_features.h>
#include <arch/debugreg.h>
#include <arch/domain.h>
#include <arch/fpu.h>
#include <arch/layout.h>
#include <arch/pv.h>
#include "../fake/hv.h"

struct host_cpu host_cpu;
static struct arch_domain arch_domain;
static struct domain domain = { .arch = &arch_domain };
static struct arch_vcpu arch_vcpu;
static struct vcpu vcpu = { .domain = &domain, .arch = &arch_vcpu };
static bool no_memory;

struct vcpu *current_vcpu(void)
{
    return &vcpu;
}

void pv_inject_fault(unsigned int vector, uint32_t error)
{
    (void)vector, (void)error;
}

void *page_alloc(void)
{
    return no_memory ? NULL : aligned_alloc(PAGE_SIZE, PAGE_SIZE);
}

void page_free(void *page)
{
    free(page);
}

static int load(unsigned int reg, uint64_t value)
{
    uint64_t dr[8] = { 0 };

    dr[reg] = value;
    if (!debugreg_context_valid(dr))
        return -EINVAL;
    debugreg_load_context(&vcpu, dr);
    return 0;
}

static void breakpoint_addresses(void **state)
{
    static const uint64_t good[] = { 0, 0x400000, 0x7fffffffffff, HV_VIRT_END, 0xffffffffffffffff };
    static const uint64_t bad[] = { 0x800000000000, 0xffff7fffffffffff, HV_VIRT_START,
                                    IMAGE_VIRT_BASE, HV_VIRT_END - 1 };

    (void)state;
    for (unsigned int reg = 0; reg < 4; reg++) {
        for (unsigned int n = 0; n < ARRAY_SIZE(good); n++) {
            assert_int_equal(load(reg, good[n]), 0);
            assert_int_equal(arch_vcpu.pv.dr[reg], good[n]);
        }
        for (unsigned int n = 0; n < ARRAY_SIZE(bad); n++)
            assert_int_equal(load(reg, bad[n]), -EINVAL);
    }
}

static void control_bits(void **state)
{
    static const uint64_t good[] = { 0, 0x400, 0x1, 0x3ff, 0xd0001, 0xf0f00001 & ~0x30f00000u };
    static const uint64_t bad[] = {
        0x2000,             /* general detect */
        0x20001,            /* I/O breakpoint, 0 */
        0x20000000,         /* and 3, though it is off */
        0x800,      0x4000, /* reserved */
        1UL << 32,
    };

    (void)state;
    for (unsigned int n = 0; n < ARRAY_SIZE(good); n++) {
        assert_int_equal(load(7, good[n]), 0);
        assert_int_equal(arch_vcpu.pv.dr[7], good[n] | 0x400);
    }
    for (unsigned int n = 0; n < ARRAY_SIZE(bad); n++)
        assert_int_equal(load(7, bad[n]), -EINVAL);
    assert_int_equal(load(6, 1UL << 32), -EINVAL);
    assert_int_equal(load(6, 0x4001), 0);
    assert_int_equal(arch_vcpu.pv.dr[6], 0xffff4ff1);
}

static void names_four_and_five(void **state)
{
    uint64_t value;

    (void)state;
    assert_int_equal(load(7, 0x400), 0);
    assert_int_equal(debugreg_get(&vcpu, 5, &value), 0);
    assert_int_equal(value, 0x400);
    arch_vcpu.pv.cr4 = 8; /* DE */
    assert_int_equal(debugreg_get(&vcpu, 5, &value), -ENODEV);
    assert_int_equal(debugreg_set(&vcpu, 4, 0), -ENODEV);
    assert_int_equal(debugreg_get(&vcpu, 8, &value), -ENODEV);
    assert_int_equal(do_get_debugreg(-1), -EINVAL);
    assert_int_equal(do_set_debugreg(-1, 0), -ENODEV);
    arch_vcpu.pv.cr4 = 0;
    /* Nothing is enabled, so the CPU is left alone. */
    assert_int_equal(do_set_debugreg(0, 0x1000), 0);
    assert_int_equal(do_get_debugreg(0), 0x1000);
    assert_int_equal(do_set_debugreg(0, HV_VIRT_START), -EINVAL);
    assert_int_equal(do_get_debugreg(0), 0x1000);
}

static void components(void **state)
{
    static const uint64_t good[] = { 1, 3, 7, 0xe7 };
    static const uint64_t bad[] = { 0,    2,    4,    5,    6,        0x27,      0xc7,
                                    0xe0, 0xe3, 0xe5, 0x1f, 1UL << 9, 1UL << 18, 1UL << 63 };

    (void)state;
    for (unsigned int n = 0; n < ARRAY_SIZE(good); n++)
        assert_true(xcr0_valid(good[n], 0xe7));
    for (unsigned int n = 0; n < ARRAY_SIZE(bad); n++)
        assert_false(xcr0_valid(bad[n], 0xe7));
    assert_false(xcr0_valid(7, 3));
    assert_false(xcr0_valid(1, 0));
}

static void images(void **state)
{
    uint8_t image[FXSAVE_SIZE], out[FXSAVE_SIZE];
    uint32_t mxcsr = 0x1fc0;

    (void)state;
    no_memory = true;
    assert_int_equal(fpu_vcpu_init(&vcpu), -ENOMEM);
    no_memory = false;
    assert_int_equal(fpu_vcpu_init(&vcpu), 0);
    fpu_vcpu_store_fxsave(&vcpu, out);
    assert_true(out[0] == 0x7f && out[1] == 0x03 && out[24] == 0x80 && out[25] == 0x1f);
    memset(image, 0xa5, sizeof(image));
    memcpy(image + 24, &mxcsr, 4); /* this CPU was never asked which bits it has: none */
    assert_false(fpu_image_valid(image));
    mxcsr = 0;
    memcpy(image + 24, &mxcsr, 4);
    assert_true(fpu_image_valid(image));
    fpu_vcpu_load_fxsave(&vcpu, image);
    fpu_vcpu_store_fxsave(&vcpu, out);
    assert_memory_equal(image, out, sizeof(image));
    /* The header behind it stays the hypervisor's: XRSTOR would fault on a guest's. */
    for (unsigned int n = 8; n < 64; n++)
        assert_int_equal(((uint8_t *)arch_vcpu.xsave)[FXSAVE_SIZE + n], 0);
    fpu_vcpu_free(&vcpu);
    fpu_vcpu_free(&vcpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breakpoint_addresses),
        cmocka_unit_test(control_bits),
        cmocka_unit_test(names_four_and_five),
        cmocka_unit_test(components),
        cmocka_unit_test(images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

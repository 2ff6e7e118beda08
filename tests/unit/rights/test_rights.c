/*
 * What the control domain gives another one: ports, device frames, a memory map. Every allocation
 * and every access to guest memory fails once; then nothing has changed and nothing is lost.
 */
#include "../harness/world.h"

#include <arch/domain.h>
#include <hv/boot.h>
#include <hv/range_set.h>
#include <xen/memory.h>
#include "../../../hypervisor/x86/control/internal.h"
#include "../../../hypervisor/x86/mm/internal.h"

struct boot_info boot_info;
const struct domain_part *const world_parts[] = { NULL };
const unsigned int world_nr_parts = 0;

static struct domain *dom0, *dom1;
static struct arch_domain arch[2];

struct entry {
    uint64_t start, size;
    uint32_t type;
} packed;
static struct entry map[4], told[4];

static int setup(void **state)
{
    (void)state;
    world_reset();
    dom0 = world_domain(0, 1);
    dom1 = world_domain(1, 1);
    dom0->is_control = dom0->is_hardware = true;
    memset(arch, 0, sizeof(arch));
    dom0->arch = &arch[0];
    dom1->arch = &arch[1];
    world_be(dom0, 0);
    arch[0].io_ports = range_set_create("ports");
    arch[0].io_mem = range_set_create("frames");
    assert_int_equal(range_set_add(arch[0].io_ports, 0, 0xfff), 0);
    assert_int_equal(range_set_add(arch[0].io_mem, 0x100, 0x1ff), 0);
    for (unsigned int i = 0; i < 4; i++)
        map[i] = (struct entry){ i * 0x1000, 0x1000, i };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 2; i++) {
        range_set_destroy(arch[i].io_ports);
        range_set_destroy(arch[i].io_mem);
        hv_free(arch[i].memory_map);
    }
    dom0->arch = dom1->arch = NULL;
    world_end();
    return 0;
}

/* ---- ports and frames ---- */

static int ports(uint32_t first, uint32_t count, bool allow)
{
    struct xen_domctl op = { .u.ioport_permission = { first, count, allow } };

    return domctl_ioport_permission(dom1, &op);
}

static int frames(uint64_t first, uint64_t count, bool allow)
{
    struct xen_domctl op = { .u.iomem_permission = { first, count, allow } };

    return domctl_iomem_permission(dom1, &op);
}

static void permissions(void **state)
{
    (void)state;
    assert_int_equal(ports(5, 1, false), 0); /* it has none anyway */
    assert_null(arch[1].io_ports);
    assert_int_equal(ports(0xff0, 0x10, true), 0);
    assert_int_equal(ports(0xff0, 0x11, true), -EPERM);
    assert_true(range_set_contains(arch[1].io_ports, 0xff0, 0xfff));
    assert_false(range_set_contains(arch[1].io_ports, 0xff0, 0x1000));
    assert_int_equal(ports(0xff8, 4, false), 0);
    assert_false(range_set_contains(arch[1].io_ports, 0xff8, 0xff8));
    assert_true(range_set_contains(arch[1].io_ports, 0xffc, 0xfff));
    assert_int_equal(ports(0, 0, true), -EINVAL);
    assert_int_equal(ports(0xffff, 2, true), -EINVAL);
    assert_int_equal(ports(0x10000, 1, true), -EINVAL);
    assert_int_equal(ports(UINT32_MAX, UINT32_MAX, true), -EINVAL);
    assert_int_equal(frames(0x100, 0x100, true), 0);
    assert_int_equal(frames(0xff, 2, true), -EPERM);
    assert_int_equal(frames(0x100, 0, true), -EINVAL);
    assert_int_equal(frames(2, UINT64_MAX, true), -EINVAL);
    assert_int_equal(frames(0, UINT64_MAX, true), -EPERM);
    assert_int_equal(frames(0x100, 0x100, false), 0);
    assert_false(range_set_contains(arch[1].io_mem, 0x100, 0x100));
}

static void no_memory_for_sets(void **state)
{
    int rc;

    (void)state;
    for (int n = 0;; n++) {
        world.allocations_before_failure = n;
        rc = frames(0x180, 1, true);
        world.allocations_before_failure = -1;
        if (rc == 0)
            break;
        assert_int_equal(rc, -ENOMEM);
        assert_false(arch[1].io_mem && range_set_contains(arch[1].io_mem, 0x180, 0x180));
        assert_in_range(n, 0, 4);
    }
    assert_true(range_set_contains(arch[1].io_mem, 0x180, 0x180));
}

static void interrupts(void **state)
{
    struct xen_domctl op = { .u.irq_permission = { .pirq = 5 } };

    (void)state;
    assert_int_equal(domctl_irq_permission(dom1, &op), 0);
    assert_int_equal(domctl_irq_permission(dom0, &op), -EOPNOTSUPP);
    op.u.irq_permission.allow_access = 1;
    assert_int_equal(domctl_irq_permission(dom1, &op), -EOPNOTSUPP);
    assert_int_equal(domctl_irq_permission(dom0, &op), 0);
}

/* ---- memory maps ---- */

static long set_map(domid_t id, unsigned int count, const void *entries)
{
    struct xen_foreign_memory_map f = { .domid = id, .map.nr_entries = count };
    struct vcpu *was = world.running;
    long rc;

    f.map.buffer.p = (void *)(uintptr_t)entries;
    world_be(dom0, 0);
    rc = mem_set_memory_map(G(&f));
    world.running = was;
    return rc;
}

static long get_map(unsigned int *count)
{
    struct xen_memory_map m = { .nr_entries = *count };
    long rc;

    m.buffer.p = told;
    memset(told, 0xaa, sizeof(told));
    world_be(dom1, 0);
    rc = mem_memory_map(G(&m));
    *count = m.nr_entries;
    return rc;
}

static void memory_maps(void **state)
{
    unsigned int count = 4;
    uint8_t untouched[sizeof(told[0])];

    (void)state;
    memset(untouched, 0xaa, sizeof(untouched));
    assert_int_equal(get_map(&count), -ENOSYS);
    assert_int_equal(set_map(1, 4, map), 0);
    assert_int_equal(set_map(1, 3, map), 0); /* in place of the first */
    assert_int_equal(get_map(&count), 0);
    assert_int_equal(count, 3);
    assert_memory_equal(told, map, 3 * sizeof(map[0]));
    assert_memory_equal(&told[3], untouched, sizeof(untouched));
    count = 2;
    assert_int_equal(get_map(&count), 0);
    assert_int_equal(count, 2);
    assert_memory_equal(&told[2], untouched, sizeof(untouched));
    assert_int_equal(set_map(1, 0, map), 0); /* none again */
    assert_int_equal(get_map(&count), -ENOSYS);
}

static void memory_maps_that_are_refused(void **state)
{
    struct xen_foreign_memory_map f = { .domid = DOMID_SELF };
    unsigned int count = 4;

    (void)state;
    assert_int_equal(set_map(1, 2, map), 0);
    assert_int_equal(set_map(1, 1025, map), -EINVAL);
    assert_int_equal(set_map(1, UINT32_MAX, map), -EINVAL);
    assert_int_equal(set_map(7, 1, map), -ESRCH);
    assert_int_equal(set_map(1, 1, (void *)8), -EFAULT);
    world.allocations_before_failure = 0;
    assert_int_equal(set_map(1, 1, map), -ENOMEM);
    world.allocations_before_failure = -1;
    for (int n = 0; n < 2; n++) {
        world.copies_from_before_fault = n;
        assert_int_equal(set_map(1, 1, map), -EFAULT);
    }
    world.copies_from_before_fault = -1;
    for (int n = 0; n < 3; n++) {
        world.copies_to_before_fault = n;
        assert_int_equal(get_map(&count), -EFAULT);
    }
    world.copies_to_before_fault = -1;
    assert_int_equal(get_map(&count), 0);
    assert_int_equal(count, 2); /* the first one */
    world_be(dom1, 0);
    assert_int_equal(mem_set_memory_map(G(&f)), -EPERM); /* not even for itself */
    f.domid = 0;
    assert_int_equal(mem_set_memory_map(G(&f)), -EPERM);
    assert_int_equal(mem_machine_memory_map(G(&f.map)), -EPERM);
}

static void machines_map(void **state)
{
    struct xen_memory_map m = { .nr_entries = 2 };

    (void)state;
    boot_info.nr_ranges = 2;
    boot_info.range[0] = (struct mem_range){ 0, 0x9000, MEM_RAM };
    boot_info.range[1] = (struct mem_range){ 0x10000, 0x2000, MEM_UNUSABLE };
    m.buffer.p = told;
    assert_int_equal(mem_machine_memory_map(G(&m)), 0);
    assert_int_equal(m.nr_entries, 2);
    assert_int_equal(told[1].start, 0x10000);
    assert_int_equal(told[1].type, MEM_UNUSABLE);
    m.nr_entries = 1;
    assert_int_equal(mem_machine_memory_map(G(&m)), -EINVAL);
    assert_int_equal(mem_machine_memory_map(BAD_POINTER), -EFAULT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(permissions), TEST(no_memory_for_sets),           TEST(interrupts),
        TEST(memory_maps), TEST(memory_maps_that_are_refused), TEST(machines_map),
    };

    return cmocka_run_group_tests_name("rights", tests, NULL, NULL);
}

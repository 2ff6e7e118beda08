/*
 * What reaches the hypervisor: the library below is a fake that keeps the last hypercall and
 * answers it as the test asks. Each test calls some functions and looks at what arrived, where
 * arrays went and came from, and how errors come back. Buffers are counted; ASan sees the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <xencall.h>
#include <xenforeignmemory.h>
#include "xc/domain.h"
#include "xc/event.h"
#include "xc/hvm.h"
#include "xc/memory.h"
#include "xc/policy.h"
#include "xc/vcpu.h"
#include <xen/grant_table.h>

static struct xc *xc;
static int buffers, opens, resources;
static bool no_buffers;

/* The last hypercall, and what to answer */
static unsigned int number;
static uint64_t arg[4];
static struct xen_domctl domctl;
static struct xen_sysctl sysctl;
static long answer;
static void (*effect)(void); /* of the hypercall, on what it was given */
static struct grant_entry_v1 grants[512];

/* ---- the libraries ---- */

xencall_handle *xencall_open(struct xentoollog_logger *log, unsigned int flags)
{
    (void)log, (void)flags;
    opens++;
    return (xencall_handle *)&opens;
}

int xencall_close(xencall_handle *call)
{
    (void)call;
    opens--;
    return 0;
}

xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *log, unsigned int flags)
{
    (void)log, (void)flags;
    if (no_buffers) {
        errno = ENOENT;
        return NULL;
    }
    opens++;
    return (xenforeignmemory_handle *)&opens;
}

int xenforeignmemory_close(xenforeignmemory_handle *memory)
{
    (void)memory;
    opens--;
    return 0;
}

void *xencall_alloc_buffer(xencall_handle *call, size_t size)
{
    void *p = no_buffers ? NULL : malloc(size);

    (void)call;
    if (p)
        memset(p, 0xdd, size);
    buffers += p != NULL;
    return p;
}

void xencall_free_buffer(xencall_handle *call, void *p)
{
    (void)call;
    buffers--;
    free(p);
}

static long hypercall(unsigned int op)
{
    number = op;
    if (effect)
        effect();
    if (answer < 0) {
        errno = -answer;
        return -1;
    }
    return answer;
}

int xencall1(xencall_handle *call, unsigned int op, uint64_t arg1)
{
    void *p = (void *)arg1;
    int rc;

    (void)call;
    if (op == __HYPERVISOR_domctl)
        memcpy(&domctl, p, sizeof(domctl));
    else
        memcpy(&sysctl, p, sizeof(sysctl));
    rc = hypercall(op);
    if (op == __HYPERVISOR_domctl)
        memcpy(p, &domctl, sizeof(domctl));
    else
        memcpy(p, &sysctl, sizeof(sysctl));
    return rc;
}

long xencall2L(xencall_handle *call, unsigned int op, uint64_t arg1, uint64_t arg2)
{
    (void)call;
    arg[0] = arg1;
    arg[1] = arg2;
    return hypercall(op);
}

/* Entries of the own page tables that were emptied, and how often the TLB was flushed */
static uint64_t emptied[300];
static unsigned int empty, flushes, unmapped;

int xencall2(xencall_handle *call, unsigned int op, uint64_t arg1, uint64_t arg2)
{
    multicall_entry_t *entry = (void *)arg1;

    (void)call;
    assert_int_equal(op, __HYPERVISOR_multicall);
    for (uint64_t i = 0; i < arg2; i++) {
        assert_int_equal(entry[i].op, __HYPERVISOR_update_va_mapping);
        assert_int_equal(entry[i].args[1], 0);
        emptied[empty++] = entry[i].args[0];
        flushes += entry[i].args[2] == (UVMF_TLB_FLUSH | UVMF_ALL);
        entry[i].result = answer;
    }
    assert_int_equal(entry[arg2 - 1].args[2], UVMF_TLB_FLUSH | UVMF_ALL);
    return 0;
}

int xencall4(xencall_handle *call, unsigned int op, uint64_t arg1, uint64_t arg2, uint64_t arg3,
             uint64_t arg4)
{
    (void)call;
    memcpy(arg, (uint64_t[]){ arg1, arg2, arg3, arg4 }, sizeof(arg));
    return hypercall(op);
}

int xencall5(xencall_handle *call, unsigned int op, uint64_t arg1, uint64_t arg2, uint64_t arg3,
             uint64_t arg4, uint64_t arg5)
{
    (void)arg5;
    return xencall4(call, op, arg1, arg2, arg3, arg4);
}

void *xenforeignmemory_map(xenforeignmemory_handle *memory, uint32_t dom, int prot, size_t pages,
                           const xen_pfn_t *frames, int *errors)
{
    (void)memory, (void)dom, (void)prot, (void)pages, (void)frames, (void)errors;
    errno = EPERM;
    return NULL;
}

int xenforeignmemory_unmap(xenforeignmemory_handle *memory, void *address, size_t pages)
{
    (void)memory, (void)address;
    unmapped += pages;
    return 0;
}

xenforeignmemory_resource_handle *
xenforeignmemory_map_resource(xenforeignmemory_handle *memory, domid_t domid, unsigned int type,
                              unsigned int id, unsigned long frame, unsigned long count,
                              void **address, int prot, int flags)
{
    (void)memory, (void)id, (void)frame, (void)prot, (void)flags;
    if (domid != 5 || type != XENMEM_resource_grant_table || count != 1) {
        errno = ESRCH;
        return NULL;
    }
    resources++;
    *address = grants;
    return (xenforeignmemory_resource_handle *)grants;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle *memory,
                                    xenforeignmemory_resource_handle *resource)
{
    (void)memory, (void)resource;
    resources--;
    return 0;
}

/* ---- tests ---- */

static int start(void **state)
{
    (void)state;
    answer = 0;
    effect = NULL;
    no_buffers = false;
    memset(&domctl, 0, sizeof(domctl));
    return xc_open(&xc, NULL);
}

static int end(void **state)
{
    (void)state;
    xc_close(xc);
    return buffers || opens || resources;
}

static void test_open_fails(void **state)
{
    struct xc *other = NULL;

    (void)state;
    no_buffers = true;
    assert_int_equal(xc_open(&other, NULL), -ENOENT);
    assert_null(other);
    xc_close(NULL);
}

static void choose_id(void)
{
    domctl.domain = 17;
}

static void test_domain(void **state)
{
    struct xen_domctl_createdomain config = { .max_vcpus = 3 };
    uint32_t domid = 0;

    (void)state;
    effect = choose_id;
    assert_int_equal(xc_domain_create(xc, &domid, &config), 0);
    assert_int_equal(domid, 17);
    assert_int_equal(domctl.u.createdomain.max_vcpus, 3);
    assert_int_equal(domctl.interface_version, XEN_DOMCTL_INTERFACE_VERSION);
    effect = NULL;
    answer = -EBUSY;
    assert_int_equal(xc_domain_pause(xc, 5), -EBUSY);
    assert_int_equal(domctl.cmd, XEN_DOMCTL_pausedomain);
    assert_int_equal(domctl.domain, 5);
    no_buffers = true;
    assert_int_equal(xc_domain_unpause(xc, 5), -ENOMEM);
}

static void become_other(void)
{
    domctl.u.getdomaininfo.domain = 6;
}

static void test_info_is_of_this_domain(void **state)
{
    struct xen_domctl_getdomaininfo info;

    (void)state;
    effect = become_other;
    assert_int_equal(xc_domain_info(xc, 5, &info), -ESRCH);
    assert_int_equal(xc_domain_info(xc, 6, &info), 0);
}

static int tries;

static void finish_later(void)
{
    answer = ++tries < 3 ? -EAGAIN : 0;
}

static void test_destroy_goes_on(void **state)
{
    (void)state;
    effect = finish_later;
    assert_int_equal(xc_domain_destroy(xc, 5), 0);
    assert_int_equal(tries, 3);
}

static void list_two(void)
{
    struct xen_domctl_getdomaininfo *info = sysctl.u.getdomaininfolist.buffer.p;

    assert_int_equal(sysctl.u.getdomaininfolist.first_domain, 2);
    info[0].domain = 4;
    info[1].domain = 9;
    sysctl.u.getdomaininfolist.num_domains = 2;
}

static void test_list(void **state)
{
    struct xen_domctl_getdomaininfo info[3] = { 0 };

    (void)state;
    effect = list_two;
    assert_int_equal(xc_domain_list(xc, 2, 3, info), 2);
    assert_int_equal(info[1].domain, 9);
}

static void shrink_affinity(void)
{
    struct xen_domctl_vcpuaffinity *a = &domctl.u.vcpuaffinity;

    assert_int_equal(*(uint8_t *)a->cpumap_hard.bitmap.p, 0xff);
    *(uint8_t *)a->cpumap_hard.bitmap.p = 0x0f;
}

static void test_affinity(void **state)
{
    uint8_t hard = 0xff;

    (void)state;
    effect = shrink_affinity;
    assert_int_equal(xc_vcpu_set_affinity(xc, 5, 1, 8, &hard, NULL, 0), 0);
    assert_int_equal(hard, 0x0f);
    assert_int_equal(domctl.u.vcpuaffinity.flags, XEN_VCPUAFFINITY_HARD);
    assert_int_equal(domctl.u.vcpuaffinity.cpumap_soft.nr_bits, 0);
    assert_null(domctl.u.vcpuaffinity.cpumap_soft.bitmap.p);
}

static void refuse_msr(void)
{
    assert_int_equal(((struct xen_domctl_vcpu_msr *)domctl.u.vcpu_msrs.msrs.p)[1].index, 8);
    domctl.u.vcpu_msrs.msr_count = 1;
    answer = -EINVAL;
}

static void test_msrs(void **state)
{
    struct xen_domctl_vcpu_msr msrs[2] = { { .index = 7 }, { .index = 8 } };
    uint32_t count = 2;

    (void)state;
    effect = refuse_msr;
    assert_int_equal(xc_vcpu_set_msrs(xc, 5, 0, msrs, &count), -EINVAL);
    assert_int_equal(count, 1);
}

static void refuse_leaf(void)
{
    assert_int_equal(domctl.u.cpu_policy.nr_leaves, 2);
    domctl.u.cpu_policy.err_leaf = 7;
    answer = -EINVAL;
}

static void test_policy(void **state)
{
    xen_cpuid_leaf_t leaves[2] = { { .leaf = 1 }, { .leaf = 7 } };
    struct xc_policy p = { .leaf_count = 2, .leaves = leaves };
    struct xc_policy_refusal refused;

    (void)state;
    effect = refuse_leaf;
    assert_int_equal(xc_policy_set(xc, 5, &p, &refused), -EINVAL);
    assert_int_equal(refused.leaf, 7);
    assert_int_equal(refused.msr, ~0u);
}

static void count_frames(void)
{
    const struct xen_memory_reservation *r = (void *)arg[1];

    assert_int_equal(r->domid, 5);
    assert_int_equal(r->nr_extents, 4);
    assert_int_equal(r->extent_order, 9);
    ((xen_pfn_t *)r->extent_start.p)[3] = 99;
    answer = 3;
}

static void test_memory(void **state)
{
    xen_pfn_t *frames = xc_buffer_alloc(xc, 4 * sizeof(*frames));

    (void)state;
    assert_int_equal(frames[3], 0);
    effect = count_frames;
    assert_int_equal(xc_populate(xc, 5, 4, 9, 0, frames), 3);
    assert_int_equal(number, __HYPERVISOR_memory_op);
    assert_int_equal(arg[0], XENMEM_populate_physmap);
    assert_int_equal(frames[3], 99);
    xc_buffer_free(xc, frames);
    effect = NULL;
    answer = 1l << 40;
    assert_int_equal(xc_maximum_ram_page(xc), 1l << 40);
    assert_int_equal(arg[1], 0);
}

static void check_pin(void)
{
    const struct mmuext_op *op = (void *)arg[0];

    assert_int_equal(op->cmd, MMUEXT_PIN_L4_TABLE);
    assert_int_equal(op->arg1.mfn, 0x1234);
    assert_int_equal(arg[1], 1);
    assert_int_equal(arg[3], 5);
}

static void test_pin(void **state)
{
    (void)state;
    effect = check_pin;
    assert_int_equal(xc_pin(xc, 5, MMUEXT_PIN_L4_TABLE, 0x1234), 0);
    assert_int_equal(number, __HYPERVISOR_mmuext_op);
}

static void give_port(void)
{
    struct evtchn_alloc_unbound *a = (void *)arg[1];

    assert_int_equal(a->dom, 5);
    a->port = 12;
}

static void test_events_and_grants(void **state)
{
    (void)state;
    effect = give_port;
    assert_int_equal(xc_evtchn_alloc_unbound(xc, 5, 0), 12);
    assert_int_equal(xc_grant_reserved(xc, 5, 0x100, 0, 0x200, 3), 0);
    assert_int_equal(grants[GNTTAB_RESERVED_CONSOLE].frame, 0x100);
    assert_int_equal(grants[GNTTAB_RESERVED_XENSTORE].domid, 3);
    assert_int_equal(grants[GNTTAB_RESERVED_XENSTORE].flags, GTF_permit_access);
    assert_int_equal(xc_grant_reserved(xc, 6, 0x100, 0, 0x200, 3), -ESRCH);
}

static void test_many_are_unmapped_by_hypercall(void **state)
{
    char *address = (char *)0x7f0000000000;

    (void)state;
    empty = flushes = unmapped = 0;
    xc_unmap(xc, NULL, 200);
    xc_unmap(xc, address, 7);
    assert_int_equal(empty, 0);
    assert_int_equal(unmapped, 7);
    xc_unmap(xc, address, 200);
    assert_int_equal(empty, 200);
    assert_int_equal(flushes, 4);
    assert_int_equal(unmapped, 207);
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(emptied[i], 0x7f0000000000 + (i << 12));
    answer = -ENOSYS; /* no PV domain */
    xc_unmap(xc, address, 200);
    assert_int_equal(empty, 264);
    assert_int_equal(unmapped, 407);
    no_buffers = true;
    xc_unmap(xc, address, 200);
    assert_int_equal(unmapped, 607);
    no_buffers = false;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_open_fails),
        TEST(test_domain),
        TEST(test_info_is_of_this_domain),
        TEST(test_destroy_goes_on),
        TEST(test_list),
        TEST(test_affinity),
        TEST(test_msrs),
        TEST(test_policy),
        TEST(test_memory),
        TEST(test_pin),
        TEST(test_many_are_unmapped_by_hypercall),
        TEST(test_events_and_grants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

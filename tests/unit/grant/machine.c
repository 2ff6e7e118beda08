/* The guests of the grant tests: their page tables and calls, and a granter's table. */
#include "grant_test.h"

#include <hv/arch.h>

const struct domain_part *const world_parts[] = { &grant_part };
const unsigned int world_nr_parts = 1;

struct domain *dom0, *dom1, *dom2;
struct grant_entry_v1 *table1; /* dom1's */

/* ---- the page tables of the current domain: mapped addresses ---- */

#define NR_MAPPINGS 4096

static struct mapping {
    const struct domain *d;
    uint64_t addr;
    mfn_t m;
    bool write;
} mappings[NR_MAPPINGS];
unsigned int nr_mappings;
int map_fails;
void (*on_map)(void);
uint64_t last_new_addr;

int arch_grant_map(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags)
{
    bool write = !(flags & GNTMAP_readonly);

    assert_true(world.frame[m.v].refs > 0);
    if (write)
        assert_true(world.frame[m.v].writers > 0);
    if (on_map)
        on_map();
    if (map_fails)
        return map_fails;
    for (unsigned int i = 0; i < NR_MAPPINGS; i++) {
        if (mappings[i].d)
            continue;
        mappings[i] = (struct mapping){ v->domain, addr, m, write };
        nr_mappings++;
        return 0;
    }
    return -EINVAL;
}

int arch_grant_unmap(struct vcpu *v, uint64_t addr, mfn_t m, unsigned int flags, uint64_t new_addr)
{
    assert_true(world.frame[m.v].refs > 0); /* no mapping outlives its reference */
    last_new_addr = new_addr;
    for (unsigned int i = 0; i < NR_MAPPINGS; i++) {
        if (mappings[i].d != v->domain || mappings[i].addr != addr || mappings[i].m.v != m.v)
            continue;
        assert_int_equal(mappings[i].write, !(flags & GNTMAP_readonly));
        mappings[i].d = NULL;
        nr_mappings--;
        return 0;
    }
    return -ENXIO;
}

/* ---- frames that change their owner ---- */

int pass_fails;
uint64_t gfn_set[WORLD_FRAMES];

bool mfn_valid(mfn_t m)
{
    return m.v < WORLD_FRAMES;
}

int domain_set_gfn(struct domain *d, mfn_t m, gfn_t g)
{
    assert_int_equal(world.frame[m.v].owner, d->id);
    gfn_set[m.v] = g.v;
    return 0;
}

int domain_take_frame(const struct domain *d, struct frame *f)
{
    struct world_frame *w = &world.frame[frame_to_mfn(f).v];

    if (!w->in_use || w->owner != d->id || w->refs != 1 || w->writers || w->is_table)
        return -EINVAL;
    w->refs = 0;
    return 0;
}

void domain_free_frame(struct domain *from, struct frame *f)
{
    struct world_frame *w = &world.frame[frame_to_mfn(f).v];

    assert_true(w->in_use && w->owner == from->id && w->refs == 0);
    w->in_use = false;
}

int domain_pass_frame(struct domain *from, struct frame *f, struct domain *to)
{
    struct world_frame *w = &world.frame[frame_to_mfn(f).v];

    domain_free_frame(from, f);
    if (pass_fails)
        return pass_fails;
    *w = (struct world_frame){ .in_use = true, .owner = to->id, .refs = 1 };
    return 0;
}

/* ---- the guest's calls ---- */

long op(unsigned int cmd, void *args, unsigned int count)
{
    long rc;

    world.continued.set = false;
    rc = do_grant_table_op(cmd, G(args), count);
    while (world.continued.set) {
        assert_int_equal(world.continued.op, __HYPERVISOR_grant_table_op);
        assert_int_equal(world.continued.args[0], cmd);
        world.continued.set = false;
        rc = do_grant_table_op(cmd, guest_ptr(world.continued.args[1]),
                               (unsigned int)world.continued.args[2]);
    }
    return rc;
}

/* Each mapping has its own place. */
uint64_t fresh_address(void)
{
    static uint64_t last = 0x1000000;

    return last += PAGE_SIZE;
}

struct gnttab_map_grant_ref map(domid_t dom, grant_ref_t ref, unsigned int flags)
{
    struct gnttab_map_grant_ref a = {
        .host_addr = fresh_address(), .flags = flags, .ref = ref, .dom = dom
    };

    assert_int_equal(op(GNTTABOP_map_grant_ref, &a, 1), 0);
    return a;
}

int unmap(grant_handle_t handle, uint64_t host_addr, uint64_t bus_addr)
{
    struct gnttab_unmap_grant_ref a = {
        .host_addr = host_addr, .dev_bus_addr = bus_addr, .handle = handle, .status = 99
    };

    assert_int_equal(op(GNTTABOP_unmap_grant_ref, &a, 1), 0);
    return a.status;
}

int setup_table(domid_t dom, unsigned int frames, xen_pfn_t *list)
{
    struct gnttab_setup_table a = { .dom = dom, .nr_frames = frames, .status = 99 };

    set_xen_guest_handle(a.frame_list, list);
    assert_int_equal(op(GNTTABOP_setup_table, &a, 1), 0);
    return a.status;
}

void give(grant_ref_t ref, domid_t to, mfn_t m, unsigned int flags)
{
    table1[ref].domid = to;
    table1[ref].frame = (uint32_t)m.v;
    __atomic_store_n(&table1[ref].flags, (uint16_t)(GTF_permit_access | flags), __ATOMIC_RELEASE);
}

int setup(void **state)
{
    xen_pfn_t frame;

    (void)state;
    world_reset();
    dom0 = world_domain(0, 2);
    dom1 = world_domain(1, 2);
    dom2 = world_domain(2, 1);
    memset(mappings, 0, sizeof(mappings));
    nr_mappings = 0;
    map_fails = pass_fails = 0;
    on_map = NULL;
    world_be(dom1, 0);
    assert_int_equal(setup_table(DOMID_SELF, 1, &frame), GNTST_okay);
    table1 = mfn_to_virt(mfn(frame));
    world_be(dom0, 0);
    return 0;
}

int teardown(void **state)
{
    (void)state;
    world_end();
    return 0;
}

int main(void)
{
    static const struct {
        const struct CMUnitTest *tests;
        const size_t *count;
    } groups[] = {
        { tests_v1, &nr_tests_v1 },
        { tests_v2, &nr_tests_v2 },
        { tests_transfer, &nr_tests_transfer },
        { tests_model, &nr_tests_model },
    };
    struct CMUnitTest tests[100];
    size_t n = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(groups); n += *groups[i++].count) {
        assert_true(n + *groups[i].count <= ARRAY_SIZE(tests));
        memcpy(tests + n, groups[i].tests, *groups[i].count * sizeof(tests[0]));
    }
    return _cmocka_run_group_tests("grant", tests, n, NULL, NULL);
}

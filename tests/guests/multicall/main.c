/*
 * Several hypercalls in one: each gets its result, a bad one does not stop the rest, long lists are
 * continued.
 */
#include "pv.h"

static struct multicall_entry calls[600];

static void fill(unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        calls[i] = (struct multicall_entry){ .op = __HYPERVISOR_xen_version,
                                             .args = { XENVER_version, 0 } };
}

void guest_main(void)
{
    static char text[64];
    unsigned int right = 0;
    void *page;
    struct mmu_update update;

    fill(3);
    calls[1].op = 63;
    calls[2].args[0] = XENVER_extraversion;
    calls[2].args[1] = (unsigned long)text;
    is(multicall(calls, 3), 0, "three calls");
    is((long)calls[0].result, 4 << 16 | 17, "the first has its result");
    is((long)calls[1].result, -XEN_ENOSYS, "an unknown one is ENOSYS");
    ok(calls[2].result == 0 && text[0] == '.', "the third was made all the same");

    fill(ARRAY_SIZE(calls));
    is(multicall(calls, ARRAY_SIZE(calls)), 0, "six hundred calls");
    for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
        right += calls[i].result == (4 << 16 | 17);
    is(right, ARRAY_SIZE(calls), "all have their results");
    is(calls[599].op, __HYPERVISOR_xen_version, "the entries are left as they were");

    page = alloc_page();
    update = (struct mmu_update){ .ptr = pte_machine((uint64_t)page, 1),
                                  .val = make_pte(virt_to_mfn(page), PTE_LEAF_RO) };
    fill(3);
    calls[0].op = __HYPERVISOR_mmu_update;
    calls[0].args[0] = (unsigned long)&update;
    calls[0].args[1] = 1;
    calls[0].args[2] = 0;
    calls[0].args[3] = DOMID_SELF;
    calls[1].op = __HYPERVISOR_update_va_mapping;
    calls[1].args[0] = (unsigned long)page + PAGE_SIZE;
    calls[1].args[1] = make_pte(root_mfn(), PTE_LEAF);
    calls[1].args[2] = UVMF_INVLPG;
    calls[2].op = __HYPERVISOR_update_va_mapping;
    calls[2].args[0] = (unsigned long)page;
    calls[2].args[1] = update.val;
    calls[2].args[2] = UVMF_INVLPG;
    is(multicall(calls, 3), 0, "page table updates");
    is((long)calls[0].result, 0, "mmu_update worked");
    ok((long)calls[1].result < 0, "a refused update_va_mapping says so");
    is((long)calls[2].result, 0, "the one after it worked");
    is(try_write(page, 1).vector, VECTOR_PF, "and the page is read-only");

    fill(2);
    calls[0].op = __HYPERVISOR_multicall;
    calls[0].args[0] = (unsigned long)&calls[10];
    calls[0].args[1] = 1;
    is(multicall(calls, 2), 0, "a multicall inside");
    is((long)calls[0].result, -XEN_EINVAL, "is EINVAL");
    is((long)calls[1].result, 4 << 16 | 17, "the next is made");

    is(multicall(calls, 0), 0, "no calls at all");
    is(multicall((void *)0xdead000ul, 1), -XEN_EFAULT, "a list that is not mapped is EFAULT");
    is(multicall((void *)HYPERVISOR_VIRT_START, 1), -XEN_EFAULT, "so is one in the hypervisor");
    page_protect(page, PTE_LEAF_RO);
    is(multicall(page, 1), -XEN_EFAULT, "and one whose result cannot be written");
}

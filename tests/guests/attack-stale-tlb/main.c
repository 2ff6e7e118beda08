/*
 * A translation that outlives its page table entry would let a guest write a page after it became a
 * table. One vCPU keeps writing through a mapping; the other takes it away without asking for any
 * flush and makes the page a table at once.
 */
#include "pv.h"

#define SPARE_VA 0xffffffffa0000000ul
#define ROUNDS   200

static volatile bool stop;
static volatile uint64_t writes;

static void hammer(void *arg)
{
    (void)arg;
    while (!stop) {
        /* Not present: bit 0 is clear whatever is written. */
        if (try_write((void *)SPARE_VA, ++writes << 1).vector != NO_FAULT)
            sched_op(SCHEDOP_yield, NULL);
    }
}

void guest_main(void)
{
    uint64_t *page = alloc_page();
    unsigned long mfn = virt_to_mfn(page);
    unsigned int pinned = 0, changed = 0, local = 0;
    /* Not even an emulated table write may store this: it maps the page itself writable. */
    pte_t forged = make_pte(mfn, PTE_LEAF);
    bool second = option("vcpus", 1) > 1;
    uint64_t end;

    ensure_tables(SPARE_VA);
    if (second)
        is(vcpu_start(1, hammer, NULL), 0, "start the vCPU that writes");
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t before;

        page_protect(page, PTE_LEAF);
        update_va(SPARE_VA, make_pte(mfn, PTE_LEAF), UVMF_NONE);
        *(volatile uint64_t *)SPARE_VA = 0;
        page[1] = 0;
        end = writes + 3;
        while (second && writes < end)
            sched_op(SCHEDOP_yield, NULL);

        update_va((uint64_t)page, make_pte(mfn, PTE_LEAF_RO), UVMF_NONE);
        update_va(SPARE_VA, 0, UVMF_NONE);
        if (mmuext(MMUEXT_PIN_L1_TABLE, mfn))
            continue;
        pinned++;
        before = *(volatile uint64_t *)page;
        local += try_write((void *)SPARE_VA, forged).vector == NO_FAULT;
        local += try_write(page, forged).vector == NO_FAULT;
        for (int i = 0; i < 20; i++) {
            relax();
            if (second)
                sched_op(SCHEDOP_yield, NULL);
            changed += *(volatile uint64_t *)page != before;
        }
        mmuext(MMUEXT_UNPIN_TABLE, mfn);
    }
    is(pinned, ROUNDS, "the page became a table %d times", ROUNDS);
    is(local, 0, "no stale translation here could write it");
    is(changed, 0, "nor one on the other vCPU");
    stop = true;
}

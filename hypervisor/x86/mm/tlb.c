/*
 * TLB flushes on this CPU and on others. A request names CPUs by mask and is waited for: when
 * tlb_flush_mask() returns, no CPU of the mask holds a translation from before. The IPI handler
 * only flushes and acknowledges, so the wait is bounded by the time others keep interrupts off.
 * Intel SDM 3A 4.10.4.
 */
#include <hv/smp.h>
#include <hv/spinlock.h>
#include <arch/irqflags.h>
#include <arch/page.h>
#include <arch/percpu.h>
#include <arch/processor.h>

#define ALL_PAGES (~0UL)

static spinlock_t flush_lock = SPINLOCK_INIT(LOCK_SMP_CALL);
static cpumask_t flush_pending; /* CPUs that have not acknowledged */
static uint64_t flush_va;       /* ALL_PAGES or one page; flush_lock */

void tlb_flush_local(void)
{
    unsigned long flags = irq_save();
    uint64_t cr4 = read_cr4();

    /* Toggling PGE drops global entries too. */
    write_cr4(cr4 ^ CR4_PGE);
    write_cr4(cr4);
    irq_restore(flags);
}

void tlb_flush_page_local(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static void flush_one(uint64_t va)
{
    if (va == ALL_PAGES)
        tlb_flush_local();
    else
        tlb_flush_page_local(va);
}

void tlb_flush_interrupt(void)
{
    if (cpumask_test(smp_processor_id(), &flush_pending)) {
        flush_one(READ_ONCE(flush_va));
        cpumask_clear(smp_processor_id(), &flush_pending);
    }
}

static void flush(const cpumask_t *mask, uint64_t va)
{
    unsigned int self = smp_processor_id();
    cpumask_t others = cpumask_and(mask, &cpu_online_mask);
    unsigned long flags;

    if (cpumask_test(self, &others)) {
        flush_one(va);
        cpumask_clear(self, &others);
    }
    if (cpumask_empty(&others))
        return;
    /* While waiting for the lock with interrupts off, serve the one who holds it. */
    flags = irq_save();
    while (!spin_trylock(&flush_lock)) {
        tlb_flush_interrupt();
        cpu_relax();
    }
    others = cpumask_and(&others, &cpu_online_mask); /* one may have left since */
    WRITE_ONCE(flush_va, va);
    for (unsigned int i = 0; i < ARRAY_SIZE(others.bits); i++)
        __atomic_store_n(&flush_pending.bits[i], others.bits[i], __ATOMIC_SEQ_CST);
    smp_send_ipi_mask(&others, IPI_TLB_FLUSH);
    while (!cpumask_empty(&flush_pending))
        cpu_relax();
    spin_unlock(&flush_lock);
    irq_restore(flags);
}

void tlb_flush_mask(const cpumask_t *mask)
{
    flush(mask, ALL_PAGES);
}

void tlb_flush_page_mask(const cpumask_t *mask, uint64_t va)
{
    flush(mask, va);
}

void tlb_flush_barrier(void)
{
    spin_lock(&flush_lock);
    spin_unlock(&flush_lock);
}

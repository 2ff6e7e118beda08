/*
 * Which vector means which line, on each CPU. A line keeps its vector for life: to move it is to
 * claim the same vector on another CPU, so that a single write to the hardware does it.
 *
 * Called by irq.c and msi.c with a line's lock held, and by do_irq() to look up. vector_lock
 * (LOCK_IRQ_VECTOR) guards changes of all tables; a CPU reads its own with interrupts off.
 */
#include <hv/cpumask.h>
#include <hv/errno.h>
#include <hv/percpu.h>
#include <hv/spinlock.h>
#include <arch/irq.h>

#define NR_DYNAMIC (VECTOR_DYNAMIC_LAST - VECTOR_DYNAMIC_FIRST + 1)
/* From one allocation to the next: into another priority class, and coprime to the number of
 * places whatever the block size. */
#define STRIDE 17

/* irq + 1; 0: free */
static DEFINE_PER_CPU(uint16_t[256], vector_irq);
static spinlock_t vector_lock = SPINLOCK_INIT(LOCK_IRQ_VECTOR);

static bool reserved(unsigned int vector)
{
    return vector == 0x80 || vector == 0x82; /* int $0x80, int $0x82: system calls of PV guests */
}

static bool range_free(unsigned int cpu, unsigned int vector, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        if (reserved(vector + i) || per_cpu(vector_irq, cpu)[vector + i] != 0)
            return false;
    }
    return true;
}

static bool range_free_everywhere(unsigned int vector, unsigned int count)
{
    unsigned int cpu;

    for_each_online_cpu (cpu) {
        if (!range_free(cpu, vector, count))
            return false;
    }
    return true;
}

static void range_set_irq(unsigned int cpu, unsigned int vector, unsigned int irq,
                          unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        WRITE_ONCE(per_cpu(vector_irq, cpu)[vector + i], (uint16_t)(irq + i + 1));
}

int vector_alloc(unsigned int cpu, unsigned int irq, unsigned int count)
{
    static unsigned int cursor; /* vector_lock */
    unsigned int places = NR_DYNAMIC / count;
    unsigned long flags = spin_lock_irqsave(&vector_lock);
    int found = -ENOSPC;

    /* One that no CPU uses can later move anywhere; any other only if there is no such. */
    for (unsigned int i = 0; i < 2 * places && found < 0; i++) {
        unsigned int place = (cursor + i * STRIDE) % places;
        unsigned int vector = VECTOR_DYNAMIC_FIRST + place * count;

        if (!range_free(cpu, vector, count) ||
            (i < places && !range_free_everywhere(vector, count)))
            continue;
        range_set_irq(cpu, vector, irq, count);
        cursor = place + STRIDE;
        found = (int)vector;
    }
    spin_unlock_irqrestore(&vector_lock, flags);
    return found;
}

int vector_claim(unsigned int cpu, unsigned int vector, unsigned int irq, unsigned int count)
{
    unsigned long flags = spin_lock_irqsave(&vector_lock);
    int rc = -EBUSY;

    if (range_free(cpu, vector, count)) {
        range_set_irq(cpu, vector, irq, count);
        rc = 0;
    }
    spin_unlock_irqrestore(&vector_lock, flags);
    return rc;
}

void vector_free(unsigned int cpu, unsigned int vector, unsigned int count)
{
    unsigned long flags = spin_lock_irqsave(&vector_lock);

    for (unsigned int i = 0; i < count; i++)
        WRITE_ONCE(per_cpu(vector_irq, cpu)[vector + i], 0);
    spin_unlock_irqrestore(&vector_lock, flags);
}

unsigned int vector_to_irq(unsigned int vector)
{
    unsigned int slot = READ_ONCE(this_cpu(vector_irq)[vector]);

    return slot ? slot - 1U : IRQ_NONE;
}

unsigned int vectors_used(unsigned int cpu)
{
    unsigned int used_count = 0;

    for (unsigned int v = VECTOR_DYNAMIC_FIRST; v <= VECTOR_DYNAMIC_LAST; v++)
        used_count += per_cpu(vector_irq, cpu)[v] != 0;
    return used_count;
}

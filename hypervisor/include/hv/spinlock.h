/*
 * Ticket spinlocks with ranks. Debug builds check that a CPU takes locks in the order of
 * core/sync/lock_order.h and that a lock taken in interrupt context is never taken with interrupts
 * on, and panic with both holders named.
 */
#ifndef HV_SPINLOCK_H
#define HV_SPINLOCK_H

#include <hv/types.h>
#include <hv/lock_order.h>

typedef struct spinlock {
    union {
        struct {
            uint16_t next, serving;
        };
        uint32_t tickets;
    };
    uint8_t rank;
    uint8_t irq_use;  /* debug: LOCK_IN_IRQ, LOCK_IRQS_ON */
    uint16_t cpu;     /* debug: holder + 1 */
    const void *site; /* debug: where it was taken */
} spinlock_t;

#define SPINLOCK_INIT(lock_rank)                                                                   \
    {                                                                                              \
        .rank = (lock_rank)                                                                        \
    }

void spin_lock_init(spinlock_t *lock, enum lock_rank rank);
void spin_lock(spinlock_t *lock);
bool spin_trylock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
void spin_lock_irq(spinlock_t *lock); /* interrupts must be on before */
void spin_unlock_irq(spinlock_t *lock);
unsigned long spin_lock_irqsave(spinlock_t *lock);
void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags);
bool spin_is_locked(const spinlock_t *lock);
/* Does somebody wait for it? For its holder. */
bool spin_is_contended(const spinlock_t *lock);
/* Two locks of one rank, in address order; a == b is taken once. */
void spin_lock_both(spinlock_t *a, spinlock_t *b);
void spin_unlock_both(spinlock_t *a, spinlock_t *b);
/* For the panic report: the locks that each CPU holds. */
void lock_print_holders(void);

/* The architecture's interrupt entry and exit say so, for the check of interrupt safety. */
#ifdef NDEBUG
static inline void lock_irq_enter(void)
{
}
static inline void lock_irq_exit(void)
{
}
#else
void lock_irq_enter(void);
void lock_irq_exit(void);
#endif

#endif

/*
 * Ticket spinlocks. Each arrival draws a number and waits until it is served, so that nobody is
 * overtaken. Debug builds keep a list of the locks that each CPU holds and check on every
 * acquisition that ranks rise (hv/lock_order.h), and that a lock which an interrupt handler may
 * want is never held with interrupts on: the handler would wait for the code it interrupted.
 */
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/spinlock.h>
#include <hv/symbols.h>
#include <arch/irqflags.h>
#include <arch/processor.h>

#define CALLER __builtin_return_address(0)

#ifndef NDEBUG

#define LOCK_IN_IRQ  1 /* taken by an interrupt handler, or under a lock that is */
#define LOCK_IRQS_ON 2 /* taken with interrupts on */

#define MAX_HELD 16

struct held_locks {
    unsigned int count, irq_depth;
    bool unchecked;             /* a report is under way: it takes locks itself */
    spinlock_t *lock[MAX_HELD]; /* in the order of taking */
};

static DEFINE_PER_CPU(struct held_locks, held_locks);

static const char *const rank_names[NR_LOCK_RANKS] = {
#define NAME(rank) [LOCK_##rank] = #rank
    NAME(DOMCTL),      NAME(WALLCLOCK),     NAME(DOMAIN_LIST),  NAME(DOMAIN),
    NAME(PIRQ),        NAME(PCI),           NAME(GRANT_TABLE),  NAME(GRANT_ENTRY),
    NAME(MAPTRACK),    NAME(PV_MM),         NAME(EVENT_DOMAIN), NAME(EVENT_CHANNEL),
    NAME(EVENT_QUEUE), NAME(DOMAIN_PAGES),  NAME(IRQ_DESC),     NAME(IRQ_VECTOR),
    NAME(IO_APIC),     NAME(SCHED_CPU),     NAME(TIMER),        NAME(RANGE_SET),
    NAME(HEAP),        NAME(CONSOLE_LINE),  NAME(BUDDY),        NAME(LOG_DIRTY),
    NAME(MAP),         NAME(VIRQ_HANDLERS), NAME(SCHED_CAP),    NAME(PCI_CONFIG),
    NAME(SMP_CALL),    NAME(CONSOLE),       NAME(UART),
#undef NAME
};

static const char *rank_name(const spinlock_t *lock)
{
    const char *name = lock->rank < NR_LOCK_RANKS ? rank_names[lock->rank] : NULL;

    return name ? name : "unnamed";
}

static noreturn void violation(const char *what, const spinlock_t *lock, const void *site,
                               const spinlock_t *other)
{
    this_cpu(held_locks).unchecked = true;
    printk(LOG_ERR, "lock %s at %p: %s; taken from %p by CPU %u\n", rank_name(lock),
           (const void *)lock, what, site, smp_processor_id());
    symbol_print((uintptr_t)site);
    printk_raw("\n");
    if (other) {
        printk(LOG_ERR, "lock %s at %p: held by CPU %d since %p\n", rank_name(other),
               (const void *)other, other->cpu - 1, other->site);
        symbol_print((uintptr_t)other->site);
        printk_raw("\n");
    }
    panic("lock %s: %s (%s)", rank_name(lock), what, other ? rank_name(other) : "none held");
}

/* Before waiting: a deadlock is reported instead of entered. */
static void check_order(spinlock_t *lock, const void *site, const spinlock_t *pair)
{
    const struct held_locks *held = &this_cpu(held_locks);

    if (held->unchecked)
        return;
    for (unsigned int i = 0; i < held->count; i++) {
        const spinlock_t *other = held->lock[i];

        if (other == lock)
            violation("taken twice by one CPU", lock, site, other);
        if (other->rank > lock->rank || (other->rank == lock->rank && other != pair))
            violation("taken out of order", lock, site, other);
    }
}

static void check_irq_use(spinlock_t *lock, const void *site)
{
    const struct held_locks *held = &this_cpu(held_locks);
    uint8_t use = irq_enabled() ? LOCK_IRQS_ON : 0;

    if (held->unchecked)
        return;
    if (held->irq_depth)
        use |= LOCK_IN_IRQ;
    for (unsigned int i = 0; i < held->count; i++)
        use |= held->lock[i]->irq_use & LOCK_IN_IRQ;
    use |= lock->irq_use;
    if (use == (LOCK_IN_IRQ | LOCK_IRQS_ON) && use != lock->irq_use) {
        lock->irq_use = use;
        violation("wanted by interrupt handlers, and taken with interrupts on", lock, site,
                  held->count ? held->lock[held->count - 1] : NULL);
    }
    lock->irq_use = use;
}

static void note_taken(spinlock_t *lock, const void *site)
{
    struct held_locks *held = &this_cpu(held_locks);

    check_irq_use(lock, site);
    lock->cpu = (uint16_t)(smp_processor_id() + 1);
    lock->site = site;
    if (held->count == MAX_HELD)
        violation("too many locks held", lock, site, held->lock[MAX_HELD - 1]);
    held->lock[held->count++] = lock;
}

static void note_released(spinlock_t *lock)
{
    struct held_locks *held = &this_cpu(held_locks);
    unsigned int i = held->count;

    while (i-- > 0) {
        if (held->lock[i] != lock)
            continue;
        held->count--;
        for (; i < held->count; i++)
            held->lock[i] = held->lock[i + 1];
        lock->cpu = 0;
        return;
    }
    if (!held->unchecked)
        violation("released by a CPU that does not hold it", lock, CALLER, lock);
}

void lock_irq_enter(void)
{
    this_cpu(held_locks).irq_depth++;
}

void lock_irq_exit(void)
{
    this_cpu(held_locks).irq_depth--;
}

void lock_print_holders(void)
{
    unsigned int cpu;

    this_cpu(held_locks).unchecked = true;
    for_each_online_cpu (cpu) {
        const struct held_locks *held = &per_cpu(held_locks, cpu);

        for (unsigned int i = 0; i < min(held->count, (unsigned int)MAX_HELD); i++) {
            const spinlock_t *lock = READ_ONCE(held->lock[i]);

            if (!lock)
                continue;
            printk_raw("CPU %u holds %s at %p, taken at ", cpu, rank_name(lock),
                       (const void *)lock);
            symbol_print((uintptr_t)lock->site);
            printk_raw("\n");
        }
    }
}

#else

static void check_order(spinlock_t *lock, const void *site, const spinlock_t *pair)
{
    (void)lock, (void)site, (void)pair;
}

static void note_taken(spinlock_t *lock, const void *site)
{
    (void)lock, (void)site;
}

static void note_released(spinlock_t *lock)
{
    (void)lock;
}

void lock_print_holders(void)
{
    printk_raw("lock holders: not recorded in this build\n");
}

#endif

void spin_lock_init(spinlock_t *lock, enum lock_rank rank)
{
    *lock = (spinlock_t)SPINLOCK_INIT((uint8_t)rank);
}

static void acquire(spinlock_t *lock, const void *site, const spinlock_t *pair)
{
    uint16_t ticket;

    check_order(lock, site, pair);
    ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
        cpu_relax();
    note_taken(lock, site);
}

static void release(spinlock_t *lock)
{
    note_released(lock);
    __atomic_store_n(&lock->serving, (uint16_t)(lock->serving + 1), __ATOMIC_RELEASE);
}

void spin_lock(spinlock_t *lock)
{
    acquire(lock, CALLER, NULL);
}

/* May be tried out of order: who does not wait cannot deadlock. */
bool spin_trylock(spinlock_t *lock)
{
    spinlock_t seen = { .tickets = READ_ONCE(lock->tickets) };
    spinlock_t taken = seen;

    if (seen.next != seen.serving)
        return false;
    taken.next++;
    if (!__atomic_compare_exchange_n(&lock->tickets, &seen.tickets, taken.tickets, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    note_taken(lock, CALLER);
    return true;
}

void spin_unlock(spinlock_t *lock)
{
    release(lock);
}

void spin_lock_irq(spinlock_t *lock)
{
    ASSERT(irq_enabled());
    irq_disable();
    acquire(lock, CALLER, NULL);
}

void spin_unlock_irq(spinlock_t *lock)
{
    release(lock);
    irq_enable();
}

unsigned long spin_lock_irqsave(spinlock_t *lock)
{
    unsigned long flags = irq_save();

    acquire(lock, CALLER, NULL);
    return flags;
}

void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
    release(lock);
    irq_restore(flags);
}

bool spin_is_locked(const spinlock_t *lock)
{
    spinlock_t seen = { .tickets = READ_ONCE(lock->tickets) };

    return seen.next != seen.serving;
}

bool spin_is_contended(const spinlock_t *lock)
{
    spinlock_t seen = { .tickets = READ_ONCE(lock->tickets) };

    return (uint16_t)(seen.next - seen.serving) > 1;
}

void spin_lock_both(spinlock_t *a, spinlock_t *b)
{
    spinlock_t *first = a < b ? a : b, *second = a < b ? b : a;

    acquire(first, CALLER, NULL);
    if (first != second)
        acquire(second, CALLER, first);
}

void spin_unlock_both(spinlock_t *a, spinlock_t *b)
{
    release(a);
    if (a != b)
        release(b);
}

/*
 * The order of locks: a CPU that holds a lock may only take locks of a higher rank. Same-rank pairs
 * go through spin_lock_both(). What each lock guards stands at its field.
 */
#ifndef HV_LOCK_ORDER_H
#define HV_LOCK_ORDER_H

enum lock_rank {
    LOCK_DOMCTL,       /* one control operation at a time */
    LOCK_WALLCLOCK,    /* the wall clock's base and its publication */
    LOCK_DOMAIN_LIST,  /* the list of domains, domain ids */
    LOCK_DOMAIN,       /* struct domain: vcpu array, pause, shutdown */
    LOCK_PIRQ,         /* a domain's pirq table */
    LOCK_PCI,          /* PCI device list, CF8 */
    LOCK_GRANT_TABLE,  /* a domain's grant frames and version */
    LOCK_GRANT_ENTRY,  /* one active grant entry */
    LOCK_MAPTRACK,     /* a domain's free mapping handles */
    LOCK_PV_MM,        /* a PV domain's page tables: page-table writes and validation */
    LOCK_EVENT_DOMAIN, /* a domain's port table: allocation */
    LOCK_DOMAIN_PAGES, /* a domain's page list and totals */
    LOCK_RANGE_SET,    /* one set of ranges */
    LOCK_SMP_CALL,     /* cross-CPU calls and flushes; waits with interrupts on */
    LOCK_CONSOLE_LINE, /* a domain's half line of console output */
    /* From here on interrupt handlers take them too: only with interrupts off. */
    LOCK_VIRQ_HANDLERS, /* who gets the global VIRQs */
    LOCK_EVENT_CHANNEL, /* one event channel */
    LOCK_EVENT_QUEUE,   /* one FIFO queue of one vCPU */
    LOCK_IRQ_DESC,      /* one interrupt line; taken in interrupt context */
    LOCK_IRQ_VECTOR,    /* vector allocation */
    LOCK_IO_APIC,       /* IO-APIC indirect registers */
    LOCK_SCHED_CPU,     /* one CPU's run queue */
    LOCK_SCHED_CAP,     /* a domain's budget of CPU time */
    LOCK_TIMER,         /* one CPU's timer heap */
    LOCK_MAP,           /* hypervisor page tables (vmap, ioremap) */
    LOCK_HEAP,          /* hypervisor heap */
    LOCK_BUDDY,         /* one NUMA node's free frames */
    LOCK_LOG_DIRTY,     /* a domain's page-table entries with their mirrors; from page faults */
    LOCK_PCI_CONFIG,    /* CF8/CFC access */
    LOCK_CONSOLE,       /* console ring and sinks */
    LOCK_UART,          /* one UART's registers */
    NR_LOCK_RANKS
};

#endif

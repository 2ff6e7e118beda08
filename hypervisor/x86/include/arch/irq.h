/*
 * Interrupt vectors, and the lines behind them. An irq is an index into irq_desc[]: the GSIs first
 * (irq == GSI), then message-signalled ones. See docs/design/interrupts.md.
 */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#include <hv/irq.h>
#include <hv/spinlock.h>
#include <hv/timer.h>

/* 0x20-0xef are for devices; 0x80 and 0x82 are gates of PV guests. Higher means more urgent. */
#define VECTOR_DYNAMIC_FIRST 0x20U
#define VECTOR_DYNAMIC_LAST  0xefU
#define VECTOR_TIMER         0xf9U
#define VECTOR_EVENT_CHECK   0xfbU
#define VECTOR_CALL          0xfcU
#define VECTOR_TLB_FLUSH     0xfdU
#define VECTOR_LAPIC_ERROR   0xfeU
#define VECTOR_SPURIOUS      0xffU

#define IRQ_NONE       0xffffU
#define IRQ_MAX_GUESTS 4

struct irq_desc;

/* What drives a line. All with the descriptor's lock held and interrupts off. */
struct irq_chip {
    const char *name;
    void (*mask)(struct irq_desc *desc);
    void (*unmask)(struct irq_desc *desc);
    /* Deliver to this APIC ID from now on, with the same vector: one atomic write. */
    void (*set_destination)(struct irq_desc *desc, uint32_t apic_id);
};

/* A domain's claim on a line. */
struct irq_guest {
    struct domain *domain;
    evtchn_port_t port;
    unsigned int pirq;
    bool unacked; /* got the interrupt, has not said EOI: level lines only */
};

struct msi; /* irq/msi.c */

struct irq_desc {
    spinlock_t lock;             /* LOCK_IRQ_DESC: guards all that follows */
    const struct irq_chip *chip; /* NULL: no such line */
    uint16_t cpu;                /* where it is delivered */
    uint16_t wanted_cpu;         /* where its user would like it; moved at an interrupt */
    uint16_t old_cpu;            /* still holds the vector for late arrivals; NR_CPUS if none */
    uint8_t vector;              /* 0: not set up */
    uint8_t nr_vectors; /* that move with this line: 1; the whole of a multi-message MSI; 0: moved
                           by its first one */
    bool level, active_low;
    bool trigger_set; /* dom0 said what it is (PHYSDEVOP_setup_gsi) */
    bool enabled;     /* has a user */
    bool masked;      /* at the hardware */
    bool shareable;
    bool throttled; /* came too often; unmasked by its timer */
    uint8_t nr_guests;
    struct irq_guest guest[IRQ_MAX_GUESTS];
    irq_handler_t handler; /* the hypervisor's own line */
    void *handler_arg;
    const char *name;
    struct msi *msi;
    s_time_t moved;  /* when old_cpu stopped being the target */
    s_time_t window; /* start of the time in which window_count was counted */
    uint32_t window_count;
    uint64_t count, storms;
    struct timer storm_timer; /* ends a throttling */
};

extern struct irq_desc *irq_desc; /* [nr_irqs] */
extern unsigned int nr_irqs;
extern unsigned int nr_gsis;

static inline unsigned int irq_number(const struct irq_desc *desc)
{
    return (unsigned int)(desc - irq_desc);
}

/* Entry point of every vector from 0x20 on, interrupts off. */
struct regs;
void do_irq(struct regs *r);

/* ---- irq.c: lines ---- */
/* Give a GSI its vector and IO-APIC entry, masked, unless it has them. Lock held. -ENOSPC. */
must_check int irq_setup_gsi(struct irq_desc *desc);
/* Write its IO-APIC entry, masked. Lock held, has a vector, no users. */
void irq_program_gsi(struct irq_desc *desc);
/* Mask or unmask at the hardware if it is not so already. Lock held. */
void irq_mask(struct irq_desc *desc);
void irq_unmask(struct irq_desc *desc);
/* Take an unused irq above the GSIs, `count` (a power of two) in a row; -ENOSPC. */
must_check int irq_alloc_dynamic(unsigned int count);
void irq_free_dynamic(unsigned int first, unsigned int count);
/* Give back the vectors. Lock held, line masked. */
void irq_release_vector(struct irq_desc *desc);
/* Try to deliver where wanted_cpu says. Lock held. */
void irq_try_move(struct irq_desc *desc);
/* How long an interrupt sent to a line's old CPU may take to be taken there. */
#define IRQ_MOVE_GRACE MILLISECS(10)
/* leave.c: -ERESTART: call again; -EBUSY: there is a line that no other CPU has room for. */
must_check int irqs_leave_cpu(unsigned int cpu);

/* ---- guest.c: a line's guests. Lock held. ---- */
struct irq_target {
    struct domain *domain;
    evtchn_port_t port;
};
/* -EEXIST: it is bound already; -EBUSY: somebody has the line and does not share it. */
must_check int irq_guest_add(struct irq_desc *desc, struct domain *d, unsigned int pirq,
                             evtchn_port_t port, bool shareable);
/* False if it was not bound. */
bool irq_guest_remove(struct irq_desc *desc, const struct domain *d, unsigned int pirq);
/* The line fired: note who must say EOI and fill target[] with where to send. Returns how many. */
unsigned int irq_guest_fired(struct irq_desc *desc, struct irq_target target[IRQ_MAX_GUESTS]);
/* It said EOI. False if it is not bound. */
bool irq_guest_ack(struct irq_desc *desc, const struct domain *d, unsigned int pirq);
/* May the line be unmasked: it has guests, all of them said EOI, it is not throttled? */
bool irq_guest_ready(const struct irq_desc *desc);

/* ---- vector.c ---- */
/* Find `count` (a power of two) vectors in a row, aligned, free on `cpu`; the first gets irq, the
 * next irq + 1... Returns the first vector or -ENOSPC. */
must_check int vector_alloc(unsigned int cpu, unsigned int irq, unsigned int count);
/* The same vectors on another CPU; -EBUSY. */
must_check int vector_claim(unsigned int cpu, unsigned int vector, unsigned int irq,
                            unsigned int count);
void vector_free(unsigned int cpu, unsigned int vector, unsigned int count);
/* The irq that a vector means on this CPU, or IRQ_NONE. Interrupts off. */
unsigned int vector_to_irq(unsigned int vector);
unsigned int vectors_used(unsigned int cpu);

#endif

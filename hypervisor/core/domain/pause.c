/*
 * Stopping domains: for a while (pausing nests), for good (shutdown, crash). The counts are atomic
 * and the scheduler looks at them under its own locks, so that all of this but the waiting forms
 * can be done in any context.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/console.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <xen/sched.h>

void domain_pause(struct domain *d)
{
    struct vcpu *v;
    unsigned int i;

    __atomic_add_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST);
    for_each_vcpu (d, v, i)
        vcpu_sleep_sync(v);
}

static void domain_pause_nosync(struct domain *d)
{
    struct vcpu *v;
    unsigned int i;

    __atomic_add_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST);
    for_each_vcpu (d, v, i)
        vcpu_sleep_nosync(v);
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;
    unsigned int i;

    if (__atomic_sub_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST))
        return;
    for_each_vcpu (d, v, i)
        vcpu_wake(v);
}

void vcpu_pause(struct vcpu *v)
{
    __atomic_add_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST);
    vcpu_sleep_sync(v);
}

void vcpu_pause_nosync(struct vcpu *v)
{
    __atomic_add_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST);
    vcpu_sleep_nosync(v);
}

void vcpu_unpause(struct vcpu *v)
{
    if (__atomic_sub_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST) == 0)
        vcpu_wake(v);
}

/* ---- shutting down ---- */

/* The hypervisor itself is well: it says what it knows of dom0. */
static noreturn void hardware_gave_up(const char *what)
{
    console_start_sync();
    printk_raw("Hardware Dom0 %s: its state, then the machine's end.\n", what);
    if (current->domain == hardware_domain)
        arch_dump_guest(current);
    reboot_or_halt();
}

/* The hardware domain takes the machine with it. */
static noreturn void hardware_shutdown(uint8_t reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        console_start_sync();
        printk(LOG_INFO, "The hardware domain halted: powering the machine off.\n");
        arch_poweroff_or_halt();
    case SHUTDOWN_crash:
        hardware_gave_up("crashed");
    case SHUTDOWN_watchdog:
        hardware_gave_up("let its watchdog expire");
    default:
        console_start_sync();
        printk(LOG_INFO, "The hardware domain shut down (reason %u): rebooting the machine.\n",
               reason);
        arch_reboot();
    }
}

/* From a tasklet, because who shuts a domain down may hold locks of event channels. */
void domain_tell_shut_down(void *arg)
{
    struct domain *d = arg;
    evtchn_port_t port = READ_ONCE(d->suspend_port);

    __atomic_store_n(&d->is_telling, false, __ATOMIC_SEQ_CST);
    if (d->shutdown_code != SHUTDOWN_suspend || port == 0 || event_send(d, port))
        event_send_global_virq(VIRQ_DOM_EXC);
    domain_put(d);
}

/* Its memory changes no more once no vCPU runs: only then may the control domain take it for shut
 * down. Whoever stops the last one finds all of them stopped. */
void domain_check_shut_down(struct domain *d)
{
    struct vcpu *v;
    unsigned int i;

    for_each_vcpu (d, v, i)
        if (__atomic_load_n(&v->is_running, __ATOMIC_SEQ_CST))
            return;
    if (__atomic_exchange_n(&d->is_shut_down, true, __ATOMIC_SEQ_CST) ||
        __atomic_exchange_n(&d->is_telling, true, __ATOMIC_SEQ_CST))
        return;
    domain_hold(d);
    tasklet_schedule(&d->tell);
}

void domain_shutdown(struct domain *d, uint8_t reason)
{
    uint8_t none = SHUTDOWN_CODE_NONE;

    __atomic_compare_exchange_n(&d->shutdown_code, &none, reason, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    if (d->is_hardware)
        hardware_shutdown(d->shutdown_code);
    if (__atomic_exchange_n(&d->is_shutting_down, true, __ATOMIC_SEQ_CST))
        return;
    domain_pause_nosync(d);
    domain_check_shut_down(d);
}

void domain_resume(struct domain *d)
{
    domain_pause(d); /* so that a shutdown under way is complete */
    if (d->is_shut_down) {
        d->is_shut_down = false;
        d->shutdown_code = SHUTDOWN_CODE_NONE;
        __atomic_store_n(&d->is_shutting_down, false, __ATOMIC_SEQ_CST);
        domain_unpause(d);
    }
    domain_unpause(d);
}

#define DUMP_INTERVAL SECONDS(5)

/* A guest's state fills a screen; guests that crash in a row get one dump in 5 seconds. */
static bool may_dump(void)
{
    static s_time_t next_dump;
    s_time_t time = now(), allowed = READ_ONCE(next_dump);

    return time >= allowed &&
           __atomic_compare_exchange_n(&next_dump, &allowed, time + DUMP_INTERVAL, false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    struct vcpu *v = current;
    char sentence[200];
    va_list args;

    if (READ_ONCE(d->is_shutting_down))
        return;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);

    if (d->is_hardware)
        printk(LOG_ERR, "d%u crashed: %s\n", d->id, sentence);
    else
        guest_printk(d, LOG_ERR, "crashed: %s\n", sentence);
    if (v->domain == d && (d->is_hardware || may_dump()))
        arch_dump_guest(v);
    domain_shutdown(d, SHUTDOWN_crash);
}

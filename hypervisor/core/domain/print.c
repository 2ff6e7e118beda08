/* Debug key 'q': every domain and what its vCPUs do. */
#include <hv/domain.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/sched.h>

static const char *const state_name[] = {
    [RUNSTATE_running] = "running",
    [RUNSTATE_runnable] = "runnable",
    [RUNSTATE_blocked] = "blocked",
    [RUNSTATE_offline] = "offline",
};

static void print_domain(const struct domain *d)
{
    struct vcpu *v;
    unsigned int i;

    printk_raw("d%u: %s%s%s%s refs %u, paused %u, %llu pages of %llu\n", d->id,
               d->type == DOMAIN_PV ? "PV" : "HVM", d->is_hardware ? ", hardware" : "",
               d->is_dying ? ", dying" : "", d->is_shut_down ? ", shut down" : "", d->refs,
               d->pause_count, d->mem ? (unsigned long long)d->mem->tot_pages : 0,
               d->mem ? (unsigned long long)d->mem->max_pages : 0);
    for_each_vcpu (d, v, i) {
        printk_raw("  v%u: %s, CPU %u, flags %lx, paused %u, upcall pending %u\n", v->id,
                   state_name[v->runstate.state], v->cpu, v->pause_flags, v->pause_count,
                   v->info->evtchn_upcall_pending);
    }
}

static void print_domains(void)
{
    struct domain *d;

    for (unsigned int id = 0; (d = domain_next(id)) != NULL; id = d->id + 1U) {
        print_domain(d);
        domain_put(d);
    }
}

KEY_HANDLER(domains, 'q', print_domains, "print the domains and their vCPUs");

/*
 * The life of domains and vCPUs. A domain is made of parts (hv/domain.h): creating one walks the
 * list of parts forward, killing one walks it backward, and a creation that fails midway is killed
 * in the same way. Called by the control operations and by the construction of dom0.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/string.h>
#include <hv/time.h>

struct domain *hardware_domain; /* set once, never destroyed */

/* Each may rely on those before it, and is torn down before them: nobody else's pages are mapped
 * and no events arrive when the vCPUs' timers go; page tables go before the memory they map. */
static const struct domain_part *const parts[] = {
    &memory_part, &info_part,  &arch_part,  &sched_part,   &time_part,
    &irq_part,    &event_part, &grant_part, &console_part,
};

/* Run the teardown of the parts below `d->parts_to_undo`, last first. -ERESTART: call again. */
static int undo_parts(struct domain *d)
{
    while (d->parts_to_undo) {
        const struct domain_part *part = parts[d->parts_to_undo - 1];
        int rc = part->teardown ? part->teardown(d) : 0;

        if (rc)
            return rc;
        d->parts_to_undo--;
    }
    return 0;
}

/* `built`: of how many parts the vcpu_init was called. */
static void free_vcpu(struct vcpu *v, size_t built)
{
    while (built-- > 0) {
        if (parts[built]->vcpu_free)
            parts[built]->vcpu_free(v);
    }
    hv_free(v);
}

/* The parts' teardown is done; free what d consists of. */
static void free_domain(struct domain *d)
{
    for (unsigned int i = d->max_vcpus; i-- > 0;) {
        if (d->vcpu[i])
            free_vcpu(d->vcpu[i], ARRAY_SIZE(parts));
    }
    for (unsigned int i = d->parts_built; i-- > 0;) {
        if (parts[i]->free)
            parts[i]->free(d);
    }
    hv_free(d->vcpu);
    hv_free(d);
}

/* Tasklet of the CPU that dropped the last reference. */
static void destroy(void *arg)
{
    struct domain *d = arg;

    domain_list_remove(d);
    free_domain(d);
    event_send_global_virq(VIRQ_DOM_EXC); /* now its number is free, too */
}

static struct domain *new_domain(domid_t id, const struct domain_config *config)
{
    struct domain *d = hv_alloc_type(struct domain);

    if (!d)
        return NULL;
    d->id = id;
    d->type = config->type;
    d->is_control = config->flags & DOMAIN_CREATE_CONTROL;
    d->is_hardware = config->flags & DOMAIN_CREATE_HARDWARE;
    memcpy(d->handle, config->handle, sizeof(d->handle));
    d->shutdown_code = SHUTDOWN_CODE_NONE;
    d->refs = 1;
    d->pause_count = 1;
    d->max_vcpus = config->max_vcpus;
    d->created = now();
    spin_lock_init(&d->lock, LOCK_DOMAIN);
    list_init(&d->list);
    tasklet_init(&d->destroy, destroy, d);
    tasklet_init(&d->tell, domain_tell_shut_down, d);
    d->vcpu = hv_alloc_array(struct vcpu *, d->max_vcpus);
    if (!d->vcpu) {
        hv_free(d);
        return NULL;
    }
    return d;
}

static int init_parts(struct domain *d)
{
    while (d->parts_built < ARRAY_SIZE(parts)) {
        const struct domain_part *part = parts[d->parts_built++];
        int rc = part->init ? part->init(d) : 0;

        d->parts_to_undo = d->parts_built;
        if (rc) {
            printk(LOG_WARN, "d%u cannot be created: its part '%s' fails with %d\n", d->id,
                   part->name, rc);
            return rc;
        }
    }
    return 0;
}

/* What it may use, where the parts' own defaults are not to stand. */
static int set_limits(struct domain *d, const struct domain_config *config)
{
    if (config->max_port)
        event_set_max_port(d, config->max_port);
    return grant_set_limits(d, config->max_grant_frames, config->max_maptrack_frames,
                            config->max_grant_version);
}

int domain_create(domid_t id, const struct domain_config *config, struct domain **out)
{
    struct domain *d;
    int rc;

    if (id >= DOMID_FIRST_RESERVED || config->max_vcpus == 0 || config->max_vcpus > MAX_VCPUS)
        return -EINVAL;
    d = new_domain(id, config);
    if (!d)
        return -ENOMEM;
    /* Listed before it is built: its frames are looked up by its id. */
    rc = domain_list_add(d);
    if (rc) {
        hv_free(d->vcpu);
        hv_free(d);
        return rc;
    }
    rc = init_parts(d);
    if (!rc)
        rc = set_limits(d, config);
    if (rc) {
        d->is_dying = true;
        while (undo_parts(d))
            ;
        domain_put(d);
        return rc;
    }
    __atomic_store_n(&d->is_ready, true, __ATOMIC_RELEASE);
    if (d->is_hardware)
        __atomic_store_n(&hardware_domain, d, __ATOMIC_RELEASE);
    /* If the wall clock was set meanwhile, d was not told. */
    time_publish(d);
    *out = d;
    return 0;
}

static int init_vcpu(struct vcpu *v, size_t *built)
{
    for (*built = 0; *built < ARRAY_SIZE(parts);) {
        const struct domain_part *part = parts[(*built)++];
        int rc = part->vcpu_init ? part->vcpu_init(v) : 0;

        if (rc)
            return rc;
    }
    return 0;
}

int vcpu_create(struct domain *d, unsigned int id, struct vcpu **out)
{
    struct vcpu *v;
    size_t built;
    int rc;

    if (id >= d->max_vcpus)
        return -EINVAL;
    v = hv_alloc_type(struct vcpu);
    if (!v)
        return -ENOMEM;
    v->id = id;
    v->domain = d;
    v->pause_flags = BIT(VCPU_DOWN);
    v->runstate.state = RUNSTATE_offline;
    v->runstate.state_entry_time = (uint64_t)now();
    for (unsigned int i = 0; i < ARRAY_SIZE(v->hard_affinity.bits); i++)
        v->hard_affinity.bits[i] = v->soft_affinity.bits[i] = ~0UL;

    rc = init_vcpu(v, &built);
    spin_lock(&d->lock);
    if (!rc && d->is_dying)
        rc = -EINVAL;
    if (!rc && d->vcpu[id])
        rc = -EEXIST;
    if (!rc)
        __atomic_store_n(&d->vcpu[id], v, __ATOMIC_RELEASE);
    spin_unlock(&d->lock);
    if (rc) {
        free_vcpu(v, built);
        return rc;
    }
    *out = v;
    return 0;
}

/* Control operations, of which there is one at a time. */
int domain_kill(struct domain *d)
{
    int rc;

    if (d->is_hardware || d == current->domain)
        return -EINVAL;
    if (!d->is_dying) {
        spin_lock(&d->lock);
        d->is_dying = true;
        spin_unlock(&d->lock);
        domain_pause(d);
    } else if (!d->parts_to_undo) {
        return 0;
    }
    rc = undo_parts(d);
    if (!rc)
        domain_put(d);
    return rc;
}

/*
 * From a configuration to what the builder asks for, and what else the hypervisor is told of a new
 * domain: where its vCPUs run, and what of the machine it may touch.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "builder/builder.h"
#include "libxl/domain/domain.h"
#include "libxl/types/cpuid.h"
#include "xc/event.h"
#include "xc/memory.h"
#include <xen/physdev.h>

/* What a domain may have beyond its memory, for the hypervisor's own use */
#define SLACK_KB 1024u

/* ---- rings ---- */

int rings_create(struct op *op, uint32_t domid, struct rings *rings)
{
    int store, console;

    rings->store_domid = (uint32_t)store_read_int(op, XBT_NULL, DOM0, "/tool/xenstored/domid");
    rings->console_domid = (uint32_t)store_read_int(op, XBT_NULL, DOM0, "/tool/xenconsoled/domid");
    store = xc_evtchn_alloc_unbound(op_xc(op), domid, rings->store_domid);
    console = xc_evtchn_alloc_unbound(op_xc(op), domid, rings->console_domid);
    if (store < 0 || console < 0)
        return op_fail(op, ERROR_FAIL, store < 0 ? -store : -console,
                       "It cannot have event channels for its store and console");
    rings->store_port = (unsigned int)store;
    rings->console_port = (unsigned int)console;
    return 0;
}

/* ---- CPUID ---- */

/* A rule's text has bit 31 first. */
static void add_bits(struct build_bits *bits, const char *rule)
{
    size_t i, n = strlen(rule);

    for (i = 0; i < n; i++) {
        uint32_t bit = 1u << (n - 1 - i);

        switch (rule[i]) {
        case '1':
            bits->set |= bit;
            break;
        case '0':
            bits->clear |= bit;
            break;
        case 'k':
        case 's':
            bits->host |= bit;
            break;
        default:
            break;
        }
    }
}

static int set_cpuid(struct op *op, const struct libxl__cpu_policy *policy,
                     struct build_request *request)
{
    struct build_cpuid *all;
    size_t i;

    if (!policy)
        return 0;
    if (policy->nr_msr)
        return op_fail(op, ERROR_NI, 0, "MSRs of a guest cannot be set by cpuid= yet");
    all = op_calloc(op, policy->nr_cpuid, sizeof(*all));
    for (i = 0; i < policy->nr_cpuid; i++) {
        all[i].leaf = policy->cpuid[i].leaf;
        all[i].subleaf = policy->cpuid[i].subleaf;
        add_bits(&all[i].a, policy->cpuid[i].reg[CPUID_EAX]);
        add_bits(&all[i].b, policy->cpuid[i].reg[CPUID_EBX]);
        add_bits(&all[i].c, policy->cpuid[i].reg[CPUID_ECX]);
        add_bits(&all[i].d, policy->cpuid[i].reg[CPUID_EDX]);
    }
    request->cpuid = all;
    request->cpuid_count = policy->nr_cpuid;
    return 0;
}

/* ---- the builder's request ---- */

/* The graphics card's memory is the device model's to take; it starts the guest's kernel, too. */
static void request_pc(const libxl_domain_build_info *b, struct build_request *request)
{
    request->memory_kb -= b->video_memkb;
    request->maximum_kb -= b->video_memkb;
    request->kernel.path = b->u.hvm.firmware;
    request->ramdisk.path = b->u.hvm.system_firmware;
    request->online = b->avail_vcpus.map;
    request->hole_kb = b->u.hvm.mmio_hole_memkb;
}

static int make_request(struct op *op, uint32_t domid, const libxl_domain_config *config,
                        const struct rings *rings, struct build_request *request)
{
    const libxl_domain_build_info *b = &config->b_info;

    *request = (struct build_request){
        .domid = domid,
        .type = b->type == LIBXL_DOMAIN_TYPE_PV    ? BUILD_PV
                : b->type == LIBXL_DOMAIN_TYPE_PVH ? BUILD_PVH
                                                   : BUILD_HVM,
        .vcpus = (unsigned int)b->max_vcpus,
        .memory_kb = b->target_memkb,
        .maximum_kb = b->max_memkb,
        .limit_kb = b->target_memkb + SLACK_KB,
        .tsc_mode = (uint32_t)b->tsc_mode,
    };
    if (b->type == LIBXL_DOMAIN_TYPE_PV) {
        request->features = b->u.pv.features;
        request->host_map = libxl_defbool_val(b->u.pv.e820_host);
    }
    if (b->type == LIBXL_DOMAIN_TYPE_HVM)
        request_pc(b, request);
    if (rings) {
        request->console.domid = rings->console_domid;
        request->console.port = rings->console_port;
        request->store.domid = rings->store_domid;
        request->store.port = rings->store_port;
    }
    return set_cpuid(op, b->cpuid, request);
}

/* ---- vCPUs ---- */

static bool sched_given(const libxl_domain_sched_params *p)
{
    return p->weight != LIBXL_DOMAIN_SCHED_PARAM_WEIGHT_DEFAULT ||
           p->cap != LIBXL_DOMAIN_SCHED_PARAM_CAP_DEFAULT ||
           p->period != LIBXL_DOMAIN_SCHED_PARAM_PERIOD_DEFAULT ||
           p->budget != LIBXL_DOMAIN_SCHED_PARAM_BUDGET_DEFAULT ||
           p->extratime != LIBXL_DOMAIN_SCHED_PARAM_EXTRATIME_DEFAULT;
}

static int place_vcpus(struct op *op, uint32_t domid, const libxl_domain_build_info *b)
{
    const libxl_bitmap *hard, *soft;
    int i, rc = 0;

    if (b->nodemap.size)
        rc = libxl_domain_set_nodeaffinity(op->ctx, domid, (libxl_bitmap *)&b->nodemap);
    for (i = 0; i < b->max_vcpus && !rc; i++) {
        hard = b->cpumap.size ? &b->cpumap : NULL;
        soft = NULL;
        if (b->num_vcpu_hard_affinity)
            hard = i < b->num_vcpu_hard_affinity ? &b->vcpu_hard_affinity[i] : NULL;
        if (i < b->num_vcpu_soft_affinity)
            soft = &b->vcpu_soft_affinity[i];
        if (hard || soft)
            rc = libxl_set_vcpuaffinity(op->ctx, domid, (uint32_t)i, hard, soft);
    }
    if (!rc && sched_given(&b->sched_params))
        rc = libxl_domain_sched_params_set(op->ctx, domid, &b->sched_params);
    return rc;
}

/* ---- the machine ---- */

static int allow_irq(struct op *op, uint32_t domid, uint32_t irq)
{
    struct physdev_map_pirq map = {
        .domid = (domid_t)domid, .type = MAP_PIRQ_TYPE_GSI, .index = (int)irq, .pirq = (int)irq
    };
    long err;

    err = xc_command(op_xc(op), __HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, &map, sizeof(map));
    if (!err)
        err = xc_domain_irq_permission(op_xc(op), domid, (uint32_t)map.pirq, true);
    return err ? op_fail(op, ERROR_FAIL, (int)-err, "It cannot be given the interrupt %u", irq) : 0;
}

static int allow_machine(struct op *op, uint32_t domid, const libxl_domain_build_info *b)
{
    int i, err, rc;

    for (i = 0; i < b->num_ioports; i++) {
        err = xc_domain_ioport_permission(op_xc(op), domid, b->ioports[i].first,
                                          b->ioports[i].number, true);
        if (err)
            return op_fail(op, ERROR_FAIL, -err, "It cannot be given the I/O ports 0x%x-0x%x",
                           b->ioports[i].first, b->ioports[i].first + b->ioports[i].number - 1);
    }
    for (i = 0; i < b->num_irqs; i++) {
        rc = allow_irq(op, domid, b->irqs[i]);
        if (rc)
            return rc;
    }
    for (i = 0; i < b->num_iomem; i++) {
        err = xc_domain_iomem_permission(op_xc(op), domid, b->iomem[i].start, b->iomem[i].number,
                                         true);
        if (err)
            return op_fail(op, ERROR_FAIL, -err,
                           "It cannot be given %" PRIu64 " frames of the machine at 0x%" PRIx64,
                           b->iomem[i].number, b->iomem[i].start);
    }
    return 0;
}

/* The guest's clock: an offset of its own, and the difference of the local time */
static int set_clock(struct op *op, uint32_t domid, const libxl_domain_build_info *b)
{
    int64_t offset = (int32_t)b->rtc_timeoffset;
    time_t now = time(NULL);
    struct tm local;
    int err;

    if (libxl_defbool_val(b->localtime) && localtime_r(&now, &local))
        offset += local.tm_gmtoff;
    if (!offset)
        return 0;
    err = xc_domain_set_time_offset(op_xc(op), domid, offset);
    return err ? op_fail(op, ERROR_FAIL, -err, "Its clock cannot be set off") : 0;
}

/* What can only be done when the vCPUs are there */
static int finish(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    int rc = domain_place(op, domid, config);

    if (!rc)
        rc = place_vcpus(op, domid, &config->b_info);
    if (!rc)
        rc = allow_machine(op, domid, &config->b_info);
    return rc ? rc : set_clock(op, domid, &config->b_info);
}

static int set_paging_pool(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    int err;

    if (config->c_info.type == LIBXL_DOMAIN_TYPE_PV)
        return 0;
    err = xc_domain_set_paging_pool(op_xc(op), domid, config->b_info.shadow_memkb << 10);
    return err ? op_fail(op, ERROR_NOMEM, -err, "There are no %" PRIu64 " kB for its page tables",
                         config->b_info.shadow_memkb)
               : 0;
}

static int claim(struct op *op, uint32_t domid, uint64_t kb)
{
    int err = xc_claim(op_xc(op), domid, kb >> 2);

    return err ? op_fail(op, ERROR_NOMEM, -err, "There are no %" PRIu64 " kB of free memory for it",
                         kb)
               : 0;
}

static int build_failed(struct op *op, int err, const struct build_error *error)
{
    return op_fail(op, error_of(err), 0, "It cannot be built: %s",
                   error->text[0] ? error->text : strerror(-err));
}

int domain_prepare(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    struct build_request request;
    struct build_error error = { 0 };
    int err, rc;

    rc = make_request(op, domid, config, NULL, &request);
    if (!rc)
        rc = set_paging_pool(op, domid, config);
    if (!rc)
        rc = domain_set_machine(op, domid, &config->b_info);
    if (rc)
        return rc;
    err = build_prepare(op_xc(op), &request, &error);
    if (err < 0)
        return build_failed(op, err, &error);
    return finish(op, domid, config);
}

int domain_set_policy(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    struct build_request request;
    struct build_error error = { 0 };
    int err, rc;

    rc = make_request(op, domid, config, NULL, &request);
    if (rc)
        return rc;
    err = build_policy(op_xc(op), &request, &error);
    return err < 0 ? build_failed(op, err, &error) : 0;
}

int domain_build(struct op *op, uint32_t domid, const libxl_domain_config *config,
                 const struct boot *boot, struct rings *rings)
{
    bool claims = libxl_defbool_val(config->b_info.claim_mode);
    struct build_result result = { 0 };
    struct build_error error = { 0 };
    struct build_request request;
    int err, rc;

    rc = make_request(op, domid, config, rings, &request);
    if (!rc && claims)
        rc = claim(op, domid, request.memory_kb);
    if (rc)
        return rc;
    if (request.type != BUILD_HVM) {
        request.kernel.path = boot->kernel;
        request.ramdisk.path = boot->ramdisk;
        request.cmdline = boot->cmdline;
    }
    err = build_domain(op_xc(op), &request, &result, &error);
    if (claims)
        xc_claim(op_xc(op), domid, 0);
    if (err < 0)
        return build_failed(op, err, &error);
    rings->store_mfn = result.store_gfn;
    rings->console_mfn = result.console_gfn;
    return 0;
}

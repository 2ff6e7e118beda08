/*
 * Parameters of the schedulers: sched-credit, sched-credit2, sched-rtds. Each can be of a domain,
 * of a pool, or (rtds) of a vCPU; what is given is set, otherwise what there is gets printed.
 */
#include <limits.h>
#include "xl.h"
#include "commands.h"

/* A scheduler as the listing of pools and domains sees it */
struct scheduler {
    libxl_scheduler id;
    void (*pool)(struct listing *l, const libxl_cpupoolinfo *pool);
    void (*heading)(struct listing *l);
    int (*row)(struct listing *l, uint32_t domid);
};

/* params_get: of a domain, which has to be in a pool with this scheduler */
static int params_get(uint32_t domid, libxl_scheduler id, libxl_domain_sched_params *params)
{
    int rc = libxl_domain_sched_params_get(xl.ctx, domid, params);

    if (rc) {
        error("libxl_domain_sched_params_get failed.");
    } else if (params->sched != id) {
        error("libxl_domain_sched_params_get returned %s not %s.",
              libxl_scheduler_to_string(params->sched), libxl_scheduler_to_string(id));
        rc = ERROR_INVAL;
    }
    return rc;
}

static int params_set(uint32_t domid, libxl_domain_sched_params *params)
{
    int rc = libxl_domain_sched_params_set(xl.ctx, domid, params);

    if (rc)
        error("libxl_domain_sched_params_set failed.");
    libxl_domain_sched_params_dispose(params);
    return status_of(rc);
}

static bool domain_is_of(uint32_t domid, uint32_t pool)
{
    libxl_dominfo info;
    bool is;

    libxl_dominfo_init(&info);
    is = !libxl_domain_info(xl.ctx, &info, domid) && info.cpupool == pool;
    libxl_dominfo_dispose(&info);
    return is;
}

static int domain_list(struct listing *l, const struct scheduler *scheduler, uint32_t domid)
{
    int rc;

    scheduler->heading(l);
    rc = scheduler->row(l, domid);
    listing_end(l);
    return status_of(rc);
}

/* pools_list: all domains of all pools with this scheduler, or of one pool */
static int pools_list(struct listing *l, const struct scheduler *scheduler, const char *only)
{
    int npools, ndomains, rc = 0;
    libxl_cpupoolinfo *pools = libxl_list_cpupool(xl.ctx, &npools);
    libxl_dominfo *domains = libxl_list_domain(xl.ctx, &ndomains);
    uint32_t poolid = 0;

    if (!pools || !domains)
        fatal("libxl_list_domain failed.");
    if (only && (libxl_cpupool_qualifier_to_cpupoolid(xl.ctx, only, &poolid, NULL) ||
                 !libxl_cpupoolid_is_valid(xl.ctx, poolid)))
        fatal("unknown cpupool '%s'", only);
    for (int i = 0; i < npools && !rc; i++) {
        if (pools[i].sched != scheduler->id || (only && pools[i].poolid != poolid))
            continue;
        if (listing_is_table(l))
            scheduler->pool(l, &pools[i]);
        scheduler->heading(l);
        for (int j = 0; j < ndomains && !rc; j++) {
            if (domain_is_of(domains[j].domid, pools[i].poolid))
                rc = scheduler->row(l, domains[j].domid);
        }
    }
    libxl_cpupoolinfo_list_free(pools, npools);
    libxl_dominfo_list_free(domains, ndomains);
    listing_end(l);
    return status_of(rc);
}

/* The line of a pool: its parameters follow */
static void pool_start(struct listing *l, const libxl_cpupoolinfo *pool)
{
    listing_row(l);
    cell_plain(l, "Cpupool ");
    cell_text(l, "cpupool", "%s", pool->pool_name);
}

/* pool_show: the parameters of one */
static int pool_show(const struct args *args, const struct scheduler *scheduler, uint32_t poolid)
{
    struct listing *l = listing_object(args);
    libxl_cpupoolinfo pool;

    libxl_cpupoolinfo_init(&pool);
    if (libxl_cpupool_info(xl.ctx, &pool, poolid))
        fatal("error getting cpupool info");
    scheduler->pool(l, &pool);
    listing_end(l);
    libxl_cpupoolinfo_dispose(&pool);
    return EXIT_SUCCESS;
}

static uint32_t pool_of(const struct args *args)
{
    const char *name = args_value(args, 'p');
    uint32_t pool = 0;

    if (name && libxl_cpupool_qualifier_to_cpupoolid(xl.ctx, name, &pool, NULL))
        fatal("unknown cpupool '%s'", name);
    return pool;
}

/* ---- credit and credit2 */
static void weight_heading(struct listing *l)
{
    listing_heading(l, "%-33s %4s %6s %4s\n", "Name", "ID", "Weight", "Cap");
}

static int weight_row(struct listing *l, uint32_t domid, libxl_scheduler id)
{
    libxl_domain_sched_params params;
    int rc;

    libxl_domain_sched_params_init(&params);
    rc = params_get(domid, id, &params);
    if (!rc) {
        listing_row(l);
        cell_text(l, "name", "%-33s", domain_name(domid));
        cell_number(l, "domid", " %4u", domid);
        cell_number(l, "weight", " %6d", params.weight);
        cell_number(l, "cap", " %4d", params.cap);
        listing_row_end(l);
    }
    libxl_domain_sched_params_dispose(&params);
    return rc;
}

/* weights: what both commands do for domains, and the checks of options */
static int weights(const struct args *args, const struct scheduler *scheduler)
{
    const char *domain = args_value(args, 'd');
    bool change = args_has(args, 'w') || args_has(args, 'c');
    libxl_domain_sched_params params;
    uint32_t domid;

    if (change && !domain)
        fatal("Must specify a domain.");
    if (!domain)
        return pools_list(listing_start(args), scheduler, args_value(args, 'p'));
    domid = domain_find(domain);
    if (!change)
        return domain_list(listing_start(args), scheduler, domid);
    libxl_domain_sched_params_init(&params);
    params.sched = scheduler->id;
    params.weight = (int)args_number(args, 'w', LIBXL_DOMAIN_SCHED_PARAM_WEIGHT_DEFAULT);
    params.cap = (int)args_number(args, 'c', LIBXL_DOMAIN_SCHED_PARAM_CAP_DEFAULT);
    return params_set(domid, &params);
}

static void check_pool_options(const struct args *args, const char *pool_only)
{
    bool set = false;

    for (const char *key = pool_only; *key; key++)
        set |= args_has(args, *key);
    if (args_has(args, 'd') && (args_has(args, 'p') || args_has(args, 's')))
        fatal("Specifying a cpupool or schedparam is not allowed with domain options.");
    if (set && !args_has(args, 's'))
        fatal("Must specify schedparam to set schedule parameter values.");
}

static void credit_pool(struct listing *l, const libxl_cpupoolinfo *pool)
{
    libxl_sched_credit_params params;

    pool_start(l, pool);
    if (libxl_sched_credit_params_get(xl.ctx, pool->poolid, &params)) {
        cell_plain(l, ": [sched params unavailable]");
    } else {
        cell_plain(l, ": tslice=");
        cell_number(l, "tslice_ms", "%d", params.tslice_ms);
        cell_plain(l, "ms ratelimit=");
        cell_number(l, "ratelimit_us", "%d", params.ratelimit_us);
        cell_plain(l, "us migration-delay=");
        cell_number(l, "migration_delay_us", "%d", params.vcpu_migr_delay_us);
        cell_plain(l, "us");
    }
    listing_row_end(l);
}

static int credit_row(struct listing *l, uint32_t domid)
{
    return weight_row(l, domid, LIBXL_SCHEDULER_CREDIT);
}

static const struct scheduler credit = {
    .id = LIBXL_SCHEDULER_CREDIT,
    .pool = credit_pool,
    .heading = weight_heading,
    .row = credit_row,
};

static int credit_of_pool(const struct args *args)
{
    bool set = args_has(args, 't') || args_has(args, 'r') || args_has(args, 'm');
    uint32_t poolid = pool_of(args);
    libxl_sched_credit_params params;

    if (libxl_sched_credit_params_get(xl.ctx, poolid, &params))
        fatal("libxl_sched_credit_params_get failed.");
    if (!set)
        return pool_show(args, &credit, poolid);
    params.tslice_ms = (int)args_number(args, 't', params.tslice_ms);
    params.ratelimit_us = (int)args_number(args, 'r', params.ratelimit_us);
    params.vcpu_migr_delay_us = (int)args_number(args, 'm', params.vcpu_migr_delay_us);
    if (libxl_sched_credit_params_set(xl.ctx, poolid, &params))
        fatal("libxl_sched_credit_params_set failed.");
    return EXIT_SUCCESS;
}

int run_sched_credit(const struct args *args)
{
    check_pool_options(args, "trm");
    return args_has(args, 's') ? credit_of_pool(args) : weights(args, &credit);
}

static void credit2_pool(struct listing *l, const libxl_cpupoolinfo *pool)
{
    libxl_sched_credit2_params params;

    pool_start(l, pool);
    if (libxl_sched_credit2_params_get(xl.ctx, pool->poolid, &params)) {
        cell_plain(l, ": [sched params unavailable]");
    } else {
        cell_plain(l, ": ratelimit=");
        cell_number(l, "ratelimit_us", "%d", params.ratelimit_us);
        cell_plain(l, "us");
    }
    listing_row_end(l);
}

static int credit2_row(struct listing *l, uint32_t domid)
{
    return weight_row(l, domid, LIBXL_SCHEDULER_CREDIT2);
}

static const struct scheduler credit2 = {
    .id = LIBXL_SCHEDULER_CREDIT2,
    .pool = credit2_pool,
    .heading = weight_heading,
    .row = credit2_row,
};

static int credit2_of_pool(const struct args *args)
{
    uint32_t poolid = pool_of(args);
    libxl_sched_credit2_params params;

    if (!args_has(args, 'r'))
        return pool_show(args, &credit2, poolid);
    if (libxl_sched_credit2_params_get(xl.ctx, poolid, &params))
        fatal("libxl_sched_credit2_params_get failed.");
    params.ratelimit_us = (int)args_number(args, 'r', params.ratelimit_us);
    if (libxl_sched_credit2_params_set(xl.ctx, poolid, &params))
        fatal("libxl_sched_credit2_params_set failed.");
    return EXIT_SUCCESS;
}

int run_sched_credit2(const struct args *args)
{
    check_pool_options(args, "r");
    return args_has(args, 's') ? credit2_of_pool(args) : weights(args, &credit2);
}

/* ---- rtds */
static void rtds_pool(struct listing *l, const libxl_cpupoolinfo *pool)
{
    pool_start(l, pool);
    cell_plain(l, ": sched=RTDS");
    listing_row_end(l);
}

static void rtds_heading(struct listing *l)
{
    listing_heading(l, "%-33s %4s %9s %9s %10s\n", "Name", "ID", "Period", "Budget", "Extratime");
}

static int rtds_row(struct listing *l, uint32_t domid)
{
    libxl_domain_sched_params params;
    int rc;

    libxl_domain_sched_params_init(&params);
    rc = params_get(domid, LIBXL_SCHEDULER_RTDS, &params);
    if (!rc) {
        listing_row(l);
        cell_text(l, "name", "%-33s", domain_name(domid));
        cell_number(l, "domid", " %4u", domid);
        cell_number(l, "period_us", " %9d", params.period);
        cell_number(l, "budget_us", " %9d", params.budget);
        cell_text(l, "extratime", " %10s", params.extratime ? "yes" : "no");
        listing_row_end(l);
    }
    libxl_domain_sched_params_dispose(&params);
    return rc;
}

static void rtds_vcpu_heading(struct listing *l)
{
    listing_heading(l, "%-33s %4s %4s %9s %9s %10s\n", "Name", "ID", "VCPU", "Period", "Budget",
                    "Extratime");
}

static int rtds_rows(struct listing *l, uint32_t domid, libxl_vcpu_sched_params *params)
{
    bool all = !params->num_vcpus;
    int rc = all ? libxl_vcpu_sched_params_get_all(xl.ctx, domid, params)
                 : libxl_vcpu_sched_params_get(xl.ctx, domid, params);

    if (rc) {
        error("libxl_vcpu_sched_params_get%s failed.", all ? "_all" : "");
        return rc;
    }
    if (params->sched != LIBXL_SCHEDULER_RTDS) {
        error("libxl_vcpu_sched_params_get%s returned %s not %s.", all ? "_all" : "",
              libxl_scheduler_to_string(params->sched),
              libxl_scheduler_to_string(LIBXL_SCHEDULER_RTDS));
        return ERROR_INVAL;
    }
    for (int i = 0; i < params->num_vcpus; i++) {
        const libxl_sched_params *vcpu = &params->vcpus[i];

        listing_row(l);
        cell_text(l, "name", "%-33s", domain_name(domid));
        cell_number(l, "domid", " %4u", domid);
        cell_number(l, "vcpu", " %4d", vcpu->vcpuid);
        cell_number(l, "period_us", " %9d", vcpu->period);
        cell_number(l, "budget_us", " %9d", vcpu->budget);
        cell_text(l, "extratime", " %10s", vcpu->extratime ? "yes" : "no");
        listing_row_end(l);
    }
    return 0;
}

static int rtds_all_row(struct listing *l, uint32_t domid)
{
    libxl_vcpu_sched_params params;
    int rc;

    libxl_vcpu_sched_params_init(&params);
    rc = rtds_rows(l, domid, &params);
    libxl_vcpu_sched_params_dispose(&params);
    return rc;
}

static const struct scheduler rtds = { LIBXL_SCHEDULER_RTDS, rtds_pool, rtds_heading, rtds_row };
static const struct scheduler rtds_all = { LIBXL_SCHEDULER_RTDS, rtds_pool, rtds_vcpu_heading,
                                           rtds_all_row };

/* The options of sched-rtds: lists, of which the i-th ones belong together */
struct rtds_lists {
    int vcpus[128], periods[128], budgets[128], extra[128];
    int nvcpus, nperiods, nbudgets, nextra;
    bool all;
};

static void append(int list[128], int *count, const char *text, unsigned long long max)
{
    unsigned long long number;

    if (*count == 128 || !number_parse(text, 10, max, &number))
        fatal("'%s' is no number that 'xl sched-rtds' can take here", text);
    list[(*count)++] = (int)number;
}

static void lists_read(const struct args *args, struct rtds_lists *lists)
{
    for (int i = 0; i < args->ngiven; i++) {
        const char *value = args->given[i].value;

        switch (args->given[i].key) {
        case 'v':
            if (!strcmp(value, "all"))
                lists->all = true;
            else
                append(lists->vcpus, &lists->nvcpus, value, INT_MAX);
            break;
        case 'p':
            append(lists->periods, &lists->nperiods, value, INT_MAX);
            break;
        case 'b':
            append(lists->budgets, &lists->nbudgets, value, INT_MAX);
            break;
        case 'e':
            if (strcmp(value, "0") && strcmp(value, "1"))
                fatal("Invalid extratime.");
            append(lists->extra, &lists->nextra, value, 1);
            break;
        }
    }
}

static int rtds_set(uint32_t domid, const struct rtds_lists *lists)
{
    libxl_vcpu_sched_params params;
    int count = lists->all ? 1 : lists->nvcpus, rc;

    libxl_vcpu_sched_params_init(&params);
    params.sched = LIBXL_SCHEDULER_RTDS;
    params.num_vcpus = count;
    params.vcpus = need(calloc((size_t)count, sizeof(*params.vcpus)));
    for (int i = 0; i < count; i++) {
        libxl_sched_params_init(&params.vcpus[i]);
        params.vcpus[i].vcpuid = lists->all ? 0 : lists->vcpus[i];
        params.vcpus[i].period = lists->periods[i];
        params.vcpus[i].budget = lists->budgets[i];
        params.vcpus[i].extratime = lists->extra[i];
    }
    rc = lists->all ? libxl_vcpu_sched_params_set_all(xl.ctx, domid, &params)
                    : libxl_vcpu_sched_params_set(xl.ctx, domid, &params);
    if (rc)
        error("libxl_vcpu_sched_params_set%s failed.", lists->all ? "_all" : "");
    libxl_vcpu_sched_params_dispose(&params);
    return status_of(rc);
}

static int rtds_some_rows(const struct args *args, uint32_t domid, const struct rtds_lists *lists)
{
    struct listing *l = listing_start(args);
    libxl_vcpu_sched_params params;
    int rc;

    libxl_vcpu_sched_params_init(&params);
    params.num_vcpus = lists->nvcpus;
    params.vcpus = need(calloc((size_t)lists->nvcpus, sizeof(*params.vcpus)));
    for (int i = 0; i < lists->nvcpus; i++) {
        libxl_sched_params_init(&params.vcpus[i]);
        params.vcpus[i].vcpuid = lists->vcpus[i];
    }
    rtds_vcpu_heading(l);
    rc = rtds_rows(l, domid, &params);
    listing_end(l);
    libxl_vcpu_sched_params_dispose(&params);
    return status_of(rc);
}

static int rtds_of_domain(const struct args *args, uint32_t domid, const struct rtds_lists *lists)
{
    libxl_domain_sched_params params;

    if (!lists->nperiods) {
        if (lists->nvcpus && !lists->all)
            return rtds_some_rows(args, domid, lists);
        return domain_list(listing_start(args), lists->all ? &rtds_all : &rtds, domid);
    }
    if (lists->nvcpus || lists->all)
        return rtds_set(domid, lists);
    libxl_domain_sched_params_init(&params);
    params.sched = LIBXL_SCHEDULER_RTDS;
    params.period = lists->periods[0];
    params.budget = lists->budgets[0];
    params.extratime = lists->extra[0];
    return params_set(domid, &params);
}

int run_sched_rtds(const struct args *args)
{
    const char *domain = args_value(args, 'd');
    struct rtds_lists lists = { 0 };
    bool change;
    int each;

    lists_read(args, &lists);
    change = lists.nperiods || lists.nbudgets || lists.nextra;
    if (args_has(args, 'c') && (domain || lists.nvcpus || change))
        fatal("Specifying a cpupool is not allowed with other options.");
    if (!domain && (change || lists.nvcpus))
        fatal("Must specify a domain.");
    if (!domain)
        return pools_list(listing_start(args), lists.all ? &rtds_all : &rtds,
                          args_value(args, 'c'));
    each = lists.nvcpus > 0 && !lists.all ? lists.nvcpus : 1;
    if (change && (lists.nperiods != each || lists.nbudgets != each || lists.nextra != each))
        fatal("Incorrect number of period, budget and extratime");
    return rtds_of_domain(args, domain_find(domain), &lists);
}

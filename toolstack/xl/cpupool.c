/*
 * CPU pools: create, list, destroy, rename, CPUs and guests that move.
 */
#include <unistd.h>
#include "cfg.h"
#include "commands.h"

static uint32_t pool_find(const char *spec, const char *wrong)
{
    uint32_t pool;

    if (libxl_cpupool_qualifier_to_cpupoolid(xl.ctx, spec, &pool, NULL) ||
        !libxl_cpupoolid_is_valid(xl.ctx, pool))
        fatal(wrong, spec);
    return pool;
}

/* ---- cpupool-create */
struct pool_plan {
    const char *name;
    libxl_scheduler sched;
    libxl_bitmap cpus;
    int count;
};

static const char *const pool_keys[] = { "name", "sched", "cpus", "nodes", NULL };

static const char *pool_key_at(const void *state, int i)
{
    (void)state;
    return pool_keys[i];
}

static void check_keys(const char *path, const char *data)
{
    struct assignment assignment = { .at = data };

    while (assignment_next(&assignment)) {
        const char *const *key = pool_keys;
        const char *near;

        while (*key && strcmp(*key, assignment.name))
            key++;
        if (*key)
            continue;
        near = nearest_name(assignment.name, pool_key_at, NULL);
        fatal("%s:%d: there is no key '%s'%s%s%s; there are: name, sched, cpus, nodes", path,
              assignment.line, assignment.name, near ? ", perhaps you mean '" : "",
              near ? near : "", near ? "'" : "");
    }
}

/* take_cpu: for the pool, if it is free */
static void take_cpu(struct pool_plan *plan, const libxl_bitmap *available, int cpu)
{
    if (!libxl_bitmap_test(available, cpu))
        fatal("cpu %d illegal or not free; 'xl cpupool-cpu-remove POOL %d' takes it from its pool",
              cpu, cpu);
    libxl_bitmap_set(&plan->cpus, cpu);
    plan->count++;
}

/* take_listed: the CPUs that a key names, a string or a list of them; prefix is what a range of the
 * command line begins with, where they are not CPUs. Of nodes those that are free. */
static void take_listed(const XLU_Config *config, const char *key, const char *prefix,
                        struct pool_plan *plan, const libxl_bitmap *available)
{
    XLU_ConfigList *list;
    libxl_bitmap cpus;
    const char *text;

    libxl_bitmap_init(&cpus);
    if (libxl_cpu_bitmap_alloc(xl.ctx, &cpus, 0))
        fatal("Failed to allocate cpumap");
    if (!xlu_cfg_get_list(config, key, &list, NULL, 1)) {
        for (int i = 0; (text = xlu_cfg_get_listitem(list, i)); i++) {
            if (cpus_parse(text_of("%s%s", prefix, text), &cpus))
                exit(EXIT_FAILURE);
        }
    } else if (!xlu_cfg_get_string(config, key, &text, 0) &&
               cpus_parse(text_of("%s%s", prefix, text), &cpus)) {
        exit(EXIT_FAILURE);
    }
    for (int cpu = set_next(&cpus, -1); cpu >= 0; cpu = set_next(&cpus, cpu)) {
        if (!*prefix || libxl_bitmap_test(available, cpu))
            take_cpu(plan, available, cpu);
    }
    libxl_bitmap_dispose(&cpus);
}

static void plan_read(const XLU_Config *config, struct pool_plan *plan)
{
    libxl_bitmap available;
    const char *text;
    int sched;

    if (xlu_cfg_get_string(config, "name", &plan->name, 0))
        fatal("Missing cpupool name! Add a line name = \"...\"");
    if (!libxl_name_to_cpupoolid(xl.ctx, plan->name, &(uint32_t){ 0 }))
        fatal("Pool name \"%s\" already exists", plan->name);
    if (!xlu_cfg_get_string(config, "sched", &text, 0)) {
        if (libxl_scheduler_from_string(text, &plan->sched))
            fatal("Unknown scheduler '%s'; there are: credit, credit2, rtds, null", text);
    } else {
        sched = libxl_get_scheduler(xl.ctx);
        if (sched < 0)
            fatal("get_scheduler sysctl failed.");
        plan->sched = (libxl_scheduler)sched;
    }
    libxl_bitmap_init(&available);
    libxl_bitmap_init(&plan->cpus);
    if (libxl_get_freecpus(xl.ctx, &available))
        fatal("libxl_get_freecpus failed");
    if (libxl_cpu_bitmap_alloc(xl.ctx, &plan->cpus, 0))
        fatal("Failed to allocate cpumap");
    if (!xlu_cfg_get_list(config, "nodes", NULL, NULL, 1) ||
        !xlu_cfg_get_string(config, "nodes", &text, 1))
        take_listed(config, "nodes", "nodes:", plan, &available);
    else if (!xlu_cfg_get_list(config, "cpus", NULL, NULL, 1) ||
             !xlu_cfg_get_string(config, "cpus", &text, 1))
        take_listed(config, "cpus", "", plan, &available);
    for (int cpu = set_next(&available, -1); cpu >= 0; cpu = set_next(&available, cpu)) {
        if (!plan->count)
            take_cpu(plan, &available, cpu);
    }
    if (!plan->count)
        fatal("no free cpu found; 'xl cpupool-cpu-remove' takes one from another pool");
    libxl_bitmap_dispose(&available);
}

int run_cpupool_create(const struct args *args)
{
    const char *path = args_value(args, 'f');
    char *data = need(strdup(""));
    struct pool_plan plan = { 0 };
    XLU_Config *config;
    libxl_uuid uuid;
    size_t length;
    uint32_t pool = LIBXL_CPUPOOL_POOLID_ANY;

    for (int i = 0; i < args->count; i++) {
        if (strchr(args->words[i], '='))
            data = text_of("%s\n%s", data, args->words[i]);
        else
            path = args->words[i];
    }
    if (path) {
        char *file = file_read(path, &length);

        if (!file)
            fatal("Failed to read config file: %s: %m", path);
        data = text_of("%s\n%s", file, data);
    } else {
        path = "command line";
    }
    data = text_of("%s\n", data);
    config = need(xlu_cfg_init(stderr, path));
    if (xlu_cfg_readdata(config, data, (int)strlen(data)))
        fatal("Failed to parse config file: %s", path);
    check_keys(path, data);
    plan_read(config, &plan);
    printf("Using config file \"%s\"\n", path);
    printf("cpupool name:   %s\n", plan.name);
    printf("scheduler:      %s\n", libxl_scheduler_to_string(plan.sched));
    printf("number of cpus: %d\n", plan.count);
    if (xl.dry_run || args_has(args, 'n'))
        return EXIT_SUCCESS;
    libxl_uuid_generate(&uuid);
    if (libxl_cpupool_create(xl.ctx, plan.name, plan.sched, plan.cpus, &uuid, &pool))
        fatal("error on creating cpupool");
    return EXIT_SUCCESS;
}

/* ---- cpupool-list */
static char *cpu_list(const libxl_bitmap *map)
{
    char *text = need(strdup(""));

    for (int cpu = set_next(map, -1); cpu >= 0; cpu = set_next(map, cpu))
        text = text_of("%s%s%d", text, *text ? "," : "", cpu);
    return text;
}

int run_cpupool_list(const struct args *args)
{
    bool cpus = args_has(args, 'c');
    const char *only = args->count ? args->words[0] : NULL;
    struct listing *l;
    libxl_cpupoolinfo *pools;
    uint32_t poolid = 0;
    int count;

    if (only)
        poolid = pool_find(only, "Pool '%s' does not exist");
    pools = libxl_list_cpupool(xl.ctx, &count);
    if (!pools)
        fatal("error getting cpupool info");
    l = listing_start(args);
    listing_heading(l, "%-19s%s\n", "Name",
                    cpus ? "CPU list" : "CPUs   Sched     Active   Domain count");
    for (int i = 0; i < count; i++) {
        if (only && pools[i].poolid != poolid)
            continue;
        listing_row(l);
        cell_text(l, "name", "%-19s", pools[i].pool_name);
        cell_hidden(l, "poolid", pools[i].poolid);
        cell_set(l, "cpus", &pools[i].cpumap);
        if (cpus) {
            cell_plain(l, "%s", cpu_list(&pools[i].cpumap));
        } else {
            cell_number(l, "ncpus", "%3d", libxl_bitmap_count_set(&pools[i].cpumap));
            cell_text(l, "scheduler", " %9s", libxl_scheduler_to_string(pools[i].sched));
            cell_plain(l, "       y       ");
            cell_number(l, "domains", "%4u", pools[i].n_dom);
        }
        listing_row_end(l);
    }
    listing_end(l);
    libxl_cpupoolinfo_list_free(pools, count);
    return EXIT_SUCCESS;
}

/* ---- the rest */
int run_cpupool_destroy(const struct args *args)
{
    uint32_t pool = pool_find(args->words[0], "unknown cpupool '%s'");

    if (libxl_cpupool_destroy(xl.ctx, pool))
        fatal("Can't destroy cpupool '%s'", args->words[0]);
    return EXIT_SUCCESS;
}

int run_cpupool_rename(const struct args *args)
{
    uint32_t pool = pool_find(args->words[0], "unknown cpupool '%s'");

    if (libxl_cpupool_rename(xl.ctx, args->words[1], pool))
        fatal("Can't rename cpupool '%s'", args->words[0]);
    return EXIT_SUCCESS;
}

static void cpus_of(const struct args *args, libxl_bitmap *map)
{
    libxl_bitmap_init(map);
    if (libxl_cpu_bitmap_alloc(xl.ctx, map, 0))
        fatal("Unable to allocate cpumap");
    if (cpus_parse(args->words[1], map))
        exit(EXIT_FAILURE);
}

int run_cpupool_cpu_add(const struct args *args)
{
    libxl_bitmap cpus;
    uint32_t pool;

    cpus_of(args, &cpus);
    pool = pool_find(args->words[0], "unknown cpupool '%s'");
    if (libxl_cpupool_cpuadd_cpumap(xl.ctx, pool, &cpus))
        fatal("some cpus may not have been added to %s", args->words[0]);
    return EXIT_SUCCESS;
}

int run_cpupool_cpu_remove(const struct args *args)
{
    libxl_bitmap cpus;
    uint32_t pool;

    cpus_of(args, &cpus);
    pool = pool_find(args->words[0], "unknown cpupool '%s'");
    if (libxl_cpupool_cpuremove_cpumap(xl.ctx, pool, &cpus)) {
        fatal("Some cpus may have not or only partially been removed from '%s'.\n"
              "If a cpu can't be added to another cpupool, add it to '%s' again and retry.",
              args->words[0], args->words[0]);
    }
    return EXIT_SUCCESS;
}

int run_cpupool_migrate(const struct args *args)
{
    uint32_t pool = pool_find(args->words[1], "unknown cpupool '%s'"), domid;

    if (!domain_find_quietly(args->words[0], &domid))
        fatal("unknown domain '%s'", args->words[0]);
    return status_of(libxl_cpupool_movedomain(xl.ctx, pool, domid));
}

/* ---- cpupool-numa-split: dom0 keeps the CPUs of the first node, the others get a pool each */
static void shrink_dom0(int cpus)
{
    libxl_bitmap online;
    libxl_dominfo info;

    libxl_dominfo_init(&info);
    if (libxl_domain_info(xl.ctx, &info, 0))
        fatal("error on getting info for Domain-0");
    if ((int)info.vcpu_online > cpus) {
        libxl_bitmap_init(&online);
        if (libxl_cpu_bitmap_alloc(xl.ctx, &online, (int)info.vcpu_max_id + 1))
            fatal("Unable to allocate cpumap");
        for (int i = 0; i < cpus; i++)
            libxl_bitmap_set(&online, i);
        if (libxl_set_vcpuonline(xl.ctx, 0, &online, NULL))
            fatal("error on removing vcpus for Domain-0");
        for (int tries = 0; (int)info.vcpu_online > cpus; tries++) {
            if (tries == 10 || libxl_domain_info(xl.ctx, &info, 0))
                fatal("failed to offline vcpus");
            usleep(500000);
        }
        libxl_bitmap_dispose(&online);
    }
    libxl_dominfo_dispose(&info);
}

static void split_node(int node, libxl_scheduler sched)
{
    uint32_t pool = LIBXL_CPUPOOL_POOLID_ANY;
    char *name = text_of("Pool-node%d", node);
    libxl_bitmap none;
    libxl_uuid uuid;
    int cpus;

    libxl_bitmap_init(&none);
    if (libxl_cpu_bitmap_alloc(xl.ctx, &none, 0))
        fatal("Unable to allocate cpumap");
    if (libxl_cpupool_cpuremove_node(xl.ctx, 0, node, &cpus))
        fatal("error on removing cpu from Pool 0");
    libxl_uuid_generate(&uuid);
    if (libxl_cpupool_create(xl.ctx, name, sched, none, &uuid, &pool))
        fatal("error on creating cpupool");
    if (libxl_cpupool_cpuadd_node(xl.ctx, pool, node, &cpus))
        fatal("error on adding cpus to cpupool");
    libxl_bitmap_dispose(&none);
    free(name);
}

int run_cpupool_numa_split(const struct args *args)
{
    libxl_cpupoolinfo *pools;
    libxl_cputopology *cpus;
    libxl_scheduler sched;
    int npools, ncpus, first = -1, last = -1, of_first = 0, added;

    (void)args;
    pools = libxl_list_cpupool(xl.ctx, &npools);
    if (!pools)
        fatal("error getting cpupool info");
    sched = pools[0].sched;
    libxl_cpupoolinfo_list_free(pools, npools);
    if (npools > 1)
        fatal("splitting not possible, already cpupools in use");
    cpus = libxl_get_cpu_topology(xl.ctx, &ncpus);
    if (!cpus)
        fatal("libxl_get_topologyinfo failed");
    for (int i = 0; i < ncpus; i++) {
        int node = (int)cpus[i].node;

        if (cpus[i].node == LIBXL_CPUTOPOLOGY_INVALID_ENTRY)
            continue;
        first = first < 0 || node < first ? node : first;
        last = node > last ? node : last;
    }
    for (int i = 0; i < ncpus; i++)
        of_first += (int)cpus[i].node == first;
    libxl_cputopology_list_free(cpus, ncpus);
    if (xl.dry_run)
        return EXIT_SUCCESS;
    if (libxl_cpupool_cpuadd_node(xl.ctx, 0, first, &added))
        fatal("error on adding cpu to Pool 0");
    shrink_dom0(of_first);
    if (libxl_cpupool_rename(xl.ctx, text_of("Pool-node%d", first), 0))
        fatal("error on renaming Pool 0");
    for (int node = first + 1; node <= last; node++)
        split_node(node, sched);
    return EXIT_SUCCESS;
}

/*
 * Lists of guests: list, vm-list, claims, sharing, uptime, and names to numbers and back.
 */
#include <time.h>
#include "xl.h"
#include "conf.h"
#include "commands.h"

/* What a listing of domains shows */
struct domains {
    libxl_dominfo *list;
    int count;
};

/* domains_get: those that the words name, or all */
static struct domains domains_get(const struct args *args)
{
    struct domains domains = { 0 };

    if (!args->count) {
        domains.list = libxl_list_domain(xl.ctx, &domains.count);
        if (!domains.list)
            fatal("libxl_list_domain failed.");
        return domains;
    }
    for (int i = 0; i < args->count; i++) {
        uint32_t domid = domain_find(args->words[i]);
        int rc;

        domains.list = grown(domains.list, domains.count, sizeof(*domains.list));
        libxl_dominfo_init(&domains.list[domains.count]);
        rc = libxl_domain_info(xl.ctx, &domains.list[domains.count], domid);
        if (rc == ERROR_DOMAIN_NOTFOUND)
            fatal("Error: Domain '%s' does not exist.", args->words[i]);
        if (rc)
            fatal("libxl_domain_info failed (code %d).", rc);
        domains.count++;
    }
    return domains;
}

/* ---- list */

/* The whole configuration of each, as JSON. One that goes away meanwhile is left out. */
static int list_long(const struct args *args)
{
    struct domains domains = domains_get(args);
    yajl_gen json = json_start();

    yajl_gen_array_open(json);
    for (int i = 0; i < domains.count; i++) {
        libxl_domain_config config;

        libxl_domain_config_init(&config);
        if (!libxl_retrieve_domain_configuration(xl.ctx, domains.list[i].domid, &config, NULL)) {
            yajl_gen_map_open(json);
            json_text(json, "domid");
            yajl_gen_integer(json, domains.list[i].domid);
            json_text(json, "config");
            libxl_domain_config_gen_json(json, &config);
            yajl_gen_map_close(json);
        }
        libxl_domain_config_dispose(&config);
    }
    yajl_gen_array_close(json);
    json_print(json, stdout);
    putchar('\n');
    return EXIT_SUCCESS;
}

enum column {
    COLUMN_VERBOSE = 1,
    COLUMN_CONTEXT = 2,
    COLUMN_CLAIM = 4,
    COLUMN_POOL = 8,
    COLUMN_NUMA = 16,
};

static const char *state_text(const libxl_dominfo *info)
{
    bool crashed = info->shutdown && info->shutdown_reason == LIBXL_SHUTDOWN_REASON_CRASH;

    return text_of("%c%c%c%c%c%c", info->running ? 'r' : '-', info->blocked ? 'b' : '-',
                   info->paused ? 'p' : '-', info->shutdown && !crashed ? 's' : '-',
                   crashed ? 'c' : '-', info->dying ? 'd' : '-');
}

static void verbose_cells(struct listing *l, const libxl_dominfo *info)
{
    char uuid[37];

    uuid_print(uuid, &info->uuid);
    cell_text(l, "uuid", " %s", uuid);
    if (info->shutdown)
        cell_text(l, "reason", " %8x", (unsigned int)info->shutdown_reason);
    else
        cell_text(l, "reason", " %8s", "-");
}

static void numa_cell(struct listing *l, uint32_t domid)
{
    libxl_bitmap nodes;
    libxl_physinfo host;

    libxl_bitmap_init(&nodes);
    libxl_physinfo_init(&host);
    if (libxl_node_bitmap_alloc(xl.ctx, &nodes, 0) || libxl_get_physinfo(xl.ctx, &host))
        fatal("libxl_physinfo failed.");
    cell_plain(l, " ");
    if (libxl_domain_get_nodeaffinity(xl.ctx, domid, &nodes))
        cell_text(l, "nodes", "-");
    else
        cell_text(l, "nodes", "%s", ranges_text(&nodes, (int)host.nr_nodes));
    libxl_physinfo_dispose(&host);
    libxl_bitmap_dispose(&nodes);
}

static void domain_row(struct listing *l, const libxl_dominfo *info, unsigned int columns)
{
    char *pool;

    listing_row(l);
    cell_text(l, "name", "%-40s", domain_name(info->domid));
    cell_number(l, "domid", " %5u", info->domid);
    cell_number(l, "memory_mb", " %5lu",
                (unsigned long)((info->current_memkb + info->outstanding_memkb) / 1024));
    cell_number(l, "vcpus", " %5u", info->vcpu_online);
    cell_text(l, "state", "     %s", state_text(info));
    cell_number(l, "cpu_seconds", "  %8.1f", (double)info->cpu_time / 1e9);
    if (columns & COLUMN_VERBOSE)
        verbose_cells(l, info);
    if (columns & COLUMN_CLAIM)
        cell_number(l, "claimed_mb", " %5lu", (unsigned long)(info->outstanding_memkb / 1024));
    if (columns & (COLUMN_VERBOSE | COLUMN_CONTEXT))
        cell_text(l, "label", " %16s", info->ssid_label ? info->ssid_label : "-");
    if (columns & COLUMN_POOL) {
        pool = libxl_cpupoolid_to_name(xl.ctx, info->cpupool);
        cell_text(l, "cpupool", "%16s", pool ? pool : "-");
        free(pool);
    }
    if (columns & COLUMN_NUMA)
        numa_cell(l, info->domid);
    listing_row_end(l);
}

static int list_table(const struct args *args, unsigned int columns)
{
    struct domains domains = domains_get(args);
    struct listing *l = listing_start(args);

    listing_heading(l,
                    "Name                                        ID   Mem VCPUs\tState\tTime(s)");
    if (columns & COLUMN_VERBOSE)
        listing_heading(l, "   UUID                            Reason-Code\tSecurity Label");
    else if (columns & COLUMN_CONTEXT)
        listing_heading(l, "   Security Label");
    if (columns & COLUMN_CLAIM)
        listing_heading(l, "  Claimed");
    if (columns & COLUMN_POOL)
        listing_heading(l, "         Cpupool");
    if (columns & COLUMN_NUMA)
        listing_heading(l, " NODE Affinity");
    listing_heading(l, "\n");
    for (int i = 0; i < domains.count; i++)
        domain_row(l, &domains.list[i], columns);
    listing_end(l);
    return EXIT_SUCCESS;
}

int run_list(const struct args *args)
{
    unsigned int columns = 0;

    if (args_has(args, 'l'))
        return list_long(args);
    columns |= args_has(args, 'v') ? COLUMN_VERBOSE : 0;
    columns |= args_has(args, 'Z') ? COLUMN_CONTEXT : 0;
    columns |= args_has(args, 'c') ? COLUMN_POOL : 0;
    columns |= args_has(args, 'n') ? COLUMN_NUMA : 0;
    return list_table(args, columns);
}

int run_claims(const struct args *args)
{
    if (!conf.claim_mode)
        error("claim_mode not enabled (see man xl.conf).");
    return list_table(args, COLUMN_CLAIM);
}

/* ---- vm-list, sharing */
int run_vm_list(const struct args *args)
{
    int count;
    libxl_vminfo *list = libxl_list_vm(xl.ctx, &count);
    struct listing *l;

    if (!list)
        fatal("libxl_list_vm failed.");
    l = listing_start(args);
    listing_heading(l, "UUID                                  ID    name\n");
    for (int i = 0; i < count; i++) {
        char uuid[37];

        uuid_print(uuid, &list[i].uuid);
        listing_row(l);
        cell_text(l, "uuid", "%s", uuid);
        cell_number(l, "domid", "  %u", list[i].domid);
        cell_text(l, "name", "    %-30s", domain_name(list[i].domid));
        listing_row_end(l);
    }
    listing_end(l);
    return EXIT_SUCCESS;
}

int run_sharing(const struct args *args)
{
    struct domains domains = domains_get(args);
    struct listing *l = listing_start(args);

    listing_heading(l, "Name                                        ID   Mem Shared\n");
    for (int i = 0; i < domains.count; i++) {
        const libxl_dominfo *info = &domains.list[i];

        listing_row(l);
        cell_text(l, "name", "%-40s", domain_name(info->domid));
        cell_number(l, "domid", " %5u", info->domid);
        cell_number(l, "memory_mb", " %5lu",
                    (unsigned long)((info->current_memkb + info->outstanding_memkb) / 1024));
        cell_number(l, "shared_mb", "  %5lu", (unsigned long)(info->shared_memkb / 1024));
        listing_row_end(l);
    }
    listing_end(l);
    return EXIT_SUCCESS;
}

/* ---- names and numbers */
int run_domid(const struct args *args)
{
    uint32_t domid;

    if (libxl_name_to_domid(xl.ctx, args->words[0], &domid)) {
        fatal("Can't get domid of domain name '%s', maybe this domain does not exist.",
              args->words[0]);
    }
    printf("%u\n", domid);
    return EXIT_SUCCESS;
}

int run_domname(const struct args *args)
{
    unsigned long long domid;
    char *name;

    if (!number_parse(args->words[0], 10, UINT32_MAX, &domid))
        fatal("Invalid domain id.\n");
    name = libxl_domid_to_name(xl.ctx, (uint32_t)domid);
    if (!name) {
        fatal("Can't get domain name of domain id '%u', maybe this domain does not exist.",
              (unsigned int)domid);
    }
    printf("%s\n", name);
    return EXIT_SUCCESS;
}

/* ---- uptime */
static long host_uptime(void)
{
    FILE *file = fopen("/proc/uptime", "re");
    double seconds;

    if (!file || fscanf(file, "%lf", &seconds) != 1)
        fatal("Can not get Dom0 uptime.");
    fclose(file);
    return (long)seconds;
}

static char *uptime_text(long seconds, bool brief)
{
    long days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
    char *day = days ? text_of("%ld day%s, ", days, days > 1 ? "s" : "") : text_of("%s", "");

    return brief ? text_of("%s%2ld:%02ld", day, hours, minutes)
                 : text_of("%s%2ld:%02ld:%02ld", day, hours, minutes, seconds % 60);
}

static void uptime_row(struct listing *l, uint32_t domid, time_t now, bool brief)
{
    long seconds =
        domid ? (long)(now - (time_t)libxl_vm_get_start_time(xl.ctx, domid)) : host_uptime();
    char clock[16];

    listing_row(l);
    if (brief) {
        strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
        cell_plain(l, " %s up %s, ", clock, uptime_text(seconds, true));
        cell_text(l, "name", "%s", domain_name(domid));
        cell_plain(l, " (%u)", domid);
    } else {
        cell_text(l, "name", "%-33s", domain_name(domid));
        cell_plain(l, " %4u %s", domid, uptime_text(seconds, false));
    }
    cell_hidden(l, "domid", domid);
    cell_hidden(l, "seconds", seconds);
    listing_row_end(l);
}

int run_uptime(const struct args *args)
{
    struct domains domains = domains_get(args);
    struct listing *l = listing_start(args);
    bool brief = args_has(args, 's');

    if (!brief)
        listing_heading(l, "%-33s %4s %s\n", "Name", "ID", "Uptime");
    for (int i = 0; i < domains.count; i++)
        uptime_row(l, domains.list[i].domid, time(NULL), brief);
    listing_end(l);
    return EXIT_SUCCESS;
}

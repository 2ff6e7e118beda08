/*
 * vCPUs: vcpu-list, vcpu-pin, vcpu-set.
 */
#include "xl.h"
#include "affinity.h"
#include "commands.h"

static void vcpu_row(struct listing *l, uint32_t domid, const libxl_vcpuinfo *vcpu, int cpus)
{
    listing_row(l);
    cell_text(l, "name", "%-32s", domain_name(domid));
    cell_number(l, "domid", " %5u", domid);
    cell_number(l, "vcpu", " %5u", vcpu->vcpuid);
    if (!vcpu->online) {
        cell_plain(l, "%5c", '-');
        cell_text(l, "state", " %3c%cp", '-', '-');
    } else {
        cell_number(l, "cpu", "%5u", vcpu->cpu);
        cell_text(l, "state", " %3c%c-", vcpu->running ? 'r' : '-', vcpu->blocked ? 'b' : '-');
    }
    cell_number(l, "cpu_seconds", " %9.1f", (double)vcpu->vcpu_time / 1e9);
    cell_text(l, "hard_affinity", "  %s", ranges_text(&vcpu->cpumap, cpus));
    cell_plain(l, " / ");
    cell_text(l, "soft_affinity", "%s", ranges_text(&vcpu->cpumap_soft, cpus));
    listing_row_end(l);
}

static int vcpu_rows(struct listing *l, uint32_t domid, int cpus)
{
    int count, all;
    libxl_vcpuinfo *list = libxl_list_vcpu(xl.ctx, domid, &count, &all);

    if (!list) {
        error("libxl_list_vcpu failed.");
        return EXIT_FAILURE;
    }
    for (int i = 0; i < count; i++)
        vcpu_row(l, domid, &list[i], cpus);
    libxl_vcpuinfo_list_free(list, count);
    return EXIT_SUCCESS;
}

int run_vcpu_list(const struct args *args)
{
    struct listing *l = listing_start(args);
    libxl_physinfo host;
    libxl_dominfo *domains;
    int count, status = EXIT_SUCCESS;

    if (libxl_get_physinfo(xl.ctx, &host))
        fatal("libxl_physinfo failed.");
    listing_heading(l, "%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU", "State",
                    "Time(s)", "Affinity (Hard / Soft)");
    if (args->count) {
        for (int i = 0; i < args->count; i++)
            status |= vcpu_rows(l, domain_find(args->words[i]), (int)host.nr_cpus);
    } else {
        domains = libxl_list_domain(xl.ctx, &count);
        if (!domains)
            fatal("libxl_list_domain failed.");
        for (int i = 0; i < count; i++)
            status |= vcpu_rows(l, domains[i].domid, (int)host.nr_cpus);
        libxl_dominfo_list_free(domains, count);
    }
    listing_end(l);
    libxl_physinfo_dispose(&host);
    return status;
}

/* ---- vcpu-pin */

/* pin_parse: an affinity; *map is NULL for "-", which leaves it as it is. */
static void pin_parse(const char *text, libxl_bitmap *room, libxl_bitmap **map)
{
    *map = NULL;
    if (!text || !strcmp(text, "-"))
        return;
    libxl_bitmap_init(room);
    if (libxl_cpu_bitmap_alloc(xl.ctx, room, libxl_get_max_cpus(xl.ctx)) || cpus_parse(text, room))
        exit(EXIT_FAILURE);
    *map = room;
}

static int pin_one(uint32_t domid, uint32_t vcpu, bool force, const libxl_bitmap *hard,
                   const libxl_bitmap *soft)
{
    int rc = force ? libxl_set_vcpuaffinity_force(xl.ctx, domid, vcpu, hard, soft)
                   : libxl_set_vcpuaffinity(xl.ctx, domid, vcpu, hard, soft);

    if (rc)
        error("Could not set affinity for vcpu `%ld'.", (long)vcpu);
    return status_of(rc);
}

static int pin_all(uint32_t domid, const libxl_bitmap *hard, const libxl_bitmap *soft)
{
    int count, cpus;
    libxl_vcpuinfo *list = libxl_list_vcpu(xl.ctx, domid, &count, &cpus);

    if (!list)
        fatal("libxl_list_vcpu failed.");
    libxl_vcpuinfo_list_free(list, count);
    if (libxl_set_vcpuaffinity_all(xl.ctx, domid, (unsigned int)count, hard, soft))
        fatal("Could not set affinity.");
    return EXIT_SUCCESS;
}

int run_vcpu_pin(const struct args *args)
{
    const char *which = args->words[1];
    bool force = args_has(args, 'f'), all = !strcmp(which, "all");
    libxl_bitmap hard_room, soft_room, *hard, *soft;
    unsigned long long vcpu = 0;
    uint32_t domid = domain_find(args->words[0]);

    if (!all && !number_parse(which, 10, UINT32_MAX, &vcpu))
        fatal("Error: Invalid argument %s as VCPU.", which);
    if (all && force)
        fatal("Error: --force and 'all' as VCPU not allowed.");
    pin_parse(args->words[2], &hard_room, &hard);
    pin_parse(args->count > 3 ? args->words[3] : NULL, &soft_room, &soft);
    if (hard && !args_has(args, 'i') && affinity_limit(domid, hard))
        return EXIT_FAILURE;
    if (xl.dry_run) {
        printf("cpumap: %s\n", hard ? ranges_text(hard, libxl_get_max_cpus(xl.ctx)) : "-");
        printf("cpumap: %s\n", soft ? ranges_text(soft, libxl_get_max_cpus(xl.ctx)) : "-");
        return EXIT_SUCCESS;
    }
    return all ? pin_all(domid, hard, soft) : pin_one(domid, (uint32_t)vcpu, force, hard, soft);
}

/* ---- vcpu-set */
int run_vcpu_set(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    unsigned long long vcpus;
    libxl_bitmap map;
    int rc, cpus;

    if (!number_parse(args->words[1], 10, 4096, &vcpus))
        fatal("Error: Invalid argument.");
    cpus = libxl_get_online_cpus(xl.ctx);
    if (!args_has(args, 'i') && (long long)vcpus > cpus) {
        fatal(
            "You are overcommmitting! You have %d physical CPUs and want %ld vCPUs! Aborting, use "
            "--ignore-host to continue",
            cpus, (long)vcpus);
    }
    libxl_bitmap_init(&map);
    rc = libxl_cpu_bitmap_alloc(xl.ctx, &map, (int)vcpus);
    if (rc)
        fatal("libxl_cpu_bitmap_alloc failed, rc: %d", rc);
    for (int i = 0; i < (int)vcpus; i++)
        libxl_bitmap_set(&map, i);
    rc = libxl_set_vcpuonline(xl.ctx, domid, &map, NULL);
    if (rc == ERROR_DOMAIN_NOTFOUND)
        error("Domain %u does not exist.", domid);
    else if (rc)
        error("libxl_set_vcpuonline failed domid=%u max_vcpus=%ld, rc: %d", domid, (long)vcpus, rc);
    libxl_bitmap_dispose(&map);
    return status_of(rc);
}

/*
 * The host: info, dmesg, debug-keys, set-parameters, top.
 */
#include <sys/utsname.h>
#include <unistd.h>
#include "xl.h"
#include "commands.h"

enum { PAGES_PER_MIB = 256 };

/* A line of info: "name                   : value" */
static void fact(struct listing *l, const char *name, const char *value)
{
    cell_plain(l, "%-23s: ", name);
    cell_text(l, name, "%s", value);
    cell_plain(l, "\n");
}

static void fact_number(struct listing *l, const char *name, unsigned long value)
{
    cell_plain(l, "%-23s: ", name);
    cell_number(l, name, "%lu", value);
    cell_plain(l, "\n");
}

static void kernel_facts(struct listing *l)
{
    struct utsname kernel;

    if (uname(&kernel))
        return;
    fact(l, "host", kernel.nodename);
    fact(l, "release", kernel.release);
    fact(l, "version", kernel.version);
    fact(l, "machine", kernel.machine);
}

static char *virt_caps(const libxl_physinfo *host)
{
    const struct {
        const char *name;
        bool is;
    } caps[] = {
        { "pv", host->cap_pv },
        { "hvm", host->cap_hvm },
        { "hvm_directio", host->cap_hvm && host->cap_hvm_directio },
        { "pv_directio", host->cap_pv && host->cap_hvm_directio },
        { "hap", host->cap_hap },
        { "shadow", host->cap_shadow },
        { "iommu_hap_pt_share", host->cap_iommu_hap_pt_share },
        { "vmtrace", host->cap_vmtrace },
        { "vpmu", host->cap_vpmu },
        { "gnttab-v1", host->cap_gnttab_v1 },
        { "gnttab-v2", host->cap_gnttab_v2 },
    };
    char *text = need(strdup(""));

    for (size_t i = 0; i < ARRAY_LENGTH(caps); i++) {
        if (caps[i].is)
            text = text_of("%s%s%s", text, *text ? " " : "", caps[i].name);
    }
    return text;
}

static void host_facts(struct listing *l)
{
    libxl_physinfo host;
    libxl_bitmap free_cpus;

    libxl_physinfo_init(&host);
    libxl_bitmap_init(&free_cpus);
    if (libxl_get_physinfo(xl.ctx, &host))
        fatal("libxl_physinfo failed.");
    if (libxl_get_freecpus(xl.ctx, &free_cpus))
        fatal("libxl_get_freecpus failed");
    fact_number(l, "nr_cpus", host.nr_cpus);
    fact_number(l, "max_cpu_id", host.max_cpu_id);
    fact_number(l, "nr_nodes", host.nr_nodes);
    fact_number(l, "cores_per_socket", host.cores_per_socket);
    fact_number(l, "threads_per_core", host.threads_per_core);
    fact(l, "cpu_mhz", text_of("%u.%03u", host.cpu_khz / 1000, host.cpu_khz % 1000));
    fact(l, "hw_caps",
         text_of("%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x", host.hw_cap[0], host.hw_cap[1],
                 host.hw_cap[2], host.hw_cap[3], host.hw_cap[4], host.hw_cap[5], host.hw_cap[6],
                 host.hw_cap[7]));
    fact(l, "virt_caps", virt_caps(&host));
    fact_number(l, "total_memory", (unsigned long)(host.total_pages / PAGES_PER_MIB));
    fact_number(l, "free_memory",
                (unsigned long)((host.free_pages - host.outstanding_pages) / PAGES_PER_MIB));
    fact_number(l, "sharing_freed_memory",
                (unsigned long)(host.sharing_freed_pages / PAGES_PER_MIB));
    fact_number(l, "sharing_used_memory",
                (unsigned long)(host.sharing_used_frames / PAGES_PER_MIB));
    fact_number(l, "outstanding_claims", (unsigned long)(host.outstanding_pages / PAGES_PER_MIB));
    fact_number(l, "free_cpus", (unsigned long)libxl_bitmap_count_set(&free_cpus));
    libxl_physinfo_dispose(&host);
    libxl_bitmap_dispose(&free_cpus);
}

static void cpu_topology(struct listing *l)
{
    int count;
    libxl_cputopology *list = libxl_get_cpu_topology(xl.ctx, &count);

    if (!list)
        fatal("libxl_get_cpu_topology failed.");
    listing_heading(l, "cpu_topology           :\ncpu:    core    socket     node\n");
    listing_rows(l, "cpu_topology");
    for (int i = 0; i < count; i++) {
        if (list[i].core == LIBXL_CPUTOPOLOGY_INVALID_ENTRY)
            continue;
        listing_row(l);
        cell_number(l, "cpu", "%3d", i);
        cell_plain(l, ":   ");
        cell_number(l, "core", " %4u", list[i].core);
        cell_number(l, "socket", "     %4u", list[i].socket);
        cell_number(l, "node", "     %4u", list[i].node);
        listing_row_end(l);
    }
    listing_rows_end(l);
    libxl_cputopology_list_free(list, count);
}

static void pci_topology(struct listing *l)
{
    int count, valid = 0;
    libxl_pcitopology *list = libxl_get_pci_topology(xl.ctx, &count);

    listing_heading(l, "device topology        :\ndevice           node\n");
    if (!list) {
        error("libxl_get_pci_topology failed.");
        return;
    }
    listing_rows(l, "device_topology");
    for (int i = 0; i < count; i++) {
        if (list[i].node == LIBXL_PCITOPOLOGY_INVALID_ENTRY)
            continue;
        valid++;
        listing_row(l);
        cell_text(l, "device", "%04x:%02x:%02x.%01x", list[i].seg, list[i].bus, list[i].devfn >> 3,
                  list[i].devfn & 7U);
        cell_number(l, "node", "      %u", list[i].node);
        listing_row_end(l);
    }
    listing_rows_end(l);
    if (!valid)
        listing_heading(l, "No device topology data available\n");
    libxl_pcitopology_list_free(list, count);
}

static void nodes(struct listing *l)
{
    int count;
    libxl_numainfo *list = libxl_get_numainfo(xl.ctx, &count);

    if (!list)
        fatal("libxl_get_numainfo failed.");
    listing_heading(l, "numa_info              :\nnode:    memsize    memfree    distances\n");
    listing_rows(l, "numa_info");
    for (int i = 0; i < count; i++) {
        char *distances;

        if (list[i].size == LIBXL_NUMAINFO_INVALID_ENTRY)
            continue;
        listing_row(l);
        cell_number(l, "node", "%4d", i);
        cell_plain(l, ":   ");
        cell_number(l, "memory_mb", " %6lu", (unsigned long)(list[i].size >> 20));
        cell_number(l, "free_mb", "     %6lu", (unsigned long)(list[i].free >> 20));
        distances = text_of("%u", list[i].num_dists ? list[i].dists[0] : 0);
        for (int j = 1; j < list[i].num_dists; j++)
            distances = text_of("%s,%u", distances, list[i].dists[j]);
        cell_text(l, "distances", "      %s", distances);
        listing_row_end(l);
    }
    listing_rows_end(l);
    libxl_numainfo_list_free(list, count);
}

static void hypervisor_facts(struct listing *l)
{
    const libxl_version_info *v = libxl_get_version_info(xl.ctx);
    int sched = libxl_get_scheduler(xl.ctx);

    if (!v)
        fatal("libxl_get_version_info failed.");
    fact_number(l, "xen_major", (unsigned long)v->xen_version_major);
    fact_number(l, "xen_minor", (unsigned long)v->xen_version_minor);
    fact(l, "xen_extra", v->xen_version_extra);
    fact(l, "xen_version",
         text_of("%d.%d%s", v->xen_version_major, v->xen_version_minor, v->xen_version_extra));
    fact(l, "xen_caps", v->capabilities);
    fact(l, "xen_scheduler", sched >= 0 ? libxl_scheduler_to_string((libxl_scheduler)sched) : "?");
    fact_number(l, "xen_pagesize", (unsigned long)v->pagesize);
    fact(l, "platform_params", text_of("virt_start=0x%lx", (unsigned long)v->virt_start));
    fact(l, "xen_changeset", v->changeset);
    fact(l, "xen_commandline", v->commandline);
    fact(l, "cc_compiler", v->compiler);
    fact(l, "cc_compile_by", v->compile_by);
    fact(l, "cc_compile_domain", v->compile_domain);
    fact(l, "cc_compile_date", v->compile_date);
    fact(l, "build_id", v->build_id);
    fact_number(l, "xend_config_format", 4);
}

int run_info(const struct args *args)
{
    struct listing *l = listing_object(args);

    listing_row(l);
    kernel_facts(l);
    host_facts(l);
    if (args_has(args, 'n')) {
        cpu_topology(l);
        pci_topology(l);
        nodes(l);
    }
    hypervisor_facts(l);
    listing_lines_end(l);
    listing_end(l);
    return EXIT_SUCCESS;
}

int run_dmesg(const struct args *args)
{
    libxl_xen_console_reader *reader = libxl_xen_console_read_start(xl.ctx, args_has(args, 'c'));
    char *line;
    int more = 0;

    if (!reader)
        return EXIT_FAILURE;
    while ((more = libxl_xen_console_read_line(xl.ctx, reader, &line)) > 0)
        fputs(line, stdout);
    libxl_xen_console_read_finish(xl.ctx, reader);
    return more < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int run_debug_keys(const struct args *args)
{
    if (libxl_send_debug_keys(xl.ctx, args->words[0]))
        fatal("cannot send debug keys: %s", args->words[0]);
    return EXIT_SUCCESS;
}

int run_set_parameters(const struct args *args)
{
    if (libxl_set_parameters(xl.ctx, args->words[0]))
        fatal("cannot set parameters: %s", args->words[0]);
    return EXIT_SUCCESS;
}

int run_top(const struct args *args)
{
    (void)args;
    execlp("xentop", "xentop", (char *)NULL);
    fatal("xentop cannot be executed: %m; it comes with the package that has xl's daemons");
}

/*
 * What CPUs can watch and share out of their caches and memory bandwidth: psr-*.
 */
#include <sys/time.h>
#include <unistd.h>
#include "commands.h"
#include "xl.h"

static const struct {
    const char *name;
    libxl_psr_cmt_type type;
} monitors[] = {
    { "cache-occupancy", LIBXL_PSR_CMT_TYPE_CACHE_OCCUPANCY },
    { "total-mem-bandwidth", LIBXL_PSR_CMT_TYPE_TOTAL_MEM_COUNT },
    { "local-mem-bandwidth", LIBXL_PSR_CMT_TYPE_LOCAL_MEM_COUNT },
};

/* A line: "title           : value" */
static void fact(struct listing *l, const char *title, const char *key, const char *value)
{
    cell_plain(l, "%-16s: ", title);
    cell_text(l, key, "%s", value);
    cell_plain(l, "\n");
}

static void fact_number(struct listing *l, const char *title, const char *key, unsigned int value)
{
    cell_plain(l, "%-16s: ", title);
    cell_number(l, key, "%u", value);
    cell_plain(l, "\n");
}

static void fact_mask(struct listing *l, const char *title, const char *key, unsigned int bits)
{
    fact(l, title, key, text_of("%#llx", (1ULL << bits) - 1));
}

/* ---- psr-hwinfo */
static int cmt_info(struct listing *l)
{
    bool enabled = libxl_psr_cmt_enabled(xl.ctx);
    uint32_t rmids;

    cell_plain(l, "Cache Monitoring Technology (CMT):\n");
    fact_number(l, "Enabled", "cmt_enabled", enabled);
    if (!enabled)
        return 0;
    int rc = libxl_psr_cmt_get_total_rmid(xl.ctx, &rmids);

    if (rc) {
        error("Failed to get max RMID value");
        return rc;
    }
    fact_number(l, "Total RMID", "total_rmid", rmids);
    cell_plain(l, "Supported monitor types:\n");
    listing_rows(l, "monitors");
    for (size_t i = 0; i < ARRAY_LENGTH(monitors); i++) {
        if (!libxl_psr_cmt_type_supported(xl.ctx, monitors[i].type))
            continue;
        listing_row(l);
        cell_text(l, "type", "%s", monitors[i].name);
        listing_row_end(l);
    }
    listing_rows_end(l);
    return 0;
}

static int cat_level_info(struct listing *l, unsigned int level)
{
    libxl_psr_cat_info *list;
    unsigned int count;
    int rc = libxl_psr_cat_get_info(xl.ctx, &list, &count, level);

    if (rc)
        return rc;
    cell_plain(l, "Cache Allocation Technology (CAT): L%u\n", level);
    listing_rows(l, level == 3 ? "cat_l3" : "cat_l2");
    for (unsigned int i = 0; i < count; i++) {
        uint32_t size;

        listing_row(l);
        fact_number(l, "Socket ID", "socket", list[i].id);
        if (level == 3 && !libxl_psr_cmt_get_l3_cache_size(xl.ctx, list[i].id, &size))
            fact(l, "L3 Cache", "l3_cache", text_of("%uKB", size));
        fact(l, "CDP Status", "cdp", list[i].cdp_enabled ? "Enabled" : "Disabled");
        fact_number(l, "Maximum COS", "maximum_cos", list[i].cos_max);
        fact_number(l, "CBM length", "cbm_length", list[i].cbm_len);
        fact_mask(l, "Default CBM", "default_cbm", list[i].cbm_len);
        listing_lines_end(l);
    }
    listing_rows_end(l);
    libxl_psr_cat_info_list_free(list, (int)count);
    return 0;
}

static int cat_info(struct listing *l)
{
    int l3 = cat_level_info(l, 3), l2 = cat_level_info(l, 2);

    return l3 && l2 ? l3 : 0;
}

static int mba_info(struct listing *l)
{
    libxl_psr_hw_info *list;
    unsigned int count;
    int rc = libxl_psr_get_hw_info(xl.ctx, LIBXL_PSR_FEAT_TYPE_MBA, 0, &count, &list);

    if (rc)
        return rc;
    cell_plain(l, "Memory Bandwidth Allocation (MBA):\n");
    listing_rows(l, "mba");
    for (unsigned int i = 0; i < count; i++) {
        listing_row(l);
        fact_number(l, "Socket ID               ", "socket", list[i].id);
        fact(l, "Linear Mode             ", "linear_mode",
             list[i].u.mba.linear ? "Enabled" : "Disabled");
        fact_number(l, "Maximum COS             ", "maximum_cos", list[i].u.mba.cos_max);
        fact_number(l, "Maximum Throttling Value", "maximum_throttling", list[i].u.mba.thrtl_max);
        fact_number(l, "Default Throttling Value", "default_throttling", 0);
        listing_lines_end(l);
    }
    listing_rows_end(l);
    libxl_psr_hw_info_list_free(list, count);
    return 0;
}

int run_psr_hwinfo(const struct args *args)
{
    bool all = !args_has(args, 'm') && !args_has(args, 'a') && !args_has(args, 'b');
    struct listing *l = listing_object(args);
    int rc = 0;

    listing_row(l);
    if (all || args_has(args, 'm'))
        rc = cmt_info(l);
    if (!rc && (all || args_has(args, 'a')))
        rc = cat_info(l);
    if (!rc && (all || args_has(args, 'b')))
        rc = mba_info(l);
    listing_lines_end(l);
    listing_end(l);
    return rc & 0xff; /* scripts know Xen's status: the error of libxl */
}

/* ---- monitoring */
enum { OCCUPANCY_WIDTH = 13, BANDWIDTH_WIDTH = 11 };

int run_psr_cmt_attach(const struct args *args)
{
    return status_of(libxl_psr_cmt_attach(xl.ctx, domain_find(args->words[0])));
}

int run_psr_cmt_detach(const struct args *args)
{
    return status_of(libxl_psr_cmt_detach(xl.ctx, domain_find(args->words[0])));
}

/* bandwidth: of one second, in KiB/s; false when it cannot be told */
static bool bandwidth(uint32_t domid, libxl_psr_cmt_type type, uint32_t socket, uint64_t *kib)
{
    uint64_t first, second;
    struct timeval start, end;
    double seconds;

    gettimeofday(&start, NULL);
    if (libxl_psr_cmt_get_sample(xl.ctx, domid, type, socket, &first, NULL))
        return false;
    sleep(1);
    gettimeofday(&end, NULL);
    if (libxl_psr_cmt_get_sample(xl.ctx, domid, type, socket, &second, NULL) || second < first)
        return false;
    seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_usec - start.tv_usec) / 1e6;
    *kib = seconds > 0 ? (uint64_t)((double)(second - first) / 1024 / seconds) : 0;
    return true;
}

static void monitor_value(struct listing *l, const char *key, unsigned long value, int width)
{
    cell_number(l, key, "%*lu", width, value);
    cell_plain(l, width == OCCUPANCY_WIDTH ? " KB" : " KB/s");
}

static void monitor_row(struct listing *l, uint32_t domid, libxl_psr_cmt_type type,
                        const libxl_bitmap *sockets)
{
    listing_row(l);
    cell_text(l, "name", "%-40s", domain_name(domid));
    cell_number(l, "id", " %5u", domid);
    listing_rows(l, "sockets");
    for (int socket = set_next(sockets, -1); socket >= 0; socket = set_next(sockets, socket)) {
        uint64_t value;
        uint32_t occupancy;

        listing_row(l);
        cell_hidden(l, "socket", socket);
        if (type != LIBXL_PSR_CMT_TYPE_CACHE_OCCUPANCY) {
            if (bandwidth(domid, type, (uint32_t)socket, &value))
                monitor_value(l, "bandwidth", (unsigned long)value, BANDWIDTH_WIDTH);
        } else if (!libxl_psr_cmt_get_cache_occupancy(xl.ctx, domid, (uint32_t)socket,
                                                      &occupancy)) {
            monitor_value(l, "occupancy", occupancy, OCCUPANCY_WIDTH);
        }
        listing_lines_end(l);
    }
    listing_rows_end(l);
    listing_row_end(l);
}

static void monitor_heading(struct listing *l, libxl_psr_cmt_type type, const libxl_bitmap *sockets)
{
    uint32_t rmids, size;

    if (libxl_psr_cmt_get_total_rmid(xl.ctx, &rmids))
        fatal("Failed to get max RMID value");
    cell_plain(l, "Total RMID: ");
    cell_number(l, "total_rmid", "%u", rmids);
    cell_plain(l, "\n%-40s %5s", "Name", "ID");
    for (int socket = set_next(sockets, -1); socket >= 0; socket = set_next(sockets, socket))
        cell_plain(l, "%14s %d", "Socket", socket);
    cell_plain(l, "\n");
    if (type != LIBXL_PSR_CMT_TYPE_CACHE_OCCUPANCY)
        return;
    cell_plain(l, "%-46s", "Total L3 Cache Size");
    listing_rows(l, "l3_cache");
    for (int socket = set_next(sockets, -1); socket >= 0; socket = set_next(sockets, socket)) {
        if (libxl_psr_cmt_get_l3_cache_size(xl.ctx, (uint32_t)socket, &size))
            fatal("Failed to get system l3 cache size for socket:%d", socket);
        listing_row(l);
        cell_hidden(l, "socket", socket);
        monitor_value(l, "size", size, OCCUPANCY_WIDTH);
        listing_lines_end(l);
    }
    listing_rows_end(l);
    cell_plain(l, "\n");
}

static libxl_bitmap online_sockets(void)
{
    libxl_bitmap sockets;

    libxl_bitmap_init(&sockets);
    if (libxl_socket_bitmap_alloc(xl.ctx, &sockets, 0) ||
        libxl_get_online_socketmap(xl.ctx, &sockets))
        fatal("Failed getting available sockets");
    return sockets;
}

int run_psr_cmt_show(const struct args *args)
{
    libxl_bitmap sockets;
    libxl_dominfo *list;
    struct listing *l;
    size_t i = 0;
    int count;

    while (i < ARRAY_LENGTH(monitors) && strcmp(monitors[i].name, args->words[0]))
        i++;
    if (i == ARRAY_LENGTH(monitors)) {
        usage_print(stderr, args->command);
        return 2;
    }
    if (!libxl_psr_cmt_enabled(xl.ctx))
        fatal("CMT is disabled in the system; the hypervisor's option psr=cmt enables it");
    if (!libxl_psr_cmt_type_supported(xl.ctx, monitors[i].type))
        fatal("Monitor type '%s' is not supported in the system", monitors[i].name);
    sockets = online_sockets();
    l = listing_object(args);
    listing_row(l);
    monitor_heading(l, monitors[i].type, &sockets);
    listing_rows(l, "domains");
    if (args->count > 1) {
        monitor_row(l, domain_find(args->words[1]), monitors[i].type, &sockets);
    } else {
        list = libxl_list_domain(xl.ctx, &count);
        if (!list)
            fatal("Failed to get domain info for domain list.");
        for (int j = 0; j < count; j++) {
            if (libxl_psr_cmt_domain_attached(xl.ctx, list[j].domid))
                monitor_row(l, list[j].domid, monitors[i].type, &sockets);
        }
        libxl_dominfo_list_free(list, count);
    }
    listing_rows_end(l);
    listing_lines_end(l);
    listing_end(l);
    return EXIT_SUCCESS;
}

/* ---- allocation */
static unsigned int level_of(const struct args *args)
{
    long level = args_number(args, 'l', 3);

    if (level != 2 && level != 3)
        fatal("Input lvl %ld is wrong! It is 2 or 3", level);
    return (unsigned int)level;
}

static int set_value(const struct args *args, uint32_t domid, libxl_psr_cbm_type type)
{
    libxl_bitmap sockets = online_sockets();
    long socket = args_number(args, 's', -1);
    unsigned long long value;

    if (!number_parse(args->words[1], 0, UINT64_MAX, &value))
        fatal("'%s' is no number", args->words[1]);
    if (socket >= 0) {
        libxl_bitmap_set_none(&sockets);
        libxl_bitmap_set(&sockets, (int)socket);
    }
    return status_of(libxl_psr_set_val(xl.ctx, domid, type, &sockets, value));
}

int run_psr_cat_set(const struct args *args)
{
    bool code = args_has(args, 'c'), data = args_has(args, 'd');
    unsigned int level = level_of(args);
    libxl_psr_cbm_type type = level == 2 ? LIBXL_PSR_CBM_TYPE_L2_CBM
                              : code     ? LIBXL_PSR_CBM_TYPE_L3_CBM_CODE
                              : data     ? LIBXL_PSR_CBM_TYPE_L3_CBM_DATA
                                         : LIBXL_PSR_CBM_TYPE_L3_CBM;

    if (code && data)
        fatal("Cannot handle -c and -d at the same time");
    if (level == 2 && (code || data))
        fatal("the cache of level 2 has no parts of its own for code and data");
    return set_value(args, domain_find(args->words[0]), type);
}

int run_psr_mba_set(const struct args *args)
{
    return set_value(args, domain_find(args->words[0]), LIBXL_PSR_CBM_TYPE_MBA_THRTL);
}

/* What a guest may have of a socket: one value, or two */
struct value_column {
    const char *heading, *key;
    libxl_psr_cbm_type type;
};

static const struct value_column l3_parts[] = {
    { "CBM (code)", "cbm_code", LIBXL_PSR_CBM_TYPE_L3_CBM_CODE },
    { "CBM (data)", "cbm_data", LIBXL_PSR_CBM_TYPE_L3_CBM_DATA },
};
static const struct value_column l3_whole = { "CBM", "cbm", LIBXL_PSR_CBM_TYPE_L3_CBM };
static const struct value_column l2_whole = { "CBM", "cbm", LIBXL_PSR_CBM_TYPE_L2_CBM };
static const struct value_column throttling = { "THRTL", "throttling",
                                                LIBXL_PSR_CBM_TYPE_MBA_THRTL };

static void value_row(struct listing *l, uint32_t domid, uint32_t socket,
                      const struct value_column *columns, int ncolumns)
{
    listing_row(l);
    cell_number(l, "id", "%5u", domid);
    cell_text(l, "name", "%25s", domain_name(domid));
    for (int i = 0; i < ncolumns; i++) {
        uint64_t value;

        if (!libxl_psr_get_val(xl.ctx, domid, columns[i].type, socket, &value))
            cell_text(l, columns[i].key, "%#16llx", (unsigned long long)value);
    }
    listing_row_end(l);
}

/* value_rows: of the guest that the arguments name, or of all */
static void value_rows(struct listing *l, const struct args *args, uint32_t socket,
                       const struct value_column *columns, int ncolumns)
{
    libxl_dominfo *list;
    int count;

    cell_plain(l, "%5s%25s", "ID", "NAME");
    for (int i = 0; i < ncolumns; i++)
        cell_plain(l, "%16s", columns[i].heading);
    cell_plain(l, "\n");
    listing_rows(l, "domains");
    if (args->count) {
        value_row(l, domain_find(args->words[0]), socket, columns, ncolumns);
    } else {
        list = libxl_list_domain(xl.ctx, &count);
        if (!list)
            fatal("Failed to get domain list for value display");
        for (int i = 0; i < count; i++)
            value_row(l, list[i].domid, socket, columns, ncolumns);
        libxl_dominfo_list_free(list, count);
    }
    listing_rows_end(l);
}

int run_psr_cat_show(const struct args *args)
{
    unsigned int level = level_of(args), count;
    libxl_psr_cat_info *list;
    struct listing *l;

    if (libxl_psr_cat_get_info(xl.ctx, &list, &count, level))
        fatal("Failed to get info");
    l = listing_start(args);
    for (unsigned int i = 0; i < count; i++) {
        listing_row(l);
        fact_number(l, "Socket ID", "socket", list[i].id);
        fact_mask(l, "Default CBM", "default_cbm", list[i].cbm_len);
        if (list[i].cdp_enabled)
            value_rows(l, args, list[i].id, l3_parts, ARRAY_LENGTH(l3_parts));
        else
            value_rows(l, args, list[i].id, level == 2 ? &l2_whole : &l3_whole, 1);
        listing_lines_end(l);
    }
    listing_end(l);
    libxl_psr_cat_info_list_free(list, (int)count);
    return EXIT_SUCCESS;
}

int run_psr_mba_show(const struct args *args)
{
    libxl_psr_hw_info *list;
    struct listing *l;
    unsigned int count;

    if (libxl_psr_get_hw_info(xl.ctx, LIBXL_PSR_FEAT_TYPE_MBA, 0, &count, &list))
        fatal("Failed to get info");
    l = listing_start(args);
    for (unsigned int i = 0; i < count; i++) {
        listing_row(l);
        fact_number(l, "Socket ID", "socket", list[i].id);
        fact_number(l, "Default THRTL", "default_throttling", 0);
        value_rows(l, args, list[i].id, &throttling, 1);
        listing_lines_end(l);
    }
    listing_end(l);
    libxl_psr_hw_info_list_free(list, count);
    return EXIT_SUCCESS;
}

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

/* ---- psr-hwinfo */
static int cmt_info(void)
{
    bool enabled = libxl_psr_cmt_enabled(xl.ctx);
    uint32_t rmids;
    int rc;

    printf("Cache Monitoring Technology (CMT):\n");
    printf("%-16s: %s\n", "Enabled", enabled ? "1" : "0");
    if (!enabled)
        return 0;
    rc = libxl_psr_cmt_get_total_rmid(xl.ctx, &rmids);
    if (rc) {
        error("Failed to get max RMID value");
        return rc;
    }
    printf("%-16s: %u\n", "Total RMID", rmids);
    printf("Supported monitor types:\n");
    for (size_t i = 0; i < ARRAY_LENGTH(monitors); i++) {
        if (libxl_psr_cmt_type_supported(xl.ctx, monitors[i].type))
            printf("%s\n", monitors[i].name);
    }
    return 0;
}

static int cat_level_info(unsigned int level)
{
    libxl_psr_cat_info *list;
    unsigned int count;
    int rc = libxl_psr_cat_get_info(xl.ctx, &list, &count, level);

    if (rc)
        return rc;
    printf("Cache Allocation Technology (CAT): L%u\n", level);
    for (unsigned int i = 0; i < count; i++) {
        uint32_t size;

        if (level == 3 && !libxl_psr_cmt_get_l3_cache_size(xl.ctx, list[i].id, &size)) {
            printf("%-16s: %u\n", "Socket ID", list[i].id);
            printf("%-16s: %uKB\n", "L3 Cache", size);
        } else {
            printf("%-16s: %u\n", "Socket ID", list[i].id);
        }
        printf("%-16s: %s\n", "CDP Status", list[i].cdp_enabled ? "Enabled" : "Disabled");
        printf("%-16s: %u\n", "Maximum COS", list[i].cos_max);
        printf("%-16s: %u\n", "CBM length", list[i].cbm_len);
        printf("%-16s: %#llx\n", "Default CBM", (1ULL << list[i].cbm_len) - 1);
    }
    libxl_psr_cat_info_list_free(list, (int)count);
    return 0;
}

static int cat_info(void)
{
    int l3 = cat_level_info(3), l2 = cat_level_info(2);

    return l3 && l2 ? l3 : 0;
}

static int mba_info(void)
{
    libxl_psr_hw_info *list;
    unsigned int count;
    int rc = libxl_psr_get_hw_info(xl.ctx, LIBXL_PSR_FEAT_TYPE_MBA, 0, &count, &list);

    if (rc)
        return rc;
    printf("Memory Bandwidth Allocation (MBA):\n");
    for (unsigned int i = 0; i < count; i++) {
        printf("Socket ID               : %u\n", list[i].id);
        printf("Linear Mode             : %s\n", list[i].u.mba.linear ? "Enabled" : "Disabled");
        printf("Maximum COS             : %u\n", list[i].u.mba.cos_max);
        printf("Maximum Throttling Value: %u\n", list[i].u.mba.thrtl_max);
        printf("Default Throttling Value: %u\n", 0U);
    }
    libxl_psr_hw_info_list_free(list, count);
    return 0;
}

int run_psr_hwinfo(const struct args *args)
{
    bool all = !args_has(args, 'm') && !args_has(args, 'a') && !args_has(args, 'b');
    int rc = 0;

    if (all || args_has(args, 'm'))
        rc = cmt_info();
    if (!rc && (all || args_has(args, 'a')))
        rc = cat_info();
    if (!rc && (all || args_has(args, 'b')))
        rc = mba_info();
    return rc & 0xff; /* scripts know Xen's status: the error of libxl */
}

/* ---- monitoring */
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

static void monitor_row(uint32_t domid, libxl_psr_cmt_type type, const libxl_bitmap *sockets)
{

    printf("%-40s %5u", domain_name(domid), domid);
    for (int socket = set_next(sockets, -1); socket >= 0; socket = set_next(sockets, socket)) {
        uint64_t value;
        uint32_t occupancy;

        if (type != LIBXL_PSR_CMT_TYPE_CACHE_OCCUPANCY) {
            if (bandwidth(domid, type, (uint32_t)socket, &value))
                printf("%11lu KB/s", (unsigned long)value);
        } else if (!libxl_psr_cmt_get_cache_occupancy(xl.ctx, domid, (uint32_t)socket,
                                                      &occupancy)) {
            printf("%13lu KB", (unsigned long)occupancy);
        }
    }
    printf("\n");
}

static void monitor_heading(libxl_psr_cmt_type type, const libxl_bitmap *sockets)
{
    uint32_t rmids, size;

    if (libxl_psr_cmt_get_total_rmid(xl.ctx, &rmids))
        fatal("Failed to get max RMID value");
    printf("Total RMID: %u\n", rmids);
    printf("%-40s %5s", "Name", "ID");
    for (int socket = set_next(sockets, -1); socket >= 0; socket = set_next(sockets, socket))
        printf("%14s %d", "Socket", socket);
    printf("\n");
    if (type != LIBXL_PSR_CMT_TYPE_CACHE_OCCUPANCY)
        return;
    printf("%-46s", "Total L3 Cache Size");
    for (int socket = set_next(sockets, -1); socket >= 0; socket = set_next(sockets, socket)) {
        if (libxl_psr_cmt_get_l3_cache_size(xl.ctx, (uint32_t)socket, &size))
            fatal("Failed to get system l3 cache size for socket:%d", socket);
        printf("%13u KB", size);
    }
    printf("\n");
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
    monitor_heading(monitors[i].type, &sockets);
    if (args->count > 1) {
        monitor_row(domain_find(args->words[1]), monitors[i].type, &sockets);
        return EXIT_SUCCESS;
    }
    list = libxl_list_domain(xl.ctx, &count);
    if (!list)
        fatal("Failed to get domain info for domain list.");
    for (int j = 0; j < count; j++) {
        if (libxl_psr_cmt_domain_attached(xl.ctx, list[j].domid))
            monitor_row(list[j].domid, monitors[i].type, &sockets);
    }
    libxl_dominfo_list_free(list, count);
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

static void value_print(uint32_t domid, uint32_t socket, libxl_psr_cbm_type type)
{
    uint64_t value;

    if (!libxl_psr_get_val(xl.ctx, domid, type, socket, &value))
        printf("%#16llx", (unsigned long long)value);
}

static void value_rows(const struct args *args, uint32_t socket, libxl_psr_cbm_type first,
                       libxl_psr_cbm_type second)
{
    int count;
    libxl_dominfo *list;

    if (args->count) {
        uint32_t domid = domain_find(args->words[0]);

        printf("%5u%25s", domid, domain_name(domid));
        value_print(domid, socket, first);
        if (second != first)
            value_print(domid, socket, second);
        printf("\n");
        return;
    }
    list = libxl_list_domain(xl.ctx, &count);
    if (!list)
        fatal("Failed to get domain list for value display");
    for (int i = 0; i < count; i++) {
        printf("%5u%25s", list[i].domid, domain_name(list[i].domid));
        value_print(list[i].domid, socket, first);
        if (second != first)
            value_print(list[i].domid, socket, second);
        printf("\n");
    }
    libxl_dominfo_list_free(list, count);
}

int run_psr_cat_show(const struct args *args)
{
    unsigned int level = level_of(args), count;
    libxl_psr_cat_info *list;

    if (libxl_psr_cat_get_info(xl.ctx, &list, &count, level))
        fatal("Failed to get info");
    for (unsigned int i = 0; i < count; i++) {
        bool two = list[i].cdp_enabled;

        printf("%-16s: %u\n", "Socket ID", list[i].id);
        printf("%-16s: %#llx\n", "Default CBM", (1ULL << list[i].cbm_len) - 1);
        if (two)
            printf("%5s%25s%16s%16s\n", "ID", "NAME", "CBM (code)", "CBM (data)");
        else
            printf("%5s%25s%16s\n", "ID", "NAME", "CBM");
        if (two)
            value_rows(args, list[i].id, LIBXL_PSR_CBM_TYPE_L3_CBM_CODE,
                       LIBXL_PSR_CBM_TYPE_L3_CBM_DATA);
        else if (level == 2)
            value_rows(args, list[i].id, LIBXL_PSR_CBM_TYPE_L2_CBM, LIBXL_PSR_CBM_TYPE_L2_CBM);
        else
            value_rows(args, list[i].id, LIBXL_PSR_CBM_TYPE_L3_CBM, LIBXL_PSR_CBM_TYPE_L3_CBM);
    }
    libxl_psr_cat_info_list_free(list, (int)count);
    return EXIT_SUCCESS;
}

int run_psr_mba_show(const struct args *args)
{
    libxl_psr_hw_info *list;
    unsigned int count;

    if (libxl_psr_get_hw_info(xl.ctx, LIBXL_PSR_FEAT_TYPE_MBA, 0, &count, &list))
        fatal("Failed to get info");
    for (unsigned int i = 0; i < count; i++) {
        printf("%-16s: %u\n", "Socket ID", list[i].id);
        printf("%-16s: %u\n", "Default THRTL", 0U);
        printf("%5s%25s%16s\n", "ID", "NAME", "THRTL");
        value_rows(args, list[i].id, LIBXL_PSR_CBM_TYPE_MBA_THRTL, LIBXL_PSR_CBM_TYPE_MBA_THRTL);
    }
    libxl_psr_hw_info_list_free(list, count);
    return EXIT_SUCCESS;
}

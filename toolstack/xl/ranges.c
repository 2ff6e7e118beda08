/*
 * Sets of CPUs, nodes and vCPUs: printed, and parsed. The language: numbers and ranges between
 * commas, `all`, `node:` and `nodes:` for the CPUs of nodes, `^` to take away.
 */
#include <limits.h>
#include "xl.h"

char *ranges_text(const libxl_bitmap *map, int end)
{
    char *text = need(strdup(""));
    int count = 0;

    for (int i = 0; i < end; i++)
        count += libxl_bitmap_test(map, i) != 0;
    if (!count || count == end)
        return text_of("%s", count ? "all" : "none");
    for (int i = 0, last; i < end; i = last + 1) {
        last = i;
        if (!libxl_bitmap_test(map, i))
            continue;
        while (last + 1 < end && libxl_bitmap_test(map, last + 1))
            last++;
        text = last > i ? text_of("%s%s%d-%d", text, *text ? "," : "", i, last)
                        : text_of("%s%s%d", text, *text ? "," : "", i);
    }
    return text;
}

int set_next(const libxl_bitmap *map, int after)
{
    for (int bit = after + 1; bit < (int)map->size * 8; bit++) {
        if (libxl_bitmap_test(map, bit))
            return bit;
    }
    return -1;
}

/* range_parse: "3" or "0-3"; both ends are below END */
static bool range_parse(const char *text, int end, int *from, int *to)
{
    char **ends = split(text, '-');
    unsigned long long a, b;

    if (!number_parse(ends[0], 10, (unsigned int)end - 1, &a))
        return false;
    b = a;
    if (ends[1] && (ends[2] || !number_parse(ends[1], 10, (unsigned int)end - 1, &b)))
        return false;
    *from = (int)a;
    *to = (int)b;
    return a <= b;
}

static void change(libxl_bitmap *map, int bit, bool take)
{
    if (take)
        libxl_bitmap_reset(map, bit);
    else
        libxl_bitmap_set(map, bit);
}

/* Add the CPUs of a node to a map, or take them away. */
static int change_node(libxl_bitmap *map, int node, bool take)
{
    libxl_bitmap cpus;
    int rc;

    libxl_bitmap_init(&cpus);
    rc = libxl_cpu_bitmap_alloc(xl.ctx, &cpus, 0);
    if (!rc)
        rc = libxl_node_to_cpumap(xl.ctx, node, &cpus);
    if (rc) {
        error("libxl_node_to_cpumap failed.");
    } else {
        for (int cpu = set_next(&cpus, -1); cpu >= 0; cpu = set_next(&cpus, cpu))
            change(map, cpu, take);
    }
    libxl_bitmap_dispose(&cpus);
    return rc;
}

static int part_parse(const char *part, libxl_bitmap *map)
{
    bool take = *part == '^', nodes = false;
    const char *rest = part + take;
    int from, to;

    if (starts_with(rest, "nodes:") || starts_with(rest, "node:")) {
        nodes = true;
        rest = strchr(rest, ':') + 1;
        if (*rest == '^') {
            take = true;
            rest++;
        }
    }
    if (!strcmp(rest, "all")) {
        if (take) {
            error("Can't combine \"^\" and \"all\".");
            return ERROR_INVAL;
        }
        libxl_bitmap_set_any(map);
        return 0;
    }
    if (!range_parse(rest, INT_MAX, &from, &to)) {
        error("Invalid pcpu range: %s.", rest);
        return ERROR_INVAL;
    }
    if (to >= (nodes ? libxl_get_max_nodes(xl.ctx) : (int)map->size * 8)) {
        error("Invalid pcpu range: %s; this host has fewer.", rest);
        return ERROR_INVAL;
    }
    for (int i = from; i <= to; i++) {
        int rc = 0;

        if (nodes)
            rc = change_node(map, i, take);
        else
            change(map, i, take);
        if (rc)
            return rc;
    }
    return 0;
}

int cpus_parse(const char *text, libxl_bitmap *map)
{
    int rc = 0;

    for (char **part = split(text, ','); *part && !rc; part++)
        rc = part_parse(*part, map);
    return rc;
}

int set_parse(const char *text, libxl_bitmap *map)
{
    for (char **part = split(text, ','); *part; part++) {
        int from, to;

        if (!range_parse(*part, (int)map->size * 8, &from, &to))
            return ERROR_INVAL;
        for (int i = from; i <= to; i++)
            libxl_bitmap_set(map, i);
    }
    return 0;
}

/*
 * The memory map in boot_info, from a device tree: /memory nodes, less the list of reservations and
 * the children of /reserved-memory. Boot CPU, no lock. Devicetree Specification 0.4, 3.4 and 3.5.
 */
#include <hv/string.h>
#include "boot.h"

static void remove_range(struct boot_info *b, unsigned int i)
{
    b->nr_ranges--;
    memmove(&b->range[i], &b->range[i + 1], (b->nr_ranges - i) * sizeof(b->range[0]));
}

static void insert_range(struct boot_info *b, uint64_t start, uint64_t end, uint32_t type)
{
    unsigned int i = 0;

    if (start >= end || b->nr_ranges == BOOT_MAX_RANGES)
        return;
    while (i < b->nr_ranges && b->range[i].start < start)
        i++;
    memmove(&b->range[i + 1], &b->range[i], (b->nr_ranges - i) * sizeof(b->range[0]));
    b->range[i] = (struct mem_range){ .start = start, .size = end - start, .type = type };
    b->nr_ranges++;
}

void memory_map_set(struct boot_info *b, uint64_t start, uint64_t size, enum mem_type type)
{
    uint64_t end = start + size;

    if (!size || end < start)
        return;
    /* When the list is full, nothing may get lost of what is reserved: the tail goes instead. */
    if (b->nr_ranges > BOOT_MAX_RANGES - 2)
        b->nr_ranges = BOOT_MAX_RANGES - 2;
    for (unsigned int i = 0; i < b->nr_ranges;) {
        struct mem_range old = b->range[i];
        uint64_t old_end = old.start + old.size;

        if (old_end <= start || old.start >= end) {
            i++;
            continue;
        }
        remove_range(b, i);
        insert_range(b, old.start, start, old.type);
        insert_range(b, end, old_end, old.type);
        i = 0;
    }
    insert_range(b, start, end, type);
}

/* All of a node's "reg". */
static void set_node(struct boot_info *b, const struct dt *tree, dt_node_t node, enum mem_type type)
{
    uint64_t start, size;

    for (unsigned int n = 0; !dt_reg(tree, node, n, &start, &size); n++)
        memory_map_set(b, start, size, type);
}

void memory_map_from_tree(struct boot_info *b, const struct dt *tree, uint64_t dtb)
{
    dt_node_t node = dt_first_child(tree, dt_root(tree));
    uint64_t start, size;

    for (; node >= 0; node = dt_next_sibling(tree, node)) {
        const char *type = dt_string(tree, node, "device_type");

        if (type && !strcmp(type, "memory") && dt_is_enabled(tree, node))
            set_node(b, tree, node, MEM_RAM);
    }
    for (unsigned int n = 0; !dt_reservation(tree, n, &start, &size); n++)
        memory_map_set(b, start, size, MEM_RESERVED);
    node = dt_first_child(tree, dt_find_path(tree, "/reserved-memory"));
    for (; node >= 0; node = dt_next_sibling(tree, node))
        set_node(b, tree, node, MEM_RESERVED);
    memory_map_set(b, dtb, tree->size, MEM_RESERVED);
}

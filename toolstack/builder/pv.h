/* Where everything is in a PV guest that starts, and its first page tables */
#ifndef BUILDER_PV_H
#define BUILDER_PV_H

#include "builder/internal.h"

struct pv_layout {
    uint64_t virt_base, entry;
    uint64_t p2m_base; /* where the list of frames is mapped */
    bool own_p2m;      /* there, and not from virt_base on */
    /* Page numbers of the guest, which from virt_base on are mapped in order */
    uint64_t total;
    uint64_t ramdisk, ramdisk_pages;
    uint64_t p2m, p2m_pages;
    uint64_t start_info, store, console, stack;
    uint64_t tables, table_pages;         /* of what is mapped from virt_base on, and the root */
    uint64_t p2m_tables, p2m_table_pages; /* of the list, if it has its own place */
    uint64_t mapped_pages;
};

/* @total pages, a ramdisk of @ramdisk_size bytes. -EINVAL, -ENOMEM with a sentence. */
int pv_plan(struct pv_layout *l, const struct image *image, uint64_t total, uint64_t ramdisk_size,
            struct build_error *error);

/* All tables, one after another as they are from l->tables and then l->p2m_tables on; from
 * calloc(). NULL without memory. */
#define PV_ENTRIES 512
uint64_t *pv_tables(const struct pv_layout *l, const xen_pfn_t *mfn);

#endif

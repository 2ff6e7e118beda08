/*
 * What the files of domain/ share, and transfer/ uses.
 */
#ifndef LIBXL_DOMAIN_DOMAIN_H
#define LIBXL_DOMAIN_DOMAIN_H

#include "libxl/core/ctx.h"
#include "xc/domain.h"

#define UUID_TEXT 37 /* bytes of a UUID as text */

/* ---- info.c ---- */

/* All domains, in the operation; NULL when the hypervisor refuses */
struct xen_domctl_getdomaininfo *domain_list(struct op *op, unsigned int *count);

/* ---- names.c ---- */

/* Whether another domain than `domid` has the name; in *other whose it is */
bool name_taken(struct op *op, const char *name, uint32_t domid, uint32_t *other);
int domain_rename(struct op *op, uint32_t domid, const char *old_name, const char *new_name);

/* ---- userdata.c: files of a domain, below /var/lib/xen ---- */

int userdata_store(struct op *op, uint32_t domid, const char *name, const void *data, size_t size);
/* *data is NULL when there is no such file; it lives in the operation and is ended by a zero */
int userdata_retrieve(struct op *op, uint32_t domid, const char *name, char **data, size_t *size);
/* Everything that a domain with this number and UUID has left */
void userdata_remove_all(struct op *op, uint32_t domid);

/* ---- creation.c: what a creation that dies leaves behind ---- */

/* From before a domain is made until it first runs, a locked file in /run/xen names its UUID. */
int creation_begin(struct op *op, const libxl_uuid *uuid);
void creation_made(struct op *op, const libxl_uuid *uuid, uint32_t domid);
void creation_end(struct op *op, uint32_t domid); /* nothing to do if none */
/* Destroy domains whose creator was killed. */
void creation_clean_up(struct op *op);

/* ---- history.c: numbers of domains that were used a moment ago ---- */

bool domid_recent(struct op *op, uint32_t domid);
void domid_mark_used(struct op *op, uint32_t domid);

/* ---- defaults.c ---- */

/* Fill all that was left open in a configuration, and refuse what cannot be */
int config_set_defaults(struct op *op, libxl_domain_config *config);
uint64_t paging_memory_kb(uint64_t max_kb, unsigned int vcpus);

/* ---- nodes.c: the store of a new domain ---- */

int nodes_create(struct op *op, uint32_t domid, const libxl_domain_config *config);
/* What a domain finds when it first runs, and what only this library reads */
struct rings {
    unsigned long store_mfn, console_mfn;
    unsigned int store_port, console_port;
    uint32_t store_domid, console_domid;
};
struct boot;
int nodes_of_build(struct op *op, uint32_t domid, const libxl_domain_config *config,
                   const struct boot *boot, const struct rings *rings);

/* ---- bootloader.c ---- */

/* What a new domain boots: as its configuration says, or its boot loader */
struct boot {
    const char *kernel, *ramdisk, *cmdline;
};
/* Run the boot loader of a domain that has its first nodes and nothing else. `console` is told as
 * soon as there is a terminal to talk to it (NULL: nobody). *boot is what it chose: files, until
 * bootloader_clean_up(). */
int bootloader_run(struct op *op, uint32_t domid, const libxl_domain_config *config,
                   const libxl_asyncprogress_how *console, struct boot *boot);
/* Remove what it made; may be done at any time, also again. */
void bootloader_clean_up(struct op *op, uint32_t domid);

/* ---- placement.c ---- */

struct numa_node {
    uint64_t free_kb, load; /* load: vCPUs of others that run there, weighted */
    unsigned int cpus;
};
/* The set of nodes that a domain with so much memory and so many vCPUs is best put on, or 0 */
uint32_t placement_choose(const struct numa_node *nodes, unsigned int count, uint64_t kb,
                          unsigned int vcpus);
/* Put a domain that has vCPUs and no memory on nodes, if its configuration leaves that open */
int domain_place(struct op *op, uint32_t domid, const libxl_domain_config *config);

/* ---- build.c ---- */

/* Limits, vCPUs and what only needs these: the first step, before the rings, for any domain */
int domain_prepare(struct op *op, uint32_t domid, const libxl_domain_config *config);
int rings_create(struct op *op, uint32_t domid, struct rings *rings);
/* Memory and registers from a kernel */
int domain_build(struct op *op, uint32_t domid, const libxl_domain_config *config,
                 const struct boot *boot, struct rings *rings);
/* What CPUID shows, when the stream does not say */
int domain_set_policy(struct op *op, uint32_t domid, const libxl_domain_config *config);

/* ---- machine.c ---- */

/* Fill what is open of an HVM guest's machine, and refuse what cannot be had */
int hvm_defaults(struct op *op, libxl_domain_build_info *b);
/* The timers and other parts of the machine that an HVM or PVH guest sees; before it has memory */
int domain_set_machine(struct op *op, uint32_t domid, const libxl_domain_build_info *b);

/* ---- destroy.c, run.c ---- */

int domain_destroy(struct op *op, uint32_t domid);
/* Write a command to control/shutdown */
int control_write(struct op *op, uint32_t domid, const char *command);

#endif

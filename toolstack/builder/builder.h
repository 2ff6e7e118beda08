/*
 * From an empty domain and a kernel to a domain that can be unpaused: its memory, its first vCPU,
 * what CPUID shows to it. libxl calls this after XEN_DOMCTL_createdomain, on any thread; nothing is
 * kept between calls. docs/design/domain-builder.md tells how it works.
 *
 * A function returns 0, or -errno with one sentence in the error. Then the domain may be half
 * built: the caller destroys it. The own process has nothing left open or mapped, either way.
 */
#ifndef BUILDER_BUILDER_H
#define BUILDER_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xc/xc.h"

struct build_error {
    char text[256];
};

/* A regular file by its path, or @size bytes at @data when @path is NULL. Neither: there is none.
 */
struct build_file {
    const char *path;
    const void *data;
    size_t size;
};

enum build_type { BUILD_PV, BUILD_PVH, BUILD_HVM };

/* Changes to what CPUID shows, in the order of a list. Bits in none of the masks stay as they are.
 */
struct build_bits {
    uint32_t set, clear;
    uint32_t host; /* as the machine has them */
};
struct build_cpuid {
    uint32_t leaf, subleaf; /* subleaf XEN_CPUID_NO_SUBLEAF: the leaf has none */
    struct build_bits a, b, c, d;
};

/* The other side of a ring: a domain, and the port of the guest that is bound to it or will be */
struct build_ring {
    uint32_t domid, port;
};

struct build_request {
    uint32_t domid;
    enum build_type type;
    unsigned int vcpus;
    uint64_t memory_kb;  /* the guest starts with */
    uint64_t maximum_kb; /* its memory map reaches to; 0: memory_kb */
    uint64_t limit_kb;   /* the hypervisor gives it no more than; 0: memory_kb */
    /* An HVM guest starts with its firmware's loader, and in place of the ramdisk is the firmware;
     * its kernel and command line are its device model's. */
    struct build_file kernel, ramdisk;
    const char *cmdline;   /* shorter than MAX_GUEST_CMDLINE; NULL: empty */
    bool host_map;         /* a PV guest's memory map has the holes of the machine's */
    const uint8_t *online; /* HVM: a bit for each vCPU that is there at first; NULL: all */
    uint64_t hole_kb;      /* PVH, HVM: below 4 GiB no memory, for devices; 0: 256 MiB */
    const char *features;  /* that the kernel must support: "name|name"; NULL: what it asks for */
    struct build_ring console, store;
    uint32_t flags; /* SIF_* for start_info */
    /* Of the TSC, as xen_domctl_tsc_info; mode 0 with the rest 0: the hypervisor's default */
    uint32_t tsc_mode, tsc_khz, tsc_incarnation;
    const struct build_cpuid *cpuid;
    size_t cpuid_count;
};

/* Guest frame numbers; for a PV domain they are the machine's, as the store and the consoles want
 */
struct build_result {
    xen_pfn_t console_gfn, store_gfn;
};

/* Limits, vCPUs, memory map, TSC: the first step after the domain's creation, also for one that is
 * going to be restored. Event channels of the domain need its vCPUs, so they come after it. */
int build_prepare(struct xc *xc, const struct build_request *request, struct build_error *error);
/* What CPUID shows */
int build_policy(struct xc *xc, const struct build_request *request, struct build_error *error);
/* What CPUID shows, the memory, and the first vCPU; build_prepare() was before */
int build_domain(struct xc *xc, const struct build_request *request, struct build_result *result,
                 struct build_error *error);

#endif

/*
 * build-domain: makes a guest with the toolstack's xc and builder alone, and is its console.
 *
 *   build-domain pv|pvh KERNEL RAMDISK MEMORY-MB VCPUS SECONDS PATTERN COMMAND-LINE
 *       RAMDISK may be "-". Until PATTERN stood on the console (status 0), or time is up, or the
 *       guest is gone (status 1). The domain is destroyed in the end.
 *   build-domain policy DOMID
 *       what CPUID and MSRs show to a domain, a leaf a line; 0: to a new one
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <xenevtchn.h>
#include <xenstore.h>
#include "builder/builder.h"
#include "xc/domain.h"
#include "xc/event.h"
#include "xc/policy.h"
#include <xen/io/console.h>

#define EXTRA_KB    1024
#define PAGING_POOL (4ul << 20)

static struct xc *xc;

static int die(const char *what, int rc)
{
    fprintf(stderr, "build-domain: %s: %s\n", what, strerror(-rc));
    return 1;
}

/* ---- console ---- */

struct console {
    xenevtchn_handle *events;
    evtchn_port_t port;
    struct xencons_interface *ring;
    char line[1024];
    size_t length;
};

static int console_open(struct console *c, uint32_t domid, xen_pfn_t gfn, unsigned int port)
{
    int rc;

    c->events = xenevtchn_open(NULL, 0);
    c->ring = xc_map(xc, domid, PROT_READ | PROT_WRITE, 1, &gfn, NULL);
    if (!c->events || !c->ring)
        return -errno;
    rc = xenevtchn_bind_interdomain(c->events, domid, port);
    if (rc < 0)
        return -errno;
    c->port = rc;
    return 0;
}

/* Show what is new; returns whether a line had the pattern in it. */
static bool console_read(struct console *c, const char *pattern)
{
    XENCONS_RING_IDX at = c->ring->out_cons, end = c->ring->out_prod;
    bool found = false;

    __sync_synchronize();
    for (; at != end; at++) {
        char ch = c->ring->out[MASK_XENCONS_IDX(at, c->ring->out)];

        if (c->length < sizeof(c->line) - 1)
            c->line[c->length++] = ch;
        c->line[c->length] = 0;
        found |= strstr(c->line, pattern) != NULL;
        if (ch == '\n') {
            printf("  guest> %s", c->line);
            c->length = 0;
        }
    }
    __sync_synchronize();
    c->ring->out_cons = at;
    xenevtchn_notify(c->events, c->port);
    fflush(stdout);
    return found;
}

static bool is_over(uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;

    return xc_domain_info(xc, domid, &info) < 0 ||
           info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying);
}

static int attend(struct console *c, uint32_t domid, int seconds, const char *pattern)
{
    struct pollfd fd = { .fd = xenevtchn_fd(c->events), .events = POLLIN };
    time_t end = time(NULL) + seconds;
    bool over = false;

    while (!over && time(NULL) < end) {
        over = is_over(domid);
        if (poll(&fd, 1, over ? 0 : 1000) > 0)
            xenevtchn_unmask(c->events, xenevtchn_pending(c->events));
        if (console_read(c, pattern))
            return 0;
    }
    fprintf(stderr, "build-domain: %s before \"%s\"\n", over ? "the guest ended" : "time was up",
            pattern);
    return 1;
}

/* ---- a domain ---- */

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static const struct xen_domctl_createdomain any_domain = {
    .max_vcpus = 1,
    .max_evtchn_port = ~0u >> 1,
    .max_grant_frames = -1,
    .max_maptrack_frames = -1,
    .grant_opts = 2,
    .handle = { 1, 2, 3 },
};

static int build_it(struct build_request *r, struct build_result *result)
{
    struct build_error error;
    uint64_t start = now_us();
    int rc, console = 0, store = 0;

    rc = build_prepare(xc, r, &error);
    if (rc == 0) {
        console = xc_evtchn_alloc_unbound(xc, r->domid, 0);
        store = xc_evtchn_alloc_unbound(xc, r->domid, 0);
    }
    if (console < 0 || store < 0)
        return console < 0 ? console : store;
    r->console.port = console;
    r->store.port = store;
    if (rc == 0)
        rc = build_domain(xc, r, result, &error);
    if (rc < 0) {
        fprintf(stderr, "build-domain: %s\n", error.text);
        return rc;
    }
    printf("built in %lu us: console %lx, store %lx\n", (unsigned long)(now_us() - start),
           result->console_gfn, result->store_gfn);
    return 0;
}

static int run(char **args, enum build_type type)
{
    struct xen_domctl_createdomain config = {
        .max_vcpus = atoi(args[3]),
        .max_evtchn_port = ~0u >> 1,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .grant_opts = 2,
        .handle = { 1, 2, 3 },
    };
    struct build_request r = {
        .type = type,
        .memory_kb = strtoul(args[2], NULL, 10) << 10,
        .limit_kb = (strtoul(args[2], NULL, 10) << 10) + EXTRA_KB,
        .vcpus = atoi(args[3]),
        .kernel.path = args[0],
        .ramdisk.path = strcmp(args[1], "-") ? args[1] : NULL,
        .cmdline = args[6],
    };
    struct build_result result;
    struct console console = { 0 };
    struct xs_handle *store = xs_open(0);
    int rc, status = 1;

    config.max_vcpus = r.vcpus;
    if (type == BUILD_PVH) {
        config.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
        config.arch.emulation_flags = XEN_X86_EMU_LAPIC;
    }
    rc = xc_domain_create(xc, &r.domid, &config);
    if (rc < 0)
        return die("cannot create a domain", rc);
    if (type == BUILD_PVH)
        rc = xc_domain_set_paging_pool(xc, r.domid, PAGING_POOL);
    if (rc == 0)
        rc = build_it(&r, &result);
    if (rc == 0 && !xs_introduce_domain(store, r.domid, result.store_gfn, r.store.port))
        rc = -errno;
    if (rc == 0)
        rc = console_open(&console, r.domid, result.console_gfn, r.console.port);
    if (rc == 0)
        rc = xc_domain_unpause(xc, r.domid);
    if (rc < 0)
        die("cannot run the domain", rc);
    else
        status = attend(&console, r.domid, atoi(args[4]), args[5]);
    xc_unmap(xc, console.ring, 1);
    xenevtchn_close(console.events);
    xc_domain_destroy(xc, r.domid);
    xs_release_domain(store, r.domid);
    xs_close(store);
    return status;
}

static int print_policy(uint32_t domid)
{
    struct xc_policy p;
    int rc = xc_policy_size(xc, &p);

    if (rc < 0)
        return die("policy", rc);
    p.leaves = calloc(p.leaf_count, sizeof(*p.leaves));
    p.msrs = calloc(p.msr_count, sizeof(*p.msrs));
    rc = xc_policy_of_domain(xc, domid, &p);
    if (rc < 0)
        return die("policy", rc);
    for (uint32_t i = 0; i < p.leaf_count; i++)
        printf("leaf %08x.%08x: %08x %08x %08x %08x\n", p.leaves[i].leaf, p.leaves[i].subleaf,
               p.leaves[i].a, p.leaves[i].b, p.leaves[i].c, p.leaves[i].d);
    for (uint32_t i = 0; i < p.msr_count; i++)
        printf("msr %08x: %016lx\n", p.msrs[i].idx, (unsigned long)p.msrs[i].val);
    free(p.leaves);
    free(p.msrs);
    return 0;
}

static int policy(uint32_t domid)
{
    bool is_new = domid == 0;
    int rc = is_new ? xc_domain_create(xc, &domid, &any_domain) : 0;

    if (rc < 0)
        return die("cannot create a domain", rc);
    rc = print_policy(domid);
    if (is_new)
        xc_domain_destroy(xc, domid);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = xc_open(&xc, NULL), status = 2;

    if (rc < 0)
        return die("cannot open the hypervisor", rc);
    if (argc == 9 && strcmp(argv[1], "pv") == 0)
        status = run(argv + 2, BUILD_PV);
    else if (argc == 9 && strcmp(argv[1], "pvh") == 0)
        status = run(argv + 2, BUILD_PVH);
    else if (argc == 3 && strcmp(argv[1], "policy") == 0)
        status = policy(strtoul(argv[2], NULL, 0));
    else
        fprintf(stderr, "build-domain: the comment at its top says how to call it\n");
    xc_close(xc);
    return status;
}

/*
 * A store in memory and a hypervisor with one domain, for tests of libxl's core and events.
 */
#ifndef TESTS_LIBXL_FAKE_H
#define TESTS_LIBXL_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libxl/core/ctx.h"
#include "libxl/core/op.h"

/* Set or remove (NULL) a node, as another program would; watches fire. */
void fake_set(const char *path, const char *value);
const char *fake_get(const char *path); /* or NULL */
void fake_clear(void);
/* How many transactions fail with EAGAIN from now on */
extern int fake_conflicts;
/* Watches that are registered, on all handles; handles that are open; requests that were made, and
 * how often somebody waited for the answers to some */
extern int fake_watches, fake_handles, fake_requests, fake_exchanges;
/* How many nodes there are */
unsigned int fake_nodes(void);
/* What the hypervisor says of a domain, to be changed */
#define FAKE_DOMAINS 256
struct xen_domctl_getdomaininfo *fake_domain(uint32_t domid, bool there);
/* Requests and hypercalls of this process; at which of them it is killed, 0: none */
extern long fake_calls, fake_kill_at;

/* A context whose log goes into fake_log[] */
libxl_ctx *fake_ctx(void);
extern char fake_log[8192];

/* Folders of files that only this process and its children see, if that can be had: create.c */
void fake_isolate(void);
bool fake_isolated(void);
/* Files of guests, all but the numbers used a moment ago */
unsigned int fake_files(void);
/* A configuration that can be created */
void fake_config(libxl_domain_config *config, const char *name);
/* What the builder was given: the bytes of the kernel, if it is there, and the command line */
extern char fake_kernel[1024], fake_cmdline[1024];

/* A machine with nodes of memory; none: it has one. Its other domains' vCPUs run on one node each.
 */
struct fake_node {
    uint64_t free_mb;
    unsigned int cpus, vcpus;
};
extern struct fake_node fake_node[32];
extern unsigned int fake_node_count;
/* The set of nodes that a domain was put on */
extern uint32_t fake_placed;

extern const struct CMUnitTest create_tests[], bootloader_tests[], placement_tests[];
extern const size_t create_test_count, bootloader_test_count, placement_test_count;

#endif

/*
 * A store in memory and a hypervisor with one domain, for tests of libxl's core and events.
 */
#ifndef TESTS_LIBXL_FAKE_H
#define TESTS_LIBXL_FAKE_H

#include <stdbool.h>

#include "libxl/core/ctx.h"
#include "libxl/core/op.h"

/* Set or remove (NULL) a node, as another program would; watches fire. */
void fake_set(const char *path, const char *value);
const char *fake_get(const char *path); /* or NULL */
void fake_clear(void);
/* How many transactions fail with EAGAIN from now on */
extern int fake_conflicts;
/* Watches that are registered, on all handles; handles that are open; requests that were made */
extern int fake_watches, fake_handles, fake_requests;
/* What the hypervisor says of domain 7; gone: there is none */
extern unsigned int fake_flags;
extern bool fake_gone;

/* A context whose log goes into fake_log[] */
libxl_ctx *fake_ctx(void);
extern char fake_log[8192];

#endif

/*
 * A domain that xl makes, and the process that looks after it.
 */
#ifndef XL_DOMAIN_H
#define XL_DOMAIN_H

#include <sys/types.h>
#include "xl.h"

#define DUMP_FOLDER "/var/lib/xen/dump"

struct domain_plan {
    /* where it comes from */
    const char *config_path; /* NULL: what is saved with the domain */
    const char *extra;       /* lines of the command line, or NULL */
    const char *restore_path;
    int restore_fd;           /* a stream that is read already, or -1 */
    int send_back_fd;         /* to where the stream comes from, or -1 */
    const char *incoming;     /* the domain's name gets this behind it, or NULL */
    int checkpointed;         /* libxl_checkpointed_stream */
    const char *proxy_script; /* of COLO */
    bool userspace_proxy;
    /* what is done with it */
    bool dry_run, check, debug, quiet;
    bool paused, foreground, monitor;
    bool console, viewer, autopass, ignore_masks;
    /* what came out */
    libxl_domain_config config;
    uint32_t domid;
};

#define DOMAIN_PLAN                                                                                \
    {                                                                                              \
        .restore_fd = -1, .send_back_fd = -1, .monitor = true, .domid = (uint32_t)INVALID_DOMID    \
    }

/* domain_create: all of it. Returns 0 when the domain is there, or a libxl error, told. A process
 * that stays behind for the domain ends in here. */
int domain_create(struct domain_plan *plan);

/* plan_run: the same with the options that 'create' and 'restore' share */
int plan_run(struct domain_plan *plan, const struct args *args);

/* domain_make: from the configuration in the plan to a domain, which runs, or is paused (start.c)
 */
int domain_make(struct domain_plan *plan);

/* domain_check: what can be said before it is made (check.c); returns the number of mistakes, told
 */
int domain_check(const libxl_domain_config *config, const char *path);

/* domain_monitor: until the domain is gone for good (monitor.c); returns the exit status */
int domain_monitor(struct domain_plan *plan);

/* memory_free: have memory for the domain, if xl.conf lets dom0 give some (freemem.c) */
int memory_free(libxl_domain_config *config);

/* config_load: the configuration of a plan; returns a libxl error, told */
int config_load(struct domain_plan *plan);

/* console_pid: of the process that -c started, once; 0 for none (start.c) */
pid_t console_pid(void);

/* viewer_start: show a domain's screen, in a process of its own */
void viewer_start(uint32_t domid, bool autopass);

#endif

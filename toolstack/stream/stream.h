/*
 * A domain's state to a file descriptor, and back. Both functions block on their caller's thread
 * until all is done; they end early, with -ECANCELED, when @abort_fd becomes readable. The domain
 * is then as it was (save: log-dirty mode off, suspended if it got so far, so it can be resumed) or
 * useless (restore: to be destroyed).
 *
 * Results: 0 or -errno, with a sentence in @why.
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include "stream/wire.h"
#include "xc/xc.h"

struct stream_progress {
    unsigned int round; /* 0: all pages; the last one runs while the domain is suspended */
    bool suspended;
    uint64_t done, total; /* pages, of this round */
    uint64_t bytes;       /* written so far */
};

struct stream_save {
    struct xc *xc;
    uint32_t domid;
    int fd;
    int abort_fd; /* -1: none */
    /* Send memory while the domain runs, then what it changed, and only then suspend it. Needs the
     * hypervisor to log dirty pages: -EOPNOTSUPP or what it says, if it cannot. */
    bool live;
    /* Of a live save: how many rounds at most before the suspension (0: 5), and how few changed
     * pages end them early (0: 50) */
    unsigned int rounds;
    uint64_t few_pages;
    /* Send all memory twice: the other side compares */
    bool verify;

    void *context; /* of the functions */
    /* Bring the domain to suspend itself: 0 when it has, or -errno */
    int (*suspend)(void *context);
    /* An emulator of the domain is to log its writes, or no longer; may be NULL */
    int (*emulator_log_dirty)(void *context, bool on);
    /* After each batch; may be NULL */
    void (*progress)(void *context, const struct stream_progress *progress);

    struct wire_why why; /* out */
};

int stream_save(struct stream_save *save);

enum stream_missing { STREAM_NO_CPUID = 1, STREAM_NO_MSRS = 2 };

struct stream_restore {
    struct xc *xc;
    uint32_t domid; /* exists: its vCPUs made, its memory's limit set; and has no memory yet */
    int fd;
    int abort_fd; /* -1: none */
    /* The domain's own ends of its ring pages, and who is at the other */
    uint32_t store_port, store_domid;
    uint32_t console_port, console_domid;

    void *context; /* of the functions */
    /* What does not depend on the guest's run is read and set. @missing: enum stream_missing, of
     * what an older stream lacks. May be NULL. */
    int (*static_done)(void *context, unsigned int missing);
    void (*progress)(void *context, const struct stream_progress *progress);

    /* Out: the guest's frames of the rings */
    xen_pfn_t store_gfn, console_gfn; /* PV: machine frames */
    enum wire_domain type;
    uint64_t pages;     /* in memory now */
    uint64_t different; /* pages that were not the same when the other side verified */
    struct wire_why why;
};

int stream_restore(struct stream_restore *restore);

#endif

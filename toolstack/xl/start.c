/*
 * Makes a domain of a configuration: memory, libxl, console, unpause. For a new domain, one that is
 * restored, and one that reboots.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include "affinity.h"
#include "conf.h"
#include "domain.h"
#include "process.h"

/* ---- one creation at a time, so that two do not count on the same memory */
static int lock_take(void)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(conf.lockfile, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        error("cannot open the lockfile %s errno=%d", conf.lockfile, errno);
        return -1;
    }
    while (fcntl(fd, F_SETLKW, &whole) < 0) {
        if (errno == EINTR)
            continue;
        error("cannot acquire lock %s errno=%d", conf.lockfile, errno);
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- affinity: the masks of xl.conf are for vCPUs without one of their own, too */
static int limit_affinity(libxl_domain_config *config)
{
    libxl_domain_build_info *b = &config->b_info;
    int rc = 0;

    if (!conf.cpumask && !conf.pv_cpumask && !conf.hvm_cpumask)
        return 0;
    while (b->num_vcpu_hard_affinity < b->max_vcpus) {
        libxl_bitmap *map;

        b->vcpu_hard_affinity =
            grown(b->vcpu_hard_affinity, b->num_vcpu_hard_affinity, sizeof(*map));
        map = &b->vcpu_hard_affinity[b->num_vcpu_hard_affinity++];
        libxl_bitmap_init(map);
        if (libxl_cpu_bitmap_alloc(xl.ctx, map, 0))
            return ERROR_NOMEM;
        libxl_bitmap_set_any(map);
    }
    for (int i = 0; i < b->num_vcpu_hard_affinity && !rc; i++)
        rc = affinity_limit_type(config->c_info.type, &b->vcpu_hard_affinity[i]);
    return rc;
}

/* ---- the console that -c shows, from the moment on at which there is one */
static pid_t console_child;

static void console_ready(libxl_ctx *ctx, libxl_event *event, void *for_callback)
{
    uint32_t domid = event->domid;

    (void)for_callback;
    console_child = process_fork("console");
    if (!console_child) {
        session_again();
        libxl_primary_console_exec(xl.ctx, domid, -1);
        fatal("Unable to attach console");
    }
    libxl_event_free(ctx, event);
}

void viewer_start(uint32_t domid, bool autopass)
{
    if (process_fork("viewer"))
        return;
    session_again();
    libxl_vncviewer_exec(xl.ctx, domid, autopass);
    fatal("Unable to execute vncviewer");
}

pid_t console_pid(void)
{
    pid_t pid = console_child;

    console_child = 0;
    return pid;
}

static int make(struct domain_plan *plan)
{
    const libxl_asyncprogress_how console = { .callback = console_ready };
    const libxl_asyncprogress_how *progress = plan->console ? &console : NULL;
    libxl_domain_restore_params params;
    int rc;

    if (plan->restore_fd < 0)
        return libxl_domain_create_new(xl.ctx, &plan->config, &plan->domid, NULL, progress);
    libxl_domain_restore_params_init(&params);
    params.checkpointed_stream = plan->checkpointed;
    params.stream_version = 2;
    if (plan->proxy_script)
        params.colo_proxy_script = need(strdup(plan->proxy_script));
    libxl_defbool_set(&params.userspace_colo_proxy, plan->userspace_proxy);
    rc = libxl_domain_create_restore(xl.ctx, &plan->config, &plan->domid, plan->restore_fd,
                                     plan->send_back_fd, &params, NULL, progress);
    libxl_domain_restore_params_dispose(&params);
    return rc;
}

int domain_make(struct domain_plan *plan)
{
    int lock, rc = 0;

    if (!plan->ignore_masks)
        rc = limit_affinity(&plan->config);
    if (rc)
        return rc;
    lock = lock_take();
    if (lock < 0)
        return ERROR_FAIL;
    plan->domid = INVALID_DOMID;
    if (!libxl_domid_valid_guest(plan->config.c_info.domid))
        plan->config.c_info.domid =
            (uint32_t)(strcmp(conf.domid_policy, "random") ? INVALID_DOMID : RANDOM_DOMID);
    rc = memory_free(&plan->config);
    if (rc)
        error(
            "failed to free memory for the domain: dom0 has no more to give; set memory= to less, or end "
            "another guest");
    else
        rc = make(plan);
    close(lock);
    if (!rc && !plan->paused)
        rc = libxl_domain_unpause(xl.ctx, plan->domid, NULL);
    if (rc && libxl_domid_valid_guest(plan->domid))
        libxl_domain_destroy(xl.ctx, plan->domid, NULL);
    return rc;
}

/*
 * The process that looks after a domain: waits until it ends, and then does what its configuration
 * asks for: destroys it, makes it anew, keeps it, dumps its memory. In the background this is what
 * `xl create` leaves behind, with the log /var/log/xen/xl-NAME.log.
 */
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cfg.h"
#include "domain.h"

enum { LOOK_US = 300 * 1000 };

/* What to do after a domain has ended */
enum next {
    NEXT_WAIT,    /* it is there */
    NEXT_WATCH,   /* it is there again, and can end again */
    NEXT_END,     /* nothing more to look after */
    NEXT_RESTART, /* make it anew */
};

static const char *const action_names[] = {
    [LIBXL_ACTION_ON_SHUTDOWN_DESTROY] = "destroy",
    [LIBXL_ACTION_ON_SHUTDOWN_RESTART] = "restart",
    [LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME] = "rename-restart",
    [LIBXL_ACTION_ON_SHUTDOWN_PRESERVE] = "preserve",
    [LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY] = "coredump-destroy",
    [LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART] = "coredump-restart",
    [LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET] = "soft-reset",
};

/* What is watched of a domain */
struct watches {
    libxl_evgen_domain_death *death;
    libxl_evgen_disk_eject **ejects;
    int count;
};

static void say(const char *format, ...) PRINTF(1, 2);

static void say(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static int watch(struct domain_plan *plan, struct watches *watches)
{
    int rc = libxl_evenable_domain_death(xl.ctx, plan->domid, 0, &watches->death);

    for (int i = 0; i < plan->config.num_disks && !rc; i++) {
        const libxl_device_disk *disk = &plan->config.disks[i];

        if (!disk->removable)
            continue;
        watches->ejects = grown(watches->ejects, watches->count, sizeof(*watches->ejects));
        rc = libxl_evenable_disk_eject(xl.ctx, plan->domid, disk->vdev, 0,
                                       &watches->ejects[watches->count]);
        if (!rc)
            watches->count++;
    }
    if (rc)
        say("wait for death failed (evgen, rc=%d)", rc);
    return rc;
}

static void unwatch(struct watches *watches)
{
    libxl_event *event;

    if (watches->death)
        libxl_evdisable_domain_death(xl.ctx, watches->death);
    for (int i = 0; i < watches->count; i++)
        libxl_evdisable_disk_eject(xl.ctx, watches->ejects[i]);
    free(watches->ejects);
    *watches = (struct watches){ 0 };
    /* what has happened to the domain that is no more does not concern the next one */
    while (!libxl_event_check(xl.ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL))
        libxl_event_free(xl.ctx, event);
}

/* ---- the configuration for the next life: what has changed meanwhile is in it */
static void reload_config(struct domain_plan *plan)
{
    libxl_domain_config config;
    uint8_t *data;
    int length, rc;

    if (!libxl_userdata_retrieve(xl.ctx, plan->domid, "xl", &data, &length) && length > 0) {
        char *text = text_of("%.*s", length, (const char *)data);

        free(data);
        rc = cfg_read(&config, "config-update", text, strlen(text), false);
        free(text);
        say(rc ? "\"xl\" configuration found but failed to load"
               : "\"xl\" configuration found, using it");
    } else {
        libxl_domain_config_init(&config);
        rc = libxl_retrieve_domain_configuration(xl.ctx, plan->domid, &config, NULL);
        if (rc)
            say("failed to retrieve guest configuration (rc=%d). reusing old configuration", rc);
    }
    if (rc) {
        libxl_domain_config_dispose(&config);
        return;
    }
    config.c_info.domid = plan->config.c_info.domid;
    libxl_domain_config_dispose(&plan->config);
    plan->config = config;
}

/* wait_resumed: whoever has suspended the domain resumes it, when it was saved and lives on, or
 * destroys it. libxl tells neither, so this looks, some times in a second. */
static enum next wait_resumed(uint32_t domid)
{
    for (;;) {
        libxl_dominfo info;
        bool gone, suspended;
        int rc;

        libxl_dominfo_init(&info);
        rc = libxl_domain_info(xl.ctx, &info, domid);
        gone = rc || info.dying;
        suspended = info.shutdown && info.shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND;
        libxl_dominfo_dispose(&info);
        if (gone)
            return NEXT_END;
        if (!suspended)
            return NEXT_WATCH;
        usleep(LOOK_US);
    }
}

/* ---- what the actions are made of */
static void now_text(char text[32])
{
    time_t now = time(NULL);
    struct tm utc;

    if (!gmtime_r(&now, &utc) || !strftime(text, 32, "-%Y%m%dT%H%MZ", &utc))
        strcpy(text, "-ended");
}

static void dump_core(const struct domain_plan *plan)
{
    char *path = text_of(DUMP_FOLDER "/%s", plan->config.c_info.name);
    int rc;

    mkdir(DUMP_FOLDER, 0700); /* what is wrong with it, the dump tells */
    say("dumping core to %s", path);
    rc = libxl_domain_core_dump(xl.ctx, plan->domid, path, NULL);
    if (rc)
        say("core dump failed (rc=%d).", rc);
    free(path);
}

static enum next preserve(struct domain_plan *plan)
{
    char suffix[32];
    libxl_uuid uuid;
    int rc;

    now_text(suffix);
    libxl_uuid_generate(&uuid);
    say("Preserving domain %u %s with suffix%s", plan->domid, plan->config.c_info.name, suffix);
    rc = libxl_domain_preserve(xl.ctx, plan->domid, &plan->config.c_info, suffix, uuid);
    return rc ? NEXT_END : NEXT_RESTART;
}

static enum next destroy(const struct domain_plan *plan, enum next then)
{
    int rc;

    say("Domain %d needs to be cleaned up: destroying the domain", plan->domid);
    rc = libxl_domain_destroy(xl.ctx, plan->domid, NULL);
    if (rc)
        say("destroy failed (rc=%d)", rc);
    return rc ? NEXT_END : then;
}

static enum next soft_reset(struct domain_plan *plan)
{
    uint32_t domid = plan->domid;
    int rc;

    reload_config(plan);
    rc = libxl_domain_soft_reset(xl.ctx, &plan->config, domid, NULL, NULL);
    if (!rc)
        rc = libxl_domain_unpause(xl.ctx, domid, NULL);
    if (rc)
        say("soft reset of domain %u failed (rc=%d)", domid, rc);
    return rc ? destroy(plan, NEXT_END) : NEXT_WATCH;
}

static libxl_action_on_shutdown action_for(const struct domain_plan *plan, int reason)
{
    switch (reason) {
    case LIBXL_SHUTDOWN_REASON_POWEROFF:
        return plan->config.on_poweroff;
    case LIBXL_SHUTDOWN_REASON_REBOOT:
        return plan->config.on_reboot;
    case LIBXL_SHUTDOWN_REASON_CRASH:
        return plan->config.on_crash;
    case LIBXL_SHUTDOWN_REASON_WATCHDOG:
        return plan->config.on_watchdog;
    case LIBXL_SHUTDOWN_REASON_SOFT_RESET:
        return plan->config.on_soft_reset;
    default:
        say("Unknown shutdown reason code %d. Destroying domain.", reason);
        return LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    }
}

static enum next has_ended(struct domain_plan *plan, int reason)
{
    libxl_action_on_shutdown action;

    if (reason == LIBXL_SHUTDOWN_REASON_SUSPEND) {
        say("Domain has suspended.");
        return wait_resumed(plan->domid);
    }
    action = action_for(plan, reason);
    say("Action for shutdown reason code %d is %s", reason, action_names[action]);
    if (action == LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY ||
        action == LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART)
        dump_core(plan);
    switch (action) {
    case LIBXL_ACTION_ON_SHUTDOWN_PRESERVE:
        return NEXT_END;
    case LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME:
        reload_config(plan);
        return preserve(plan);
    case LIBXL_ACTION_ON_SHUTDOWN_RESTART:
    case LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART:
        reload_config(plan);
        return destroy(plan, NEXT_RESTART);
    case LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET:
        return soft_reset(plan);
    default:
        return destroy(plan, NEXT_END);
    }
}

static enum next handle(struct domain_plan *plan, libxl_event *event)
{
    char *text;

    switch (event->type) {
    case LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN:
        say("Domain %u has shut down, reason code %d 0x%x", event->domid,
            event->u.domain_shutdown.shutdown_reason, event->u.domain_shutdown.shutdown_reason);
        return has_ended(plan, event->u.domain_shutdown.shutdown_reason);
    case LIBXL_EVENT_TYPE_DOMAIN_DEATH:
        say("Domain %u has been destroyed.", event->domid);
        return NEXT_END;
    case LIBXL_EVENT_TYPE_DISK_EJECT:
        libxl_cdrom_insert(xl.ctx, plan->domid, &event->u.disk_eject.disk, NULL);
        return NEXT_WAIT;
    default:
        text = libxl_event_to_json(xl.ctx, event);
        say("warning, got unexpected event type %d, event=%s", event->type, text ? text : "?");
        free(text);
        return NEXT_WAIT;
    }
}

/* wait_end: until there is something to do that ends the wait */
static enum next wait_end(struct domain_plan *plan)
{
    enum next next = NEXT_WAIT;

    while (next == NEXT_WAIT) {
        libxl_event *event;
        int rc = libxl_event_wait(xl.ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL);

        if (rc) {
            say("Domain %u, failed to get event, quitting (rc=%d)", plan->domid, rc);
            return NEXT_END;
        }
        if (event->domid == plan->domid)
            next = handle(plan, event);
        libxl_event_free(xl.ctx, event);
    }
    return next;
}

int domain_monitor(struct domain_plan *plan)
{
    for (;;) {
        struct watches watches = { 0 };
        enum next next;
        int rc;

        say("Waiting for domain %s (domid %u) to die [pid %ld]", plan->config.c_info.name,
            plan->domid, (long)getpid());
        if (watch(plan, &watches))
            return EXIT_FAILURE;
        next = wait_end(plan);
        unwatch(&watches);
        if (next == NEXT_END) {
            say("Done. Exiting now");
            return EXIT_SUCCESS;
        }
        if (next == NEXT_WATCH)
            continue;
        say("Done. Rebooting now");
        plan->paused = plan->console = false;
        rc = domain_make(plan);
        if (rc) {
            say("the domain could not be made anew (rc=%d)", rc);
            return EXIT_FAILURE;
        }
    }
}

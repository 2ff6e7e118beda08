/*
 * What is done to a guest that there is: pause, unpause, destroy, shutdown, reboot, rename,
 * trigger, sysrq.
 */
#include "xl.h"
#include "commands.h"

int run_pause(const struct args *args)
{
    return status_of(libxl_domain_pause(xl.ctx, domain_find(args->words[0]), NULL));
}

int run_unpause(const struct args *args)
{
    return status_of(libxl_domain_unpause(xl.ctx, domain_find(args->words[0]), NULL));
}

int run_destroy(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    int rc;

    if (domid == 0 && !args_has(args, 'f')) {
        fatal("Not destroying domain 0; use -f to force.\n"
              "This can only be done when using a disaggregated hardware domain and toolstack.\n");
    }
    rc = libxl_domain_destroy(xl.ctx, domid, NULL);
    if (rc)
        error("destroy failed (rc=%d)", rc);
    return status_of(rc);
}

/* ---- shutdown, reboot */
struct ending {
    const char *doing, *name; /* for messages */
    int (*ask)(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *how);
    libxl_trigger button; /* for a guest that cannot be asked */
    const char *event;    /* the button, for messages */
};

static const struct ending shutdown_ending = {
    .doing = "Shutting down",
    .name = "shutdown",
    .ask = libxl_domain_shutdown,
    .button = LIBXL_TRIGGER_POWER,
    .event = "power",
};

static const struct ending reboot_ending = {
    .doing = "Rebooting",
    .name = "reboot",
    .ask = libxl_domain_reboot,
    .button = LIBXL_TRIGGER_RESET,
    .event = "reset",
};

static void end_one(const struct ending *ending, uint32_t domid, bool fallback)
{
    int rc;

    fprintf(stderr, "%s domain %u\n", ending->doing, domid);
    rc = ending->ask(xl.ctx, domid, NULL);
    if (rc == ERROR_NOPARAVIRT) {
        if (fallback) {
            error("PV control interface not available: sending ACPI %s button event.",
                  ending->event);
            rc = libxl_send_trigger(xl.ctx, domid, ending->button, 0, NULL);
        } else {
            error("PV control interface not available: external graceful %s not possible.\n"
                  "Use \"-F\" to fallback to ACPI %s event.",
                  ending->name, ending->event);
        }
    }
    if (rc)
        fatal("%s failed (rc=%d)", ending->name, rc);
}

static void watch_end(uint32_t domid)
{
    libxl_evgen_domain_death *watch;
    int rc = libxl_evenable_domain_death(xl.ctx, domid, 0, &watch);

    if (rc)
        fatal("wait for death failed (evgen, rc=%d)", rc);
}

/* wait_ends: until so many domains have ended: have shut down, or, with DEATH, are gone */
static void wait_ends(int count, bool death)
{
    error("Waiting for %d domains", count);
    while (count > 0) {
        libxl_event *event;
        int rc = libxl_event_wait(xl.ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL);

        if (rc)
            fatal("Failed to get event, quitting (rc=%d)", rc);
        switch (event->type) {
        case LIBXL_EVENT_TYPE_DOMAIN_DEATH:
            error("Domain %d has been destroyed", event->domid);
            count--;
            break;
        case LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN:
            error("Domain %d has been shut down, reason code %d", event->domid,
                  event->u.domain_shutdown.shutdown_reason);
            if (death)
                error("Domain %d continue waiting for death", event->domid);
            else
                count--;
            break;
        default:
            error("Unexpected event type %d", event->type);
        }
        libxl_event_free(xl.ctx, event);
    }
}

static int end_guests(const struct args *args, const struct ending *ending)
{
    bool all = args_has(args, 'a'), fallback = args_has(args, 'F');
    libxl_dominfo *list;
    int count, ended = 0, waits = 0;

    for (int i = 0; i < args->ngiven; i++)
        waits += args->given[i].key == 'w';
    if (!all && !args->count) {
        error("You must specify -a or a domain id.\n");
        usage_wrong(args->command);
    }
    if (all && args->count)
        fatal("'xl %s' takes -a or a domain, not both; nothing was done", ending->name);
    if (all) {
        list = libxl_list_domain(xl.ctx, &count);
        if (!list)
            fatal("libxl_list_domain failed.");
        for (int i = 0; i < count; i++) {
            if (list[i].domid == 0)
                continue;
            if (waits)
                watch_end(list[i].domid);
            end_one(ending, list[i].domid, fallback);
            ended++;
        }
        libxl_dominfo_list_free(list, count);
    } else {
        uint32_t domid = domain_find(args->words[0]);

        if (waits)
            watch_end(domid);
        end_one(ending, domid, fallback);
        ended = 1;
    }
    if (waits)
        wait_ends(ended, waits > 1);
    return EXIT_SUCCESS;
}

int run_shutdown(const struct args *args)
{
    return end_guests(args, &shutdown_ending);
}

int run_reboot(const struct args *args)
{
    return end_guests(args, &reboot_ending);
}

/* ---- the rest */
int run_rename(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);

    if (libxl_domain_rename(xl.ctx, domid, NULL, args->words[1]))
        fatal("Can't rename domain '%s'.", args->words[0]);
    return EXIT_SUCCESS;
}

static int send_trigger(uint32_t domid, const char *name, uint32_t vcpu)
{
    libxl_trigger trigger;

    if (libxl_trigger_from_string(name, &trigger) || trigger == LIBXL_TRIGGER_UNKNOWN) {
        error("Invalid trigger \"%s\"; there are: nmi, reset, init, power, sleep, s3resume", name);
        return EXIT_FAILURE;
    }
    return status_of(libxl_send_trigger(xl.ctx, domid, trigger, vcpu, NULL));
}

int run_trigger(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    unsigned long long vcpu = 0;

    if (args->count > 2 && !number_parse(args->words[2], 10, UINT32_MAX, &vcpu))
        error("Invalid vcpuid, using default vcpuid=0.");
    return send_trigger(domid, args->words[1], (uint32_t)vcpu);
}

int run_button_press(const struct args *args)
{
    const char *button = args->words[1];
    uint32_t domid;

    error("WARNING: \"button-press\" is deprecated. Please use \"trigger\"");
    domid = domain_find(args->words[0]);
    if (strcmp(button, "power") && strcmp(button, "sleep"))
        fatal("%s is an invalid button identifier", button);
    return send_trigger(domid, button, 0);
}

int run_sysrq(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);

    if (strlen(args->words[1]) != 1) {
        error("Invalid sysrq.\n");
        usage_wrong(args->command);
    }
    return status_of(libxl_send_sysrq(xl.ctx, domid, args->words[1][0]));
}

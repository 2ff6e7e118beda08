/*
 * Which domains have a console: all that live, but dom0, whose console is the hypervisor's. The
 * store tells when domains come and go, the hypervisor which there are. Called by main.c, on the
 * only thread.
 */
#include "xenconsoled/daemon.h"
#include "xenconsoled/log.h"
#include "xc/domain.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <xenstore.h>

static void watch(struct daemon *d, uint32_t domid)
{
    char path[48];

    snprintf(path, sizeof(path), "/local/domain/%u/console", domid);
    /* The watch reports at once, too, and then the console is connected */
    if (!xs_watch(d->xs, path, path))
        say(LOG_ERR, "%s cannot be watched: %m", path);
}

static void begin(struct daemon *d, uint32_t domid)
{
    struct console *c = console_new(d, domid);

    if (!c) {
        say(LOG_ERR, "domain %u has no console, there is no memory for it", domid);
        return;
    }
    d->consoles[domid] = c;
    watch(d, domid);
}

static void end(struct daemon *d, uint32_t domid)
{
    char path[48];

    snprintf(path, sizeof(path), "/local/domain/%u/console", domid);
    xs_unwatch(d->xs, path, path);
    console_end(d->consoles[domid]);
    d->consoles[domid] = NULL;
}

/* None of the domains from *@next on has this id or a lower one */
static void gone_before(struct daemon *d, uint32_t *next, uint32_t domid)
{
    for (; *next < domid; ++*next) {
        if (d->consoles[*next])
            end(d, *next);
    }
}

void domains_update(struct daemon *d)
{
    static struct xen_domctl_getdomaininfo list[64];
    uint32_t next = 1; /* the first id that was not looked at */
    int count;

    do {
        count = xc_domain_list(d->xc, next, sizeof(list) / sizeof(*list), list);
        if (count < 0) {
            say(LOG_ERR, "the hypervisor does not list its domains: %s", strerror(-count));
            return;
        }
        for (int i = 0; i < count && list[i].domain < DOMID_FIRST_RESERVED; i++) {
            uint32_t domid = list[i].domain;

            gone_before(d, &next, domid);
            if (list[i].flags & XEN_DOMINF_dying)
                continue;
            if (!d->consoles[domid])
                begin(d, domid);
            next = domid + 1;
        }
        if (count == sizeof(list) / sizeof(*list))
            gone_before(d, &next, list[count - 1].domain + 1u);
    } while (count == sizeof(list) / sizeof(*list));
    gone_before(d, &next, DOMID_FIRST_RESERVED);
}

void domains_watch_again(struct daemon *d)
{
    for (uint32_t i = 0; i < DOMID_FIRST_RESERVED; i++) {
        if (d->consoles[i])
            watch(d, i);
    }
}

uint32_t domains_changed(struct daemon *d, const char *path)
{
    unsigned int domid;
    int length = 0;

    if (*path == '@')
        domains_update(d);
    else if (sscanf(path, "/local/domain/%u/console%n", &domid, &length) == 1 && length &&
             domid < DOMID_FIRST_RESERVED && strcmp(path + length, "/tty"))
        return domid;
    return DOMID_INVALID;
}

void domains_follow(struct daemon *d, uint32_t domid)
{
    if (domid < DOMID_FIRST_RESERVED && d->consoles[domid])
        console_follow(d->consoles[domid]);
}

void domains_reopen_logs(struct daemon *d)
{
    for (uint32_t i = 0; i < DOMID_FIRST_RESERVED; i++) {
        if (d->consoles[i])
            console_reopen_log(d->consoles[i]);
    }
}

void domains_adopt_terminals(void)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names);
    unsigned int domid;

    for (int i = 0; i < count; i++) {
        if (sscanf(names[i], "console-%u", &domid) == 1)
            terminal_keep(domid, SD_LISTEN_FDS_START + i);
        free(names[i]);
    }
    free(names);
}

void domains_forget_terminals(const struct daemon *d)
{
    for (uint32_t i = 0; i < DOMID_FIRST_RESERVED; i++) {
        if (!d->consoles[i])
            terminal_forget(i);
    }
}

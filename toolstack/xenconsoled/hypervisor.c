/*
 * The hypervisor's own console, copied to hypervisor.log as it grows. Called by main.c, on the only
 * thread; an event (VIRQ_CON_RING) says that there is more.
 */
#include "xenconsoled/daemon.h"
#include "xenconsoled/log.h"
#include "xc/host.h"
#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <xenevtchn.h>

static struct log file = { .fd = -1 };
static uint32_t next_index;
static int port = -1;

/* All there is, but not for ever while the hypervisor says more and more: that has another event */
static void copy(struct daemon *d)
{
    char text[16384];

    for (int i = 0; i < 16; i++) {
        uint32_t count = sizeof(text);
        int rc = xc_console_read(d->xc, text, &count, &next_index, false);

        if (rc)
            say(LOG_ERR, "the hypervisor's console cannot be read: %s", strerror(-rc));
        if (rc || !count)
            return;
        log_write(&file, text, count);
    }
}

int hypervisor_start(struct daemon *d)
{
    if (!d->options.log_hypervisor)
        return 0;
    port = xenevtchn_bind_virq(d->evtchn, VIRQ_CON_RING);
    if (port < 0)
        return -errno;
    hypervisor_reopen_log(d);
    copy(d);
    return 0;
}

bool hypervisor_event(struct daemon *d, evtchn_port_t which)
{
    if (port < 0 || which != (evtchn_port_t)port)
        return false;
    copy(d);
    xenevtchn_unmask(d->evtchn, which);
    return true;
}

void hypervisor_reopen_log(struct daemon *d)
{
    if (!d->options.log_hypervisor)
        return;
    file.stamp = d->options.stamp_hypervisor;
    file.dots = d->options.dots;
    log_open(&file, d->options.log_dir, "hypervisor");
}

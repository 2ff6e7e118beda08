/*
 * The connection to the store. libxenstore does not tell that its daemon has ended, so there is a
 * second connection, on which nothing is ever said: its end is that of xenstored. Then the next
 * xenstored is waited for, and what happened meanwhile is looked up. Consoles wait as long; they
 * need the store at any time. Called by main.c, on the only thread.
 */
#include "xenconsoled/daemon.h"
#include "xenconsoled/log.h"
#include "lifeline/lifeline.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <xenstore.h>

#define PATIENCE 30000 /* milliseconds that xenstored may be away */
#define PAUSE    50

/* A console is some ten nodes that are made together: it is looked at when all that is said of it
 * has been heard. */
static int store_changed(sd_event_source *source, int fd, uint32_t events, void *data)
{
    uint32_t now, domid = DOMID_INVALID;
    struct daemon *d = data;
    char **watch;

    (void)source;
    (void)fd;
    (void)events;
    while ((watch = xs_check_watch(d->xs))) {
        now = domains_changed(d, watch[XS_WATCH_PATH]);
        if (now != domid)
            domains_follow(d, domid);
        domid = now;
        free(watch);
    }
    domains_follow(d, domid);
    return 0;
}

static int store_ended(sd_event_source *source, int fd, uint32_t events, void *data);

static int hold_lifeline(struct daemon *d)
{
    int fd = lifeline_open(), rc;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    rc = sd_event_add_io(d->event, &d->lifeline, fd, EPOLLIN, store_ended, d);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    sd_event_source_set_io_fd_own(d->lifeline, true);
    return 0;
}

static void let_go(struct daemon *d)
{
    d->news = sd_event_source_disable_unref(d->news);
    d->lifeline = sd_event_source_disable_unref(d->lifeline);
    xs_close(d->xs);
    d->xs = NULL;
}

static int try_to_open(struct daemon *d)
{
    d->xs = xs_open(0);
    int rc = d->xs ? hold_lifeline(d) : -errno;

    if (rc >= 0)
        rc = sd_event_add_io(d->event, &d->news, xs_fileno(d->xs), EPOLLIN, store_changed, d);
    if (rc >= 0 && (!xs_watch(d->xs, "@introduceDomain", "domains") ||
                    !xs_watch(d->xs, "@releaseDomain", "domains")))
        rc = -errno;
    if (rc < 0)
        let_go(d);
    return rc < 0 ? rc : 0;
}

int store_open(struct daemon *d)
{
    int rc = try_to_open(d);

    if (!rc)
        domains_update(d);
    return rc;
}

static int store_ended(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct daemon *d = data;
    int rc = -ENOENT;

    (void)source;
    (void)fd;
    (void)events;
    say(LOG_WARNING, "xenstored has ended; waiting for the next one");
    let_go(d);
    for (int waited = 0; rc && waited < PATIENCE; waited += PAUSE) {
        usleep(PAUSE * 1000);
        rc = try_to_open(d);
    }
    if (rc) {
        say(LOG_ERR, "there is no xenstored any more: %s", strerror(-rc));
        return sd_event_exit(d->event, 1);
    }
    domains_watch_again(d);
    domains_update(d);
    return 0;
}

/*
 * One guest's console: its page and event on one side, a pseudo-terminal on the other, and between
 * them what nobody has read yet. How it is connected stands in the store below
 * /local/domain/N/console; console_follow() makes it so, again after each change.
 *
 * A guest can at most: say WAKES_A_PERIOD times what its page holds, in each PERIOD, then it waits;
 * fill its buffer; write nonsense into its page (ring.c). It never makes another one wait.
 * Everything runs on the one thread.
 */
#include "xenconsoled/buffer.h"
#include "xenconsoled/daemon.h"
#include "xenconsoled/log.h"
#include "xenconsoled/ring.h"
#include "xc/xc.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>
#include <xen/grant_table.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define PERIOD         200000ul /* microseconds */
#define WAKES_A_PERIOD 30
#define FAREWELL       500000ul /* microseconds that a terminal outlives its domain */
/* Bytes that are kept for a reader, where the store does not say, and at most */
#define LIMIT_DEFAULT (1ul << 20)
#define LIMIT_MAXIMUM (64ul << 20)

struct console {
    struct daemon *d;
    uint32_t domid;
    char path[48]; /* in the store */
    struct xencons_interface *ring;
    bool granted;     /* the ring is mapped by grant, else as a frame */
    long long frame;  /* what the store said when it was mapped */
    int remote, port; /* the guest's end of the event, ours; -1: none */
    bool masked;      /* its event came, and was not unmasked yet */
    struct terminal tty;
    sd_event_source *io, *timer;
    sd_event_source *hup; /* somebody hung up the terminal's other end, and so ours there */
    struct buffer said;
    struct log log;
    uint64_t period; /* when it began, microseconds */
    unsigned int wakes;
    bool wrong; /* told already that its indices are wrong */
    bool ended; /* its domain is gone */
};

/* ---- the store */

/* A number of the node; false if there is none */
static bool read_number(struct console *c, const char *node, long long *value)
{
    char path[80], *end;
    bool good = false;

    snprintf(path, sizeof(path), "%s/%s", c->path, node);
    char *text = xs_read(c->d->xs, XBT_NULL, path, NULL);

    if (text && *text) {
        *value = strtoll(text, &end, 10);
        good = !*end;
        if (!good)
            say(LOG_ERR, "%s is '%.40s', not a number", path, text);
    }
    free(text);
    return good;
}

/* Whether the node is @value, or is not there */
static bool node_is(struct console *c, const char *node, const char *value)
{
    char path[80];

    snprintf(path, sizeof(path), "%s/%s", c->path, node);
    char *text = xs_read(c->d->xs, XBT_NULL, path, NULL);
    bool same = !text || !*text || !strcmp(text, value);

    if (!same)
        say(LOG_DEBUG, "%s is '%.40s', so that console is somebody else's", path, text);
    free(text);
    return same;
}

static void publish(struct console *c)
{
    char path[80];

    snprintf(path, sizeof(path), "%s/tty", c->path);
    if (!xs_write(c->d->xs, XBT_NULL, path, c->tty.name, (unsigned int)strlen(c->tty.name)))
        say(LOG_ERR, "%s cannot be written: %m", path);
}

/* The log's name is the guest's. That may change before it says something, while it migrates. */
static void open_log(struct console *c)
{
    char path[48], name[300];

    snprintf(path, sizeof(path), "/local/domain/%u/name", c->domid);
    char *text = xs_read(c->d->xs, XBT_NULL, path, NULL);

    snprintf(name, sizeof(name), "guest-%.256s", text && *text ? text : path + 1);
    free(text);
    c->log.stamp = c->d->options.stamp_guests;
    c->log.dots = c->d->options.dots;
    log_open(&c->log, c->d->options.log_dir, name);
}

/* ---- both ends */

/* Wait for what the terminal can do that there is a use for */
static void want(struct console *c)
{
    uint32_t events = 0;

    if (c->said.count)
        events |= EPOLLOUT;
    if (c->ring && c->port >= 0 && ring_room(c->ring))
        events |= EPOLLIN;
    if (c->io)
        sd_event_source_set_io_events(c->io, events);
}

/* Take what the guest has said, as much as there is a place for */
static void take(struct console *c)
{
    char text[RING_OUT_SIZE];
    size_t max = sizeof(text);
    bool wrong;

    if (!c->ring)
        return;
    if (c->d->options.keep && buffer_room(&c->said) < max)
        max = buffer_room(&c->said);
    size_t count = ring_take(c->ring, text, max, &wrong);

    if (wrong && !c->wrong)
        say(LOG_WARNING, "domain %u's console has impossible indices, what it said is dropped",
            c->domid);
    c->wrong = wrong;
    if (!count)
        return;
    if (c->d->options.log_guests) {
        if (c->log.fd < 0 && !c->log.failed)
            open_log(c);
        log_write(&c->log, text, count);
    }
    buffer_put(&c->said, text, count);
    if (c->port >= 0)
        xenevtchn_notify(c->d->evtchn, (evtchn_port_t)c->port);
}

/* Serve the guest. It is listened to again unless it waits for a reader. */
static void serve(struct console *c)
{
    take(c);
    if (c->masked && !(c->d->options.keep && !buffer_room(&c->said))) {
        c->masked = false;
        xenevtchn_unmask(c->d->evtchn, (evtchn_port_t)c->port);
    }
    want(c);
}

static int period_over(sd_event_source *source, uint64_t now, void *data)
{
    struct console *c = data;

    (void)source;
    c->period = now;
    c->wakes = 0;
    serve(c);
    return 0;
}

void console_event(struct console *c)
{
    uint64_t now;

    sd_event_now(c->d->event, CLOCK_MONOTONIC, &now);
    if (now - c->period >= PERIOD) {
        c->period = now;
        c->wakes = 0;
    }
    c->masked = true;
    if (++c->wakes <= WAKES_A_PERIOD) {
        serve(c);
    } else {
        sd_event_source_set_time(c->timer, c->period + PERIOD);
        sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
    }
}

/* ---- the terminal */

static int terminal_ready(sd_event_source *source, int fd, uint32_t events, void *data);

static void close_terminal(struct console *c)
{
    c->hup = sd_event_source_disable_unref(c->hup);
    c->io = sd_event_source_disable_unref(c->io);
    terminal_close(&c->tty, c->domid);
}

static int open_terminal(struct console *c)
{
    int rc = terminal_open(&c->tty, c->domid);

    if (!rc)
        rc = sd_event_add_io(c->d->event, &c->io, c->tty.master, 0, terminal_ready, c);
    if (rc >= 0)
        rc = sd_event_add_io(c->d->event, &c->hup, c->tty.slave, 0, terminal_ready, c);
    if (rc < 0) {
        say(LOG_ERR, "domain %u gets no terminal: %s", c->domid, strerror(-rc));
        close_terminal(c);
        return rc;
    }
    publish(c);
    say(LOG_DEBUG, "domain %u has terminal %s", c->domid, c->tty.name);
    return 0;
}

static bool write_terminal(struct console *c)
{
    const char *text;
    size_t count = buffer_peek(&c->said, &text);
    ssize_t n = count ? write(c->tty.master, text, count) : 0;

    if (n > 0)
        buffer_drop(&c->said, (size_t)n);
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool read_terminal(struct console *c)
{
    char text[RING_IN_SIZE];
    ssize_t n = read(c->tty.master, text, ring_room(c->ring));

    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    /* What the guest's page has no place for any more is lost: it changed its indices meanwhile */
    if (ring_give(c->ring, text, (size_t)n))
        xenevtchn_notify(c->d->evtchn, (evtchn_port_t)c->port);
    return true;
}

static int terminal_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct console *c = data;
    bool good = !(events & (EPOLLHUP | EPOLLERR));

    (void)source;
    (void)fd;
    if (good && (events & EPOLLOUT))
        good = write_terminal(c);
    if (good && (events & EPOLLIN) && c->ring && c->port >= 0 && ring_room(c->ring))
        good = read_terminal(c);
    if (!good) {
        close_terminal(c);
        if (c->ended)
            return 0;
        say(LOG_NOTICE, "a terminal of domain %u broke, it gets another one", c->domid);
        open_terminal(c);
    }
    serve(c);
    return 0;
}

/* ---- the guest's side */

static void disconnect(struct console *c)
{
    if (c->port >= 0) {
        c->d->by_port[c->port] = NULL;
        xenevtchn_unbind(c->d->evtchn, (evtchn_port_t)c->port);
    }
    c->port = c->remote = -1;
    c->masked = false;
}

static void unmap_ring(struct console *c)
{
    if (c->ring && c->granted)
        xengnttab_unmap(c->d->gnttab, c->ring, 1);
    else if (c->ring)
        xc_unmap(c->d->xc, c->ring, 1);
    c->ring = NULL;
    c->frame = -1;
}

/* By the grant that a toolstack leaves in the guest's table; without one, as a frame */
static int map_ring(struct console *c, long long frame)
{
    xen_pfn_t gfn = (xen_pfn_t)frame;

    c->ring = xengnttab_map_grant_ref(c->d->gnttab, c->domid, GNTTAB_RESERVED_CONSOLE,
                                      PROT_READ | PROT_WRITE);
    c->granted = c->ring;
    if (!c->ring)
        c->ring = xc_map(c->d->xc, c->domid, PROT_READ | PROT_WRITE, 1, &gfn, NULL);
    if (!c->ring)
        return -errno;
    c->frame = frame;
    return 0;
}

static int connect_port(struct console *c, long long remote)
{
    struct daemon *d = c->d;
    int port = xenevtchn_bind_interdomain(d->evtchn, c->domid, (evtchn_port_t)remote);

    if (port < 0)
        return -errno;
    if ((uint32_t)port >= d->ports) {
        uint32_t ports = (uint32_t)port + 64;
        struct console **by_port = realloc(d->by_port, ports * sizeof(*by_port));

        if (!by_port) {
            xenevtchn_unbind(d->evtchn, (evtchn_port_t)port);
            return -ENOMEM;
        }
        memset(by_port + d->ports, 0, (ports - d->ports) * sizeof(*by_port));
        d->by_port = by_port;
        d->ports = ports;
    }
    d->by_port[port] = c;
    c->port = port;
    c->remote = (int)remote;
    return 0;
}

void console_follow(struct console *c)
{
    long long frame, remote, limit;
    int rc = 0;

    if (!read_number(c, "ring-ref", &frame) || !read_number(c, "port", &remote) || frame < 0 ||
        remote <= 0 || remote > UINT16_MAX * 4 || !node_is(c, "type", "xenconsoled") ||
        !node_is(c, "output", "pty")) {
        disconnect(c);
        unmap_ring(c);
        return;
    }
    c->said.limit = LIMIT_DEFAULT;
    if (read_number(c, "limit", &limit) && limit >= 0)
        c->said.limit = (size_t)limit;
    if (c->said.limit > LIMIT_MAXIMUM)
        c->said.limit = LIMIT_MAXIMUM;
    if (c->said.limit < RING_OUT_SIZE)
        c->said.limit = RING_OUT_SIZE;

    if (remote != c->remote)
        disconnect(c);
    if (frame != c->frame)
        unmap_ring(c);
    if (!c->ring)
        rc = map_ring(c, frame);
    if (!rc && c->port < 0)
        rc = connect_port(c, remote);
    if (rc) {
        say(LOG_ERR, "domain %u's console (page %lld, port %lld) is not connected: %s", c->domid,
            frame, remote, strerror(-rc));
        return;
    }
    if (c->tty.master < 0 && open_terminal(c))
        return;
    serve(c);
}

/* ---- its life */

struct console *console_new(struct daemon *d, uint32_t domid)
{
    struct console *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->d = d;
    c->domid = domid;
    c->frame = c->remote = c->port = c->tty.master = c->tty.slave = c->log.fd = -1;
    c->said.limit = LIMIT_DEFAULT;
    snprintf(c->path, sizeof(c->path), "/local/domain/%u/console", domid);
    if (sd_event_add_time(d->event, &c->timer, CLOCK_MONOTONIC, 0, 1, period_over, c) < 0) {
        free(c);
        return NULL;
    }
    sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
    return c;
}

void console_reopen_log(struct console *c)
{
    if (c->log.fd >= 0 || c->log.failed)
        open_log(c);
}

static int free_console(sd_event_source *source, uint64_t now, void *data)
{
    struct console *c = data;

    (void)now;
    close_terminal(c);
    buffer_free(&c->said);
    free(c);
    sd_event_source_disable_unref(source);
    return 0;
}

void console_end(struct console *c)
{
    take(c);
    c->ended = true;
    disconnect(c);
    unmap_ring(c);
    log_close(&c->log);
    want(c);
    sd_event_source_disable_unref(c->timer);
    if (sd_event_add_time_relative(c->d->event, &c->timer, CLOCK_MONOTONIC, FAREWELL, 0,
                                   free_console, c) < 0)
        free_console(NULL, 0, c);
}

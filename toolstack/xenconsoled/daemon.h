/*
 * What the parts of xenconsoled share. There is one thread and one loop (sd-event): a console is
 * served in small steps, one for each event, so none waits for another for long.
 */
#ifndef XENCONSOLED_DAEMON_H
#define XENCONSOLED_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <xen/event_channel.h>
#include <xen/xen.h>

struct xc;
struct xs_handle;
struct xenevtchn_handle;
struct xengntdev_handle;
struct console;

/* What the command line says */
struct options {
    bool log_guests, log_hypervisor, stamp_guests, stamp_hypervisor, dots;
    bool keep; /* a guest waits when nobody reads what it said; else the oldest is forgotten */
    const char *log_dir;
};

struct daemon {
    struct options options;
    sd_event *event;
    struct xc *xc;
    struct xs_handle *xs;
    sd_event_source *news, *lifeline; /* of the store */
    struct xenevtchn_handle *evtchn;
    struct xengntdev_handle *gnttab;
    struct console *consoles[DOMID_FIRST_RESERVED];
    struct console **by_port; /* whose events arrive at a port of ours; `ports` entries */
    uint32_t ports;
};

/* ---- store.c: the connection to the store */
/* Connect, and hear of domains; then the consoles of all domains are there. When xenstored ends,
 * the next one is waited for. -errno. */
int store_open(struct daemon *d);

/* ---- domains.c: which consoles there are */
/* The store is another one: watch all consoles there, and follow them */
void domains_watch_again(struct daemon *d);
/* Make the consoles of new domains, end those of domains that are gone */
void domains_update(struct daemon *d);
/* The store says that something changed at @path. Returns whose console has to be looked at, by
 * domains_follow(), or DOMID_INVALID. */
uint32_t domains_changed(struct daemon *d, const char *path);
void domains_follow(struct daemon *d, uint32_t domid); /* DOMID_INVALID: nothing */
/* Open all logs anew */
void domains_reopen_logs(struct daemon *d);
/* Keep the terminals that the service manager kept while the daemon was restarted */
void domains_adopt_terminals(void);
/* Forget those whose domains are gone: a later domain with the number has nothing of theirs */
void domains_forget_terminals(const struct daemon *d);

/* ---- console.c: one console */
/* Of a new domain; NULL without memory. It works as soon as the store says where its page is. */
struct console *console_new(struct daemon *d, uint32_t domid);
/* Look up in the store how it is connected, and follow that */
void console_follow(struct console *c);
/* Its event came: it is served, now or when it has been quiet for a while, and then unmasked */
void console_event(struct console *c);
void console_reopen_log(struct console *c);
/* Its domain is gone: what it said last can be read for a moment, then it is freed */
void console_end(struct console *c);

/* ---- terminal.c: a pseudo-terminal */
struct terminal {
    int master,
        slave; /* -1: none. The other end is kept open, or it would end when a reader ends */
    char name[64];
};
/* -errno; -1 in both otherwise */
int terminal_open(struct terminal *t, uint32_t domid);
/* One of the two files of a terminal that the service manager kept; takes it */
void terminal_keep(uint32_t domid, int fd);
/* A kept terminal that was not opened is not needed any more */
void terminal_forget(uint32_t domid);
/* Say that the terminal is not needed any more, and close it */
void terminal_close(struct terminal *t, uint32_t domid);

/* ---- hypervisor.c: its own console */
/* -errno */
int hypervisor_start(struct daemon *d);
/* @port is its event: returns false if not */
bool hypervisor_event(struct daemon *d, evtchn_port_t port);
void hypervisor_reopen_log(struct daemon *d);

#endif

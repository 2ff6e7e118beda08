/*
 * A domain's ring: a page that it shares, and an event channel. The page is the domain's to write:
 * what it says is copied, checked, and only ever harms the domain itself. Called by domain.c, and
 * through struct link_ops by conn.c.
 */
#ifndef XENSTORED_RING_H
#define XENSTORED_RING_H

#include "conn.h"

struct ring;

/* Map the page, bind the channel. -errno */
int ring_open(struct ring **ring, uint32_t domid, uint64_t frame, uint32_t port);
int ring_open_dom0(struct ring **ring);
struct link *ring_link(struct ring *ring);
/* The first client of the ring begins where the page says; part of a step */
void ring_begin(struct ring *ring, struct conn *conn);
/* The client goes on after a restart; part of a step */
void ring_continue(struct ring *ring, struct conn *conn);
/* Another event channel for the same ring */
int ring_rebind(struct link *link, uint32_t port);
/* Unmap and unbind; the client is forgotten by the caller */
void ring_close(struct link *link);

/* The event channel device is readable */
void ring_events(void);

#endif

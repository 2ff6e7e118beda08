/* The hypervisor and the store of this test, in place of the libraries that reach the real ones. */
#include "test.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include "xc/domain.h"

struct fake_guest guest[GUESTS];
static struct {
    char path[80], value[80];
} node[64];

void fake_reset(void)
{
    memset(guest, 0, sizeof(guest));
    memset(node, 0, sizeof(node));
}

void fake_write(const char *path, const char *value)
{
    int place = -1;

    for (int i = 0; i < 64; i++) {
        if (!strcmp(node[i].path, path) || (place < 0 && !node[i].path[0]))
            place = i;
        if (!strcmp(node[i].path, path))
            break;
    }
    assert_true(place >= 0);
    snprintf(node[place].path, 80, "%s", value ? path : "");
    snprintf(node[place].value, 80, "%s", value ? value : "");
}

const char *fake_read(const char *path)
{
    for (int i = 0; i < 64; i++) {
        if (node[i].path[0] && !strcmp(node[i].path, path))
            return node[i].value;
    }
    return NULL;
}

void fake_create(uint32_t domid)
{
    static const char *const nodes[][2] = {
        { "name", "fake" },          { "console/type", "xenconsoled" }, { "console/output", "pty" },
        { "console/limit", "8192" }, { "console/ring-ref", "77" },      { "console/port", "2" },
    };
    char path[80];

    guest[domid] = (struct fake_guest){ .lives = true };
    for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
        snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, nodes[i][0]);
        fake_write(path, nodes[i][1]);
    }
}

void fake_say(struct daemon *d, uint32_t domid, const char *text, size_t count)
{
    struct fake_guest *g = &guest[domid];

    for (size_t i = 0; i < count; i++)
        g->page.out[(g->page.out_prod + i) % RING_OUT_SIZE] = text[i];
    g->page.out_prod += (XENCONS_RING_IDX)count;
    if (g->bound && !g->masked) {
        g->masked = 1;
        console_event(d->by_port[PORT_OF(domid)]);
    }
}

/* ---- the libraries */

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    const char *value = fake_read(path);

    (void)h;
    (void)t;
    (void)len;
    return value ? strdup(value) : NULL;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len)
{
    (void)h;
    (void)t;
    assert_int_equal(len, strlen(data));
    fake_write(path, data);
    return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    (void)h;
    (void)token;
    return path[0];
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    return xs_watch(h, path, token);
}

int xc_domain_list(struct xc *xc, uint32_t first, unsigned int max,
                   struct xen_domctl_getdomaininfo *info)
{
    int count = 0;

    (void)xc;
    for (uint32_t i = first; i < GUESTS && (unsigned int)count < max; i++) {
        if (guest[i].lives)
            info[count++] = (struct xen_domctl_getdomaininfo){ .domain = (domid_t)i };
    }
    return count;
}

void *xc_map(struct xc *xc, uint32_t domid, int prot, size_t count, const xen_pfn_t *frames,
             int *errors)
{
    (void)xc;
    (void)prot;
    assert_int_equal(count, 1);
    assert_int_equal(frames[0], 77);
    assert_null(errors);
    guest[domid].mapped++;
    return &guest[domid].page;
}

static void unmap(void *page)
{
    for (int i = 0; i < GUESTS; i++) {
        if (page == &guest[i].page)
            guest[i].mapped--;
    }
}

void xc_unmap(struct xc *xc, void *address, size_t count)
{
    (void)xc;
    (void)count;
    unmap(address);
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
    (void)xgt;
    (void)prot;
    assert_int_equal(ref, 0);
    errno = EINVAL;
    if (guest[domid].no_grant)
        return NULL;
    guest[domid].mapped++;
    return &guest[domid].page;
}

int xengnttab_unmap(xengnttab_handle *xgt, void *address, uint32_t count)
{
    (void)xgt;
    (void)count;
    unmap(address);
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *x, uint32_t domid,
                                                     evtchn_port_t remote)
{
    (void)x;
    assert_int_equal(guest[domid].bound, 0);
    guest[domid].bound = (int)remote;
    guest[domid].masked = 0;
    return PORT_OF((int)domid);
}

int xenevtchn_unbind(xenevtchn_handle *x, evtchn_port_t port)
{
    (void)x;
    guest[port - PORT_OF(0)].bound = 0;
    return 0;
}

int xenevtchn_unmask(xenevtchn_handle *x, evtchn_port_t port)
{
    (void)x;
    assert_int_equal(guest[port - PORT_OF(0)].masked, 1);
    guest[port - PORT_OF(0)].masked = 0;
    return 0;
}

int xenevtchn_notify(xenevtchn_handle *x, evtchn_port_t port)
{
    (void)x;
    guest[port - PORT_OF(0)].notified++;
    return 0;
}

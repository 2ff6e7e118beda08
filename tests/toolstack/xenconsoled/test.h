/* What the two files of this test share: a hypervisor and a store that consist of arrays. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include "xenconsoled/daemon.h"
#include "xenconsoled/ring.h"

#define GUESTS 4

/* Guest N (1 to GUESTS - 1): its page, and what happened to its event */
struct fake_guest {
    bool lives;
    bool no_grant; /* its page is mapped as a frame only */
    struct xencons_interface page;
    int mapped, bound, masked, notified;
};
extern struct fake_guest guest[GUESTS];

/* Ports of ours are this and the guest's id */
#define PORT_OF(domid) (10 + (domid))

void fake_reset(void);
void fake_write(const char *path, const char *value); /* NULL removes */
const char *fake_read(const char *path);
/* Guest @domid with its nodes in the store, as a toolstack leaves them */
void fake_create(uint32_t domid);
/* The guest says @count bytes and rings, if its event is not masked */
void fake_say(struct daemon *d, uint32_t domid, const char *text, size_t count);

#endif

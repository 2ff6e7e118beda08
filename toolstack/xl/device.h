/*
 * What the commands for the devices of guests share.
 */
#ifndef XL_DEVICE_H
#define XL_DEVICE_H

#include "cfg.h"

/* device_list: a heading, or none for NULL; f() prints the rows of each domain that the words name.
 * A domain that there is not is told, and the others come all the same. */
int device_list(const struct args *args, const char *heading,
                void (*f)(struct listing *l, uint32_t domid));

/* device_read: the words after the domain, each some parts of a device's description; exits with 1
 */
void device_read(const struct args *args, const struct language *language, void *device);

/* device_show: what -N prints instead of attaching; TEXT is freed */
int device_show(const char *kind, char *text);

/* device_number: of a word; exits with 1 */
int device_number(const char *text);

/* The usual cells: number, domain that serves it, ... */
void cells_backend(struct listing *l, int devid, uint32_t backend);

#endif

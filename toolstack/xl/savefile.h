/*
 * What stands before the state of a domain, in a file of `xl save` and in the stream of `xl
 * migrate`.
 */
#ifndef XL_SAVEFILE_H
#define XL_SAVEFILE_H

#include "xl.h"

struct saved {
    char *config; /* JSON of libxl; or text, in files of Xen 4.4 and before */
    size_t length;
    bool json;
};

/* saved_write: the header, with the configuration of the domain, or that of the file CONFIG_PATH.
 * KEEP_ID leaves the domain's number in it. Returns a libxl error, told. */
int saved_write(int fd, const char *name, uint32_t domid, const char *config_path, bool keep_id);

/* saved_read: the header; afterwards the domain's state comes. Returns a libxl error, told. */
int saved_read(int fd, const char *name, struct saved *saved);

#endif

/* xenstore and its modes: what a mode gets from main.c */
#ifndef UTILS_XENSTORE_MODES_H
#define UTILS_XENSTORE_MODES_H

#include <stdbool.h>
#include <xenstore.h>
#include <xenstore_lib.h>

struct store {
    struct xs_handle *xs;
    xs_transaction_t transaction;
};

struct options {
    bool flat, prefix, raw, recurse, tidy, upto, perms;
    int events; /* negative: no end */
};

/*
 * A mode, with the arguments that follow the options. The exit status; what failed has been told.
 * It is called again when its transaction met another one.
 */
typedef int mode_function(struct store *s, const struct options *o, int argc, char **argv);

mode_function mode_read, mode_write, mode_exists, mode_list, mode_ls, mode_rm, mode_chmod,
    mode_watch;

#endif

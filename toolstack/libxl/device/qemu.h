/* The command line of a domain's qemu. */
#ifndef LIBXL_DEVICE_QEMU_H
#define LIBXL_DEVICE_QEMU_H

#include "libxl/internal.h"

#define QEMU_RUN_FOLDER "/var/run/xen"

/* Names of its sockets in that folder, without the domain's number; ended by NULL */
extern const char *const qemu_sockets[];

/* A command line that grows, in the operation */
struct words {
    struct op *op;
    const char **argv;
    size_t count;
};

void word_add(struct words *w, const char *word);
void word_pair(struct words *w, const char *option, const char *value);
void words_display(struct words *w, const libxl_vnc_info *vnc, const libxl_sdl_info *sdl,
                   const char *keymap);
void words_channels(struct words *w, const libxl_domain_config *config);
void words_list(struct words *w, const libxl_string_list list);
/* qemu_pc.c: the machine of an HVM domain */
void words_pc(struct words *w, uint32_t domid, const libxl_domain_config *config);

/* Ends with NULL; NULL when there is no program */
const char *const *qemu_args(struct op *op, uint32_t domid, const libxl_domain_config *config);

#endif

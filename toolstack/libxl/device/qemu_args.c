/*
 * The command line of a domain's qemu. Of a PV or PVH domain: no machine but its Xen backends; of
 * an HVM domain a PC (qemu_pc.c). Called by qemu.c; changes nothing.
 */
#include <errno.h>
#include <unistd.h>

#include "libxl/device/device.h"
#include "libxl/device/qemu.h"

/* Debian's build for Xen, then what a qemu of one's own is called */
static const char *const programs[] = { "/usr/libexec/xen-qemu-system-i386",
                                        "/usr/lib/xen/bin/qemu-system-i386",
                                        "/usr/bin/qemu-system-i386", NULL };

/* For the toolstack, and for programs that watch */
const char *const qemu_sockets[] = { "qmp-libxl", "qmp-libxenstat", NULL };
static const char *const monitors[] = { "libxl-cmd", "libxenstat-cmd", NULL };

void word_add(struct words *w, const char *word)
{
    w->argv =
        op_realloc(w->op, w->argv, w->count * sizeof(*w->argv), (w->count + 2) * sizeof(*w->argv));
    w->argv[w->count++] = word;
    w->argv[w->count] = NULL;
}

void word_pair(struct words *w, const char *option, const char *value)
{
    word_add(w, option);
    word_add(w, value);
}

static const char *find_program(struct op *op, const libxl_domain_config *config)
{
    if (config->b_info.device_model) {
        if (access(config->b_info.device_model, X_OK) == 0)
            return config->b_info.device_model;
        op_log(op, XTL_ERROR, errno, "The device model %s cannot be executed",
               config->b_info.device_model);
        return NULL;
    }
    for (const char *const *p = programs; *p; p++)
        if (access(*p, X_OK) == 0)
            return *p;
    op_log(op, XTL_ERROR, 0,
           "This domain needs qemu, and there is no %s: install the package qemu-system-xen",
           programs[0]);
    return NULL;
}

void words_display(struct words *w, const libxl_vnc_info *vnc, const libxl_sdl_info *sdl,
                   const char *keymap)
{
    struct op *op = w->op;

    if (libxl_defbool_val(vnc->enable)) {
        word_pair(w, "-vnc",
                  op_printf(op, "%s:%d%s%s", vnc->listen, vnc->display,
                            libxl_defbool_val(vnc->findunused) ? ",to=99" : "",
                            vnc->passwd && *vnc->passwd ? ",password=on" : ""));
    } else {
        word_pair(w, "-vnc", "none");
    }
    word_pair(w, "-display", libxl_defbool_val(sdl->enable) ? "sdl" : "none");
    if (keymap)
        word_pair(w, "-k", keymap);
}

void words_channels(struct words *w, const libxl_domain_config *config)
{
    for (int i = 0; i < config->num_channels; i++) {
        const libxl_device_channel *c = &config->channels[i];

        if (c->connection == LIBXL_CHANNEL_CONNECTION_SOCKET)
            word_pair(w, "-chardev",
                      op_printf(w->op, "socket,id=libxl-channel%d,path=%s,server=on,wait=off",
                                c->devid, c->u.socket.path));
        else
            word_pair(w, "-chardev", op_printf(w->op, "pty,id=libxl-channel%d", c->devid));
    }
}

void words_list(struct words *w, const libxl_string_list list)
{
    for (int i = 0; list && list[i]; i++)
        word_add(w, list[i]);
}

const char *const *qemu_args(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    struct words w = { .op = op };
    const char *program = find_program(op, config);

    if (!program)
        return NULL;
    word_add(&w, program);
    word_pair(&w, "-xen-domid", op_printf(op, "%u", domid));
    word_add(&w, "-no-shutdown");
    for (int i = 0; monitors[i]; i++) {
        word_pair(&w, "-chardev",
                  op_printf(op, "socket,id=%s,path=" QEMU_RUN_FOLDER "/%s-%u,server=on,wait=off",
                            monitors[i], qemu_sockets[i], domid));
        word_pair(&w, "-mon", op_printf(op, "chardev=%s,mode=control", monitors[i]));
    }
    word_add(&w, "-nodefaults");
    word_add(&w, "-no-user-config");
    if (config->c_info.type != LIBXL_DOMAIN_TYPE_HVM)
        word_add(&w, "-xen-attach");
    word_pair(&w, "-name", config->c_info.name ? config->c_info.name : "dom0");
    if (config->c_info.type == LIBXL_DOMAIN_TYPE_HVM) {
        words_pc(&w, domid, config);
        return w.argv;
    }
    if (config->num_vfbs > 0) {
        words_display(&w, &config->vfbs[0].vnc, &config->vfbs[0].sdl, config->vfbs[0].keymap);
    } else {
        word_pair(&w, "-vnc", "none");
        word_pair(&w, "-display", "none");
        word_add(&w, "-nographic");
    }
    words_channels(&w, config);
    word_pair(&w, "-machine", "xenpv");
    words_list(&w, config->b_info.extra);
    words_list(&w, config->b_info.extra_pv);
    if (config->b_info.max_memkb != LIBXL_MEMKB_DEFAULT)
        word_pair(&w, "-m",
                  op_printf(op, "%llu", (unsigned long long)config->b_info.max_memkb / 1024));
    return w.argv;
}

/*
 * remus: checkpoints of a guest go to another host, where it lives on when this one fails.
 */
#include <fcntl.h>
#include "commands.h"
#include "conf.h"
#include "migrate.h"
#include "savefile.h"

enum { INTERVAL_MS = 200 };

static void info_read(const struct args *args, libxl_domain_remus_info *info)
{
    bool colo = args_has(args, 'c');
    const char *script = args_value(args, 'N') ? args_value(args, 'N') : conf.netbuf_script;

    libxl_domain_remus_info_init(info);
    info->interval = (int)args_number(args, 'i', colo ? 0 : INTERVAL_MS);
    libxl_defbool_set(&info->allow_unsafe, args_has(args, 'F'));
    libxl_defbool_set(&info->blackhole, args_has(args, 'b'));
    libxl_defbool_set(&info->compression, !colo && !args_has(args, 'u'));
    libxl_defbool_set(&info->netbuf, !args_has(args, 'n'));
    libxl_defbool_set(&info->diskbuf, !args_has(args, 'd'));
    libxl_defbool_set(&info->colo, colo);
    libxl_defbool_set(&info->userspace_colo_proxy, args_has(args, 'p'));
    if (script)
        info->netbufscript = need(strdup(script));
}

static void check(const struct args *args)
{
    bool colo = args_has(args, 'c');

    if (args_has(args, 'p') && !colo)
        fatal("Option -p must be used in conjunction with -c");
    if (colo &&
        (args_has(args, 'i') || args_has(args, 'd') || args_has(args, 'n') || args_has(args, 'b')))
        fatal("option -c is conflict with -i, -d, -n or -b");
    if (colo && !args_has(args, 'u'))
        error(
            "COLO can't be used with memory compression. Disable memory checkpoint compression now...");
    if (args->count < 2 && !args_has(args, 'b'))
        fatal("'xl remus' needs a host, or -b and -F to write checkpoints to nowhere");
}

static char *options_of(const struct args *args)
{
    if (!args_has(args, 'c'))
        return text_of(" -r%s", args_has(args, 'e') ? " -e" : "");
    return text_of(" --colo%s%s%s%s", conf.colo_script ? " --coloft-script " : "",
                   conf.colo_script ? conf.colo_script : "",
                   args_has(args, 'p') ? " --userspace-colo-proxy" : "",
                   args_has(args, 'e') ? " -e" : "");
}

int run_remus(const struct args *args)
{
    const char *ssh = args_value(args, 's'), *mode = args_has(args, 'c') ? "COLO" : "Remus";
    libxl_domain_remus_info info;
    struct peer peer = { .receive = -1 };
    uint32_t domid;
    int rc;

    check(args);
    domid = domain_find(args->words[0]);
    info_read(args, &info);
    if (args_has(args, 'b')) {
        peer.send = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (peer.send < 0)
            fatal("failed to open /dev/null: %m");
    } else {
        peer_start(&peer, command_for(ssh ? ssh : "ssh", args->words[1], options_of(args)));
        if (saved_write(peer.send, "migration stream", domid, NULL, false))
            fatal(
                "No config file stored for running domain and none supplied - cannot start remus.");
    }
    /* returns only when something has gone wrong, here or there */
    rc = libxl_domain_remus_start(xl.ctx, &info, domid, peer.send, peer.receive, NULL);
    if (rc == ERROR_DOMAIN_NOTFOUND || rc == ERROR_DOMAIN_DESTROYED) {
        error("%s: Primary domain has been destroyed.", mode);
    } else if (rc == ERROR_GUEST_TIMEDOUT) {
        error("Failed to suspend domain at primary.");
    } else {
        error("%s: Backup failed? resuming domain at primary.", mode);
        libxl_domain_resume(xl.ctx, domid, 1, NULL);
    }
    if (peer.receive >= 0)
        peer_end(&peer);
    libxl_domain_remus_info_dispose(&info);
    return EXIT_FAILURE;
}

/*
 * The pseudo-terminal of a console. Under a service manager its file is left there too, under the
 * name console-DOMID, and comes back when the daemon is started again: who is connected notices
 * nothing. Called by console.c, on the only thread.
 */
#include "xenconsoled/daemon.h"
#include "xenconsoled/log.h"
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* Files from before, plus 1; 0 is none */
static int kept[DOMID_FIRST_RESERVED];

void terminal_keep(uint32_t domid, int master)
{
    if (domid < DOMID_FIRST_RESERVED && !kept[domid])
        kept[domid] = master + 1;
    else
        close(master);
}

/* Nothing is echoed or translated: both ends pass what the guest and the reader say */
static int make_raw(struct terminal *t)
{
    struct termios mode;

    if (tcgetattr(t->slave, &mode))
        return -errno;
    cfmakeraw(&mode);
    return tcsetattr(t->slave, TCSANOW, &mode) ? -errno : 0;
}

static int open_pair(struct terminal *t, uint32_t domid)
{
    if (kept[domid]) {
        t->master = kept[domid] - 1;
        kept[domid] = 0;
        if (!ptsname_r(t->master, t->name, sizeof(t->name))) {
            t->slave = open(t->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
            if (t->slave >= 0)
                return 0;
        }
        close(t->master);
    }
    if (openpty(&t->master, &t->slave, NULL, NULL, NULL))
        return -errno;
    if (ptsname_r(t->master, t->name, sizeof(t->name)))
        return -errno;
    return make_raw(t);
}

int terminal_open(struct terminal *t, uint32_t domid)
{
    char state[64];

    t->master = t->slave = -1;
    int rc = open_pair(t, domid);

    if (rc) {
        terminal_close(t, domid);
        return rc;
    }
    fcntl(t->master, F_SETFL, O_NONBLOCK);
    fcntl(t->master, F_SETFD, FD_CLOEXEC);
    fcntl(t->slave, F_SETFD, FD_CLOEXEC);
    snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=console-%u", domid);
    sd_pid_notify_with_fds(0, 0, state, &t->master, 1);
    return 0;
}

void terminal_close(struct terminal *t, uint32_t domid)
{
    if (t->master >= 0) {
        sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=console-%u", domid);
        close(t->master);
    }
    if (t->slave >= 0)
        close(t->slave);
    t->master = t->slave = -1;
}

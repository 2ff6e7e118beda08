/*
 * The pseudo-terminal of a console. Under a service manager both its files are left there too,
 * under the name console-DOMID, and come back when the daemon is started again: who is connected
 * notices nothing. With the slave's file there, the terminal does not hang up meanwhile, and what
 * waits in it for a reader stays. Called by console.c and domains.c, on the only thread.
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
static struct {
    int master, slave;
} kept[DOMID_FIRST_RESERVED];

void terminal_keep(uint32_t domid, int fd)
{
    char name[64];
    int *place = NULL;

    /* Only a master has the name of its other end */
    if (domid < DOMID_FIRST_RESERVED)
        place = ptsname_r(fd, name, sizeof(name)) ? &kept[domid].slave : &kept[domid].master;
    if (place && !*place)
        *place = fd + 1;
    else
        close(fd);
}

void terminal_forget(uint32_t domid)
{
    if (!kept[domid].master && !kept[domid].slave)
        return;
    sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=console-%u", domid);
    if (kept[domid].master)
        close(kept[domid].master - 1);
    if (kept[domid].slave)
        close(kept[domid].slave - 1);
    kept[domid].master = kept[domid].slave = 0;
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
    if (kept[domid].master && kept[domid].slave) {
        t->master = kept[domid].master - 1;
        t->slave = kept[domid].slave - 1;
        kept[domid].master = kept[domid].slave = 0;
        return ptsname_r(t->master, t->name, sizeof(t->name)) ? -errno : 0;
    }
    terminal_forget(domid);
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
    /* The manager is not to look at them: a terminal is forgotten when we say so, and that only */
    snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=console-%u", domid);
    sd_pid_notify_with_fds(0, 0, state, (int[]){ t->master, t->slave }, 2);
    return 0;
}

void terminal_close(struct terminal *t, uint32_t domid)
{
    terminal_forget(domid); /* its domain may end before it is opened */
    if (t->master >= 0) {
        sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=console-%u", domid);
        close(t->master);
    }
    if (t->slave >= 0)
        close(t->slave);
    t->master = t->slave = -1;
}

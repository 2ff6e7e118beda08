/*
 * Processes that xl starts, and the process that stays behind for a guest.
 */
#ifndef XL_PROCESS_H
#define XL_PROCESS_H

#include <sys/types.h>
#include "xl.h"

#define XL_CONF "/etc/xen/xl.conf"

/* session_open: libxl for this process; exits with 1 when that fails */
void session_open(void);

/* process_fork: 0 in the child, which exits when it has done its work or executes something. The
 * child has libxl only after session_again(). */
pid_t process_fork(const char *what);
void session_again(void);

/* process_wait: until it ends; returns what waitpid() tells, -1 with errno */
int process_wait(pid_t pid);

/* daemon_become: leave a child behind that logs to /var/log/xen/NAME.log; returns 0 in it, 1 in the
 * process that called, a libxl error otherwise. PIDFILE may be NULL. */
int daemon_become(const char *name, const char *pidfile);

#endif

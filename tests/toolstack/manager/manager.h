/* A service manager's side of sd_notify(), for tests of daemons. */
#ifndef TEST_MANAGER_H
#define TEST_MANAGER_H

#include <stddef.h>

#define MANAGER_FILES 2

/* A socket for messages to the manager; NOTIFY_SOCKET names it from now on */
int manager_open(void);
/* The next message, within @ms milliseconds, and how many files came with it; -1: there is none */
int manager_get(int manager, int ms, char *text, size_t size, int files[MANAGER_FILES]);

#endif

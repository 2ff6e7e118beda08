/* The event loop: files that become readable or writable, and clients in the queue. */
#ifndef XENSTORED_LOOP_H
#define XENSTORED_LOOP_H

#include <stdint.h>

struct source {
    void (*ready)(struct source *s, uint32_t events); /* EPOLL* */
};

/* -errno */
int loop_init(void);
int loop_add(int fd, struct source *source, uint32_t events);
/* The descriptor is about to be closed, and @source to be freed */
void loop_remove(int fd, struct source *source);
/* Until a signal asks for the end (SIGTERM, SIGINT). SIGHUP calls @reopen. */
void loop_run(void (*reopen)(void));

#endif

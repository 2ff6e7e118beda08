/*
 * What migrate and remus share: the way to the other host.
 */
#ifndef XL_MIGRATE_H
#define XL_MIGRATE_H

#include <sys/types.h>
#include "xl.h"

/* The other end: a process that is, or leads to, an `xl migrate-receive` */
struct peer {
    pid_t pid;
    int send, receive;
    const char *command;
};

void peer_start(struct peer *peer,
                char *command); /* and wait for its banner; exits when it is not there */
void peer_end(struct peer *peer);

/* command_for: the command of the other end; HOST is a command itself when SSH is empty */
char *command_for(const char *ssh, const char *host, const char *options);

#endif

/*
 * What migrate and remus, and both ends of them, share: the words of their protocol, the same as
 * those of Xen's xl.
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

/* A word of the protocol, and who reads it */
struct word {
    const char *text;
    size_t length;
    const char *what; /* for messages */
};

extern const struct word word_banner, word_ready, word_go, word_report, word_resume;

void peer_start(struct peer *peer,
                char *command); /* and wait for its banner; exits when it is not there */
void peer_end(struct peer *peer);
int word_send(int fd, const struct word *word, const char *stream);
int word_expect(int fd, const struct word *word, const char *stream); /* 0, or ERROR_FAIL, told */
int result_send(int fd, int rc, const char *stream);                  /* after word_report */
int result_receive(int fd, int *rc, const char *stream);

/* command_for: the command of the other end; HOST is a command itself when SSH is empty */
char *command_for(const char *ssh, const char *host, const char *options);

#endif

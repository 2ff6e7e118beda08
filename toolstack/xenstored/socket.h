/* Clients in dom0, by a local socket. Called by main.c. */
#ifndef XENSTORED_SOCKET_H
#define XENSTORED_SOCKET_H

/*
 * Take what systemd gave: sockets to listen at, and those of clients that the daemon before had
 * left there. Other clients of before are forgotten. How many to listen at there are, or -errno.
 */
int socket_take_given(void);
/* Listen at @path. -errno */
int socket_listen(const char *path);
/* Remove the socket that socket_listen() made */
void socket_unlink(void);

#endif

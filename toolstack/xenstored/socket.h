/* Clients in dom0, by a local socket. Called by main.c. */
#ifndef XENSTORED_SOCKET_H
#define XENSTORED_SOCKET_H

/* Listen at @path, or at the sockets that systemd gave, @count from descriptor 3 on. -errno */
int socket_listen(const char *path);
int socket_listen_given(int count);
/* Remove the socket that socket_listen() made */
void socket_unlink(void);

#endif

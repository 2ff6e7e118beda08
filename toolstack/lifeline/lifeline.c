/*
 * libxenstore does not tell that its connection has ended, when somebody watches: what it gives to
 * poll then stays silent. A second connection, without it, does tell. Used by xenconsoled and
 * libxl.
 */
#include "lifeline/lifeline.h"
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenstore_lib.h>

int lifeline_open(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = xs_daemon_socket();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

    if (fd < 0)
        return -1;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path ? path : "");
    if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
        return fd;
    err = errno;
    close(fd);
    errno = err;
    return -1;
}

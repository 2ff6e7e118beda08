/* What daemons say to a service manager, and the files that they leave there. */
#include "manager.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int manager_open(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t len = sizeof(sa_family_t); /* the kernel chooses a name */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len))
        abort();
    len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len))
        abort();
    address.sun_path[0] = '@';
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    return fd;
}

int manager_get(int manager, int ms, char *text, size_t size, int files[MANAGER_FILES])
{
    char control[CMSG_SPACE(MANAGER_FILES * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    struct iovec iov = { text, size - 1 };
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    struct pollfd p = { .fd = manager, .events = POLLIN };
    struct cmsghdr *c;
    ssize_t n;
    int count = 0;

    if (poll(&p, 1, ms) != 1)
        return -1;
    n = recvmsg(manager, &message, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return -1;
    text[n] = '\0';
    for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_type == SCM_RIGHTS) {
            count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(files, CMSG_DATA(c), (size_t)count * sizeof(int));
        }
    return count;
}

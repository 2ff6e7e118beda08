/*
 * The event loop. Nothing in it waits for a client: what is not there yet, or cannot be sent yet,
 * comes up again when epoll says so.
 */
#include "loop.h"
#include "conn.h"
#include "internal.h"
#include "transaction.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EVENTS 64

static int epoll = -1, signals = -1;
static struct epoll_event events[EVENTS];
static int event_count;
static bool ending, hangup;

static void on_signal(struct source *s, uint32_t what)
{
    struct signalfd_siginfo info;

    (void)s;
    (void)what;
    while (read(signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGHUP)
            hangup = true;
        else
            ending = true;
    }
}

int loop_init(void)
{
    static struct source source = { on_signal };
    sigset_t set;

    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return -errno;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals < 0)
        return -errno;
    return loop_add(signals, &source, EPOLLIN);
}

int loop_add(int fd, struct source *source, uint32_t what)
{
    struct epoll_event e = { .events = what, .data.ptr = source };

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

void loop_remove(int fd, struct source *source)
{
    int i;

    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    for (i = 0; i < event_count; i++)
        if (events[i].data.ptr == source)
            events[i].data.ptr = NULL;
}

static void wait_for_events(int timeout)
{
    int i;

    event_count = epoll_wait(epoll, events, EVENTS, timeout);
    if (event_count < 0 && errno != EINTR)
        die("epoll_wait: %s", strerror(errno));
    for (i = 0; i < event_count; i++) {
        struct source *s = events[i].data.ptr;

        if (s)
            s->ready(s, events[i].events);
    }
    event_count = 0;
}

void loop_run(void (*reopen)(void))
{
    bool more = false;
    int timeout;

    while (!ending) {
        timeout = transaction_turn();
        if (timeout < 0)
            more |= conn_resume();
        wait_for_events(more ? 0 : timeout);
        more = conn_serve();
        if (hangup) {
            hangup = false;
            reopen();
        }
    }
}

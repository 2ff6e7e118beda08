/*
 * A terminal for a program that a person may look at, or not: a boot loader with its menu. It is
 * two ptys, one that the program has and one that viewers open, with bytes passed between them. So
 * viewers come and go as they like, the program never waits for one, and what it says can be
 * logged. Used by one operation, on its thread: no locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "libxl/core/terminal.h"

/* What is kept for a viewer who has not come yet: some screens */
#define KEPT 16384u

/* How often a pty is read before the others have their turn */
#define READS 16

#define ROWS    24
#define COLUMNS 80

struct pty {
    int master, slave; /* ours is open, too: without any, the master could not be read */
    const char *path;
    struct pty *other;
    char kept[KEPT]; /* to be written to it */
    size_t size;
    bool waits; /* for room, to be written to */
};

struct terminal {
    struct pty program, viewer;
    int set, log_fd;
};

static int open_pty(struct op *op, struct pty *p)
{
    char name[64];

    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->master < 0 || grantpt(p->master) || unlockpt(p->master) ||
        ptsname_r(p->master, name, sizeof(name)))
        return op_fail(op, ERROR_FAIL, errno, "There can be no terminal");
    p->path = op_strdup(op, name);
    p->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return p->slave < 0 ? op_fail(op, ERROR_FAIL, errno, "%s cannot be opened", name) : 0;
}

static void close_pty(struct pty *p)
{
    if (p->slave >= 0)
        close(p->slave);
    if (p->master >= 0)
        close(p->master);
}

static int watch(const struct terminal *t, struct pty *p, int op)
{
    struct epoll_event event = { .events = p->waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = p };

    return epoll_ctl(t->set, op, p->master, &event);
}

/* The program's is as a login would have it; a viewer's passes every byte on as it is. */
static int set_modes(const struct terminal *t)
{
    struct winsize size = { .ws_row = ROWS, .ws_col = COLUMNS };
    struct termios raw;

    if (ioctl(t->program.slave, TIOCSWINSZ, &size) || tcgetattr(t->viewer.slave, &raw))
        return -1;
    cfmakeraw(&raw);
    return tcsetattr(t->viewer.slave, TCSANOW, &raw);
}

struct terminal *terminal_open(struct op *op, int log_fd)
{
    struct terminal *t = op_alloc(op, sizeof(*t));

    t->log_fd = log_fd;
    t->program.master = t->program.slave = t->viewer.master = t->viewer.slave = -1;
    t->program.other = &t->viewer;
    t->viewer.other = &t->program;
    t->set = epoll_create1(EPOLL_CLOEXEC);
    if (!open_pty(op, &t->program) && !open_pty(op, &t->viewer)) {
        if (t->set >= 0 && !set_modes(t) && !watch(t, &t->program, EPOLL_CTL_ADD) &&
            !watch(t, &t->viewer, EPOLL_CTL_ADD))
            return t;
        op_log(op, XTL_ERROR, errno, "A terminal cannot be set up");
    }
    terminal_close(t);
    return NULL;
}

void terminal_close(struct terminal *t)
{
    close_pty(&t->program);
    close_pty(&t->viewer);
    if (t->set >= 0)
        close(t->set);
}

const char *terminal_of_program(const struct terminal *t)
{
    return t->program.path;
}

const char *terminal_of_viewer(const struct terminal *t)
{
    return t->viewer.path;
}

int terminal_fd(const struct terminal *t)
{
    return t->set;
}

/* The oldest goes when there is too much. */
static void keep(struct pty *p, const char *text, size_t size)
{
    size_t over = p->size + size > KEPT ? p->size + size - KEPT : 0;

    memmove(p->kept, p->kept + over, p->size - over);
    p->size -= over;
    memcpy(p->kept + p->size, text, size);
    p->size += size;
}

static void write_kept(struct terminal *t, struct pty *p)
{
    ssize_t n = p->size ? write(p->master, p->kept, p->size) : 0;
    bool waits;

    if (n > 0) {
        p->size -= (size_t)n;
        memmove(p->kept, p->kept + n, p->size);
    }
    waits = p->size > 0;
    if (waits != p->waits) {
        p->waits = waits;
        watch(t, p, EPOLL_CTL_MOD);
    }
}

static void pass_on(struct terminal *t, struct pty *from)
{
    char text[4096];
    ssize_t n;

    for (int i = 0; i < READS && (n = read(from->master, text, sizeof(text))) > 0; i++) {
        keep(from->other, text, (size_t)n);
        write_kept(t, from->other);
        /* A log that cannot be written keeps nobody from booting. */
        if (from == &t->program && t->log_fd >= 0 && write(t->log_fd, text, (size_t)n) < 0)
            t->log_fd = -1;
    }
    write_kept(t, from);
}

void terminal_work(void *terminal)
{
    struct terminal *t = terminal;

    pass_on(t, &t->program);
    pass_on(t, &t->viewer);
}

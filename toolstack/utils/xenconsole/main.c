/*
 * xenconsole: connects the terminal it runs in to a guest's console. `xl console` and `xl create
 * -c` run it. Where the console is stands in the store: a terminal of xenconsoled or of QEMU. When
 * that ends while the guest lives (its daemon was restarted), it waits for the next one.
 */
#include "xc/domain.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#define ESCAPE        '\x1d' /* Ctrl-] */
#define PATIENCE      5000   /* milliseconds until there should be a console */
#define TIME_TO_BUILD 300000 /* between a boot loader's console and its guest's */
#define LOCK_FOLDER   "/var/lock"
#define NAME_OF_LOCK  LOCK_FOLDER "/xenconsole.%u"

static const char help[] =
    "Usage: xenconsole [OPTION...] DOMID\n"
    "Connects this terminal to the console of a guest. Ctrl-] ends that.\n"
    "\n"
    "  -n, --num N              the console with this number; default 0\n"
    "  -t, --type TYPE          pv, serial or vuart; default is what the guest has\n"
    "      --interactive        keys go to the guest as they are, whatever standard input is\n"
    "      --start-notify-fd N  write a byte to this file when connected\n"
    "  -h, --help\n";

static struct termios before; /* of standard input */
static bool is_raw;

/* ---- the terminal that we run in */

static void make_raw(void)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &before))
        return;
    raw = before;
    cfmakeraw(&raw);
    is_raw = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void restore(void)
{
    if (is_raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    is_raw = false;
}

static _Noreturn void fail(const char *what)
{
    int error = errno;

    restore();
    fprintf(stderr, "xenconsole: %s: %s\n", what, strerror(error));
    exit(1);
}

static void end(int sig)
{
    restore();
    _exit(128 + sig);
}

/* ---- the console's terminal */

static bool write_all(int fd, const char *text, size_t count)
{
    while (count) {
        ssize_t n = write(fd, text, count);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        count -= (size_t)n;
    }
    return true;
}

static long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Open the terminal that the node @path names, as soon as it does; -1 when it did not in time, or,
 * if it is to be another one, the guest has no console any more. A boot loader's, when it ends,
 * leaves the node empty until the guest is built. */
static int open_console(struct xs_handle *xs, const char *path, bool another)
{
    struct pollfd news = { .fd = xs_fileno(xs), .events = POLLIN };
    long long end_of_patience = now() + PATIENCE;
    unsigned int count;

    for (;;) {
        char *tty = xs_read(xs, XBT_NULL, path, NULL);
        int fd = tty && *tty ? open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
        long long left = end_of_patience - now();
        bool gone = another && !tty;

        if (another && tty && !*tty)
            left += TIME_TO_BUILD;
        free(tty);
        if (fd >= 0)
            return fd;
        if (left <= 0 || gone)
            return -1;
        /* A name of before may be there until the daemon has written the next one */
        if (poll(&news, 1, left < 200 ? (int)left : 200) > 0)
            free(xs_read_watch(xs, &count));
    }
}

/* Pass bytes until the reader leaves (true), or the console ends */
static bool pass(int console)
{
    struct pollfd ends[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
                              { .fd = console, .events = POLLIN } };
    char text[1024];

    for (;;) {
        if (poll(ends, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            fail("waiting");
        }
        if (ends[1].revents) {
            ssize_t n = read(console, text, sizeof(text));

            if (n <= 0 && !(n < 0 && errno == EINTR))
                return false;
            if (n > 0 && !write_all(STDOUT_FILENO, text, (size_t)n))
                fail("standard output");
        }
        if (ends[0].revents) {
            ssize_t n = read(STDIN_FILENO, text, sizeof(text));

            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return true;
            char *escape = memchr(text, ESCAPE, (size_t)n);

            if (!write_all(console, text, escape ? (size_t)(escape - text) : (size_t)n))
                return false;
            if (escape)
                return true;
        }
    }
}

/* ---- which one */

/* One reader at a time, or each would see half of what the guest says. The one who ends removes the
 * file, so it may not be the one that was opened. */
static void lock(unsigned int domid, char name[64])
{
    struct stat ours, there;

    snprintf(name, 64, NAME_OF_LOCK, domid);
    for (;;) {
        int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0644);

        if (fd < 0)
            fail(name);
        if (flock(fd, LOCK_EX | LOCK_NB)) {
            fprintf(stderr, "xenconsole: somebody else is connected, waiting for him to leave\n");
            while (flock(fd, LOCK_EX)) {
                if (errno != EINTR)
                    fail(name);
            }
        }
        if (fstat(fd, &ours))
            fail(name);
        if (!stat(name, &there) && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
            return;
        close(fd);
    }
}

static bool is_hvm(unsigned int domid)
{
    struct xen_domctl_getdomaininfo info;
    struct xc *xc;
    int rc = xc_open(&xc, NULL);

    errno = -rc;
    if (rc)
        fail("the hypervisor cannot be called");
    rc = xc_domain_info(xc, domid, &info);
    xc_close(xc);
    errno = -rc;
    if (rc)
        fail("there is no such domain");
    /* A PVH guest is one to the hypervisor, but has the console of a PV guest */
    return (info.flags & XEN_DOMINF_hvm_guest) &&
           (info.arch_config.emulation_flags & ~(uint32_t)XEN_X86_EMU_LAPIC);
}

static void path_of(char path[96], const char *type, unsigned int domid, unsigned long number)
{
    if (!type)
        type = is_hvm(domid) ? "serial" : "pv";
    if (!strcmp(type, "serial"))
        snprintf(path, 96, "/local/domain/%u/serial/%lu/tty", domid, number);
    else if (!strcmp(type, "vuart"))
        snprintf(path, 96, "/local/domain/%u/vuart/0/tty", domid);
    else if (number)
        snprintf(path, 96, "/local/domain/%u/device/console/%lu/tty", domid, number);
    else
        snprintf(path, 96, "/local/domain/%u/console/tty", domid);
}

static unsigned long number(const char *text, const char *what, unsigned long max)
{
    char *rest;
    unsigned long value = strtoul(text, &rest, 10);

    if (*text >= '0' && *text <= '9' && !*rest && value <= max)
        return value;
    fprintf(stderr, "xenconsole: '%s' is not %s\n", text, what);
    exit(EINVAL);
}

static struct arguments {
    const char *type;
    unsigned long number;
    unsigned int domid;
    int notify;
    bool interactive;
} parse(int argc, char **argv)
{
    static const struct option options[] = {
        { "num", required_argument, NULL, 'n' },
        { "type", required_argument, NULL, 't' },
        { "start-notify-fd", required_argument, NULL, 's' },
        { "interactive", no_argument, NULL, 'i' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct arguments a = { .notify = -1 };
    int c;

    while ((c = getopt_long(argc, argv, "hn:t:", options, NULL)) != -1) {
        switch (c) {
        case 'n':
            a.number = number(optarg, "the number of a console", 0xffff);
            break;
        case 't':
            a.type = optarg;
            if (!strcmp(a.type, "pv") || !strcmp(a.type, "serial") || !strcmp(a.type, "vuart"))
                break;
            fprintf(stderr, "xenconsole: a console of type '%s': it is pv, serial or vuart\n",
                    a.type);
            exit(EINVAL);
        case 's':
            a.notify = (int)number(optarg, "the number of a file", 0xffff);
            break;
        case 'i':
            a.interactive = true;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            fputs("xenconsole: --help lists the options\n", stderr);
            exit(EINVAL);
        }
    }
    if (optind + 1 != argc) {
        fputs("xenconsole: it needs the number of one domain\n", stderr);
        exit(EINVAL);
    }
    a.domid =
        (unsigned int)number(argv[optind], "the number of a domain", DOMID_FIRST_RESERVED - 1);
    if (!a.domid) {
        fputs("xenconsole: domain 0 has no console here; `xl dmesg` shows the hypervisor's\n",
              stderr);
        exit(EINVAL);
    }
    return a;
}

int main(int argc, char **argv)
{
    struct arguments a = parse(argc, argv);
    char path[96], locked[64];
    int console;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, end);
    signal(SIGHUP, end);
    struct xs_handle *xs = xs_open(0);

    if (!xs)
        fail("the store does not answer; is xenstored running");
    path_of(path, a.type, a.domid, a.number);
    lock(a.domid, locked);
    if (!xs_watch(xs, path, ""))
        fail("the store does not tell of changes");
    console = open_console(xs, path, false);
    if (console < 0) {
        unlink(locked);
        fprintf(stderr, "xenconsole: domain %u has no console in %s; is xenconsoled running?\n",
                a.domid, path);
        return 1;
    }
    if (a.notify >= 0 && (!write_all(a.notify, "", 1) || close(a.notify)))
        fail("who started this cannot be told");
    if (a.interactive || (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
        make_raw();
    while (console >= 0 && !pass(console)) {
        close(console);
        /* The node is gone with its domain; else another terminal comes */
        console = open_console(xs, path, true);
    }
    restore();
    unlink(locked);
    return 0;
}

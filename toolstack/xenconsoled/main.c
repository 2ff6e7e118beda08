/*
 * xenconsoled: gives each guest's console to a pseudo-terminal of dom0, whose name it writes into
 * the store, and to a log. Started by xenconsoled.service, or by hand; it then goes to the
 * background. One thread, one loop; docs/design/consoles.md.
 */
#include "xenconsoled/daemon.h"
#include "xenconsoled/log.h"
#include "xc/xc.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>

static struct daemon self;

/* ---- the command line */

enum { LOG = 256, LOG_DIR, PID_FILE, REPLACE_ESCAPE };
static const struct option long_options[] = {
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { "verbose", no_argument, NULL, 'v' },
    { "interactive", no_argument, NULL, 'i' },
    { "log", required_argument, NULL, LOG },
    { "log-dir", required_argument, NULL, LOG_DIR },
    { "pid-file", required_argument, NULL, PID_FILE },
    { "timestamp", required_argument, NULL, 't' },
    { "overflow-data", required_argument, NULL, 'o' },
    { "replace-escape", no_argument, NULL, REPLACE_ESCAPE },
    { NULL, 0, NULL, 0 },
};
static const char help[] =
    "Usage: xenconsoled [OPTION...]\n"
    "Gives the consoles of guests to terminals, whose names are in the store.\n"
    "\n"
    "  -i, --interactive          stay in the foreground, messages go to stderr\n"
    "  -v, --verbose              say more\n"
    "      --log=WHAT             write what consoles show to files: none, guest, hv, all\n"
    "      --log-dir=FOLDER       there; default /var/log/xen/console\n"
    "  -t, --timestamp=WHAT       begin each line with the time in files of: none, guest, hv, all\n"
    "      --replace-escape       write ESC as a dot into files\n"
    "  -o, --overflow-data=HOW    when nobody reads and the limit is reached: discard (default)\n"
    "                             forgets the oldest, keep makes the guest wait\n"
    "      --pid-file=FILE        default /var/run/xen/xenconsoled.pid; says that there is one daemon\n"
    "  -h, --help; -V, --version\n"
    "\n"
    "SIGHUP opens the files anew.\n";

static void which(const char *option, const char *value, bool *guests, bool *hypervisor)
{
    bool all = !strcmp(value, "all");

    *guests = all || !strcmp(value, "guest");
    *hypervisor = all || !strcmp(value, "hv");
    if (*guests || *hypervisor || !strcmp(value, "none"))
        return;
    fprintf(stderr, "xenconsoled: --%s=%s: it is none, guest, hv or all\n", option, value);
    exit(2);
}

static void parse(int argc, char **argv, bool *foreground, const char **pid_file)
{
    struct options *o = &self.options;
    int c;

    while ((c = getopt_long(argc, argv, "hVvit:o:", long_options, NULL)) != -1) {
        switch (c) {
        case 'h':
            fputs(help, stdout);
            exit(0);
        case 'V':
            puts("xenconsoled of hospes, for Xen 4.17");
            exit(0);
        case 'v':
            say_everything();
            break;
        case 'i':
            *foreground = true;
            break;
        case 't':
            which("timestamp", optarg, &o->stamp_guests, &o->stamp_hypervisor);
            break;
        case LOG:
            which("log", optarg, &o->log_guests, &o->log_hypervisor);
            break;
        case LOG_DIR:
            o->log_dir = optarg;
            break;
        case PID_FILE:
            *pid_file = optarg;
            break;
        case 'o':
            o->keep = !strcmp(optarg, "keep");
            if (o->keep || !strcmp(optarg, "discard"))
                break;
            fprintf(stderr, "xenconsoled: --overflow-data=%s: it is keep or discard\n", optarg);
            exit(2);
        case REPLACE_ESCAPE:
            o->dots = true;
            break;
        default:
            fputs("xenconsoled: --help lists the options\n", stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "xenconsoled: '%s' is not an option; --help lists them\n", argv[optind]);
        exit(2);
    }
}

/* ---- starting */

static _Noreturn void fail(const char *what, int error)
{
    say(LOG_ERR, "%s: %s", what, strerror(error));
    exit(1);
}

/* Go on in the background. The one who started it waits there until ready(), or for the end. */
static int to_background(void)
{
    int pipes[2], status = 1;
    char byte;

    if (pipe2(pipes, O_CLOEXEC))
        fail("no pipe", errno);
    pid_t child = fork();

    if (child < 0)
        fail("no process for the background", errno);
    if (child) {
        close(pipes[1]);
        if (read(pipes[0], &byte, 1) == 1)
            status = 0;
        _exit(status);
    }
    close(pipes[0]);
    setsid();
    return pipes[1];
}

static void ready(int parent)
{
    sd_notify(0, "READY=1");
    if (parent < 0)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || chdir("/"))
        fail("the background cannot be entered", errno);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    close(null);
    openlog("xenconsoled", LOG_PID, LOG_DAEMON);
    say_to_syslog();
    if (write(parent, "", 1) != 1)
        say(LOG_WARNING, "who started the daemon is gone");
    close(parent);
}

/* The file stays locked as long as the daemon lives */
static void write_pid_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        fail(path, errno);
    if (lockf(fd, F_TLOCK, 0)) {
        say(LOG_ERR, "%s is locked: another xenconsoled runs", path);
        exit(1);
    }
    if (ftruncate(fd, 0) || dprintf(fd, "%d\n", getpid()) < 0)
        fail(path, errno);
}

/* Each console takes two files: as many as may be */
static void raise_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files))
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files))
        say(LOG_WARNING, "the limit of open files stays, many guests may be too many: %m");
}

/* ---- the loop */

static int event_came(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct daemon *d = data;
    int port = xenevtchn_pending(d->evtchn);

    (void)source;
    (void)fd;
    (void)events;
    if (port < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (port < 0)
        fail("events cannot be read", errno);
    if (hypervisor_event(d, (evtchn_port_t)port))
        return 0;
    if ((uint32_t)port < d->ports && d->by_port[port])
        console_event(d->by_port[port]);
    return 0;
}

static int hang_up(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
    (void)source;
    (void)info;
    domains_reopen_logs(data);
    hypervisor_reopen_log(data);
    return 0;
}

static void open_all(struct daemon *d)
{
    int rc = xc_open(&d->xc, NULL);

    if (rc)
        fail("the hypervisor cannot be called", -rc);
    d->evtchn = xenevtchn_open(NULL, 0);
    if (!d->evtchn)
        fail("no event channels", errno);
    d->gnttab = xengnttab_open(NULL, 0);
    if (!d->gnttab)
        fail("no grants", errno);
}

static void add_sources(struct daemon *d)
{
    int rc = sd_event_new(&d->event);

    if (rc >= 0)
        rc = sd_event_add_io(d->event, NULL, xenevtchn_fd(d->evtchn), EPOLLIN, event_came, d);
    if (rc >= 0)
        rc = sd_event_add_signal(d->event, NULL, SIGHUP, hang_up, d);
    if (rc >= 0)
        rc = sd_event_add_signal(d->event, NULL, SIGTERM, NULL, NULL);
    if (rc >= 0)
        rc = sd_event_add_signal(d->event, NULL, SIGINT, NULL, NULL);
    if (rc < 0)
        fail("no loop", -rc);
}

int main(int argc, char **argv)
{
    struct daemon *d = &self;
    const char *pid_file = "/var/run/xen/xenconsoled.pid";
    bool foreground = false;
    int parent = -1, rc;
    sigset_t signals;

    d->options.log_dir = "/var/log/xen/console";
    parse(argc, argv, &foreground, &pid_file);
    if (geteuid()) {
        fputs("xenconsoled: only root can do that\n", stderr);
        return 1;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    umask(027);
    if (!foreground)
        parent = to_background();
    write_pid_file(pid_file);
    raise_limit();
    domains_adopt_terminals();
    open_all(d);
    add_sources(d);
    rc = hypervisor_start(d);
    if (rc)
        fail("the hypervisor's console is not heard", -rc);
    rc = store_open(d);
    if (rc)
        fail("the store does not answer; is xenstored running", -rc);
    domains_forget_terminals(d);
    ready(parent);
    rc = sd_event_loop(d->event);
    sd_notify(0, "STOPPING=1");
    unlink(pid_file);
    if (rc < 0)
        fail("the loop ended", -rc);
    return rc;
}

/*
 * xenstored: options, start, end. The order of the start: the state file (which also sees to it
 * that there is one daemon), the hypervisor, the rings that were there before, dom0's ring, the
 * sockets; then the parent, the pid file and systemd are told.
 */
#include "arena.h"
#include "domain.h"
#include "internal.h"
#include "loop.h"
#include "ring.h"
#include "socket.h"
#include "state.h"
#include "xen.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define RUN_FOLDER "/var/run/xenstored"

static struct {
    bool help, no_dom0, no_fork, output_pid, no_recovery;
    const char *pid_file, *trace_file;
} options;

/* ---- options */

static bool parse_number(const char *text, uint32_t *value)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || n > INT32_MAX)
        return false;
    *value = (uint32_t)n;
    return true;
}

struct quota_name {
    const char *name;
    uint32_t *value;
};

/* WHAT=NUMBER, of these names */
static bool parse_quota(const char *text, const struct quota_name *names)
{
    const char *equals = strchr(text, '=');

    for (; equals && names->name; names++)
        if (strlen(names->name) == (size_t)(equals - text) &&
            !strncmp(names->name, text, (size_t)(equals - text)))
            return parse_number(equals + 1, names->value);
    return false;
}

static bool set_quota(const char *text)
{
    static const struct quota_name names[] = {
        { "transaction-nodes", &limits.transaction_nodes },
        { "memory", &limits.memory },
        { "outstanding", &limits.outstanding },
        { "events", &limits.events },
        { NULL, NULL },
    };

    return parse_quota(text, names);
}

static bool set_soft_quota(const char *text)
{
    static const struct quota_name names[] = {
        { "memory", &limits.memory_soft },
        { NULL, NULL },
    };

    return parse_quota(text, names);
}

static bool set_timeout(const char *text)
{
    uint32_t seconds;
    const struct quota_name names[] = { { "watch-event", &seconds }, { NULL, NULL } };

    if (!parse_quota(text, names))
        return false;
    say(LOG_NOTICE, "--timeout has no effect: unread events are limited by their bytes");
    return true;
}

static bool set_internal_db(const char *text)
{
    if (!text || !strcmp(text, "on"))
        return true;
    if (strcmp(text, "off"))
        return false;
    say(LOG_NOTICE, "--internal-db off has no effect: the store is always a mapped file");
    return true;
}

static bool set_master(const char *text)
{
    uint32_t domid;

    return parse_number(text, &domid) && domid == 0;
}

static bool set_verbose(const char *text)
{
    (void)text;
    setlogmask(LOG_UPTO(LOG_DEBUG));
    return true;
}

enum argument { NO, YES, OPTIONAL };

/* One of flag, number, string and set says what an option does */
static const struct option_row {
    char letter;
    const char *name;
    enum argument argument;
    const char *value, *help;
    bool *flag;
    uint32_t *number;
    const char **string;
    bool (*set)(const char *text);
} rows[] = {
    { 'D', "no-domain-init", NO, "", "do not serve dom0's kernel", .flag = &options.no_dom0 },
    { 'F', "pid-file", YES, "FILE", "write the process number there", .string = &options.pid_file },
    { 'H', "help", NO, "", "print this text", .flag = &options.help },
    { 'N', "no-fork", NO, "", "stay in the foreground", .flag = &options.no_fork },
    { 'P', "output-pid", NO, "", "print the process number", .flag = &options.output_pid },
    { 'T', "trace-file", YES, "FILE", "write a line for each request and answer",
      .string = &options.trace_file },
    { 'V', "verbose", NO, "", "tell more to syslog", .set = set_verbose },
    { 'E', "entry-nb", YES, "N", "nodes that a domain may own", .number = &limits.nodes },
    { 'S', "entry-size", YES, "BYTES", "size of a node's value", .number = &limits.node_size },
    { 'W', "watch-nb", YES, "N", "watches of a domain", .number = &limits.watches },
    { 't', "transaction", YES, "N", "open transactions of a domain",
      .number = &limits.transactions },
    { 'A', "perm-nb", YES, "N", "entries of a node's permissions", .number = &limits.permissions },
    { 'M', "path-max", YES, "N", "characters of a path below /local/domain/ID",
      .number = &limits.path_max },
    { 'Q', "quota", YES, "WHAT=N",
      "limit of a domain: transaction-nodes, memory, outstanding, events", .set = set_quota },
    { 'q', "quota-soft", YES, "WHAT=N", "warn above that: memory", .set = set_soft_quota },
    { 'w', "timeout", YES, "WHAT=SECONDS", "accepted, without an effect: watch-event",
      .set = set_timeout },
    { 'R', "no-recovery", NO, "", "end when the kept store is damaged, instead of starting empty",
      .flag = &options.no_recovery },
    { 'I', "internal-db", OPTIONAL, "on|off", "accepted: the store is always a mapped file",
      .set = set_internal_db },
    { 'K', "keep-orphans", NO, "", "give a dead domain's nodes to dom0 instead of removing them",
      .flag = &domain_keep_orphans },
    { 'p', "priv-domid", YES, "ID", "a domain that may do what dom0 may",
      .number = &domain_privileged },
    { 'm', "master-domid", YES, "ID", "where the daemon runs: only 0", .set = set_master },
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static void usage(FILE *f)
{
    size_t i;

    fputs("Usage: xenstored [OPTION...]\n\n", f);
    for (i = 0; i < ROWS; i++) {
        const struct option_row *o = &rows[i];
        int len = fprintf(f, "  -%c, --%s%s%s%s", o->letter, o->name,
                          o->argument == OPTIONAL ? "[="
                          : *o->value             ? " "
                                                  : "",
                          o->value, o->argument == OPTIONAL ? "]" : "");

        fprintf(f, "%*s%s\n", len < 34 ? 34 - len : 1, "", o->help);
    }
}

static void apply(const struct option_row *o, const char *text)
{
    bool ok = true;

    if (o->flag)
        *o->flag = true;
    else if (o->number)
        ok = parse_number(text, o->number);
    else if (o->string)
        *o->string = text;
    else if (o->set)
        ok = o->set(text);
    if (!ok) {
        fprintf(stderr, "xenstored: --%s: '%s' is not a value for it; see --help\n", o->name, text);
        exit(1);
    }
    if (options.help) {
        usage(stdout);
        exit(0);
    }
}

static void parse_options(int argc, char **argv)
{
    struct option table[ROWS + 1] = { 0 };
    char letters[3 * ROWS + 1], *p = letters;
    size_t i;
    int c;

    for (i = 0; i < ROWS; i++) {
        table[i] = (struct option){ rows[i].name, rows[i].argument, NULL, rows[i].letter };
        *p++ = rows[i].letter;
        memset(p, ':', rows[i].argument);
        p += rows[i].argument;
    }
    *p = '\0';
    while ((c = getopt_long(argc, argv, letters, table, NULL)) != -1) {
        for (i = 0; i < ROWS && rows[i].letter != c; i++)
            ;
        if (i == ROWS) {
            usage(stderr);
            exit(1);
        }
        apply(&rows[i], optarg);
    }
    if (optind != argc) {
        fprintf(stderr, "xenstored: '%s' is not an option; see --help\n", argv[optind]);
        exit(1);
    }
}

/* ---- start */

/* The parent waits until the child is ready; *tell is for the child to say so. */
static void become_daemon(int *tell)
{
    int ends[2];
    char ok;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        die("pipe: %s", strerror(errno));
    pid = fork();
    if (pid < 0)
        die("fork: %s", strerror(errno));
    if (pid) {
        close(ends[1]);
        _exit(read(ends[0], &ok, 1) == 1 ? 0 : 1);
    }
    close(ends[0]);
    *tell = ends[1];
    setsid();
    if (chdir("/") < 0)
        die("/: %s", strerror(errno));
    umask(0);
}

/* Nobody reads the daemon's standard streams any more */
static void detach(int tell)
{
    int null = open("/dev/null", O_RDWR);

    log_to_stderr(false);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
    if (write(tell, "", 1) < 0)
        say(LOG_WARNING, "the parent is gone: %s", strerror(errno));
    close(tell);
}

static void write_pid(void)
{
    FILE *f;

    if (options.output_pid) {
        printf("%d\n", (int)getpid());
        fflush(stdout);
    }
    if (!options.pid_file)
        return;
    f = fopen(options.pid_file, "we");
    if (!f || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f))
        die("%s: %s", options.pid_file, strerror(errno));
}

static const char *run_folder(void)
{
    const char *s = getenv("XENSTORED_RUNDIR");

    return s ? s : RUN_FOLDER;
}

static void open_state(void)
{
    char *path;
    int rc;

    mkdir(run_folder(), 0700);
    if (asprintf(&path, "%s/state", run_folder()) < 0)
        die("out of memory");
    rc = state_open(path, !options.no_recovery);
    if (rc == -EBUSY)
        die("%s is in use: another xenstored runs", path);
    if (rc < 0)
        die("%s: %s", path, strerror(-rc));
    free(path);
}

static void event_ready(struct source *source, uint32_t events)
{
    (void)source;
    (void)events;
    ring_events();
}

static void open_hypervisor(void)
{
    static struct source source = { event_ready };
    int rc = xen_open();

    /* Without a hypervisor there are only sockets: for tests, with --no-domain-init */
    if (rc < 0 && !options.no_dom0)
        exit(1);
    if (xen_event_fd() >= 0) {
        rc = loop_add(xen_event_fd(), &source, EPOLLIN);
        if (rc < 0)
            die("event channels cannot be polled: %s", strerror(-rc));
    }
    domain_adopt();
    if (options.no_dom0)
        return;
    rc = domain_start_dom0();
    if (rc < 0)
        die("dom0's kernel cannot be served (/proc/xen/xsd_kva, xsd_port): %s", strerror(-rc));
}

static void open_socket(void)
{
    const char *set = getenv("XENSTORED_PATH");
    int rc = socket_take_given();
    char *path = NULL;

    if (rc < 0)
        die("the socket of systemd cannot be used: %s", strerror(-rc));
    if (rc > 0)
        return;
    if (!set && asprintf(&path, "%s/socket", run_folder()) < 0)
        die("out of memory");
    rc = socket_listen(set ? set : path);
    if (rc < 0)
        die("%s: %s", set ? set : path, strerror(-rc));
    free(path);
}

/* A client is a descriptor */
static void raise_descriptors(void)
{
    struct rlimit l;

    if (!getrlimit(RLIMIT_NOFILE, &l)) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

static void reopen_trace(void)
{
    if (options.trace_file && trace_open(options.trace_file) < 0)
        say(LOG_WARNING, "%s cannot be opened again", options.trace_file);
}

int main(int argc, char **argv)
{
    int tell = -1, rc;

    openlog("xenstored", LOG_PID, LOG_DAEMON);
    setlogmask(LOG_UPTO(LOG_INFO));
    parse_options(argc, argv);
    raise_descriptors();
    if (!options.no_fork)
        become_daemon(&tell);
    rc = options.trace_file ? trace_open(options.trace_file) : 0;
    if (rc < 0)
        die("%s: %s", options.trace_file, strerror(-rc));
    rc = loop_init();
    if (rc < 0)
        die("no event loop: %s", strerror(-rc));
    open_state();
    open_hypervisor();
    open_socket();
    write_pid();
    if (tell >= 0)
        detach(tell);
    sd_notify(0, "READY=1");
    loop_run(reopen_trace);
    sd_notify(0, "STOPPING=1");
    socket_unlink();
    if (options.pid_file)
        unlink(options.pid_file);
    return 0;
}

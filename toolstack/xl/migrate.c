/*
 * migrate and migrate-receive. The sender starts the receiver through ssh, and both talk over its
 * pipes: the receiver's banner; the header and the domain's state; the receiver says that it is
 * ready, the sender gives the domain away, the receiver starts it and reports. Until the sender has
 * given it away, the sender's copy is the domain; afterwards it is destroyed, or resumed when the
 * receiver could not start its own and says that it is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "commands.h"
#include "domain.h"
#include "migrate.h"
#include "process.h"
#include "savefile.h"

/* A word of the protocol, the same as of Xen's xl */
struct word {
    const char *text;
    size_t length;
    const char *what; /* for messages */
};

#define WORD(text, with_zero, what)                                                                \
    {                                                                                              \
        text, sizeof(text) - !(with_zero), what                                                    \
    }

static const struct word word_banner =
    WORD("xl migration receiver ready, send binary domain data.\n", false, "banner");
static const struct word word_ready =
    WORD("domain received, ready to unpause", true, "ready message");
static const struct word word_go =
    WORD("domain is yours, you are cleared to unpause", true, "GO message");
static const struct word word_report =
    WORD("my copy unpause results are as follows", true, "success/failure report message");
static const struct word word_resume =
    WORD("permission to sender to have domain back", true, "permission for sender to resume");

static int word_send(int fd, const struct word *word, const char *stream)
{
    return libxl_write_exactly(xl.ctx, fd, word->text, (ssize_t)word->length, stream, word->what)
               ? ERROR_FAIL
               : 0;
}

static int word_expect(int fd, const struct word *word, const char *stream)
{
    char text[128];

    if (libxl_read_exactly(xl.ctx, fd, text, (ssize_t)word->length, stream, word->what))
        return ERROR_FAIL;
    if (memcmp(text, word->text, word->length)) {
        error(
            "%s contained unexpected data instead of %s; is that really 'xl migrate-receive' at the other "
            "end, and prints nothing else there?",
            stream, word->what);
        return ERROR_FAIL;
    }
    return 0;
}

static int result_send(int fd, int rc, const char *stream)
{
    char code = (char)-rc;

    if (word_send(fd, &word_report, stream))
        return ERROR_FAIL;
    return libxl_write_exactly(xl.ctx, fd, &code, 1, stream, "success/failure code") ? ERROR_FAIL
                                                                                     : 0;
}

static int result_receive(int fd, int *rc, const char *stream)
{
    char code;

    if (word_expect(fd, &word_report, stream) ||
        libxl_read_exactly(xl.ctx, fd, &code, 1, stream, "success/failure status"))
        return ERROR_FAIL;
    *rc = -code;
    return 0;
}

/* ---- the other end */
char *command_for(const char *ssh, const char *host, const char *options)
{
    if (!*ssh)
        return text_of("%s", host);
    return text_of("exec %s %s xl migrate-receive%s", ssh, host, options);
}

void peer_start(struct peer *peer, char *command)
{
    int to[2], from[2];

    if (libxl_pipe(xl.ctx, to) || libxl_pipe(xl.ctx, from))
        exit(EXIT_FAILURE);
    peer->command = command;
    peer->pid = process_fork("migration transport process");
    if (!peer->pid) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[0]);
        close(to[1]);
        close(from[0]);
        close(from[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        fatal("failed to exec sh: %m");
    }
    close(to[0]);
    close(from[1]);
    peer->send = to[1];
    peer->receive = from[0];
    libxl_fd_set_cloexec(xl.ctx, peer->send, 1);
    libxl_fd_set_cloexec(xl.ctx, peer->receive, 1);
    signal(SIGPIPE, SIG_IGN); /* a write that fails says so */
    if (word_expect(peer->receive, &word_banner, "migration stream")) {
        peer_end(peer);
        fatal("(command run was: %s )", command);
    }
}

/* The transport gets some seconds to end by itself, so that its status can be told. */
void peer_end(struct peer *peer)
{
    int status = 0;
    pid_t pid = 0;

    close(peer->send);
    close(peer->receive);
    for (int i = 0; i < 100 && !pid; i++) {
        pid = waitpid(peer->pid, &status, WNOHANG);
        if (!pid)
            usleep(50000);
    }
    if (!pid) {
        error(
            "migration child [%ld] not exiting, no longer waiting (exit status will be unreported)",
            (long)peer->pid);
    } else if (pid > 0 && status) {
        libxl_report_child_exitstatus(xl.ctx, XTL_INFO, "migration transport process", peer->pid,
                                      status);
    }
}

/* ---- migrate */

/* hand_over: the receiver has everything. Returns 0 when the domain lives there, 1 when it is to
 * be resumed here; does not return when nobody can know. */
static int hand_over(struct peer *peer, uint32_t domid, const char *name)
{
    char *away = text_of("%s--migratedaway", name);
    int rc;

    if (word_expect(peer->receive, &word_ready, "migration stream"))
        return 1;
    error("migration sender: Target has acknowledged transfer.");
    if (libxl_domain_rename(xl.ctx, domid, name, away))
        return 1;
    error("migration sender: Giving target permission to start.");
    if (word_send(peer->send, &word_go, "migration stream") ||
        result_receive(peer->receive, &rc, "migration stream")) {
        fatal("** Migration failed during final handshake **\n"
              "Domain state is now undefined !\n"
              "Please CHECK AT BOTH ENDS for running instances, before renaming and\n"
              " resuming at most one instance.  Two simultaneous instances of the domain\n"
              " would probably result in SEVERE DATA LOSS and it is now your\n"
              " responsibility to avoid that.  Sorry.");
    }
    if (!rc)
        return 0;
    error("migration sender: Target reports startup failure (status code %d).", rc);
    if (word_expect(peer->receive, &word_resume, "migration stream"))
        fatal("the other end does not say that its copy is gone; '%s' is kept here, suspended",
              away);
    error("migration sender: Trying to resume at our end.");
    libxl_domain_rename(xl.ctx, domid, away, name);
    return 1;
}

int run_migrate(const struct args *args)
{
    const char *ssh = args_value(args, 's');
    int flags = LIBXL_SUSPEND_LIVE, rc;
    struct peer peer;
    char *name, *options;
    uint32_t domid = domain_find(args->words[0]);

    options = text_of("%s%s%s", args_has(args, 'e') ? " -e" : "",
                      args_has(args, OPTION_DEBUG) ? " -d" : "", args_has(args, 'p') ? " -p" : "");
    name = domain_name(domid);
    peer_start(&peer, command_for(ssh ? ssh : "ssh", args->words[1], options));
    if (saved_write(peer.send, "migration stream", domid, args_value(args, 'C'),
                    args_has(args, 'D')))
        fatal("No config file stored for running domain and none supplied - cannot migrate.");
    if (args_has(args, OPTION_DEBUG))
        flags |= LIBXL_SUSPEND_DEBUG;
    rc = libxl_domain_suspend(xl.ctx, domid, peer.send, flags, NULL);
    if (rc) {
        error("migration sender: libxl_domain_suspend failed (rc=%d)", rc);
        if (rc == ERROR_GUEST_TIMEDOUT) {
            peer_end(&peer);
            error("Migration failed, failed to suspend at sender.");
            return EXIT_FAILURE;
        }
    }
    if (rc || hand_over(&peer, domid, name)) {
        peer_end(&peer);
        error("Migration failed, resuming at sender.");
        libxl_domain_resume(xl.ctx, domid, 1, NULL);
        return EXIT_FAILURE;
    }
    error("migration sender: Target reports successful startup.");
    libxl_domain_destroy(xl.ctx, domid, NULL);
    error("Migration successful.");
    peer_end(&peer);
    return EXIT_SUCCESS;
}

/* ---- migrate-receive */

/* takeover: the sender is gone, and the last checkpoint lives on */
static int takeover(struct domain_plan *plan, const char *mode, const char *name)
{
    int rc;

    error("migration target: %s Failover for domain %u", mode, plan->domid);
    rc = libxl_domain_rename(xl.ctx, plan->domid, plan->config.c_info.name, name);
    if (rc) {
        error("migration target (%s): Failed to rename domain from %s to %s:%d", mode,
              plan->config.c_info.name, name, rc);
    }
    if (plan->checkpointed != LIBXL_CHECKPOINTED_STREAM_COLO)
        rc = libxl_domain_unpause(xl.ctx, plan->domid, NULL);
    if (rc) {
        error("migration target (%s): Failed to unpause domain %s (id: %u):%d", mode, name,
              plan->domid, rc);
    }
    return status_of(rc);
}

/* finish: ask for permission, rename, start; returns a libxl error when the copy has to go */
static int finish(struct domain_plan *plan, const char *name, bool paused, int to)
{
    int rc;

    error("migration target: Transfer complete, requesting permission to start domain.");
    if (word_send(to, &word_ready, "migration ack stream") ||
        word_expect(STDIN_FILENO, &word_go, "migration stream"))
        return ERROR_FAIL;
    error("migration target: Got permission, starting domain.");
    rc = libxl_domain_rename(xl.ctx, plan->domid, plan->config.c_info.name, name);
    if (!rc && !paused)
        rc = libxl_domain_unpause(xl.ctx, plan->domid, NULL);
    if (rc)
        return rc;
    error("migration target: Domain started successsfully.");
    return result_send(to, 0, "migration ack stream");
}

static int give_back(struct domain_plan *plan, int to, int why)
{
    int rc;

    error("migration target: Failure, destroying our copy.");
    rc = libxl_domain_destroy(xl.ctx, plan->domid, NULL);
    if (rc) {
        error("migration target: Failed to destroy our copy (code %d).", rc);
        return EXIT_FAILURE;
    }
    error("migration target: Cleanup OK, granting sender permission to resume.");
    if (!result_send(to, why, "migration ack stream"))
        word_send(to, &word_resume, "migration ack stream");
    return EXIT_FAILURE;
}

int run_migrate_receive(const struct args *args)
{
    struct domain_plan plan = DOMAIN_PLAN;
    bool colo = args_has(args, OPTION_COLO), paused = args_has(args, 'p');
    char *name, *log;
    int rc, to;

    signal(SIGPIPE, SIG_IGN);
    /* what the sender reads comes from here alone: all other output is an error's */
    to = dup(STDOUT_FILENO);
    if (to < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        fatal("the connection to the sender could not be set up: %m");
    libxl_fd_set_cloexec(xl.ctx, to, 1);
    error("migration target: Ready to receive domain.");
    if (word_send(to, &word_banner, "migration ack stream"))
        return EXIT_FAILURE;
    plan.restore_fd = STDIN_FILENO;
    plan.send_back_fd = to;
    plan.paused = true;
    plan.debug = args_has(args, 'd');
    plan.incoming = "--incoming";
    plan.checkpointed = colo                  ? LIBXL_CHECKPOINTED_STREAM_COLO
                        : args_has(args, 'r') ? LIBXL_CHECKPOINTED_STREAM_REMUS
                                              : LIBXL_CHECKPOINTED_STREAM_NONE;
    plan.proxy_script = args_value(args, OPTION_PROXY_SCRIPT);
    plan.userspace_proxy = args_has(args, OPTION_USERSPACE_PROXY);
    rc = config_load(&plan);
    if (!rc)
        rc = domain_make(&plan);
    if (rc) {
        error("migration target: Domain creation failed (code %d).", rc);
        return EXIT_FAILURE;
    }
    name = need(strdup(plan.config.c_info.name));
    name[strlen(name) - strlen(plan.incoming)] = 0;
    if (plan.checkpointed != LIBXL_CHECKPOINTED_STREAM_NONE)
        return takeover(&plan, colo ? "COLO" : "Remus", name);
    rc = finish(&plan, name, paused, to);
    if (rc)
        return give_back(&plan, to, rc);
    plan.config.c_info.name = name;
    if (args_has(args, 'e'))
        return EXIT_SUCCESS;
    if (!args_has(args, 'F')) {
        log = text_of("xl-%s", name);
        rc = daemon_become(log, NULL);
        if (rc)
            return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        close(to);
    }
    plan.restore_fd = plan.send_back_fd = -1;
    return domain_monitor(&plan);
}

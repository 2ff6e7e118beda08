/*
 * Other programs: scripts of devices, boot loaders, helpers. A child is waited for by its own pid,
 * so no child of the application's is ever taken, and no handler of SIGCHLD is needed. Where the
 * application reaps all children itself, it tells us of ours by libxl_childproc_reaped(); the end
 * of a child is seen by its pidfd either way.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libxl/core/ctx.h"

#define OUTPUT_MAX 4096u

extern char **environ;

/* A child while it runs, and what it says */
struct exec_state {
    const struct op_exec *exec;
    struct child child;
    int pidfd, log_fd; /* -1 */
    char output[OUTPUT_MAX];
    size_t size;
};

static bool names_same(const char *entry, const char *name)
{
    size_t n = strlen(name);

    return !strncmp(entry, name, n) && entry[n] == '=';
}

static bool overridden(const char *entry, const char *const *env)
{
    unsigned int i;

    for (i = 0; env[i]; i += 2) {
        if (names_same(entry, env[i]))
            return true;
    }
    return false;
}

static char **make_environment(struct op *op, const char *const *env)
{
    unsigned int i, n = 0, added = 0;
    char **all;

    if (!env)
        return environ;
    while (environ[n])
        n++;
    while (env[added])
        added += 2;
    all = op_calloc(op, n + added / 2 + 1, sizeof(*all));
    n = 0;
    for (i = 0; environ[i]; i++) {
        if (!overridden(environ[i], env))
            all[n++] = environ[i];
    }
    for (i = 0; env[i]; i += 2)
        all[n++] = op_printf(op, "%s=%s", env[i], env[i + 1] ? env[i + 1] : "");
    return all;
}

/* The first terminal that the leader of a session opens becomes its own. */
static bool take_terminal(const char *path)
{
    return setsid() >= 0 && !close(STDIN_FILENO) && open(path, O_RDWR) == STDIN_FILENO &&
           dup2(STDIN_FILENO, STDOUT_FILENO) >= 0 && dup2(STDIN_FILENO, STDERR_FILENO) >= 0;
}

/* The application's own fork(): what posix_spawn() does in one step else. */
static int spawn_by_fork(struct op *op, const struct op_exec *exec, const int fds[3], char **env,
                         pid_t *pid)
{
    sigset_t none;
    int i, copy[3];

    *pid = op->ctx->child_hooks->fork_replacement(op->ctx->child_user);
    if (*pid < 0)
        return errno;
    if (*pid)
        return 0;
    for (i = 0; i < 3; i++) {
        copy[i] = fcntl(fds[i], F_DUPFD, 3);
        if (copy[i] < 0)
            _exit(127);
    }
    for (i = 0; i < 3; i++) {
        if (dup2(copy[i], i) < 0)
            _exit(127);
        close(copy[i]);
    }
    if (exec->terminal && !take_terminal(exec->terminal))
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(exec->argv[0], (char *const *)exec->argv, env);
    _exit(127);
}

static int spawn(struct op *op, const struct op_exec *exec, const int fds[3], char **env,
                 pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t set;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    int i, err;

    if (op->ctx->child_hooks && op->ctx->child_hooks->fork_replacement)
        return spawn_by_fork(op, exec, fds, env, pid);
    posix_spawn_file_actions_init(&actions);
    for (i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    if (exec->terminal) {
        flags |= POSIX_SPAWN_SETSID;
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, exec->terminal, O_RDWR, 0);
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO);
    }
    posix_spawnattr_init(&attr);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attr, &set);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGCHLD);
    posix_spawnattr_setsigdefault(&attr, &set);
    posix_spawnattr_setflags(&attr, flags);
    err = posix_spawn(pid, exec->argv[0], &actions, &attr, (char *const *)exec->argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return err;
}

/* A line of the child's output is a line of the log. */
static void log_output(struct op *op, struct exec_state *s, bool all)
{
    char *line = s->output, *end;

    while ((end = memchr(line, '\n', s->size - (size_t)(line - s->output)))) {
        *end = '\0';
        op_log(op, XTL_WARN, 0, "%s says: %s", s->exec->what, line);
        line = end + 1;
    }
    s->size -= (size_t)(line - s->output);
    memmove(s->output, line, s->size);
    if (s->size && (all || s->size == OUTPUT_MAX - 1)) {
        s->output[s->size] = '\0';
        op_log(op, XTL_WARN, 0, "%s says: %s", s->exec->what, s->output);
        s->size = 0;
    }
}

static void read_output(struct op *op, struct exec_state *s)
{
    ssize_t n;

    if (s->log_fd < 0)
        return;
    while ((n = read(s->log_fd, s->output + s->size, OUTPUT_MAX - 1 - s->size)) > 0) {
        s->size += (size_t)n;
        log_output(op, s, false);
    }
}

/* The status of a child that has ended; ERROR_NOT_READY before, and while it is another's to tell
 */
static int child_ready(struct op *op, void *arg)
{
    struct exec_state *s = arg;
    libxl_ctx *ctx = op->ctx;
    pid_t pid = 0;

    read_output(op, s);
    if (s->exec->io)
        s->exec->io(s->exec->io_arg);
    ctx_lock(ctx);
    if (!s->child.reaped) {
        pid = waitpid(s->child.pid, &s->child.status, WNOHANG);
        if (pid == s->child.pid)
            s->child.reaped = true;
    }
    ctx_unlock(ctx);
    return s->child.reaped ? 0 : ERROR_NOT_READY;
}

static int add_fd(int set, int fd)
{
    struct epoll_event event = { .events = EPOLLIN };

    return fd < 0 ? 0 : epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

/* One descriptor for the child's end and for what serves it; *set is to be closed, or -1 */
static int wake_fd(struct op *op, struct exec_state *s, bool told, int *set)
{
    int pidfd = told ? -1 : s->pidfd;

    *set = -1;
    if (!s->exec->io)
        return pidfd;
    *set = epoll_create1(EPOLL_CLOEXEC);
    if (*set < 0 || add_fd(*set, pidfd) || add_fd(*set, s->exec->io_fd))
        op_log(op, XTL_WARN, errno, "%s is only looked after now and then", s->exec->what);
    return *set;
}

static int wait_for_child(struct op *op, struct exec_state *s)
{
    const libxl_childproc_hooks *hooks = op->ctx->child_hooks;
    bool told = s->pidfd < 0 || (hooks && hooks->chldowner == libxl_sigchld_owner_mainloop);
    int rc, set, fd = wake_fd(op, s, told, &set);

    /* A pidfd stays readable after another has reaped: then only looking now and then helps. What
     * a child says must be read meanwhile, or it would stop. */
    rc = op_wait(op, NULL, fd, told ? 50 : 200, s->exec->timeout_ms, child_ready, s);
    if (set >= 0)
        close(set);
    if (rc) {
        op_log(op, XTL_ERROR, 0, "%s %s; it is killed", s->exec->what,
               rc == ERROR_TIMEDOUT ? "takes too long" : "is no longer waited for");
        /* With its own children, if it leads them */
        if (s->exec->terminal)
            kill(-s->child.pid, SIGKILL);
        kill(s->child.pid, SIGKILL);
        if (!s->child.reaped)
            waitpid(s->child.pid, &s->child.status, 0);
        return rc;
    }
    if (WIFEXITED(s->child.status) && WEXITSTATUS(s->child.status) == 0)
        return 0;
    libxl_report_child_exitstatus(op->ctx, XTL_ERROR, s->exec->what, s->child.pid, s->child.status);
    return ERROR_FAIL;
}

static int run(struct op *op, struct exec_state *s, const int fds[3])
{
    libxl_ctx *ctx = op->ctx;
    int rc, err;

    ctx_lock(ctx);
    err = spawn(op, s->exec, fds, make_environment(op, s->exec->env), &s->child.pid);
    if (!err)
        LIST_INSERT_HEAD(&ctx->children, &s->child, next);
    ctx_unlock(ctx);
    if (err)
        return op_fail(op, ERROR_FAIL, err, "%s cannot be started: %s", s->exec->what,
                       s->exec->argv[0]);
    s->pidfd = (int)syscall(SYS_pidfd_open, s->child.pid, 0);
    rc = wait_for_child(op, s);
    ctx_lock(ctx);
    LIST_REMOVE(&s->child, next);
    ctx_unlock(ctx);
    if (s->pidfd >= 0)
        close(s->pidfd);
    return rc;
}

int op_exec(struct op *op, const struct op_exec *exec)
{
    struct exec_state *s = op_alloc(op, sizeof(*s));
    int log[2] = { -1, -1 }, null = -1, rc;
    int fds[3] = { exec->in, exec->out, exec->err };

    s->exec = exec;
    s->log_fd = -1;
    if (exec->in < 0) {
        null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null < 0)
            return op_fail(op, ERROR_FAIL, errno, "/dev/null cannot be opened");
        fds[0] = null;
    }
    if (exec->out < 0 || exec->err < 0) {
        if (pipe2(log, O_CLOEXEC | O_NONBLOCK) < 0) {
            rc = op_fail(op, ERROR_FAIL, errno, "There can be no pipe for %s", exec->what);
            goto out;
        }
        /* Our side does not block; the child's should. */
        fcntl(log[1], F_SETFL, 0);
        s->log_fd = log[0];
        fds[1] = exec->out < 0 ? log[1] : exec->out;
        fds[2] = exec->err < 0 ? log[1] : exec->err;
    }
    rc = run(op, s, fds);
    if (exec->io)
        exec->io(exec->io_arg);
    read_output(op, s);
    log_output(op, s, true);
out:
    if (null >= 0)
        close(null);
    if (log[0] >= 0) {
        close(log[0]);
        close(log[1]);
    }
    return rc;
}

/* ---- what the application tells of its children ---- */

void libxl_childproc_setmode(libxl_ctx *ctx, const libxl_childproc_hooks *hooks, void *user)
{
    ctx_lock(ctx);
    ctx->child_hooks = hooks;
    ctx->child_user = user;
    ctx_unlock(ctx);
}

int libxl_childproc_reaped(libxl_ctx *ctx, pid_t pid, int status)
{
    int rc = ERROR_UNKNOWN_CHILD;
    struct child *c;

    ctx_lock(ctx);
    LIST_FOREACH(c, &ctx->children, next)
    {
        if (c->pid != pid)
            continue;
        c->status = status;
        c->reaped = true;
        rc = 0;
    }
    ctx_unlock(ctx);
    return rc;
}

/* Who waits for a child looks by himself. */
void libxl_childproc_sigchld_occurred(libxl_ctx *ctx)
{
    (void)ctx;
}

void libxl_report_child_exitstatus(libxl_ctx *ctx, xentoollog_level level, const char *what,
                                   pid_t pid, int status)
{
    struct op op;

    op_begin(&op, ctx, __func__, LIBXL_INVALID_DOMID);
    if (WIFEXITED(status))
        op_log(&op, level, 0, "%s [%ld] exited with error status %d", what, (long)pid,
               WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        op_log(&op, level, 0, "%s [%ld] died due to fatal signal %s%s", what, (long)pid,
               strsignal(WTERMSIG(status)), WCOREDUMP(status) ? " (core dumped)" : "");
    else
        op_log(&op, level, 0, "%s [%ld] gave unknown wait status 0x%x", what, (long)pid,
               (unsigned int)status);
    op_end(&op, 0);
}

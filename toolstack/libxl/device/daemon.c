/*
 * A process that outlives this one, and is never its child: it belongs to a domain, and is found by
 * its number in the store. Called by qemu.c.
 *
 * The number is in the store before the program starts: the process waits for a byte until then,
 * and ends when whoever starts it is gone. So whatever is killed at whatever point, no process runs
 * that the store does not know. A process in between ends at once, so that the application never
 * sees a child, nor SIGCHLD (it is made without that signal).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libxl/device/daemon.h"

/* Between fork and exec only what is safe there */
static pid_t raw_fork(int signal)
{
    return (pid_t)syscall(SYS_clone, (unsigned long)signal, NULL, NULL, NULL, 0ul);
}

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

    (void)ignored;
}

__attribute__((noreturn)) static void become(const struct daemon_start *s, int go)
{
    sigset_t none;
    char byte;

    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    if (read(go, &byte, 1) != 1)
        _exit(0);
    if (dup2(s->in, 0) < 0 || dup2(s->log, 1) < 0 || dup2(s->log, 2) < 0)
        _exit(127);
    /* What the application has open, a stream or a terminal, is not to stay open because of us */
    syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
    execve(s->argv[0], (char *const *)s->argv, s->env);
    say(s->argv[0]);
    say(" cannot be executed\n");
    _exit(127);
}

__attribute__((noreturn)) static void middle(const struct daemon_start *s, int tell, int go)
{
    pid_t pid = raw_fork(SIGCHLD);

    if (pid == 0)
        become(s, go);
    _exit(write(tell, &pid, sizeof(pid)) == sizeof(pid) && pid > 0 ? 0 : 1);
}

/* Its number, from the process in between; the end of `go` stays with us alone */
static int fork_twice(struct op *op, const struct daemon_start *s, const int tell[2],
                      const int go[2], pid_t *pid)
{
    pid_t child = raw_fork(0);
    int status, err;

    if (child < 0)
        return op_fail(op, ERROR_FAIL, errno, "There can be no process for %s", s->argv[0]);
    if (child == 0) {
        close(go[1]);
        middle(s, tell[1], go[0]);
    }
    while (waitpid(child, &status, __WALL) < 0) {
        err = errno;
        if (err != EINTR)
            return op_fail(op, ERROR_FAIL, err, "Cannot wait for the process of %s", s->argv[0]);
    }
    if (status != 0 || read(tell[0], pid, sizeof(*pid)) != sizeof(*pid))
        return op_fail(op, ERROR_FAIL, 0, "There can be no process for %s", s->argv[0]);
    return 0;
}

int daemon_start(struct op *op, const struct daemon_start *s, pid_t *pid)
{
    int tell[2] = { -1, -1 }, go[2] = { -1, -1 }, rc;

    if (pipe2(tell, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
        rc = op_fail(op, ERROR_FAIL, errno, "There can be no pipe for %s", s->argv[0]);
    else
        rc = fork_twice(op, s, tell, go, pid);
    if (rc == 0)
        rc = store_write(op, XBT_NULL, s->pid_path, "%ld", (long)*pid);
    if (rc == 0 && write(go[1], "", 1) != 1)
        rc = op_fail(op, ERROR_FAIL, errno, "%s does not start", s->argv[0]);
    for (int i = 0; i < 2; i++) {
        if (tell[i] >= 0)
            close(tell[i]);
        if (go[i] >= 0)
            close(go[i]);
    }
    return rc;
}

/* A number of a process is used again: its command line says whether it is the one */
static bool is_daemon(pid_t pid, const char *option, const char *value)
{
    char path[40], text[4096];
    bool found = false;
    size_t n, at = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long)pid);
    f = fopen(path, "re");
    if (!f)
        return false;
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    while (at < n && !found) {
        const char *word = text + at;

        at += strlen(word) + 1;
        found = strcmp(word, option) == 0 && at < n && strcmp(text + at, value) == 0;
    }
    return found;
}

static int has_ended(struct op *op, void *arg)
{
    const struct daemon_find *f = arg;

    (void)op;
    return is_daemon(f->pid, f->option, f->value) ? ERROR_NOT_READY : 0;
}

bool daemon_runs(const struct daemon_find *f)
{
    return f->pid > 0 && is_daemon(f->pid, f->option, f->value);
}

int daemon_stop(struct op *op, struct daemon_find *f)
{
    int fd, rc;

    if (f->pid <= 0)
        return 0;
    /* From here on the number cannot become another's unseen */
    fd = (int)syscall(SYS_pidfd_open, f->pid, 0);
    if (fd < 0)
        return 0;
    if (!daemon_runs(f)) {
        close(fd);
        return 0;
    }
    syscall(SYS_pidfd_send_signal, fd, SIGHUP, NULL, 0);
    rc = op_wait(op, NULL, fd, 0, DAEMON_STOP_MS, has_ended, f);
    if (rc != 0) {
        op_log(op, XTL_WARN, 0, "Process %ld does not end by SIGHUP; it is killed", (long)f->pid);
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
        rc = op_wait(op, NULL, fd, 0, DAEMON_STOP_MS, has_ended, f);
    }
    close(fd);
    return rc;
}

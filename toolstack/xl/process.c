/*
 * Forking: children that execute something, and the daemon that stays behind for a guest. libxl
 * reaps only its own children here, so each of ours is waited for by whom it concerns.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "process.h"

static const libxl_childproc_hooks hooks = {
    .chldowner = libxl_sigchld_owner_libxl_always_selective_reap,
};

void session_open(void)
{
    unsigned int flags = 0;

    if (xl.timestamps)
        flags |= XTL_STDIOSTREAM_SHOW_DATE | XTL_STDIOSTREAM_SHOW_PID;
    if (xl.carriage_return)
        flags |= XTL_STDIOSTREAM_PROGRESS_USE_CR;
    else if (!isatty(STDERR_FILENO))
        flags |= XTL_STDIOSTREAM_HIDE_PROGRESS;
    if (!xl.log)
        xl.log = need(xtl_createlogger_stdiostream(stderr, xl.min_level, flags));
    if (libxl_ctx_alloc(&xl.ctx, LIBXL_VERSION, 0, (xentoollog_logger *)xl.log)) {
        fatal("cannot init xl context: %s; 'xl doctor' says what is missing",
              geteuid() ? "only root may manage guests"
                        : "there is no hypervisor below, or not all "
                          "of its drivers and daemons are there");
    }
    libxl_childproc_setmode(xl.ctx, &hooks, NULL);
}

void session_again(void)
{
    libxl_postfork_child_noexec(xl.ctx);
    session_open();
}

pid_t process_fork(const char *what)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid < 0)
        fatal("the process for the %s could not be started: %m", what);
    return pid;
}

int process_wait(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return status;
}

/* Put a file below a descriptor that the process has already. */
static void replace(int fd, const char *path, int flags)
{
    int file = open(path, flags | O_CLOEXEC, 0644);

    if (file < 0 || dup2(file, fd) < 0)
        fatal("%s could not be opened for the process that stays behind: %m", path);
    if (file != fd)
        close(file);
}

static void write_pid(const char *path)
{
    FILE *file = fopen(path, "we");

    if (!file || fprintf(file, "%ld\n", (long)getpid()) < 0 || fclose(file))
        fatal("%s could not be written: %m", path);
}

int daemon_become(const char *name, const char *pidfile)
{
    char *log;
    int rc = libxl_create_logfile(xl.ctx, name, &log);

    if (rc)
        fatal("no log file could be made for %s (rc=%d)", name, rc);
    if (process_fork("guest's monitor")) {
        free(log);
        return 1;
    }
    if (setsid() < 0 || chdir("/"))
        fatal("the process for %s could not be left behind: %m", name);
    replace(STDIN_FILENO, "/dev/null", O_RDONLY);
    replace(STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    xl.log = NULL; /* a log file is no terminal */
    session_again();
    if (pidfile)
        write_pid(pidfile);
    free(log);
    return 0;
}

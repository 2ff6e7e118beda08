/*
 * save, restore, dump-core: guests to files and back.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "commands.h"
#include "domain.h"
#include "process.h"
#include "savefile.h"

enum { PROGRESS_US = 300 * 1000 };

int run_save(const struct args *args)
{
    const char *path = args->words[1];
    uint32_t domid = domain_find(args->words[0]);
    int fd, rc;

    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        fatal("Failed to open temp file %s for writing: %m; the guest was left alone", path);
    if (saved_write(fd, path, domid, args->count > 2 ? args->words[2] : NULL, args_has(args, 'D')))
        return EXIT_FAILURE;
    rc = libxl_domain_suspend(xl.ctx, domid, fd, 0, NULL);
    if (close(fd) && !rc) {
        error("%s could not be written to its end: %m", path);
        rc = ERROR_FAIL;
    }
    if (rc) {
        error("Failed to save domain, resuming domain");
        libxl_domain_resume(xl.ctx, domid, 1, NULL);
        return EXIT_FAILURE;
    }
    if (args_has(args, 'p'))
        libxl_domain_pause(xl.ctx, domid, NULL);
    if (args_has(args, 'p') || args_has(args, 'c'))
        libxl_domain_resume(xl.ctx, domid, 1, NULL);
    else
        libxl_domain_destroy(xl.ctx, domid, NULL);
    return EXIT_SUCCESS;
}

int run_restore(const struct args *args)
{
    struct domain_plan plan = DOMAIN_PLAN;

    plan.restore_path = args->words[args->count - 1];
    plan.config_path = args->count > 1 ? args->words[0] : NULL;
    return plan_run(&plan, args) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A new name in the folder for dumps */
static char *dump_path(uint32_t domid)
{
    char when[32];
    time_t now = time(NULL);

    strftime(when, sizeof(when), "%Y-%m%d-%H%M.%S", localtime(&now));
    mkdir(DUMP_FOLDER, 0700); /* what is wrong with it, the dump tells */
    return text_of(DUMP_FOLDER "/%s-%s.%u.core", when, domain_name(domid), domid);
}

/* progress_start: a process that shows how much of a file there is, on a terminal; 0 for none.
 * Saving and restoring need none, for libxl tells how far it is. */
static pid_t progress_start(uint32_t domid, const char *path)
{
    libxl_dominfo info;
    uint64_t total;
    struct stat st;
    pid_t parent = getpid(), pid;

    libxl_dominfo_init(&info);
    if (!isatty(STDERR_FILENO) || libxl_domain_info(xl.ctx, &info, domid))
        return 0;
    total = info.current_memkb << 10;
    libxl_dominfo_dispose(&info);
    pid = process_fork("progress");
    while (!pid && getppid() == parent) {
        if (total && !stat(path, &st))
            fprintf(
                stderr, "\rdumping core to %s: %3d%%", path,
                (int)((uint64_t)st.st_size >= total ? 100 : (uint64_t)st.st_size * 100 / total));
        usleep(PROGRESS_US);
    }
    if (!pid)
        _exit(EXIT_SUCCESS);
    return pid;
}

static void progress_end(pid_t pid)
{
    if (!pid)
        return;
    kill(pid, SIGKILL);
    process_wait(pid);
    fputs("\r\033[K", stderr);
}

int run_dump_core(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    char *path = args->count > 1 ? args->words[1] : dump_path(domid);
    pid_t progress = progress_start(domid, path);
    int rc = libxl_domain_core_dump(xl.ctx, domid, path, NULL);

    progress_end(progress);
    if (rc)
        error("core dump failed (rc=%d)", rc);
    else if (args->count < 2)
        printf("%s\n", path);
    return status_of(rc);
}

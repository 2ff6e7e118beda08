/*
 * create, config-update, and what restore and migrate-receive share with them: from a configuration
 * to a domain with a process that looks after it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cfg.h"
#include "commands.h"
#include "conf.h"
#include "domain.h"
#include "process.h"
#include "savefile.h"

/* ---- the configuration */
static int read_text(struct domain_plan *plan)
{
    const char *path = plan->config_path ? plan->config_path : "command line";
    size_t length = 0;
    char *data = need(strdup("")), *all;
    int rc;

    if (plan->config_path) {
        data = file_read(plan->config_path, &length);
        if (!data) {
            error("Failed to read config file: %s: %s", plan->config_path, strerror(errno));
            return ERROR_FAIL;
        }
        if (strlen(data) != length) {
            error("%s: this is no text that could be a configuration", plan->config_path);
            return ERROR_INVAL;
        }
    }
    if (!plan->quiet)
        fprintf(stderr, "Parsing config from %s\n", path);
    all = plan->extra ? text_of("%s\n%s\n", data, plan->extra) : data;
    rc = cfg_read(&plan->config, path, all, strlen(all), plan->quiet);
    if (all != data)
        free(all);
    free(data);
    return rc;
}

static int read_saved(struct domain_plan *plan)
{
    const char *name = plan->restore_path ? plan->restore_path : "<incoming migration stream>";
    struct saved saved;
    int rc;

    if (plan->restore_fd < 0) {
        plan->restore_fd = open(plan->restore_path, O_RDONLY | O_CLOEXEC);
        if (plan->restore_fd < 0) {
            error("Can't open restore file: %s: %m", plan->restore_path);
            return ERROR_INVAL;
        }
    }
    rc = saved_read(plan->restore_fd, name, &saved);
    if (rc || plan->config_path)
        return rc ? rc : read_text(plan);
    if (!saved.config) {
        error("Config file not specified and none in save file");
        return ERROR_INVAL;
    }
    if (!plan->quiet)
        fprintf(stderr, "Parsing config from <saved>\n");
    if (!saved.json)
        return cfg_read(&plan->config, "<saved>", saved.config, saved.length, plan->quiet);
    libxl_domain_config_init(&plan->config);
    rc = libxl_domain_config_from_json(xl.ctx, &plan->config, saved.config);
    if (rc)
        error("the configuration that is saved in %s cannot be understood", name);
    return rc;
}

int config_load(struct domain_plan *plan)
{
    char *name;
    int rc = plan->restore_path || plan->restore_fd >= 0 ? read_saved(plan) : read_text(plan);

    if (rc || !plan->incoming)
        return rc;
    name = text_of("%s%s", plan->config.c_info.name, plan->incoming);
    free(plan->config.c_info.name);
    plan->config.c_info.name = name;
    return 0;
}

static void config_print(libxl_domain_config *config, FILE *to)
{
    yajl_gen json = json_start();

    if (libxl_domain_config_gen_json(json, config) != yajl_gen_status_ok)
        fatal("unable to format domain config as JSON");
    json_print(json, to);
}

/* ---- the whole */
static int look_after(struct domain_plan *plan)
{
    pid_t console = console_pid();
    char *log;
    int rc;

    if (plan->viewer)
        viewer_start(plan->domid, plan->autopass);
    if (plan->monitor && !plan->foreground) {
        log = text_of("xl-%s", plan->config.c_info.name);
        rc = daemon_become(log, NULL);
        if (rc < 0)
            return rc;
        plan->monitor = rc == 0; /* this is the process that stays */
        console = rc == 0 ? 0 : console;
    }
    if (plan->monitor)
        exit(domain_monitor(plan));
    if (console)
        process_wait(console);
    return 0;
}

int domain_create(struct domain_plan *plan)
{
    int rc;

    rc = config_load(plan);
    if (rc) /* as an exit status, 1 is what is wrong in a configuration, 3 that there is none */
        return rc == ERROR_FAIL ? rc : ERROR_NONSPECIFIC;
    if (plan->dry_run) {
        config_print(&plan->config, stdout);
        return plan->check && domain_check(&plan->config, plan->config_path) ? ERROR_NONSPECIFIC
                                                                             : 0;
    }
    if (plan->debug)
        config_print(&plan->config, stderr);
    rc = domain_make(plan);
    if (plan->restore_path && plan->restore_fd >= 0)
        close(plan->restore_fd);
    plan->restore_fd = plan->send_back_fd = -1;
    return rc ? rc : look_after(plan);
}

/* ---- arguments of create and config-update: a file, and KEY=VALUE */
static void take_words(const struct args *args, int first, const char **path, const char **extra)
{
    *path = args_value(args, 'f');
    *extra = NULL;
    for (int i = first; i < args->count; i++) {
        const char *word = args->words[i];

        if (!strchr(word, '=')) {
            if (*path)
                fatal("'%s' is a second configuration besides %s; 'xl %s' takes one", word, *path,
                      args->command->name);
            *path = word;
        } else {
            *extra = *extra ? text_of("%s\n%s", *extra, word) : word;
        }
    }
}

int plan_run(struct domain_plan *plan, const struct args *args)
{
    plan->debug = args_has(args, 'd');
    plan->paused = args_has(args, 'p');
    plan->foreground = args_has(args, 'F');
    plan->monitor = !args_has(args, 'e');
    plan->console = args_has(args, 'c');
    plan->autopass = args_has(args, 'A');
    plan->viewer = args_has(args, 'V') || plan->autopass;
    return domain_create(plan);
}

int run_create(const struct args *args)
{
    struct domain_plan plan = DOMAIN_PLAN;
    int rc;

    take_words(args, 0, &plan.config_path, &plan.extra);
    plan.check = args_has(args, OPTION_CHECK);
    plan.dry_run = plan.check || args_has(args, 'n') || xl.dry_run;
    plan.quiet = args_has(args, 'q');
    plan.ignore_masks = args_has(args, 'i');
    if (!plan.config_path && !plan.extra) {
        error("Config file not specified: xl create /etc/xen/NAME.cfg");
        return -ERROR_INVAL;
    }
    rc = plan_run(&plan, args);
    return rc < 0 ? -rc : EXIT_SUCCESS;
}

int run_config_update(const struct args *args)
{
    struct domain_plan plan = DOMAIN_PLAN;
    uint32_t domid = domain_find(args->words[0]);
    size_t length;
    char *data, *all;

    take_words(args, 1, &plan.config_path, &plan.extra);
    error(
        "WARNING: xl now has better capability to manage domain configuration, avoid using this command "
        "when possible");
    if (!plan.config_path)
        fatal("Config file not specified");
    plan.quiet = args_has(args, 'q');
    if (read_text(&plan))
        return EXIT_FAILURE;
    if (xl.dry_run || args_has(args, 'd'))
        config_print(&plan.config, stdout);
    if (xl.dry_run)
        return EXIT_SUCCESS;
    data = file_read(plan.config_path, &length);
    if (!data)
        fatal("Failed to read config file: %s: %m", plan.config_path);
    all = text_of("%s\n%s\n", data, plan.extra ? plan.extra : "");
    fprintf(stderr, "setting dom%u configuration\n", domid);
    if (libxl_userdata_store(xl.ctx, domid, "xl", (const uint8_t *)all, (int)strlen(all)))
        fatal("failed to update configuration");
    return EXIT_SUCCESS;
}

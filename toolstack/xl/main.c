/*
 * xl: finds the command in the table, parses its options, opens libxl, runs it. What a command
 * returns is the exit status.
 */
#include <unistd.h>
#include "xl.h"
#include "conf.h"
#include "process.h"

struct session xl = { .min_level = XTL_PROGRESS };

static const char *command_name_at(const void *state, int i)
{
    (void)state;
    for (const struct command_group *group = command_groups; group->title; group++) {
        for (const struct command *command = group->commands; command->name; command++) {
            if (i-- == 0)
                return command->name;
        }
    }
    return NULL;
}

const struct command *command_find(const char *name)
{
    const struct command *begun = NULL;
    int count = 0;

    for (const struct command_group *group = command_groups; group->title; group++) {
        for (const struct command *command = group->commands; command->name; command++) {
            if (!strcmp(command->name, name))
                return command;
            if (!starts_with(command->name, name))
                continue;
            begun = command;
            count++;
        }
    }
    return count == 1 ? begun : NULL;
}

/* globals: the options before the command; returns the number of the first other argument. */
static int globals(int argc, char **argv)
{
    static char help[] = "help";
    int option;

    if (argc > 1 && !strcmp(argv[1], "--help"))
        argv[1] = help;
    opterr = 0;
    while ((option = getopt(argc, argv, "+vftTNh")) != -1) {
        switch (option) {
        case 'v':
            if (xl.min_level > XTL_DEBUG)
                xl.min_level--;
            break;
        case 'N':
            xl.dry_run = true;
            break;
        case 't':
            xl.carriage_return = true;
            break;
        case 'T':
            xl.timestamps = true;
            break;
        case 'h':
            argv[optind - 1] = help;
            return optind - 1;
        case 'f': /* there is no xend any more that could be in the way */
            break;
        default:
            error("unknown global option -%c; 'xl help' lists them", optopt);
            exit(2);
        }
    }
    return optind;
}

int main(int argc, char **argv)
{
    const struct command *command;
    struct args args;
    int first, status;

    first = globals(argc, argv);
    if (first == argc) {
        error("Usage xl [-vfNtT] <subcommand> [args]; 'xl help' lists the commands");
        return EXIT_FAILURE;
    }
    command = command_find(argv[first]);
    if (!command) {
        const char *near = nearest_name(argv[first], command_name_at, NULL);

        error("command \"%s\" not implemented; %s%s%s", argv[first],
              near ? "perhaps you mean 'xl " : "'xl help' lists the commands", near ? near : "",
              near ? "'" : "");
        return EXIT_FAILURE;
    }
    args_parse(&args, command, argc - first, argv + first);
    if (xl.dry_run && !(command->flags & COMMAND_DRY_RUN)) {
        error("command does not implement -N (dryrun) option; 'xl %s' was not run", command->name);
        return EXIT_FAILURE;
    }
    if (!(command->flags & COMMAND_ALONE)) {
        session_open();
        conf_read(XL_CONF);
    }
    status = command->run(&args);
    if (fflush(stdout) || ferror(stdout))
        fatal("xl: what 'xl %s' prints could not be written: %m", command->name);
    if (xl.ctx) /* a guest that was made and does not run yet was meant to stay */
        libxl_ctx_free(xl.ctx);
    return status;
}

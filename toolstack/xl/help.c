/*
 * xl help: what there is, from the table of commands.
 */
#include "commands.h"
#include "xl.h"

static void group_print(const struct command_group *group)
{
    printf("\n%s:\n", group->title);
    for (const struct command *command = group->commands; command->name; command++) {
        if (!(command->flags & COMMAND_INTERNAL))
            printf(" %-21s %s\n", command->name, command->summary);
    }
}

int run_help(const struct args *args)
{
    const struct command *command;

    if (args->count) {
        command = command_find(args->words[0]);
        if (!command)
            fatal("command \"%s\" not implemented; 'xl help' lists the commands", args->words[0]);
        usage_print(stdout, command);
        return EXIT_SUCCESS;
    }
    printf("Usage xl [-vfNtT] <subcommand> [args]\n\n"
           " -v  more messages; -vvv all\n"
           " -N  do nothing, only print what would be done\n"
           " -t  progress in one line, even when that is no terminal\n"
           " -T  messages with time and process\n"
           " -f  has no effect\n\n"
           "xl full list of subcommands:\n");
    for (const struct command_group *group = command_groups; group->title; group++)
        group_print(group);
    printf("\n'xl help <subcommand>' says more. 'xl doctor' checks this host.\n");
    return EXIT_SUCCESS;
}

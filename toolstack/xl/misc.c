/*
 * devd, the daemon of a domain that serves devices; qemu-monitor-command.
 */
#include "commands.h"
#include "process.h"

int run_devd(const struct args *args)
{
    if (!args_has(args, 'F')) {
        int rc = daemon_become("xldevd", args_value(args, 'p'));

        if (rc)
            return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    return status_of(libxl_device_events_handler(xl.ctx, NULL));
}

int run_qemu_monitor_command(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);
    char *output;

    if (libxl_qemu_monitor_command(xl.ctx, domid, args->words[1], &output, NULL))
        return EXIT_FAILURE;
    if (output)
        printf("%s\n", output);
    free(output);
    return EXIT_SUCCESS;
}

/*
 * A guest's console and screen: console, vncviewer.
 */
#include "commands.h"
#include "domain.h"

int run_console(const struct args *args)
{
    static const struct {
        const char *name;
        libxl_console_type type;
    } types[] = {
        { "pv", LIBXL_CONSOLE_TYPE_PV },
        { "serial", LIBXL_CONSOLE_TYPE_SERIAL },
        { "vuart", LIBXL_CONSOLE_TYPE_VUART },
    };
    const char *name = args_value(args, 't');
    libxl_console_type type = LIBXL_CONSOLE_TYPE_UNKNOWN;
    long number = args_number(args, 'n', 0);
    uint32_t domid;

    for (size_t i = 0; name && i < ARRAY_LENGTH(types); i++) {
        if (!strcmp(name, types[i].name))
            type = types[i].type;
    }
    if (name && type == LIBXL_CONSOLE_TYPE_UNKNOWN)
        fatal("console type supported are: pv, serial, vuart");
    domid = domain_find(args->words[0]);
    if (type == LIBXL_CONSOLE_TYPE_UNKNOWN && !args_has(args, 'n'))
        libxl_primary_console_exec(xl.ctx, domid, -1);
    else
        libxl_console_exec(xl.ctx, domid, (int)number,
                           type == LIBXL_CONSOLE_TYPE_UNKNOWN ? LIBXL_CONSOLE_TYPE_PV : type, -1);
    fatal("Unable to attach console");
}

int run_vncviewer(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);

    libxl_vncviewer_exec(xl.ctx, domid, args_has(args, OPTION_AUTOPASS));
    fatal("Unable to execute vncviewer");
}

/*
 * `xl generate`: writes what comes from xl's tables, when xl is built: the manual page xl(1), the
 * completion for bash, the reference of commands, of xl.cfg and of xl.conf.
 */
#include <ctype.h>
#include "cfg.h"
#include "commands.h"
#include "conf.h"

/* Text for roff: a dash that is one, no line that starts with a dot */
static void roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
    }
}

static bool shown(const struct command *command)
{
    return !(command->flags & COMMAND_INTERNAL);
}

static const struct option_row *extra_option(const struct command *command, int i)
{
    if (i == 0)
        return &help_option;
    return i == 1 && command->flags & COMMAND_LISTING ? &json_option : NULL;
}

/* Calls f() for each option of a command */
static void each_option(const struct command *command, void (*f)(const struct option_row *row))
{
    const struct option_row *row;

    for (row = command->options; row && row->key; row++)
        f(row);
    for (int i = 0; (row = extra_option(command, i)); i++)
        f(row);
}

static void each_command(void (*group)(const char *title), void (*f)(const struct command *command))
{
    for (const struct command_group *g = command_groups; g->title; g++) {
        if (group)
            group(g->title);
        for (const struct command *command = g->commands; command->name; command++) {
            if (shown(command))
                f(command);
        }
    }
}

/* ---- xl(1) */
static void man_option(const struct option_row *row)
{
    if (row->key == 'h')
        return;
    printf(".TP\n.B ");
    roff(option_label(row));
    printf("\n");
    roff(row->help);
    printf(".\n");
}

static void man_group(const char *title)
{
    printf(".SH %s\n", title);
}

static void man_command(const struct command *command)
{
    printf(".SS ");
    roff(command->name);
    printf("\n.B xl ");
    roff(command->name);
    printf(" ");
    roff(command->usage);
    printf("\n.PP\n");
    roff(command->summary);
    printf(".\n");
    if (command->more)
        roff(command->more), printf("\n");
    each_option(command, man_option);
}

static void man(void)
{
    printf(
        ".TH XL 1 \"\" hospes \"xl\"\n.SH NAME\nxl \\- manage guests of hospes and Xen\n"
        ".SH SYNOPSIS\n.B xl\n[\\-vfNtT] SUBCOMMAND [ARGUMENT]...\n.SH DESCRIPTION\n"
        "xl makes guests, looks after them, and tells what they do. A domain is named by its name or its "
        "number. Lists of things print JSON with \\-\\-json. Only root may use it.\n"
        ".TP\n.B \\-v\nMore messages; \\-vvv all of them.\n.TP\n.B \\-N\nOnly print what would be done.\n"
        ".TP\n.B \\-t\nProgress in one line, even when that is no terminal.\n"
        ".TP\n.B \\-T\nMessages with time and process.\n.TP\n.B \\-f\nHas no effect.\n");
    each_command(man_group, man_command);
    printf(".SH EXIT STATUS\n0 when all was done. 1 when something was not. 2 for a wrong option. "
           "xl create and xl restore: the number of libxl's error.\n"
           ".SH FILES\n/etc/xen/xl.conf, /etc/xen/*.cfg, /var/log/xen/xl\\-NAME.log\n"
           ".SH SEE ALSO\nxl.cfg(5), xl.conf(5), xlcpupool.cfg(5), xl\\-disk\\-configuration(5), "
           "xl\\-pci\\-configuration(5)\n");
}

/* ---- completion */
static void completion_option(const struct option_row *row)
{
    if (row->key < 256)
        printf(" -%c", row->key);
    if (row->name)
        printf(" --%s", row->name);
}

static void completion_case(const struct command *command)
{
    printf("    %s) words='", command->name);
    each_option(command, completion_option);
    printf("'; kind=%s ;;\n", strstr(command->usage, "<Domain")     ? "domain"
                              : strstr(command->usage, "[Domain")   ? "domain"
                              : strstr(command->usage, "<CPU Pool") ? "pool"
                                                                    : "file");
}

static void completion_name(const struct command *command)
{
    printf(" %s", command->name);
}

static void completion(void)
{
    printf("# bash completion for xl; written by `xl generate completion`\n"
           "_xl() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} command='' words='' kind=file word\n"
           "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "        [[ $word == -* ]] || { command=$word; break; }\n"
           "    done\n"
           "    case $command in\n"
           "    '') words='-v -N -t -T");
    each_command(NULL, completion_name);
    printf("'; kind=none ;;\n");
    each_command(NULL, completion_case);
    printf("    esac\n"
           "    if [[ $cur != -* ]]; then\n"
           "        case $kind in\n"
           "        domain) words=$(xl list 2>/dev/null | awk 'NR > 1 { print $1 }') ;;\n"
           "        pool) words=$(xl cpupool-list 2>/dev/null | awk 'NR > 1 { print $1 }') ;;\n"
           "        file) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
           "        esac\n"
           "    fi\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
           "}\n"
           "complete -o filenames -F _xl xl\n");
}

/* ---- references, in Markdown */
static void cell_markdown(const char *text)
{
    for (; text && *text; text++) {
        if (*text == '|')
            putchar('\\');
        putchar(*text);
    }
}

static void reference_option(const struct option_row *row)
{
    if (row->key == 'h')
        return;
    printf("| `%s` | ", option_label(row));
    cell_markdown(row->help);
    printf(" |\n");
}

static void reference_group(const char *title)
{
    printf("\n## %s\n", title);
}

static void reference_command(const struct command *command)
{
    printf("\n### %s\n    xl %s %s\n\n%s.\n", command->name, command->name, command->usage,
           command->summary);
    if (command->more)
        printf("%s\n", command->more);
    if (!command->options && !(command->flags & COMMAND_LISTING))
        return;
    printf("\n| option | |\n|---|---|\n");
    each_option(command, reference_option);
}

static void reference(void)
{
    printf(
        "# xl\nMade of the table of commands in `toolstack/xl/table.c` by `make docs`. A domain is named by "
        "its name or its number.\n\n    xl [-vfNtT] SUBCOMMAND [ARGUMENT]...\n");
    each_command(reference_group, reference_command);
}

static void reference_part(const struct part *part)
{
    printf("| `%s` | ", part->name);
    cell_markdown(part->value ? part->value : "");
    printf(" | ");
    cell_markdown(part->help);
    printf(" |\n");
}

static void reference_cfg(void)
{
    printf(
        "# xl.cfg\nMade of the tables in `toolstack/xl/cfg_keys.c` and `cfg_parts.c` by `make docs`.\n\n"
        "A configuration is lines `KEY = VALUE`. A value is a string between quotes, a number, or a list "
        "of values between brackets. `+=` adds to a string or a list. A key that is not in this table is "
        "refused.\n\n| key | value | guests | |\n|---|---|---|---|\n");
    for (int i = 0; i < cfg_key_count; i++) {
        const struct key *key = &cfg_keys[i];

        printf("| `%s` | ", key->name);
        cell_markdown(key->value);
        printf(" |%s%s%s | ", key->guests & GUEST_PV || key->guests & GUEST_VFB ? " PV" : "",
               key->guests & GUEST_PVH ? " PVH" : "", key->guests & GUEST_HVM ? " HVM" : "");
        if (key->kind == FIELD_NOTE)
            printf("No effect: ");
        cell_markdown(key->help);
        printf(" |\n");
    }
    for (const struct language *const *language = languages; *language; language++) {
        printf("\n## %s\nParts between commas:\n\n| part | value | |\n|---|---|---|\n",
               (*language)->device);
        for (int i = 0; i < (*language)->count; i++)
            reference_part(&(*language)->parts[i]);
    }
}

static void reference_conf(void)
{
    printf("# xl.conf\nMade of the table in `toolstack/xl/conf.c` by `make docs`. The file is "
           "`/etc/xen/xl.conf`.\n\n| key | default | |\n|---|---|---|\n");
    for (const struct conf_row *row = conf_rows; row->name; row++) {
        printf("| `%s` | ", row->name);
        cell_markdown(row->otherwise ? row->otherwise : "");
        printf(" | ");
        cell_markdown(row->help);
        if (row->instead)
            printf(" Use `%s`.", row->instead);
        printf(" |\n");
    }
}

int run_generate(const struct args *args)
{
    static const struct {
        const char *name;
        void (*write)(void);
    } documents[] = {
        { "man", man },           { "completion", completion }, { "reference", reference },
        { "cfg", reference_cfg }, { "conf", reference_conf },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(documents); i++) {
        if (!strcmp(documents[i].name, args->words[0])) {
            documents[i].write();
            return EXIT_SUCCESS;
        }
    }
    usage_wrong(args->command);
}

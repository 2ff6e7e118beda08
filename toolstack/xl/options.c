/*
 * The options of a command, parsed by its table: letters and long names, in any order among the
 * words. main.c calls args_parse() before anything else happens, so -h works for everybody.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include "xl.h"

const struct option_row help_option = { 'h', "help", NULL, "Print this help" };
const struct option_row json_option = { OPTION_JSON, "json", NULL,
                                        "Print JSON instead of a table" };

/* A command's i-th option: its own, and those that all have. */
static const struct option_row *option_at(const struct command *command, int i)
{
    const struct option_row *row = command->options;

    for (; row && row->key; row++, i--) {
        if (i == 0)
            return row;
    }
    if (i == 0)
        return &help_option;
    return i == 1 && (command->flags & COMMAND_LISTING) ? &json_option : NULL;
}

static const char *option_name_at(const void *command, int i)
{
    const struct option_row *row = option_at(command, i);

    return !row ? NULL : row->name ? row->name : "";
}

const char *option_label(const struct option_row *row)
{
    const char *value = row->value ? row->value : "";

    if (!row->name)
        return text_of("-%c%s%s", row->key, row->value ? " " : "", value);
    if (row->key > CHAR_MAX)
        return text_of("--%s%s%s", row->name, row->value ? "=" : "", value);
    return text_of("-%c%s%s, --%s%s%s", row->key, row->value ? " " : "", value, row->name,
                   row->value ? "=" : "", value);
}

void usage_print(FILE *to, const struct command *command)
{
    const struct option_row *row;

    fprintf(to, "Usage: xl [-vtT%s] %s %s\n\n%s.\n\n", command->flags & COMMAND_DRY_RUN ? "N" : "",
            command->name, command->usage, command->summary);
    fprintf(to, "Options:\n\n");
    for (int i = 0; (row = option_at(command, i)); i++)
        fprintf(to, "%-32s %s\n", option_label(row), row->help);
    fprintf(to, "\n");
}

void usage_wrong(const struct command *command)
{
    usage_print(stderr, command);
    exit(EXIT_FAILURE);
}

/* What getopt_long() wants to know of a command's options */
struct spelling {
    struct option longs[32];
    char letters[96];
};

static void spell(struct spelling *s, const struct command *command)
{
    const struct option_row *row;
    size_t longs = 0, letters = 0;

    memset(s, 0, sizeof(*s));
    s->letters[letters++] = ':';
    for (int i = 0; (row = option_at(command, i)); i++) {
        if (longs + 1 >= ARRAY_LENGTH(s->longs) || letters + 3 >= sizeof(s->letters))
            abort(); /* a row of the table of commands is too long */
        if (row->name) {
            s->longs[longs++] =
                (struct option){ row->name, row->value ? required_argument : no_argument, NULL,
                                 row->key };
        }
        if (row->key <= CHAR_MAX) {
            s->letters[letters++] = (char)row->key;
            if (row->value)
                s->letters[letters++] = ':';
        }
    }
}

static void __attribute__((noreturn))
option_wrong(const struct command *command, bool missing, const char *word)
{
    const char *near = NULL;

    if (missing) {
        error("option `%s' of 'xl %s' needs a value; see 'xl help %s'", word, command->name,
              command->name);
    } else if (starts_with(word, "--")) {
        char *name = text_of("%s", word + 2);

        name[strcspn(name, "=")] = 0;
        near = nearest_name(name, option_name_at, command);
        error("option `%s' not supported.%s%s%s See 'xl help %s'", word,
              near ? " Did you mean '--" : "", near ? near : "", near ? "'?" : "", command->name);
    } else {
        error("option `%s' not supported. See 'xl help %s'", word, command->name);
    }
    exit(2);
}

void args_parse(struct args *args, const struct command *command, int argc, char **argv)
{
    struct spelling spelling;
    int key;

    *args = (struct args){ .command = command };
    spell(&spelling, command);
    args->given = need(calloc((size_t)argc + 1, sizeof(*args->given)));
    opterr = 0;
    optind = 0;
    while ((key = getopt_long(argc, argv, spelling.letters, spelling.longs, NULL)) != -1) {
        if (key == '?' && optopt && optopt <= CHAR_MAX)
            option_wrong(command, false, text_of("-%c", optopt));
        if (key == '?' || key == ':')
            option_wrong(command, key == ':', argv[optind - 1]);
        if (key == 'h') {
            usage_print(stdout, command);
            exit(EXIT_SUCCESS);
        }
        args->json |= key == OPTION_JSON;
        args->given[args->ngiven++] = (struct given){ key, optarg };
    }
    args->words = argv + optind;
    args->count = argc - optind;
    if (args->count < command->min) {
        error("'xl %s' requires at least %d argument%s.\n", command->name, command->min,
              command->min == 1 ? "" : "s");
        usage_wrong(command);
    }
    if (command->max >= 0 && args->count > command->max) {
        error("'xl %s' takes %s%d argument%s; '%s' is too much.\n", command->name,
              command->max ? "at most " : "", command->max, command->max == 1 ? "" : "s",
              args->words[command->max]);
        usage_wrong(command);
    }
}

const char *args_value(const struct args *args, int key)
{
    for (int i = args->ngiven; i-- > 0;) {
        if (args->given[i].key == key)
            return args->given[i].value;
    }
    return NULL;
}

bool args_has(const struct args *args, int key)
{
    for (int i = 0; i < args->ngiven; i++) {
        if (args->given[i].key == key)
            return true;
    }
    return false;
}

long args_number(const struct args *args, int key, long missing)
{
    const char *text = args_value(args, key);
    unsigned long long number;

    if (!text)
        return missing;
    if (!number_parse(text, 0, INT_MAX, &number))
        fatal("'%s' is not a number that option -%c of 'xl %s' can take", text, key,
              args->command->name);
    return (long)number;
}

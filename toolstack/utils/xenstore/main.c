/*
 * xenstore MODE ..., and xenstore-MODE ... for each mode: the store from a shell. The name under
 * which it is called says the mode; the table says what each mode takes, and makes its usage.
 */
#include "modes.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mode {
    const char *name;
    mode_function *run;
    const char *letters; /* of its options */
    const char *arguments;
    int min, multiple; /* of the arguments */
    bool atomic;       /* several arguments are one transaction */
} modes[] = {
    { "read", mode_read, "psR", "key [...]", 1, 1, true },
    { "write", mode_write, "sR", "key value [...]", 2, 2, true },
    { "ls", mode_ls, "fps", "[path]", 0, 1, false },
    { "rm", mode_rm, "st", "key [...]", 1, 1, true },
    { "list", mode_list, "ps", "key [...]", 1, 1, true },
    { "exists", mode_exists, "s", "key [...]", 1, 1, true },
    { "chmod", mode_chmod, "urs", "key <mode [modes...]>", 1, 1, true },
    { "watch", mode_watch, "n", "key", 1, 1, false },
};

static const struct option long_options[] = {
    { "help", no_argument, NULL, 'h' },
    { "flat", no_argument, NULL, 'f' },
    { "prefix", no_argument, NULL, 'p' },
    { "tidy", no_argument, NULL, 't' },
    { "upto", no_argument, NULL, 'u' },
    { "recurse", no_argument, NULL, 'r' },
    { "raw", no_argument, NULL, 'R' },
    { "number", required_argument, NULL, 'n' },
    { NULL, 0, NULL, 0 },
};

static void __attribute__((noreturn)) usage(const struct mode *m, const char *program)
{
    char text[128];
    size_t len = 0;
    const char *p;

    if (!m)
        errx(1, "Usage: %s <mode> [-h] [...]", program);
    for (p = m->letters; *p; p++)
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, *p == 'n' ? "[-n NR] " : "[-%c] ", *p);
    errx(1, "Usage: %s%s%s [-h] %s%s", program, strchr(program, '-') ? "" : " ",
         strchr(program, '-') ? "" : m->name, text, m->arguments);
}

static const struct mode *find_mode(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (!strcmp(modes[i].name, name))
            return &modes[i];
    errx(1, "unknown mode %s", name);
}

static void set_option(struct options *o, const struct mode *m, int c, const char *program)
{
    switch (c) {
    case 'f':
        o->flat = true;
        break;
    case 'p':
        o->prefix = o->perms = true;
        break;
    case 'R':
        o->raw = true;
        break;
    case 'r':
        o->recurse = true;
        break;
    case 's': /* there was a choice once */
        break;
    case 't':
        o->tidy = true;
        break;
    case 'u':
        o->upto = true;
        break;
    case 'n':
        o->events = atoi(optarg);
        break;
    default:
        usage(m, program);
    }
}

static bool takes(const struct mode *m, int c)
{
    return c == 'h' || strchr(m->letters, c);
}

/* Once, or in a transaction until it meets no other */
static int run(const struct mode *m, const struct options *o, int argc, char **argv)
{
    struct store s = { xs_open(0), XBT_NULL };
    bool atomic = m->atomic && (argc > m->multiple || o->tidy || o->recurse || o->upto);
    int rc;

    if (!s.xs)
        err(1, "xs_open");
    do {
        if (atomic) {
            s.transaction = xs_transaction_start(s.xs);
            if (!s.transaction)
                errx(1, "couldn't start transaction");
        }
        rc = m->run(&s, o, argc, argv);
        if (!atomic)
            break;
        if (xs_transaction_end(s.xs, s.transaction, rc != 0))
            break;
        if (errno != EAGAIN || rc)
            errx(1, "couldn't end transaction");
    } while (!rc);
    xs_close(s.xs);
    return rc;
}

int main(int argc, char **argv)
{
    const char *program = argv[0], *name = strrchr(program, '/');
    struct options o = { .events = -1 };
    const struct mode *m;
    int c;

    name = strstr(name ? name + 1 : program, "xenstore-");
    if (name) {
        m = find_mode(name + strlen("xenstore-"));
    } else {
        if (argc < 2)
            usage(NULL, program);
        m = find_mode(argv[1]);
        argc--;
        argv++;
    }
    while ((c = getopt_long(argc, argv, "hfspturRn:", long_options, NULL)) != -1) {
        if (!takes(m, c))
            usage(m, program);
        set_option(&o, m, c, program);
    }
    argc -= optind;
    argv += optind;
    if (argc < m->min || argc % m->multiple)
        usage(m, program);
    return run(m, &o, argc, argv);
}

/*
 * xenstore-ls: a tree as text. Lines are cut to the terminal's width, or 80 characters; lists of
 * permissions stand in a column, with dots leading to them. With -f, paths are whole, and lines.
 */
#include "modes.h"
#include "text.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH        80
#define PERMS_COLUMN 60
#define MARGIN       8 /* what stands around a name and value that are cut */

static int width; /* 0: lines are not cut */

static void find_width(const struct options *o)
{
    struct winsize size;

    width = WIDTH;
    if (o->flat)
        width = 0;
    else if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
        width = size.ws_col > 2 ? size.ws_col - 2 : 0;
}

static void show_perms(struct store *s, const char *path, int column, bool cut)
{
    unsigned int count, i;
    struct xs_permissions *perms = xs_get_permissions(s->xs, s->transaction, path, &count);
    int until = width < PERMS_COLUMN ? width : PERMS_COLUMN;

    if (!perms) {
        warn("%s: permissions", path);
        return;
    }
    if (!cut) {
        putchar(' ');
        for (column++; column < until; column++)
            putchar(column & 1 ? '.' : ' ');
    }
    for (i = 0; i < count; i++) {
        unsigned int may = perms[i].perms & (XS_PERM_READ | XS_PERM_WRITE);

        printf("%s%c%u", i ? "," : "  (", "nrwb"[may], perms[i].id);
    }
    putchar(')');
    free(perms);
}

static void show_node(struct store *s, const struct options *o, const char *path, const char *name,
                      int depth)
{
    int indent = o->flat ? 0 : depth, column, name_len, room;
    unsigned int len;
    char *value = xs_read(s->xs, s->transaction, path, &len), *text;
    bool cut;

    if (!value) {
        printf("%*s%s: \n", indent, "", o->flat ? path : name);
        return;
    }
    text = text_escape(value, len);
    name_len = (int)strlen(o->flat ? path : name);
    room = width - MARGIN - indent - name_len;
    if (width && room < 0) {
        name_len = name_len + room > 0 ? name_len + room : 0;
        room = 0;
    }
    cut = width && (int)strlen(text) > room;
    column = printf("%*s%.*s = \"", indent, "", name_len, o->flat ? path : name);
    column += cut ? printf("%.*s\\...\"", room, text) : printf("%s\"", text);
    if (o->perms)
        show_perms(s, path, column, cut);
    putchar('\n');
    free(text);
    free(value);
}

/* The nodes below @path; what went away meanwhile, or may not be seen, is left out */
static int show_below(struct store *s, const struct options *o, const char *path, int depth)
{
    unsigned int count, i;
    char **names = xs_directory(s->xs, s->transaction, path, &count), *child;

    if (!names) {
        if (depth && (errno == ENOENT || errno == EACCES))
            return 0;
        warn("xs_directory (%s)", path);
        return 1;
    }
    for (i = 0; i < count; i++) {
        if (asprintf(&child, "%s/%s", strcmp(path, "/") ? path : "", names[i]) < 0)
            err(1, NULL);
        show_node(s, o, child, names[i], depth);
        show_below(s, o, child, depth + 1);
        free(child);
    }
    free(names);
    return 0;
}

int mode_ls(struct store *s, const struct options *o, int argc, char **argv)
{
    int i, rc = 0;

    find_width(o);
    if (!argc)
        return show_below(s, o, "/", 0);
    for (i = 0; i < argc && !rc; i++)
        rc = show_below(s, o, argv[i], 0);
    return rc;
}

/* The modes that read, write, list, remove, watch nodes; called by main.c. */
#include "modes.h"
#include "text.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mode_read(struct store *s, const struct options *o, int argc, char **argv)
{
    unsigned int len;
    char *value, *text;
    int i;

    for (i = 0; i < argc; i++) {
        value = xs_read(s->xs, s->transaction, argv[i], &len);
        if (!value) {
            warnx("couldn't read path %s", argv[i]);
            return 1;
        }
        if (o->prefix)
            printf("%s: ", argv[i]);
        if (o->raw) {
            fwrite(value, 1, len, stdout);
        } else {
            text = text_escape(value, len);
            puts(text);
            free(text);
        }
        free(value);
    }
    return 0;
}

int mode_write(struct store *s, const struct options *o, int argc, char **argv)
{
    char *value;
    size_t len;
    bool ok;
    int i;

    for (i = 0; i < argc; i += 2) {
        value = o->raw ? strdup(argv[i + 1]) : text_unescape(argv[i + 1], &len);
        if (!value)
            err(1, NULL);
        if (o->raw)
            len = strlen(value);
        ok = xs_write(s->xs, s->transaction, argv[i], value, (unsigned int)len);
        free(value);
        if (!ok) {
            warnx("could not write path %s", argv[i]);
            return 1;
        }
    }
    return 0;
}

int mode_exists(struct store *s, const struct options *o, int argc, char **argv)
{
    char *value;
    int i;

    (void)o;
    for (i = 0; i < argc; i++) {
        value = xs_read(s->xs, s->transaction, argv[i], NULL);
        if (!value)
            return 1;
        free(value);
    }
    return 0;
}

int mode_list(struct store *s, const struct options *o, int argc, char **argv)
{
    unsigned int count, k;
    char **names;
    int i;

    for (i = 0; i < argc; i++) {
        names = xs_directory(s->xs, s->transaction, argv[i], &count);
        if (!names) {
            warnx("could not list path %s", argv[i]);
            return 1;
        }
        for (k = 0; k < count; k++) {
            if (o->prefix)
                printf("%s/", argv[i]);
            puts(names[k]);
        }
        free(names);
    }
    return 0;
}

/* Remove the parents of @path that have nothing left: no value and no children */
static int tidy(struct store *s, char *path)
{
    unsigned int count, len;
    char *slash, *value;
    char **names;
    bool empty;

    while ((slash = strrchr(path, '/')) && slash != path) {
        *slash = '\0';
        value = xs_read(s->xs, s->transaction, path, &len);
        names = xs_directory(s->xs, s->transaction, path, &count);
        empty = value && names && !len && !count;
        free(value);
        free(names);
        if (!empty)
            break;
        if (!xs_rm(s->xs, s->transaction, path)) {
            warnx("could not remove path %s", path);
            return 1;
        }
    }
    return 0;
}

int mode_rm(struct store *s, const struct options *o, int argc, char **argv)
{
    char *path;
    int i, rc = 0;

    for (i = 0; i < argc && !rc; i++) {
        if (!xs_rm(s->xs, s->transaction, argv[i])) {
            warnx("could not remove path %s", argv[i]);
            return 1;
        }
        if (!o->tidy)
            continue;
        path = strdup(argv[i]);
        if (!path)
            err(1, NULL);
        rc = tidy(s, path);
        free(path);
    }
    return rc;
}

struct permissions {
    struct xs_permissions *list;
    unsigned int count;
};

static int set(struct store *s, const char *path, struct permissions p)
{
    if (xs_set_permissions(s->xs, s->transaction, path, p.list, p.count))
        return 0;
    warn("Error occurred setting permissions on '%s'", path);
    return 1;
}

static int set_below(struct store *s, const char *path, struct permissions p)
{
    unsigned int count, i;
    char **names = xs_directory(s->xs, s->transaction, path, &count), *child;
    int rc = 0;

    if (!names) {
        warn("xs_directory (%s)", path);
        return 1;
    }
    for (i = 0; i < count && !rc; i++) {
        if (asprintf(&child, "%s/%s", strcmp(path, "/") ? path : "", names[i]) < 0)
            err(1, NULL);
        rc = set(s, child, p) || set_below(s, child, p);
        free(child);
    }
    free(names);
    return rc;
}

static int set_above(struct store *s, const char *path, struct permissions p)
{
    char *above = strdup(path), *slash;
    int rc = 0;

    if (!above)
        err(1, NULL);
    while (!rc && (slash = strrchr(above, '/')) && slash != above) {
        *slash = '\0';
        rc = set(s, above, p);
    }
    free(above);
    return rc;
}

int mode_chmod(struct store *s, const struct options *o, int argc, char **argv)
{
    struct permissions p = { calloc((size_t)argc, sizeof(*p.list)), (unsigned int)argc - 1 };
    int i, rc;

    if (!p.list)
        err(1, NULL);
    for (i = 1; i < argc; i++)
        if (!xs_strings_to_perms(&p.list[i - 1], 1, argv[i]))
            errx(1, "Invalid permission specification: '%c'", argv[i][0]);
    rc = set(s, argv[0], p);
    if (!rc && o->upto)
        rc = set_above(s, argv[0], p);
    if (!rc && o->recurse)
        rc = set_below(s, argv[0], p);
    free(p.list);
    return rc;
}

int mode_watch(struct store *s, const struct options *o, int argc, char **argv)
{
    int left = o->events, i;
    unsigned int count;
    char **event;

    for (i = 0; i < argc; i++)
        if (!xs_watch(s->xs, argv[i], argv[i]))
            errx(1, "Unable to add watch on %s", argv[i]);
    while (left) {
        event = xs_read_watch(s->xs, &count);
        if (!event) {
            if (errno == EINTR)
                continue;
            err(1, "xs_read_watch");
        }
        puts(event[XS_WATCH_PATH]);
        fflush(stdout);
        free(event);
        if (left > 0)
            left--;
    }
    return 0;
}

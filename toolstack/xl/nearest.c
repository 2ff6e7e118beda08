/*
 * The known name that comes closest to one that somebody mistyped: for commands, options, keys of
 * configurations, domains. Used only where an error is told already.
 */
#include "xl.h"

enum { LONGEST = 64 };

static int lowest(int a, int b)
{
    return a < b ? a : b;
}

/* How many letters differ: one more, one less, another one, or two that changed places. */
static int distance(const char *a, const char *b)
{
    int rows[3][LONGEST + 1];
    int na = (int)strlen(a), nb = (int)strlen(b);

    if (na > LONGEST || nb > LONGEST)
        return LONGEST;
    for (int j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= na; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            row[j] =
                lowest(lowest(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = lowest(row[j], above2[j - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

const char *nearest_name(const char *name, const char *(*next)(const void *state, int i),
                         const void *state)
{
    int limit = 1 + (int)strlen(name) / 4;
    int best = limit + 1;
    const char *nearest = NULL, *known;

    for (int i = 0; (known = next(state, i)); i++) {
        int d = distance(name, known);

        if (d < best) {
            best = d;
            nearest = known;
        }
    }
    return nearest;
}

/*
 * Fuzzer for reading libxl's types from JSON: a stored configuration, or one from another host. The
 * first byte of the input chooses the type.
 *
 *   make toolstack
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -DHAVE_YAJL_YAJL_VERSION_H \
 *       -D__XEN_TOOLS__ -Itoolstack tests/fuzz/types/fuzz_types.c toolstack/libxl/types/[a-z]*.c \
 *       toolstack/libxl/core/{memory,log}.c build/toolstack/gen/libxl_types.c \
 *       -lyajl -luuid -lxentoollog -o fuzz_types
 *   mkdir -p corpus && ./fuzz_types corpus
 *
 * What was read is written, read again, copied, and must be the same text each time.
 */
#include <stdlib.h>
#include <string.h>

#include "libxl/core/ctx.h"
#include "libxl/types/types.h"

static struct libxl__ctx ctx;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_equal(const char *a, const char *b)
{
    if (!b || strcmp(a, b))
        abort();
}

static void again(const struct type *t, const char *text, const void *p)
{
    char copy[2048], other[2048], *json;

    type_copy(t, copy, p);
    json = type_to_json(&ctx, t, copy);
    require_equal(text, json);
    free(json);
    type_dispose(t, copy);

    type_init(t, other);
    if (type_from_json(&ctx, t, other, text))
        abort();
    json = type_to_json(&ctx, t, other);
    require_equal(text, json);
    free(json);
    type_dispose(t, other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct type *const *t = all_types;
    char object[2048], *text, *json;
    size_t n = 0, structs = 0;

    if (!size)
        return 0;
    while (all_types[n])
        structs += all_types[n++]->fields != NULL;
    for (n = data[0] % structs; !(*t)->fields || n > 0; t++)
        n -= (*t)->fields != NULL;
    text = strndup((const char *)data + 1, size - 1);
    type_init(*t, object);
    if (!type_from_json(&ctx, *t, object, text)) {
        json = type_to_json(&ctx, *t, object);
        if (!json)
            abort();
        again(*t, json, object);
        free(json);
    }
    type_dispose(*t, object);
    free(text);
    return 0;
}

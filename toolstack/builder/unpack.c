/*
 * Packed kernels: their formats, and the room for what comes out. The decoders (unpack/) are a
 * library that is loaded for the first packed kernel, unless they are linked in, as in tests.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "builder/internal.h"

#define LIBRARY    "libhospes-unpack.so.1"
#define FIRST_ROOM (16ul << 20)

static const struct format {
    const char *name;
    uint8_t magic[6];
    uint8_t magic_size;
    enum packing packing; /* PACKINGS: nothing unpacks it */
} formats[] = {
    { "gzip", { 0x1f, 0x8b }, 2, PACKED_GZIP },
    { "bzip2", { 'B', 'Z', 'h' }, 3, PACKED_BZIP2 },
    { "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, PACKED_XZ },
    { "lzma", { 0x5d, 0, 0 }, 3, PACKED_LZMA },
    { "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4, PACKED_LZ4 },
    { "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, PACKED_ZSTD },
    { "lzo", { 0x89, 'L', 'Z', 'O', 0 }, 5, PACKINGS },
};

static const struct format *find_format(const void *in, size_t size)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (size >= UNPACK_MAGIC && memcmp(in, formats[i].magic, formats[i].magic_size) == 0)
            return &formats[i];
    return NULL;
}

const char *unpack_format(const void *in, size_t size)
{
    const struct format *f = find_format(in, size);

    return f ? f->name : NULL;
}

/* NULL, with the sentence: the library cannot be had. It stays loaded. */
static decoder_t *const *find_decoders(struct build_error *error)
{
    decoder_t *const *decoders = hospes_decoders;
    void *library;

    if (decoders)
        return decoders;
    library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library)
        decoders = dlsym(library, "hospes_decoders");
    if (!decoders)
        build_fail(error, -ENOENT, "what unpacks kernels cannot be loaded: %s", dlerror());
    return decoders;
}

int unpack(const void *in, size_t size, size_t expect, struct unpacked *out,
           struct build_error *error)
{
    const struct format *f = find_format(in, size);
    decoder_t *const *decoders;
    int rc;

    *out = (struct unpacked){ 0 };
    if (!f)
        return build_fail(error, -EINVAL, "the kernel is packed in an unknown format");
    if (f->packing == PACKINGS)
        return build_fail(error, -EOPNOTSUPP,
                          "the kernel is packed with %s, which cannot be unpacked here", f->name);
    decoders = find_decoders(error);
    if (!decoders)
        return -ENOENT;
    /* One byte more than expected, so that a decoder reaches the end in one go. Pages that a wrong
     * guess leaves over are never touched. */
    out->room = expect >= FIRST_ROOM && expect < UNPACK_MAX ? expect + 1 : FIRST_ROOM;
    out->data = mmap(NULL, out->room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (out->data == MAP_FAILED) {
        *out = (struct unpacked){ 0 };
        return build_fail(error, -ENOMEM, "there is no memory to unpack the kernel");
    }
    rc = decoders[f->packing](in, size, out);
    if (rc == 0)
        return 0;
    unpack_free(out);
    if (rc == -EFBIG)
        return build_fail(error, rc, "the kernel is larger than %lu MiB when unpacked",
                          UNPACK_MAX >> 20);
    if (rc == -ENOMEM)
        return build_fail(error, rc, "there is no memory to unpack the kernel (%s)", f->name);
    return build_fail(error, rc, "the kernel's %s data is damaged or cut short", f->name);
}

void unpack_free(struct unpacked *out)
{
    if (out->data)
        munmap(out->data, out->room);
    *out = (struct unpacked){ 0 };
}

/*
 * Unpacking of kernel images: recognises the format and hands over to its decoder. Called by the
 * domain builders. No locks: all state is in the caller's scratch memory.
 */
#include "internal.h"

#define SCRATCH_ALIGN 16

struct format {
    const char *name;
    uint8_t magic[6];
    uint8_t magic_len;
    size_t (*scratch_size)(void);
    int (*unpack)(struct unpack *u);
};

static const struct format formats[] = {
    { "xz", { 0xfd, '7', 'z', 'X', 'Z', 0x00 }, 6, xz_scratch_size, unpack_xz },
    { "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4, lz4_scratch_size, unpack_lz4 },
    { "lz4", { 0x04, 0x22, 0x4d, 0x18 }, 4, lz4_scratch_size, unpack_lz4 },
    { "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, zstd_scratch_size, unpack_zstd },
    { "gzip", { 0x1f, 0x8b, 0x08 }, 3, gzip_scratch_size, unpack_gzip },
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

int skip_frame(struct unpack *u)
{
    size_t size;

    if (in_left(u) < 4)
        return -EINVAL;
    size = get_le32(u->in);
    u->in += 4;
    if (size > in_left(u))
        return -EINVAL;
    u->in += size;
    return 0;
}

static const struct format *find_format(const void *in, size_t in_len)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (in_len >= formats[i].magic_len && !memcmp(in, formats[i].magic, formats[i].magic_len))
            return &formats[i];
    return NULL;
}

const char *decompress_format(const void *in, size_t in_len)
{
    const struct format *f = find_format(in, in_len);

    return f ? f->name : NULL;
}

size_t decompress_scratch_size(void)
{
    size_t max = 0;

    for (size_t i = 0; i < FORMATS; i++) {
        size_t size = formats[i].scratch_size();

        max = size > max ? size : max;
    }
    return max + SCRATCH_ALIGN - 1;
}

int decompress(const void *in, size_t in_len, void *out, size_t out_size, size_t *out_len,
               void *scratch, size_t scratch_size)
{
    const struct format *f = find_format(in, in_len);
    uintptr_t aligned = ((uintptr_t)scratch + SCRATCH_ALIGN - 1) & -(uintptr_t)SCRATCH_ALIGN;
    struct unpack u = {
        .in = in,
        .in_end = (const uint8_t *)in + in_len,
        .out = out,
        .out_end = (uint8_t *)out + out_size,
        .scratch = (void *)aligned,
    };
    int err;

    if (!f)
        return -EOPNOTSUPP;
    if (scratch_size < decompress_scratch_size())
        return -ENOMEM;
    err = f->unpack(&u);
    if (!err)
        *out_len = (size_t)(u.out - (uint8_t *)out);
    return err;
}

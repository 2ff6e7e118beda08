/* What the files of the builder share: files, unpacking, images, and the writing of guest memory.
 */
#ifndef BUILDER_INTERNAL_H
#define BUILDER_INTERNAL_H

#include <stdbool.h>
#include "builder/builder.h"
#include "unpack/decoders.h"
#include "xc/memory.h"

#define BUILD_MAX_FILE   (1ul << 30)   /* of a kernel or ramdisk as it is stored, bytes */
#define BUILD_MAX_PACKED (256ul << 20) /* of a packed kernel */

/* The sentence of an error; returns @rc, so that a refusal is one statement. */
int build_fail(struct build_error *error, int rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- source.c ---- */

/* Bytes to read: of a file, or in memory */
struct source {
    int fd; /* -1: in memory */
    const uint8_t *data;
    uint64_t start; /* in the file */
    uint64_t size;
};

/* @what is for the sentence: "kernel". A file with neither path nor data is empty. */
int source_open(struct source *source, const struct build_file *file, const char *what,
                struct build_error *error);
void source_close(struct source *source);
/* The bytes from @offset on; -EINVAL when they are not all inside, -EIO when they cannot be had */
int source_read(const struct source *source, uint64_t offset, void *to, size_t size);
/* Make *source a part of itself; false when that is not inside */
bool source_narrow(struct source *source, uint64_t offset, uint64_t size);

/* ---- unpack.c ---- */

#define UNPACK_MAGIC 16 /* bytes that tell the format, at least */

/* The name of the format that @in is packed with, or NULL */
const char *unpack_format(const void *in, size_t size);
/* @expect: a guess at the size. What follows the packed stream is not looked at. */
int unpack(const void *in, size_t size, size_t expect, struct unpacked *out,
           struct build_error *error);
void unpack_free(struct unpacked *out);

/* ---- image.c: an ELF file in a file ---- */

#define IMAGE_MAX_SEGMENTS 16
#define IMAGE_MAX_PIECES   (2 * IMAGE_MAX_SEGMENTS)

/* Bytes for the guest at an address: in memory, or from an offset of a source, or zeros */
struct piece {
    uint64_t address, size;
    const void *data;
    const struct source *source;
    uint64_t offset;
};

struct segment {
    uint64_t address; /* in the guest's memory */
    uint64_t size;    /* there */
    uint64_t offset;  /* in the ELF file, of the first ... */
    uint64_t filled;  /* ... bytes; zeros follow */
};

/* Xen's ELF notes, public/elfnote.h; has[] tells which were there */
struct notes {
    uint64_t entry, hypercall_page, virt_base, paddr_offset, init_p2m, mod_start_pfn, hv_start_low,
        supported_features, phys32_entry;
    char guest_os[32], loader[16], features[256];
    uint32_t has;
};

struct image {
    struct segment segment[IMAGE_MAX_SEGMENTS]; /* by address, none overlaps another */
    unsigned int segments;
    uint64_t start, end; /* of all segments */
    uint64_t elf_entry;
    struct notes notes;
    struct source elf; /* what the segments are in: a part of the file, or ... */
    struct unpacked unpacked;
};

/* @file must stay as long as the image does. */
int image_open(struct image *image, const struct source *file, struct build_error *error);
/* An HVM guest's first program: an ELF file for 32 bit, which needs no notes */
int image_open_firmware(struct image *image, const struct source *file, struct build_error *error);
void image_close(struct image *image);
bool image_has_note(const struct image *image, unsigned int note);
/* What of it is to be written: IMAGE_MAX_PIECES at most, returns how many */
unsigned int image_pieces(const struct image *image, struct piece *pieces);

/* ---- memory.c: pieces of guest memory, and how they get there ---- */

/* The frames of a domain. @mfn is the caller's list of @count machine frames of a PV domain, by the
 * guest's page number; NULL: they are called by that. Pages from @count on cannot be written. */
struct frames {
    struct xc *xc;
    uint32_t domid;
    xen_pfn_t *mfn;
    uint64_t count;
};

/* Make @count pages from page @first on, in large blocks as far as there are any */
int frames_populate(struct frames *frames, uint64_t first, uint64_t count,
                    struct build_error *error);
/* Write pieces, which are sorted by address and do not overlap. A page that one of them touches has
 * zeros where none does. */
int frames_write(struct frames *frames, const struct piece *pieces, size_t count,
                 struct build_error *error);

/* ---- pv.c, hvm.c ---- */

/* What both are given; @result is to be filled */
struct build {
    struct xc *xc;
    const struct build_request *request;
    const struct image *image;
    const struct source *ramdisk;
    struct build_result *result;
    struct build_error *error;
};

int build_pv(const struct build *build);
/* A PVH or HVM guest, as the request says */
int build_hvm(const struct build *build);
/* -errno with "cannot ...: reason" */
int build_failed(const struct build *build, int rc, const char *what);

/* ---- e820.c ---- */

#define E820_RAM      1
#define E820_UNUSABLE 5

/* @memory bytes of memory at addresses where the machine has some, and all that it has there beside
 * memory: the number of rows, or 0 when @room, which is one more than can be used, is too small */
unsigned int e820_like_host(const struct xc_e820_entry *host, unsigned int count, uint64_t memory,
                            struct xc_e820_entry *out, unsigned int room);

/* ---- start.c ---- */

/* It begins at @entry, in flat 32-bit segments without paging, and EBX is @info. @cached: memory
 * is, from the start and for all vCPUs; firmware sees to that itself. */
int start_hvm_vcpu(const struct build *in, uint64_t entry, uint64_t info, bool cached);

/* ---- acpi.c ---- */

/* Tables for a guest of @vcpus CPUs that will be at address @base: the root pointer comes first.
 * Returns their size, or 0 when @room is too small. */
size_t acpi_tables(uint8_t *out, size_t room, uint64_t base, unsigned int vcpus);

#endif

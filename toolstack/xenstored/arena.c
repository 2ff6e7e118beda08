/*
 * The mapped file: its header, the undo log, and steps. slab.c gives out its memory.
 *
 * The file: a page of header, the undo log (sparse: only what a step needed is there), pages of
 * objects. A killed process leaves the header's count of undo entries behind; the next one writes
 * the old words back, the last first. An entry is written before its count, the count before the
 * word changes: program order is all that is needed, since what one thread has stored is in the
 * shared mapping whatever becomes of the thread.
 */
#include "arena.h"
#include "internal.h"
#include "slab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC      0x73656368736f7068ull
#define LAYOUT     3u /* of everything in the file; another number is another layout */
#define HEADER     4096u
#define UNDO_CHUNK (256u << 10)
#define UNDO_MAX   (256u << 20)
#define FILE_MAX   (16ull << 30)

struct undo {
    uint32_t word; /* its place in the file, in words */
    uint32_t old;
};

struct header {
    uint64_t magic;
    uint32_t layout;
    uint32_t undo_count;
    uint64_t size; /* of the file; the kernel's number may be larger after a kill */
    char root[ARENA_ROOT_MAX] __attribute__((aligned(16)));
};
_Static_assert(sizeof(struct header) <= HEADER, "the header fits in its page");

char *arena_base;
static int fd = -1;
static uint32_t undo_room; /* entries for which the file has memory */

static struct header *header(void)
{
    return (struct header *)arena_base;
}

static struct undo *undo_log(void)
{
    return (struct undo *)(arena_base + HEADER);
}

void *arena_root(void)
{
    return header()->root;
}

/* Memory of the file system is taken now: a store into a hole might fail later, with a signal. */
bool arena_grow(uint64_t from, uint64_t to)
{
    if (to > FILE_MAX || posix_fallocate(fd, (off_t)from, (off_t)(to - from)))
        return false;
    if (to > header()->size)
        header()->size = to;
    return true;
}

static int start(void)
{
    struct header *h;

    if (posix_fallocate(fd, 0, HEADER) || posix_fallocate(fd, HEADER, UNDO_CHUNK) ||
        ftruncate(fd, HEADER + UNDO_MAX))
        return -errno;
    h = header();
    h->layout = LAYOUT;
    h->size = HEADER + UNDO_MAX;
    h->magic = MAGIC;
    return 0;
}

static void undo_all(void)
{
    struct header *h = header();

    while (h->undo_count) {
        const struct undo *u = &undo_log()[h->undo_count - 1];

        ((uint32_t *)arena_base)[u->word] = u->old;
        atomic_signal_fence(memory_order_seq_cst);
        h->undo_count--;
    }
}

/* Why the content of the file cannot be used; NULL if it can */
static const char *refused(uint64_t size)
{
    const struct header *h = header();
    uint32_t i;

    if (h->magic != MAGIC)
        return "it is not a state of xenstored";
    if (h->layout != LAYOUT)
        return "another version of xenstored made it";
    if (h->size < HEADER + UNDO_MAX || h->size > size || h->size > FILE_MAX)
        return "its size is wrong";
    if (h->undo_count > UNDO_MAX / sizeof(struct undo))
        return "its undo log is damaged";
    for (i = 0; i < h->undo_count; i++)
        if (undo_log()[i].word >= h->size / 4 ||
            undo_log()[i].word < offsetof(struct header, root) / 4)
            return "its undo log is damaged";
    return NULL;
}

static int set_aside(const char *path, const char *why)
{
    char *bad;
    int rc = 0;

    if (asprintf(&bad, "%s.bad", path) < 0)
        return -ENOMEM;
    say(LOG_ERR, "%s: %s; kept as %s, the store starts empty", path, why, bad);
    if (rename(path, bad) < 0)
        rc = -errno;
    free(bad);
    return rc;
}

static int map_file(const char *path, struct stat *st)
{
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (fstat(fd, st) < 0)
        return -errno;
    arena_base = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (arena_base == MAP_FAILED) {
        arena_base = NULL;
        return -errno;
    }
    return 0;
}

void arena_close(void)
{
    slab_reset();
    if (arena_base)
        munmap(arena_base, FILE_MAX);
    if (fd >= 0)
        close(fd);
    arena_base = NULL;
    fd = -1;
}

int arena_open(const char *path, bool *fresh)
{
    struct stat st;
    const char *why;
    int rc = map_file(path, &st);

    if (rc < 0)
        goto out;
    *fresh = st.st_size == 0;
    if (!*fresh) {
        why = (uint64_t)st.st_size < HEADER + UNDO_MAX ? "it is too short"
                                                       : refused((uint64_t)st.st_size);
        if (why) {
            rc = set_aside(path, why);
            arena_close();
            return rc < 0 ? rc : arena_open(path, fresh);
        }
        undo_all();
    } else {
        rc = start();
        if (rc < 0)
            goto out;
    }
    undo_room = UNDO_CHUNK / sizeof(struct undo);
    slab_init(HEADER + UNDO_MAX, header()->size);
    return 0;
out:
    arena_close();
    return rc;
}

int arena_reset(const char *path)
{
    bool fresh;
    int rc = set_aside(path, "its content does not hold together");

    arena_close();
    return rc < 0 ? rc : arena_open(path, &fresh);
}

int arena_mark(ref_t ref, size_t size)
{
    return slab_mark(ref, size);
}

bool arena_valid(ref_t ref, size_t size)
{
    uint64_t offset = (uint64_t)ref * ARENA_UNIT;

    return offset >= HEADER + UNDO_MAX && offset + size <= header()->size;
}

void arena_ready(void)
{
    slab_ready();
}

ref_t arena_alloc(size_t size)
{
    return slab_alloc(size);
}

void arena_free(ref_t ref, size_t size)
{
    slab_free_later(ref, size);
}

bool arena_headroom(void)
{
    return slab_headroom();
}

static void undo_grow(void)
{
    uint64_t have = undo_room * sizeof(struct undo);

    if (have + UNDO_CHUNK > UNDO_MAX || !arena_grow(HEADER + have, HEADER + have + UNDO_CHUNK))
        die("no memory for the undo log of a change");
    undo_room += UNDO_CHUNK / sizeof(struct undo);
}

void arena_save(const void *p, size_t size)
{
    struct header *h = header();
    size_t word = (size_t)((const char *)p - arena_base) / 4;
    size_t i, count = size / 4;

    for (i = 0; i < count; i++) {
        if (h->undo_count == undo_room)
            undo_grow();
        undo_log()[h->undo_count] = (struct undo){ (uint32_t)(word + i), ((const uint32_t *)p)[i] };
        atomic_signal_fence(memory_order_seq_cst);
        h->undo_count++;
        atomic_signal_fence(memory_order_seq_cst);
    }
}

/* A step that needed a lot gives the memory of its log back. */
static void undo_shrink(void)
{
    if (undo_room * sizeof(struct undo) == UNDO_CHUNK)
        return;
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, HEADER + UNDO_CHUNK,
                  (off_t)(undo_room * sizeof(struct undo) - UNDO_CHUNK)) == 0)
        undo_room = UNDO_CHUNK / sizeof(struct undo);
}

void arena_commit(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    header()->undo_count = 0;
    atomic_signal_fence(memory_order_seq_cst);
    slab_commit();
    undo_shrink();
}

void arena_rollback(void)
{
    undo_all();
    slab_rollback();
    undo_shrink();
}

size_t arena_used(void)
{
    return slab_used();
}

size_t arena_size(void)
{
    return header()->size - UNDO_MAX + undo_room * sizeof(struct undo);
}

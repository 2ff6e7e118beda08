/*
 * The daemon's state: a file below /run, mapped, in which all that must outlive the process has its
 * place. References are numbers of 16-byte units from the file's start, so they are half as long as
 * pointers and hold wherever the file is mapped. docs/design/xenstored.md has the safety argument.
 *
 * Changes come in steps. What is reachable at the start of a step is changed only through
 * arena_save(), which first notes the old words; a step ends with arena_commit() or
 * arena_rollback(), and the next process rolls back a step that was cut short. Memory allocated in
 * a step may be filled at will: nothing refers to it if the step is undone.
 *
 * Single-threaded; nothing here may be called from a signal handler.
 */
#ifndef XENSTORED_ARENA_H
#define XENSTORED_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t ref_t; /* 0: none */

#define ARENA_UNIT       16u
#define ARENA_OBJECT_MAX 16384u /* bytes of one allocation */
#define ARENA_ROOT_MAX   1024u  /* bytes of the root structure */

extern char *arena_base;

static inline void *arena_at(ref_t ref)
{
    return arena_base + (size_t)ref * ARENA_UNIT;
}

/*
 * Map the file @path, made if it does not exist; *fresh says whether it was made, or its content
 * was refused (with a reason in the log) and set aside as @path.bad. The caller then fills the root
 * structure, or marks what is reachable and calls arena_ready(). 0, or -errno: -EBUSY when another
 * process has it.
 */
int arena_open(const char *path, bool *fresh);
/* Forget all content, keeping a copy as the file @path.bad */
int arena_reset(const char *path);
void arena_close(void);

/* The root structure, zero in a fresh file: where all references begin */
void *arena_root(void);

/*
 * After arena_open() found content: say that an object of @size bytes is at @ref. Returns 1 when it
 * is new, 0 when it was marked before, -EINVAL when it cannot be there.
 */
int arena_mark(ref_t ref, size_t size);
/* Whether @size bytes at @ref are in the file, so that they can be looked at */
bool arena_valid(ref_t ref, size_t size);
/* All reachable objects have been marked: the rest is free. Also ends a fresh start. */
void arena_ready(void);

/*
 * Memory for an object, not zeroed. The process ends with a message when the file cannot grow;
 * requests that need memory ask arena_headroom() before they begin.
 */
ref_t arena_alloc(size_t size);
/* Free it when the step is committed */
void arena_free(ref_t ref, size_t size);
/* Whether there is room for what any one request may need */
bool arena_headroom(void);

/* Note the words at @p before they change; both are multiples of 4 bytes */
void arena_save(const void *p, size_t size);
static inline void arena_set(uint32_t *p, uint32_t value)
{
    arena_save(p, sizeof(*p));
    *p = value;
}
static inline void arena_add(uint32_t *p, int32_t delta)
{
    arena_set(p, *p + (uint32_t)delta);
}

void arena_commit(void);
void arena_rollback(void);

/* Bytes of objects in use, and of the file, for reports */
size_t arena_used(void);
size_t arena_size(void);

#endif

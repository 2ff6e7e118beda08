/*
 * Permissions: lists of domains and what they may do with a node. Equal lists are one object of the
 * state file, so comparing references compares lists. The first entry names the owner, who may do
 * all, and what domains may do that no other entry names.
 */
#ifndef XENSTORED_PERMS_H
#define XENSTORED_PERMS_H

#include "arena.h"

enum access {
    ACCESS_READ = 1,
    ACCESS_WRITE = 2,
    ACCESS_OWNER = 4, /* may change the list; never in a list */
};

struct perms {
    uint32_t refs;
    uint32_t hash;
    uint32_t count;
    uint32_t entry[]; /* domid | enum access << 16 */
};

/* Who asks: @target is the domain in whose name it may act, too, or DOMID_INVALID */
struct who {
    uint32_t domid, target;
    bool privileged;
};

static inline struct perms *perms_at(ref_t ref)
{
    return arena_at(ref);
}
static inline uint32_t perms_owner(ref_t ref)
{
    return perms_at(ref)->entry[0] & 0xffff;
}

/* What @who may do with a node that has the list @ref: bits of enum access */
unsigned int perms_check(ref_t ref, const struct who *who);

/*
 * The list that @text says, @len bytes of strings like "r7", each with its end: -EINVAL. Entries
 * are in @entry, which has room for PERMS_MAX; returns how many.
 */
#define PERMS_MAX 1400 /* more do not fit into a request */
int perms_parse(const char *text, size_t len, uint32_t *entry);
/* The text of a list into @out with @size bytes; its length with ends, or -E2BIG */
int perms_format(ref_t ref, char *out, size_t size);

/* The object for a list, with one more user */
ref_t perms_get(const uint32_t *entry, uint32_t count);
/* The same list, owned by @domid */
ref_t perms_get_owned(ref_t ref, uint32_t domid);
ref_t perms_hold(ref_t ref);
/* One user less, when the step is committed */
void perms_release(ref_t ref);

/* Domain @domid is no more: no list gives it anything. Its number may be another's tomorrow. */
void perms_forget(uint32_t domid);

/* Read back: one user of the list. 0, or -EINVAL when it cannot be one. */
int perms_mark(ref_t ref);

/* The end of a step */
void perms_rollback(void);
void perms_commit(void);
void perms_reset(void);

static inline size_t perms_size(uint32_t count)
{
    return sizeof(struct perms) + count * sizeof(uint32_t);
}

#endif

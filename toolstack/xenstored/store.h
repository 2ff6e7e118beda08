/*
 * Reading and changing the store in the name of a client: permissions, quotas, what a transaction
 * has seen, and what watches must be told. Called by request.c; each function is part of a step.
 */
#ifndef XENSTORED_STORE_H
#define XENSTORED_STORE_H

#include "state.h"
#include "tree.h"

/* A client's view: the store, or a transaction's version of it */
struct view {
    struct conn *conn;
    struct transaction *transaction; /* NULL: the store */
};

/*
 * The path that @text (@len bytes, without an end) names: relative ones are below the client's
 * /local/domain/ID. The result is @text itself or in @buffer. *prefix, if not NULL, is how much of
 * it the client did not say. -EINVAL.
 */
#define STORE_PATH_BUFFER (XENSTORE_ABS_PATH_MAX + 32)
int store_path(const struct conn *conn, const char *text, size_t len, char *buffer,
               struct path *path, uint32_t *prefix);
/* Which special path it is, or -1 */
int store_special(struct path path);

/* The node; -ENOENT, -EACCES without one of @access. *list: its children are looked at, too */
int store_get(const struct view *view, struct path path, unsigned int access, bool list,
              const struct node **node);
int store_write(const struct view *view, struct path path, const void *value, size_t len);
int store_mkdir(const struct view *view, struct path path);
int store_remove(const struct view *view, struct path path);
int store_set_perms(const struct view *view, struct path path, const uint32_t *entry,
                    uint32_t count);

/* Domain @domid is no more: remove what it owns, or (@keep) give it to dom0 */
void store_forget_domain(uint32_t domid, bool keep);

/* More or less memory for @conn's domain; -ENOSPC above its limit */
int store_account(const struct view *view, int32_t bytes);

#endif

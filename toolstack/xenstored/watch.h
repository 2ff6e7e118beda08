/* Watches and their events. Called by request.c and store.c, as part of a step. */
#ifndef XENSTORED_WATCH_H
#define XENSTORED_WATCH_H

#include "state.h"
#include "tree.h"

/* -EEXIST, -E2BIG. An event for @path follows at once. */
int watch_add(struct conn *conn, struct path path, uint32_t prefix, const char *token,
              size_t token_len);
/* -ENOENT */
int watch_remove(struct conn *conn, struct path path, const char *token, size_t token_len);
void watch_remove_all(struct conn *conn);

/*
 * A change in the store: the node's list before and after it (0: there was none), and, if it was
 * removed, the tree that was there. Kept until the end of the step, like @path.
 */
void watch_changed(struct path path, ref_t before, ref_t after, ref_t removed);
/* A special event: @introduceDomain, @releaseDomain */
void watch_special(enum special which);
/* Send the events of all changes of this step; without this a rollback forgets them. */
void watch_fire(void);
void watch_rollback(void);

/* Events for @conn have room again: send what is owed */
void watch_owed(struct conn *conn);

/* A watch that was read back */
void watch_index(ref_t ref);
void watch_reset(void);

#endif

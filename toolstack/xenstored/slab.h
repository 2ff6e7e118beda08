/*
 * Memory of the mapped file: pages of 64 KiB, each with objects of one size. What is free is known
 * only to the process; it follows from what is reachable. Called by arena.c.
 */
#ifndef XENSTORED_SLAB_H
#define XENSTORED_SLAB_H

#include "arena.h"

/* The part of the file from @from on, @to its end */
void slab_init(uint64_t from, uint64_t to);
void slab_reset(void);
int slab_mark(ref_t ref, size_t size);
void slab_ready(void);
ref_t slab_alloc(size_t size);
void slab_free_later(ref_t ref, size_t size);
void slab_commit(void);
void slab_rollback(void);
bool slab_headroom(void);
size_t slab_used(void);

/* arena.c: give the file memory there; false if the file system has none */
bool arena_grow(uint64_t from, uint64_t to);

#endif

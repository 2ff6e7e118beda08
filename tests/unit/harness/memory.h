/*
 * A made-up physical memory: the frames of a few ranges with real bytes and a real frame table
 * behind them, for the real allocators. Memory costs nothing until it is touched, so ranges may be
 * large and far apart.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <hv/frame.h>
#include <hv/mem.h>

struct memory_range {
    uint64_t start, end; /* frames */
    unsigned int node;
};

/* Frames outside the ranges, but in a MiB that holds RAM, belong to DOMID_IO as on a real machine.
 * The ranges are sorted. Everything is given to the buddy allocator. */
void memory_reset(const struct memory_range *ranges, unsigned int count);
/* All of it is free again: nothing leaked. Takes it back from the allocator. */
void memory_end(void);
bool memory_is_ram(mfn_t m);

/* A small generator: the same sequence everywhere. */
extern uint64_t memory_seed;
uint64_t random64(void);
static inline unsigned int below(unsigned int n)
{
    return (unsigned int)(random64() >> 32) % n;
}

#endif

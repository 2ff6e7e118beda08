/* What the store's fuzzers make of an input: bytes, and requests of a few paths and values. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "world.h"

#define REQUEST_MAX (sizeof(struct xsd_sockmsg) + 8192)

struct input {
    const uint8_t *data;
    size_t left;
};

/* 0 when nothing is left */
uint8_t byte(struct input *in);
uint32_t word(struct input *in);
/* A request with its header in @all, which has REQUEST_MAX bytes: its length */
size_t make_request(struct input *in, char *all);

#endif

/*
 * Fuzzer: the page that a guest's console shares, with any content, between any steps of ours. Our
 * reads and writes must stay in it, and the daemon's queue must stay within its limit.
 *
 *   clang -std=gnu17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -Itoolstack \
 *       tests/fuzz/console/fuzz_console.c toolstack/xenconsoled/ring.c
 * toolstack/xenconsoled/buffer.c \ -o build/fuzz_console && build/fuzz_console -max_total_time=600
 */
#include "xenconsoled/buffer.h"
#include "xenconsoled/ring.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Each step of the input: what is done, and five bytes for it */
struct step {
    uint8_t what;
    uint8_t place;
    uint32_t value;
} __attribute__((packed));

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xencons_interface *page = calloc(1, sizeof(*page));
    struct buffer said = { .limit = 3000 };
    char text[RING_OUT_SIZE];
    struct step s;
    const char *from;
    bool wrong;

    for (; size >= sizeof(s); data += sizeof(s), size -= sizeof(s)) {
        memcpy(&s, data, sizeof(s));
        switch (s.what % 6) {
        case 0: { /* the guest changes an index */
            XENCONS_RING_IDX *index[] = { &page->in_cons, &page->in_prod, &page->out_cons,
                                          &page->out_prod };

            *index[s.place % 4] = s.value;
            break;
        }
        case 1: /* it says something */
            page->out_prod += s.value % 5000;
            break;
        case 2: { /* it is served */
            size_t max = s.value % (sizeof(text) + 1);
            size_t count = ring_take(page, text, max, &wrong);

            if (count > max || (wrong && count))
                abort();
            buffer_put(&said, text, count);
            break;
        }
        case 3: { /* somebody types */
            size_t count = s.value % sizeof(text), room = ring_room(page);

            if (room > RING_IN_SIZE ||
                ring_give(page, text, count) != (count < room ? count : room))
                abort();
            break;
        }
        case 4: { /* somebody reads */
            size_t count = buffer_peek(&said, &from);

            if (count > s.value)
                count = s.value;
            for (size_t i = 0; i < count; i++)
                text[i % sizeof(text)] = from[i];
            buffer_drop(&said, count);
            break;
        }
        case 5: /* the toolstack changes the limit, never below what is there */
            said.limit = said.count + s.value % 5000;
            break;
        }
        if (said.count > said.size)
            abort();
    }
    buffer_free(&said);
    free(page);
    return 0;
}

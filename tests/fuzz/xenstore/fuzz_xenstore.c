/*
 * Fuzzer for xenstored's side of a ring: bytes and indices as a hostile guest writes them, while
 * dom0 looks on and the daemon starts again now and then.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -D__XEN_TOOLS__ -Itoolstack \
 *       -Itests/toolstack/xenstored tests/fuzz/xenstore/{fuzz_xenstore,requests}.c \
 *       tests/toolstack/xenstored/world.c $(cat tests/toolstack/xenstored/sources) -o fuzz_xenstore
 *   ./fuzz_xenstore -max_len=8192 -max_total_time=600
 *
 * An input is a row of commands, a byte each with its operands: a request of domain 1, 2 or 0 whose
 * payload is made of a few paths and values, raw bytes into the ring, indices, answers read or not,
 * deaths, restarts. After each input dom0 must be served, and the accounts must be right.
 */
#include "requests.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(struct input *in)
{
    static const uint32_t who[] = { 1, 2, 1, 0 };
    char all[REQUEST_MAX];
    uint8_t domid = byte(in);
    size_t len = make_request(in, all);

    /* It keeps its domains */
    if (domid % 4 == 3 && ((struct xsd_sockmsg *)all)->type == XS_RELEASE)
        return;
    guest_put(who[domid % 4], all, len);
    world_run();
}

static void raw(struct input *in)
{
    uint8_t bytes[256];
    size_t i, len = byte(in);

    for (i = 0; i < len; i++)
        bytes[i] = byte(in);
    guest_put(1, bytes, len);
    world_run();
}

static void indices(struct input *in)
{
    struct xenstore_domain_interface *r = &world[1].ring;
    uint32_t *const words[] = { &r->req_cons, &r->req_prod, &r->rsp_cons, &r->rsp_prod,
                                &r->connection };

    *words[byte(in) % 5] += word(in);
    world[1].pending = 1;
    world_run();
}

static void command(struct input *in)
{
    char bytes[512];

    switch (byte(in) % 16) {
    case 0:
        raw(in);
        break;
    case 1:
        indices(in);
        break;
    case 2:
        world_restart();
        break;
    case 3:
        world[2].state = byte(in) % 2 ? XEN_SHUTDOWN : XEN_RUNNING;
        domain_look();
        break;
    case 4:
    case 5:
        guest_get(1 + byte(in) % 2, bytes, sizeof(bytes));
        break;
    case 6:
        world[1].ring.connection = XENSTORE_RECONNECT;
        world[1].pending = 1;
        world_run();
        break;
    default:
        request(in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct answer a;
    struct input in = { data, size };
    int i;

    if (!world)
        world_begin();
    ask_strings(0, XS_WRITE, 0, &a, "/local/domain/1", "", NULL);
    ask_strings(0, XS_SET_PERMS, 0, &a, "/local/domain/1", "n1", NULL);
    while (in.left)
        command(&in);
    /* dom0's ring may hold the start of a request: let it begin anew, as the guests' */
    for (i = 0; i < 3; i++) {
        world[i].ring.connection = XENSTORE_RECONNECT;
        world[i].pending = 1;
    }
    world_run();
    if (*ask_strings(0, XS_READ, 0, &a, "/tool", NULL) && strcmp(a.body, "ENOENT"))
        abort();
    if (state_check() < 0)
        abort();
    ask_strings(0, XS_RM, 0, &a, "/local", NULL);
    return 0;
}

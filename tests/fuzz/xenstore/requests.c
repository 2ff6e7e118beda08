/* Requests for the store's fuzzers, requests.h. */
#include "requests.h"

#include <string.h>

uint8_t byte(struct input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->data++;
}

uint32_t word(struct input *in)
{
    uint32_t low = byte(in);

    return low | (uint32_t)byte(in) << 8;
}

/* What a guest has no other way to make long enough */
static size_t payload(struct input *in, char *out)
{
    static const char *const parts[] = {
        "/local/domain/1/a",
        "a",
        "a/b",
        "a/b/c",
        "/local/domain/2/x",
        "@releaseDomain",
        "token",
        "n1",
        "r2",
        "T",
        "F",
        "1",
        "b0",
        "/",
        "/tool",
        "",
    };
    size_t len = 0;
    uint8_t count = byte(in) % 5, what;

    while (count--) {
        what = byte(in);
        if (what < 0x80) {
            const char *s = parts[what % (sizeof(parts) / sizeof(*parts))];

            memcpy(out + len, s, strlen(s) + 1);
            len += strlen(s) + (what & 0x40 ? 0 : 1);
        } else {
            memset(out + len, 'v', what * 4u);
            len += what * 4u;
        }
    }
    return len;
}

size_t make_request(struct input *in, char *all)
{
    struct xsd_sockmsg *header = (struct xsd_sockmsg *)all;
    size_t len;

    header->type = byte(in) % 24;
    /* The daemon of a fuzzer writes no files */
    if (header->type == XS_CONTROL)
        header->type = XS_DIRECTORY;
    header->req_id = 1;
    header->tx_id = byte(in) % 4 ? 0 : state()->next_transaction - byte(in) % 4;
    len = payload(in, all + sizeof(*header));
    header->len = (uint32_t)len;
    return sizeof(*header) + len;
}

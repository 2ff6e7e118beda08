/*
 * Fuzzer for what restores a domain: the first byte says whether the rest is libxl's image, a PV
 * domain's or an HVM one's; behind is the unit test's hypervisor, which the stream must leave
 * without a mapping.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -D__XEN_TOOLS__ -I toolstack \
 *       -I tests/toolstack/stream tests/fuzz/stream/fuzz_stream.c \
 *       tests/toolstack/stream/fake_xc.c toolstack/stream/[a-z]*.c -o fuzz_stream
 *   mkdir corpus; SEEDS=corpus ./fuzz_stream -runs=0; ./fuzz_stream -max_len=200000 corpus
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include "fake_xc.h"
#include "stream/outer.h"

int LLVMFuzzerInitialize(int *count, char ***args);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int input = -1;

static int suspend(void *context)
{
    (void)context;
    return 0;
}

/* One good image of each kind */
static void make_seed(const char *folder, bool linear, bool verify, bool hvm)
{
    struct stream_save save = { .domid = 1, .abort_fd = -1, .verify = verify, .suspend = suspend };
    char name[256];

    snprintf(name, sizeof(name), "%s/seed%d%d%d", folder, linear, verify, hvm);
    fake_reset();
    if (hvm)
        fake_hvm_guest();
    else
        fake_guest(linear);
    save.fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (write(save.fd, hvm ? "\3" : "\1", 1) != 1 || stream_save(&save))
        abort();
    close(save.fd);
}

int LLVMFuzzerInitialize(int *count, char ***args)
{
    const char *folder = getenv("SEEDS");

    (void)count, (void)args;
    input = memfd_create("input", 0);
    if (folder) {
        make_seed(folder, true, false, false);
        make_seed(folder, false, true, false);
        make_seed(folder, false, false, true);
    }
    return 0;
}

static void read_outer(struct stream_io *io)
{
    struct outer_record r;
    const char *key, *value, *body;
    size_t length, at;

    if (outer_read_header(io))
        return;
    while (!outer_read(io, &r) && r.type != WIRE_OUTER_END) {
        at = 0;
        if (r.type == WIRE_OUTER_EMULATOR_STORE) {
            body = outer_data(&r, &length);
            while (wire_next_pair(body, length, &at, &key, &value, io->why) > 0)
                if (strlen(key) + strlen(value) + 2 > length)
                    abort();
        }
        free(r.body);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream_restore restore = { .domid = 2, .fd = input, .abort_fd = -1 };
    struct stream_io io = { .fd = input, .abort_fd = -1, .why = &restore.why };

    if (!size || ftruncate(input, 0) || pwrite(input, data + 1, size - 1, 0) != (ssize_t)size - 1 ||
        lseek(input, 0, SEEK_SET))
        return 0;
    if (!(data[0] & 1)) {
        read_outer(&io);
        return 0;
    }
    fake_reset();
    fake.domain[2].hvm = data[0] & 2;
    if (stream_restore(&restore) && !restore.why.text[0])
        abort();
    if (fake.mapped || fake.buffers)
        abort();
    return 0;
}

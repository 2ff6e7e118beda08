/*
 * A small guest goes through the stream into another domain: with either form of its table of
 * frames, live, verified, aborted; and streams that are wrong in one place each are refused with
 * the reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <cmocka.h>
#include "fake_xc.h"
#include "stream/outer.h"
#include "stream/restore.h"

static char *image; /* of the last save */
static size_t image_size;
static int store_fd = -1;

static int domain_suspends(void *context)
{
    (void)context;
    fake.domain[1].suspended = true;
    return 0;
}

static int file_of(const void *data, size_t size)
{
    const int fd = memfd_create("image", 0);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static int run_save(struct stream_save *save)
{
    int rc;

    if (store_fd >= 0)
        close(store_fd);
    store_fd = memfd_create("image", 0);
    save->domid = 1;
    save->fd = store_fd;
    save->suspend = domain_suspends;
    rc = stream_save(save);
    free(image);
    image_size = (size_t)lseek(store_fd, 0, SEEK_END);
    image = malloc(image_size + 1);
    assert_int_equal(pread(store_fd, image, image_size, 0), image_size);
    assert_int_equal(fake.mapped, 0);
    assert_int_equal(fake.buffers, 0);
    assert_false(fake.domain[1].log_dirty);
    return rc;
}

static int run_restore(struct stream_restore *restore, const void *data, size_t size)
{
    int rc;

    *restore =
        (struct stream_restore){ .domid = 2, .abort_fd = -1, .store_port = 11, .console_port = 12 };
    restore->fd = file_of(data, size);
    rc = stream_restore(restore);
    close(restore->fd);
    assert_int_equal(fake.mapped, 0);
    assert_int_equal(fake.buffers, 0);
    return rc;
}

/* ---- what comes out of it */
static xen_pfn_t arrived[G_PAGES];

static bool is_table(unsigned int pfn)
{
    return (pfn >= G_L4 && pfn <= G_L1) || pfn == G_USER_L4;
}

static void find_arrived(void)
{
    for (unsigned int i = 0; i < G_PAGES; i++) {
        arrived[i] = ~0ull;
        for (unsigned int frame = 0; frame < FAKE_FRAMES; frame++)
            if (fake.owner[frame] == 2 && fake.m2p[frame] == i)
                arrived[i] = frame;
        assert_int_equal(arrived[i] == ~0ull, i == G_HOLE);
    }
}

static void check_table(unsigned int pfn)
{
    const uint64_t *from = fake_frame(fake_guest_frame(pfn)), *to = fake_frame(arrived[pfn]);

    for (unsigned int i = 0; i < 512; i++) {
        if (pfn == G_L4 && i == 256) {
            assert_int_equal(to[i], 0);
        } else if (from[i] & 1) {
            assert_int_equal(to[i] & 0xfff, from[i] & 0xfff);
            assert_int_equal(to[i] >> 12, arrived[fake.m2p[from[i] >> 12]]);
        } else {
            assert_int_equal(to[i], from[i]);
        }
    }
}

static void check_vcpus(void)
{
    const struct fake_vcpu *v = fake.domain[2].vcpu;

    for (unsigned int i = 0; i < FAKE_VCPUS; i++) {
        assert_true(v[i].set);
        assert_int_equal(v[i].context.user_regs.rip, 0x1000 + i);
        assert_int_equal(v[i].context.gdt_frames[0], arrived[G_GDT]);
        assert_int_equal(v[i].context.ctrlreg[3], arrived[G_L4] << 12);
        assert_int_equal(v[i].ext.syscall32_callback_eip, 0x5000 + i);
        assert_int_equal(v[i].xsave[0], 7);
        assert_int_equal(v[i].msr_count, i);
    }
    assert_int_equal(v[0].context.user_regs.rdx, arrived[G_START]);
    assert_int_equal(v[1].context.user_regs.rdx, 77);
    assert_int_equal(v[0].context.ctrlreg[1], arrived[G_USER_L4] << 12);
    assert_int_equal(v[1].context.ctrlreg[1], 0);
}

static void check_guest(const struct stream_restore *r)
{
    const struct fake_domain *d = &fake.domain[2];
    const struct start_info *start;
    const struct shared_info *shared = (struct shared_info *)fake_frame(d->shared);

    find_arrived();
    for (unsigned int i = 0; i < G_PAGES; i++) {
        if (is_table(i))
            check_table(i);
        else if (i != G_START && i != G_P2M && i != G_HOLE)
            assert_memory_equal(fake_frame(arrived[i]), fake_frame(fake_guest_frame(i)), 4096);
        assert_int_equal(fake_frame(arrived[G_P2M])[i], arrived[i]);
    }
    assert_int_equal(d->pins, 2);
    assert_int_equal(d->pages, G_PAGES - 1);
    assert_int_equal(r->pages, G_PAGES - 1);
    start = (const struct start_info *)fake_frame(arrived[G_START]);
    assert_string_equal(start->magic, "xen-4.17-x86_64");
    assert_int_equal(start->shared_info, d->shared << 12);
    assert_int_equal(start->flags, 0);
    assert_int_equal(start->nr_pages, G_PAGES - 1);
    assert_int_equal(start->store_mfn, arrived[G_STORE]);
    assert_int_equal(start->store_evtchn, 11);
    assert_int_equal(start->console.domU.mfn, arrived[G_CONSOLE]);
    assert_int_equal(start->console.domU.evtchn, 12);
    assert_int_equal(d->granted[0], arrived[G_CONSOLE]);
    assert_int_equal(d->granted[1], arrived[G_STORE]);
    assert_int_equal(shared->vcpu_info[1].arch.cr2, 0x4242);
    assert_int_equal(shared->evtchn_pending[0], 0);
    assert_int_equal(shared->evtchn_mask[63], ~0ull);
    assert_int_equal(shared->arch.max_pfn, G_PAGES);
    assert_int_equal(d->tsc.gtsc_khz, 2000);
    assert_int_equal(d->tsc.elapsed_nsec, 55);
    assert_int_equal(d->leaves, 5);
    check_vcpus();
}

static void save_and_restore(bool linear, bool verify)
{
    struct stream_save save = { .abort_fd = -1, .verify = verify };
    struct stream_restore restore;

    fake_reset();
    fake_guest(linear);
    assert_int_equal(run_save(&save), 0);
    assert_string_equal(save.why.text, "");
    assert_int_equal(run_restore(&restore, image, image_size), 0);
    assert_int_equal(restore.different, 0);
    check_guest(&restore);
}

static void test_linear(void **state)
{
    (void)state;
    save_and_restore(true, false);
}

static void test_tree(void **state)
{
    (void)state;
    save_and_restore(false, false);
}

static void test_verify(void **state)
{
    (void)state;
    save_and_restore(true, true);
}

static void test_hvm(void **state)
{
    struct stream_save save = { .abort_fd = -1 };
    struct stream_restore restore;
    const struct fake_domain *d = &fake.domain[2];

    (void)state;
    fake_reset();
    fake_hvm_guest();
    assert_int_equal(run_save(&save), 0);
    assert_int_equal(run_restore(&restore, image, image_size), 0);
    assert_int_equal(d->pages, 16);
    for (unsigned int frame = 0; frame < FAKE_FRAMES; frame++)
        if (fake.owner[frame] == 2 && frame != d->shared)
            assert_int_equal(*(char *)fake_frame(frame),
                             fake.m2p[frame] == 65 ? 0 : (fake.m2p[frame] - 5) / 30 + 1);
    assert_int_equal(restore.store_gfn, 5);
    assert_int_equal(restore.console_gfn, 35);
    assert_int_equal(d->param[HVM_PARAM_STORE_EVTCHN], 11);
    assert_int_equal(d->param[HVM_PARAM_CONSOLE_EVTCHN], 12);
    assert_int_equal(d->granted[1], 5);
    assert_string_equal(d->context, "registers of a guest");
    ((struct wire_headers *)image)->type = 1;
    assert_int_equal(run_restore(&restore, image, image_size), -EINVAL);
}

/* ---- live: the guest writes, maps a frame that is not its own for a while, moves a page */
static unsigned int steps;

static void dirty(unsigned int pfn)
{
    fake.domain[1].dirty[pfn / 64] |= 1ull << pfn % 64;
}

static void guest_works(void *context, const struct stream_progress *p)
{
    uint64_t *l1 = fake_frame(fake_guest_frame(G_L1));

    (void)context;
    if (p->suspended)
        return;
    if (!steps++) {
        fake_frame(fake_guest_frame(G_DATA))[7] = 0x1111;
        for (unsigned int i = G_DATA; i < G_PAGES; i++)
            dirty(i);
    } else {
        l1[3] = 0; /* was foreign */
        fake_frame(fake_guest_frame(G_DATA))[8] = 0x2222;
        dirty(G_DATA);
    }
}

static void test_live(void **state)
{
    struct stream_save save = {
        .abort_fd = -1, .live = true, .few_pages = 2, .progress = guest_works
    };
    struct stream_restore restore;

    (void)state;
    fake_reset();
    fake_guest(true);
    fake.domain[1].suspended = false;
    fake_frame(fake_guest_frame(G_L1))[3] = fake.domain[1].shared << 12 | 1;
    steps = 0;
    assert_int_equal(run_save(&save), 0);
    assert_int_equal(steps, 2);
    assert_int_equal(run_restore(&restore, image, image_size), 0);
    check_guest(&restore);
    assert_int_equal(fake_frame(arrived[G_DATA])[8], 0x2222);
}

/* A page gets another frame, and the log knows nothing of it */
static void guest_moves(void *context, const struct stream_progress *p)
{
    uint64_t *p2m = fake_frame(fake_guest_frame(G_P2M));

    (void)context;
    if (p->suspended || steps++)
        return;
    p2m[G_DATA] = fake_add(1, G_DATA, XEN_DOMCTL_PFINFO_NOTAB);
    memset(fake_frame(p2m[G_DATA]), 0x5a, 4096);
    p2m[G_DATA + 2] = ~0ull;
}

static void test_live_moved(void **state)
{
    struct stream_save save = { .abort_fd = -1, .live = true, .progress = guest_moves };
    struct stream_restore restore;

    (void)state;
    fake_reset();
    fake_guest(true);
    fake.domain[1].suspended = false;
    steps = 0;
    save.few_pages = 1;
    assert_int_equal(run_save(&save), 0);
    assert_int_equal(run_restore(&restore, image, image_size), 0);
    assert_int_equal(restore.pages, G_PAGES - 2);
    for (unsigned int frame = 0; frame < FAKE_FRAMES; frame++) {
        assert_false(fake.owner[frame] == 2 && fake.m2p[frame] == G_DATA + 2);
        if (fake.owner[frame] == 2 && fake.m2p[frame] == G_DATA)
            assert_int_equal(fake_frame(frame)[9], 0x5a5a5a5a5a5a5a5aull);
    }
}

/* ---- ends */
static void test_abort(void **state)
{
    struct stream_save save = { .live = true };
    struct stream_restore restore = { .domid = 2 };
    const uint64_t one = 1;

    (void)state;
    fake_reset();
    fake_guest(true);
    fake.domain[1].suspended = false;
    save.abort_fd = eventfd(0, 0);
    assert_int_equal(write(save.abort_fd, &one, sizeof(one)), sizeof(one));
    assert_int_equal(run_save(&save), -ECANCELED);
    assert_false(fake.domain[1].suspended);
    restore.abort_fd = save.abort_fd;
    restore.fd = file_of("x", 1);
    assert_int_equal(stream_restore(&restore), -ECANCELED);
    close(restore.fd);
    close(save.abort_fd);
}

/* The peer neither reads nor writes; after a while somebody ends it. */
static void test_abort_waiting(void **state)
{
    struct stream_save save = { .domid = 1, .suspend = domain_suspends };
    struct stream_restore restore = { .domid = 2 };
    const struct itimerspec soon = { .it_value.tv_nsec = 50000000 };
    int fds[2];

    (void)state;
    fake_reset();
    fake_guest(true);
    assert_int_equal(pipe(fds), 0);
    restore.fd = fds[0];
    save.fd = fds[1];
    restore.abort_fd = save.abort_fd = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(restore.abort_fd, 0, &soon, NULL);
    assert_int_equal(stream_restore(&restore), -ECANCELED);
    timerfd_settime(restore.abort_fd, 0, &soon, NULL);
    assert_int_equal(stream_save(&save), -ECANCELED);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(fake.mapped, 0);
    close(fds[0]);
    close(fds[1]);
    close(save.abort_fd);
}

static void test_hostile_guest(void **state)
{
    static const struct {
        const char *reason;
        unsigned int pfn, word;
        uint64_t value;
    } cases[] = {
        { "maps frame", G_L1, 5, 0x1ff001 },        { "maps frame", G_L1, 5, 0xffffffffff001 },
        { "not all its own", G_L1, 0, 0xfffff001 }, { "nothing is mapped", G_L2, 0, 0 },
        { "has no place in it", G_P2M, G_P2M, 3 },  { "its start_info", G_P2M, G_START, 5000 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stream_save save = { .abort_fd = -1 };

        fake_reset();
        fake_guest(true);
        fake_frame(fake_guest_frame(cases[i].pfn))[cases[i].word] = cases[i].value;
        assert_true(run_save(&save) < 0);
        if (!strstr(save.why.text, cases[i].reason))
            fail_msg("'%s' instead of '%s'", save.why.text, cases[i].reason);
    }
}

static void test_sizes_of_table(void **state)
{
    static const uint64_t sizes[] = { 0, 1ull << 27, ~0ull };

    (void)state;
    for (unsigned int i = 0; i < 3; i++) {
        struct stream_save save = { .abort_fd = -1 };

        fake_reset();
        fake_guest(true);
        ((struct shared_info *)fake_frame(fake.domain[1].shared))->arch.max_pfn = sizes[i];
        assert_int_equal(run_save(&save), -EINVAL);
        assert_non_null(strstr(save.why.text, "entries"));
    }
}

/* ---- streams that are wrong */

/* The @nth record of a type in the image, or NULL */
static struct wire_record *record(uint32_t type)
{
    for (size_t at = sizeof(struct wire_headers); at < image_size;) {
        struct wire_record *r = (struct wire_record *)(image + at);

        if (r->type == type)
            return r;
        at += sizeof(*r) + wire_padded(r->length);
    }
    return NULL;
}

static void refused(const char *reason, int error)
{
    struct stream_restore restore;
    int rc;

    rc = run_restore(&restore, image, image_size);
    if (!rc || !strstr(restore.why.text, reason))
        fail_msg("%d '%s' instead of '%s'", rc, restore.why.text, reason);
    assert_int_equal(rc, error);
}

static void fresh_image(void)
{
    struct stream_save save = { .abort_fd = -1 };

    fake_reset();
    fake_guest(true);
    assert_int_equal(run_save(&save), 0);
}

static void test_bad_headers(void **state)
{
    struct wire_headers *h;

    (void)state;
    fresh_image();
    h = (struct wire_headers *)image;
    h->version = 0x04000000;
    refused("version 4", -EINVAL);
    h->version = 0x03000000;
    h->type = 3;
    refused("type 3", -EINVAL);
    h->type = 2;
    refused("HVM", -EINVAL);
    h->type = 1;
    h->options = 0x0100;
    refused("big-endian", -EINVAL);
    h->marker = 0;
    refused("first bytes", -EINVAL);
    image_size = 7;
    refused("ends early", -EIO);
}

static void test_bad_records(void **state)
{
    static const struct {
        uint32_t from, to;
        const char *reason;
        int error;
    } cases[] = {
        { WIRE_PV_INFO, 0x80000000, "X86_PV_INFO is missing", -EINVAL },
        { WIRE_STATIC_DATA_END, WIRE_CPUID_POLICY, "twice", -EINVAL },
        { WIRE_STATIC_DATA_END, 0x80000000, "before STATIC_DATA_END", -EINVAL },
        { WIRE_PV_P2M_FRAMES, 0x80000001, "PAGE_DATA comes before X86_PV_P2M_FRAMES", -EINVAL },
        { WIRE_SHARED_INFO, 0x80000001, "no SHARED_INFO", -EINVAL },
        { WIRE_PV_VCPU_BASIC, 0x80000001, "no vCPU 0", -EINVAL },
        { WIRE_TSC_INFO, 0x77, "type 0x77", -EINVAL },
        { WIRE_TSC_INFO, WIRE_TOOLSTACK, "TOOLSTACK", -ENOSYS },
        { WIRE_TSC_INFO, WIRE_CHECKPOINT, "CHECKPOINT", -ENOSYS },
        { WIRE_TSC_INFO, WIRE_HVM_PARAMS, "does not belong to a PV", -EINVAL },
        { WIRE_TSC_INFO, WIRE_PV_INFO, "X86_PV_INFO comes", -EINVAL },
        { WIRE_TSC_INFO, WIRE_END, "END has 24", -EINVAL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fresh_image();
        record(cases[i].from)->type = cases[i].to;
        refused(cases[i].reason, cases[i].error);
    }
}

static void test_bad_bodies(void **state)
{
    uint64_t *body;

    (void)state;
    fresh_image();
    body = (uint64_t *)(record(WIRE_PV_INFO) + 1);
    *body = 0x304;
    refused("words of 4 bytes", -ENOSYS);
    fresh_image();
    body = (uint64_t *)(record(WIRE_PV_P2M_FRAMES) + 1);
    body[1] = G_L4;
    refused("not plain memory", -EINVAL);
    body[1] = 1ull << 60;
    refused("not plain memory", -EINVAL);
    body[0] = 5000ull << 32;
    refused("not those of", -EINVAL);
    fresh_image();
    body = (uint64_t *)(record(WIRE_PAGE_DATA) + 1);
    body[0] = 1u << 31;
    refused("cannot be about", -EINVAL);
    body[0] = 3;
    refused("lack", -EINVAL);
    fresh_image();
    body = (uint64_t *)(record(WIRE_PAGE_DATA) + 1);
    body[1] = 600;
    refused("only ones below", -EINVAL);
    body[1] = 5ull << 60;
    refused("unknown type", -EINVAL);
    body[1] = 1ull << 55;
    refused("reserved bits", -EINVAL);
    fresh_image();
    body = (uint64_t *)(record(WIRE_PV_VCPU_BASIC) + 1);
    body[0] = 2;
    refused("vCPU 2", -EINVAL);
    fake.domain[2].max_pages = 5;
    fresh_image();
    fake.domain[2].max_pages = 5;
    refused("its limit", -ENOMEM);
}

/* A page that a page table maps, but that never comes, is not there in the end. */
static void test_only_mentioned(void **state)
{
    struct stream_restore restore;
    uint64_t *entries;

    (void)state;
    fresh_image();
    entries = (uint64_t *)(record(WIRE_PAGE_DATA) + 1) + 1;
    for (unsigned int i = 0; i < G_PAGES - 1; i++)
        if (entries[i] == G_DATA + 1)
            entries[i] = G_HOLE;
    assert_int_equal(run_restore(&restore, image, image_size), 0);
    assert_int_equal(restore.pages, G_PAGES - 1);
    for (unsigned int frame = 0; frame < FAKE_FRAMES; frame++)
        assert_false(fake.owner[frame] == 2 && fake.m2p[frame] == G_DATA + 1);
}

/* Before Xen 4.14 nothing was said of the CPU's policy, nor where the static data ends. */
static int note_missing(void *context, unsigned int missing)
{
    unsigned int *calls = context;

    calls[0]++;
    calls[1] = missing;
    return 0;
}

static void test_version_2(void **state)
{
    struct stream_restore restore = { .domid = 2, .abort_fd = -1, .static_done = note_missing };
    unsigned int calls[2] = { 0 };

    (void)state;
    fresh_image();
    ((struct wire_headers *)image)->version = 0x02000000;
    record(WIRE_CPUID_POLICY)->type = 0x80000000;
    record(WIRE_STATIC_DATA_END)->type = 0x80000000;
    restore.context = calls;
    restore.fd = file_of(image, image_size);
    assert_int_equal(stream_restore(&restore), 0);
    close(restore.fd);
    assert_int_equal(restore.pages, G_PAGES - 1);
    assert_int_equal(calls[0], 1);
    assert_int_equal(calls[1], STREAM_NO_CPUID | STREAM_NO_MSRS);
    assert_int_equal(fake.domain[2].leaves, 0);
}

/* Everywhere that the stream may end */
static void test_short(void **state)
{
    (void)state;
    fresh_image();
    for (size_t size = image_size - 1; size > 3000; size -= size > 20000 ? 2999 : 71) {
        image_size = size;
        refused("ends early", -EIO);
        fake_reset();
    }
}

/* ---- libxl's image */
static void test_outer(void **state)
{
    static const char data[] = "key\0value\0physmap/1/name\0vga";
    struct wire_why why = { "" };
    struct stream_io io = { .abort_fd = -1, .why = &why };
    struct outer_record r;
    const char *key, *value, *body;
    size_t length, at = 0;

    (void)state;
    io.fd = memfd_create("outer", 0);
    assert_int_equal(outer_write_header(&io), 0);
    assert_int_equal(io_write_record(&io, 0x80000009, "abc", 3), 0);
    assert_int_equal(outer_write_emulator(&io, WIRE_OUTER_EMULATOR_STORE, data, sizeof(data)), 0);
    assert_int_equal(outer_write(&io, WIRE_OUTER_END), 0);
    assert_int_equal(io_write_record(&io, 0x9, NULL, 0), 0);
    assert_int_equal(lseek(io.fd, 0, SEEK_SET), 0);
    assert_int_equal(outer_read_header(&io), 0);
    assert_int_equal(outer_read(&io, &r), 0);
    assert_int_equal(r.type, WIRE_OUTER_EMULATOR_STORE);
    body = outer_data(&r, &length);
    assert_int_equal(length, sizeof(data));
    assert_int_equal(wire_next_pair(body, length, &at, &key, &value, &why), 1);
    assert_string_equal(key, "key");
    assert_string_equal(value, "value");
    assert_int_equal(wire_next_pair(body, length, &at, &key, &value, &why), 1);
    assert_string_equal(key, "physmap/1/name");
    assert_string_equal(value, "vga");
    assert_int_equal(wire_next_pair(body, length, &at, &key, &value, &why), 0);
    free(r.body);
    assert_int_equal(outer_read(&io, &r), 0);
    assert_int_equal(r.type, WIRE_OUTER_END);
    assert_int_equal(outer_read(&io, &r), -EINVAL);
    close(io.fd);
}

static void test_pairs(void **state)
{
    static const char *bad[] = { "/absolute\0value", "a b\0value", "\0value" };
    const char *key, *value;

    (void)state;
    for (unsigned int i = 0; i < 3; i++) {
        struct wire_why why = { "" };
        size_t at = 0;

        assert_int_equal(wire_next_pair(bad[i], 7, &at, &key, &value, &why), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),         cmocka_unit_test(test_tree),
        cmocka_unit_test(test_verify),         cmocka_unit_test(test_live),
        cmocka_unit_test(test_live_moved),     cmocka_unit_test(test_abort),
        cmocka_unit_test(test_abort_waiting),  cmocka_unit_test(test_hostile_guest),
        cmocka_unit_test(test_sizes_of_table), cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_bad_records),    cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_short),          cmocka_unit_test(test_outer),
        cmocka_unit_test(test_pairs),          cmocka_unit_test(test_hvm),
        cmocka_unit_test(test_only_mentioned), cmocka_unit_test(test_version_2),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    free(image);
    return failed;
}

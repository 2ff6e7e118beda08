/*
 * The instruction emulator against the CPU that the test runs on: random instructions with memory
 * operands are executed by both, and memory, registers and flags must come out the same. Then the
 * decoder alone, with everything cut off and with noise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <arch/emulate.h>
#include "native.h"

#define ROUNDS 200000

#define F_CF     0x1u
#define F_PF     0x4u
#define F_AF     0x10u
#define F_ZF     0x40u
#define F_SF     0x80u
#define F_DF     0x400u
#define F_OF     0x800u
#define F_STATUS (F_CF | F_PF | F_AF | F_ZF | F_SF | F_OF)

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1du;
}

static unsigned int below(unsigned int n)
{
    return (unsigned int)(rnd() >> 33) % n;
}

/* Values at which carries and signs change. */
static uint64_t value(void)
{
    static const uint64_t edges[] = { 0,      1,          0x7f,       0x80,       0xff,      0x7fff,
                                      0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 1UL << 63, ~0UL };

    return below(2) ? rnd() : edges[below(ARRAY_SIZE(edges))];
}

/* ---- memory of the emulator: a copy of the arena at the same addresses ---- */

struct memory {
    const struct native *native;
    uint8_t copy[ARENA_SIZE];
    unsigned int lose; /* that many exchanges lose against somebody who increments */
};

static uint8_t *at(struct memory *m, uint64_t va, unsigned int size)
{
    uint64_t offset = va - (uint64_t)m->native->arena;

    assert_true(offset + size <= ARENA_SIZE && offset < ARENA_SIZE);
    return m->copy + offset;
}

static uint64_t segment_base(void *context, enum insn_segment segment)
{
    struct memory *m = context;

    assert_int_equal(segment, INSN_SEG_GS);
    return m->native->gs_base;
}

static int mem_read(void *context, uint64_t va, unsigned int size, uint64_t *out)
{
    *out = 0;
    memcpy(out, at(context, va, size), size);
    return 0;
}

static int mem_write(void *context, uint64_t va, unsigned int size, uint64_t in)
{
    memcpy(at(context, va, size), &in, size);
    return 0;
}

static int mem_cmpxchg(void *context, uint64_t va, unsigned int size, uint64_t *old, uint64_t new)
{
    struct memory *m = context;
    uint64_t now;

    mem_read(m, va, size, &now);
    if (m->lose) {
        m->lose--;
        now = (now + 1) & ~0UL >> (64 - 8 * size);
        mem_write(m, va, size, now);
    }
    if (now != *old) {
        *old = now;
        return -EAGAIN;
    }
    return mem_write(m, va, size, new);
}

static const struct insn_ops ops = { segment_base, mem_read, mem_write, mem_cmpxchg };

/* ---- instructions at random ---- */

enum kind { STORE, MODIFY, BITS, BITS_IMM, CMPXCHG, CMPXCHG8B, MOFFS, STRING };

static const struct choice {
    uint16_t opcode;
    uint8_t kind;
    int8_t group;     /* ModRM.reg if it is part of the opcode, else -1 */
    uint8_t imm;      /* bytes; 4: as wide as the operand, at most 4 */
    uint32_t checked; /* flags that the manuals define, or that do not change */
} choices[] = {
    { 0x88, STORE, -1, 0, F_STATUS },          { 0x89, STORE, -1, 0, F_STATUS },
    { 0xc6, STORE, 0, 1, F_STATUS },           { 0xc7, STORE, 0, 4, F_STATUS },
    { 0x1c3, STORE, -1, 0, F_STATUS },         { 0xa2, MOFFS, -1, 0, F_STATUS },
    { 0xa3, MOFFS, -1, 0, F_STATUS },          { 0xa4, STRING, -1, 0, F_STATUS },
    { 0xa5, STRING, -1, 0, F_STATUS },         { 0xaa, STRING, -1, 0, F_STATUS },
    { 0xab, STRING, -1, 0, F_STATUS },         { 0x00, MODIFY, -1, 0, F_STATUS },
    { 0x01, MODIFY, -1, 0, F_STATUS },         { 0x08, MODIFY, -1, 0, F_STATUS & ~F_AF },
    { 0x09, MODIFY, -1, 0, F_STATUS & ~F_AF }, { 0x10, MODIFY, -1, 0, F_STATUS },
    { 0x11, MODIFY, -1, 0, F_STATUS },         { 0x18, MODIFY, -1, 0, F_STATUS },
    { 0x19, MODIFY, -1, 0, F_STATUS },         { 0x20, MODIFY, -1, 0, F_STATUS & ~F_AF },
    { 0x21, MODIFY, -1, 0, F_STATUS & ~F_AF }, { 0x28, MODIFY, -1, 0, F_STATUS },
    { 0x29, MODIFY, -1, 0, F_STATUS },         { 0x30, MODIFY, -1, 0, F_STATUS & ~F_AF },
    { 0x31, MODIFY, -1, 0, F_STATUS & ~F_AF }, { 0x80, MODIFY, 0, 1, F_STATUS },
    { 0x80, MODIFY, 4, 1, F_STATUS & ~F_AF },  { 0x81, MODIFY, 1, 4, F_STATUS & ~F_AF },
    { 0x81, MODIFY, 2, 4, F_STATUS },          { 0x81, MODIFY, 5, 4, F_STATUS },
    { 0x83, MODIFY, 3, 1, F_STATUS },          { 0x83, MODIFY, 6, 1, F_STATUS & ~F_AF },
    { 0x86, MODIFY, -1, 0, F_STATUS },         { 0x87, MODIFY, -1, 0, F_STATUS },
    { 0xf6, MODIFY, 2, 0, F_STATUS },          { 0xf7, MODIFY, 2, 0, F_STATUS },
    { 0xf6, MODIFY, 3, 0, F_STATUS },          { 0xf7, MODIFY, 3, 0, F_STATUS },
    { 0xfe, MODIFY, 0, 0, F_STATUS },          { 0xff, MODIFY, 0, 0, F_STATUS },
    { 0xfe, MODIFY, 1, 0, F_STATUS },          { 0xff, MODIFY, 1, 0, F_STATUS },
    { 0x1c0, MODIFY, -1, 0, F_STATUS },        { 0x1c1, MODIFY, -1, 0, F_STATUS },
    { 0x1ab, BITS, -1, 0, F_CF | F_ZF },       { 0x1b3, BITS, -1, 0, F_CF | F_ZF },
    { 0x1bb, BITS, -1, 0, F_CF | F_ZF },       { 0x1ba, BITS_IMM, 5, 1, F_CF | F_ZF },
    { 0x1ba, BITS_IMM, 6, 1, F_CF | F_ZF },    { 0x1ba, BITS_IMM, 7, 1, F_CF | F_ZF },
    { 0x1b0, CMPXCHG, -1, 0, F_STATUS },       { 0x1b1, CMPXCHG, -1, 0, F_STATUS },
    { 0x1c7, CMPXCHG8B, 1, 0, F_STATUS },
};

struct test_insn {
    const struct choice *choice;
    uint8_t bytes[32];
    unsigned int len, op_size;
    bool op16, addr32, gs, lock, rep;
    uint8_t rex;
    unsigned int reg; /* of ModRM, extended */
};

static uint64_t *gpr(struct regs *r, unsigned int n)
{
    uint64_t *const field[16] = { &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp,
                                  &r->rsi, &r->rdi, &r->r8,  &r->r9,  &r->r10, &r->r11,
                                  &r->r12, &r->r13, &r->r14, &r->r15 };

    return field[n];
}

static void emit(struct test_insn *t, const void *bytes, unsigned int len)
{
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

static void emit_byte(struct test_insn *t, unsigned int byte)
{
    uint8_t b = (uint8_t)byte;

    emit(t, &b, 1);
}

/* In any order, doubled, with a REX that does not count. */
static void emit_prefixes(struct test_insn *t)
{
    if (below(8) == 0 && (t->gs || t->lock || t->op16 || t->rep || t->addr32))
        emit_byte(t, 0x48);
    if (t->gs)
        emit_byte(t, 0x65);
    if (below(6) == 0)
        emit_byte(t, 0x3e); /* ds: has no effect in 64-bit mode */
    if (t->lock)
        emit_byte(t, 0xf0);
    if (t->op16)
        emit_byte(t, 0x66);
    if (t->rep)
        emit_byte(t, 0xf3);
    if (t->addr32)
        emit_byte(t, 0x67);
    if (t->rex)
        emit_byte(t, t->rex);
    if (t->choice->opcode & INSN_0F)
        emit_byte(t, 0x0f);
    emit_byte(t, t->choice->opcode & 0xff);
}

/* A register that is not in use; never RSP. */
static unsigned int other_reg(const struct test_insn *t, unsigned int a, unsigned int b)
{
    unsigned int n;

    do
        n = below(t->rex ? 16 : 8);
    while (n == 4 || n == a || n == b || (n == 0 && t->choice->kind == CMPXCHG));
    return n;
}

static uint64_t effective(const struct test_insn *t, uint64_t address)
{
    /* A 32-bit address: what is above does not count. */
    return t->addr32 ? (uint32_t)address | rnd() << 32 : address;
}

/* ModRM, SIB and displacement for the address `target` (behind GS if that is used). */
static void emit_operand(struct test_insn *t, struct regs *r, uint64_t target, unsigned int imm,
                         uint64_t rip)
{
    unsigned int form = below(4), base, index;
    int32_t disp = (int32_t)rnd();
    uint8_t none, *rex = &none;
    unsigned int reg = (t->reg & 7) << 3;
    bool byte_disp = below(2);

    if (t->rex)
        rex = &t->bytes[t->len - (t->choice->opcode & INSN_0F ? 3 : 2)];
    if (byte_disp)
        disp = (int8_t)disp;
    if (t->gs && form == 3)
        form = 0;
    do
        base = other_reg(t, t->choice->kind == BITS ? t->reg : 4, 4);
    while ((form == 0 && base == 12) || (t->choice->kind == CMPXCHG8B && base < 4));
    switch (form) {
    case 0: /* [base + disp] */
        *rex |= base >> 3;
        emit_byte(t, (byte_disp ? 0x40 : 0x80) | reg | (base & 7));
        *gpr(r, base) = effective(t, target - (uint64_t)(int64_t)disp);
        break;
    case 1:   /* [base + index * scale + disp] */
    case 2: { /* [index * scale + disp32] */
        unsigned int scale = below(4);
        uint64_t rest;

        index = other_reg(t, base, t->choice->kind == BITS ? t->reg : base);
        if (t->choice->kind == CMPXCHG8B)
            index = base == 13 ? 14 : 13;
        if (form == 2) {
            /* what the index adds must be a multiple of the scale */
            byte_disp = false;
            disp = (int32_t)((uint32_t)target - (uint32_t)(below(0x1000) << scale));
            rest = target - (uint64_t)(int64_t)disp;
            *rex |= index >> 3 << 1;
            emit_byte(t, reg | 4);
            emit_byte(t, scale << 6 | (index & 7) << 3 | 5);
            *gpr(r, index) = effective(t, rest >> scale);
            break;
        }
        *rex |= index >> 3 << 1 | base >> 3;
        emit_byte(t, (byte_disp ? 0x40 : 0x80) | reg | 4);
        emit_byte(t, scale << 6 | (index & 7) << 3 | (base & 7));
        *gpr(r, index) = value();
        *gpr(r, base) = effective(t, target - (uint64_t)(int64_t)disp - (*gpr(r, index) << scale));
        break;
    }
    default: /* [rip + disp32] */
        byte_disp = false;
        emit_byte(t, reg | 5);
        disp = (int32_t)(target - (rip + t->len + 4 + imm));
        break;
    }
    emit(t, &disp, byte_disp ? 1 : 4);
}

static void random_regs(struct regs *r)
{
    memset(r, 0, sizeof(*r));
    for (unsigned int n = 0; n < 16; n++)
        *gpr(r, n) = value();
    r->rflags = 0x202 | (rnd() & (F_STATUS));
}

static void choose_forms(struct test_insn *t)
{
    const struct choice *c = t->choice;
    bool wide = c->kind == BITS || c->kind == BITS_IMM || c->opcode & 1;

    t->op16 = below(4) == 0 && c->opcode != 0x1c3 && c->kind != CMPXCHG8B;
    t->addr32 = below(6) == 0 && c->kind != MOFFS;
    t->gs = below(6) == 0 && c->kind != STRING && !t->addr32;
    t->lock = below(2) && c->kind != STORE && c->kind != MOFFS && c->kind != STRING;
    t->rep = c->kind == STRING && below(2);
    t->rex = (uint8_t)(0x40 | (below(2) && c->kind != CMPXCHG8B ? 8 : 0));
    if (c->kind != CMPXCHG8B && below(3) == 0)
        t->rex = 0;
    t->op_size = c->opcode == 0xc6 || !wide ? 1 : t->rex & 8 ? 8 : t->op16 ? 2 : 4;
    if (c->opcode == 0x1c3 || c->opcode == 0x1c7)
        t->op_size = t->rex & 8 ? 8 : 4;
    /* 4 is RSP, which the sandbox needs, but for a byte it is AH. */
    do
        t->reg = c->group >= 0 ? (unsigned int)c->group : below(t->rex ? 16 : 8);
    while (t->reg == 4 && c->group < 0 && (t->op_size > 1 || t->rex));
    if (c->group < 0 && c->kind != MOFFS && c->kind != STRING)
        t->rex |= (uint8_t)(t->reg >> 3 << 2);
}

/* One instruction and the registers for it. */
static void make(struct test_insn *t, struct regs *r, const struct native *n)
{
    const struct choice *c;
    uint64_t target = (uint64_t)n->arena + ARENA_SIZE / 4 + below(ARENA_SIZE / 2), address;
    uint64_t immediate = value();
    unsigned int imm;

    memset(t, 0, sizeof(*t));
    t->choice = c = &choices[below(ARRAY_SIZE(choices))];
    random_regs(r);
    choose_forms(t);
    imm = c->imm == 4 ? min(t->op_size, 4u) : c->imm;
    /* Some CPUs refuse locked accesses across a cache line. */
    if (t->lock || (c->opcode | 1) == 0x87)
        target &= ~7UL;
    address = t->gs ? target - n->gs_base : target;
    if (c->kind == BITS)
        *gpr(r, t->reg) = effective(t, (uint64_t)(int64_t)((int)below(0x4000) - 0x2000));
    if (c->kind == BITS && t->op_size == 8)
        *gpr(r, t->reg) = (uint64_t)(int64_t)((int)below(0x4000) - 0x2000);
    emit_prefixes(t);
    if (c->kind == MOFFS) {
        emit(t, &address, 8);
    } else if (c->kind == STRING) {
        r->rdi = effective(t, target);
        r->rsi = effective(t, (uint64_t)n->arena + below(ARENA_SIZE - 64));
        /* CPUs differ in whether nothing at all clears the upper halves. */
        r->rcx = effective(t, t->addr32 ? 1 + below(5) : below(6));
        r->rflags |= rnd() & F_DF;
        if (r->rflags & F_DF)
            r->rsi = effective(t, (uint64_t)n->arena + 64 + below(ARENA_SIZE / 4));
    } else {
        emit_operand(t, r, address, imm, native_rip(n));
        emit(t, &immediate, imm);
    }
    if (c->kind == CMPXCHG || c->kind == CMPXCHG8B) {
        uint64_t there;

        memcpy(&there, (void *)target, 8);
        if (below(2)) { /* it succeeds */
            r->rax = c->kind == CMPXCHG ? there : (uint32_t)there;
            if (c->kind == CMPXCHG8B)
                r->rdx = there >> 32;
        }
    }
    r->rip = native_rip(n);
}

static void dump(const struct test_insn *t, const char *what)
{
    fprintf(stderr, "# %s:", what);
    for (unsigned int n = 0; n < t->len; n++)
        fprintf(stderr, " %02x", t->bytes[n]);
    fprintf(stderr, "\n");
}

static void compare(const struct test_insn *t, struct regs *real, struct regs *ours)
{
    for (unsigned int n = 0; n < 16; n++)
        if (n != 4 && *gpr(real, n) != *gpr(ours, n)) {
            dump(t, "register differs");
            fprintf(stderr, "# %u: %lx, emulated %lx\n", n, *gpr(real, n), *gpr(ours, n));
            fail();
        }
    if ((real->rflags ^ ours->rflags) & (t->choice->checked | F_DF)) {
        dump(t, "flags differ");
        fprintf(stderr, "# %lx, emulated %lx\n", real->rflags, ours->rflags);
        fail();
    }
}

static void same_as_cpu(void **state)
{
    struct native n = native_open();
    static struct memory m;
    unsigned int agreed[ARRAY_SIZE(choices)] = { 0 };

    (void)state;
    m.native = &n;
    for (unsigned int round = 0; round < ROUNDS; round++) {
        struct regs real, ours;
        struct test_insn t;
        struct insn i;
        int rc;

        for (unsigned int k = 0; k < ARENA_SIZE && round % 256 == 0; k += 8) {
            uint64_t v = value();

            memcpy(n.arena + k, &v, 8);
        }
        do
            make(&t, &real, &n);
        while (t.len > INSN_MAX_LEN);
        ours = real;
        memcpy(m.copy, n.arena, ARENA_SIZE);
        if (!native_run(&n, t.bytes, t.len, &real)) {
            dump(&t, "the CPU faults");
            fail();
        }
        rc = insn_decode(&i, t.bytes, t.len, true);
        if (rc || i.len != t.len) {
            dump(&t, "decoded wrongly");
            fail();
        }
        do
            rc = insn_execute(&i, &ours, &ops, &m);
        while (rc == 1);
        assert_int_equal(rc, 0);
        compare(&t, &real, &ours);
        if (memcmp(m.copy, n.arena, ARENA_SIZE) != 0) {
            dump(&t, "memory differs");
            fail();
        }
        for (unsigned int cut = 0; cut < t.len; cut++)
            assert_int_equal(insn_decode(&i, t.bytes, cut, true), -ENODATA);
        agreed[t.choice - choices]++;
    }
    for (unsigned int c = 0; c < ARRAY_SIZE(choices); c++)
        assert_true(agreed[c] > ROUNDS / ARRAY_SIZE(choices) / 2);
    native_close(&n);
}

/* Somebody else writes between the read and the exchange. */
static void lost_races(void **state)
{
    static const uint8_t lock_addq[] = { 0xf0, 0x48, 0x01, 0x0f }; /* lock add [rdi], rcx */
    struct native n = native_open();
    static struct memory m;
    struct regs r = { .rdi = (uint64_t)n.arena, .rcx = 100 };
    uint64_t v = 0;
    struct insn i;

    (void)state;
    m.native = &n;
    assert_int_equal(insn_decode(&i, lock_addq, sizeof(lock_addq), true), 0);
    m.lose = 5;
    assert_int_equal(insn_execute(&i, &r, &ops, &m), 0);
    memcpy(&v, m.copy, 8);
    assert_int_equal(v, 105);
    /* It gives up, without a result, so that the guest tries again. */
    m.lose = 1000;
    assert_int_equal(insn_execute(&i, &r, &ops, &m), 1);
    assert_true(m.lose > 900);
    memcpy(&v, m.copy, 8);
    assert_int_equal(v, 105 + 1000 - m.lose);
    native_close(&n);
}

/* Privileged and 32-bit forms, which no CPU compares here. */
static void decoded_by_hand(void **state)
{
    static const struct {
        const char *bytes;
        unsigned int len;
        bool long_mode;
        uint16_t opcode;
        uint8_t op_size, reg, rm;
        uint64_t imm;
    } cases[] = {
        { "\xe4\x70", 2, true, 0xe4, 1, 0, 0, 0x70 },
        { "\x66\xef", 2, true, 0xef, 2, 0, 0, 0 },
        { "\xed", 1, false, 0xed, 4, 0, 0, 0 },
        { "\xf3\x6d", 2, true, 0x6d, 4, 0, 0, 0 },
        { "\x0f\x20\xd8", 3, true, 0x120, 4, 3, 0, 0 },
        { "\x41\x0f\x22\xe7", 4, true, 0x122, 4, 4, 15, 0 },
        { "\x44\x0f\x22\xc0", 4, true, 0x122, 4, 8, 0, 0 },
        { "\x0f\x01\xd1", 3, true, 0x101, 4, 2, 1, 0 },
        { "\x0f\x32", 2, true, 0x132, 4, 0, 0, 0 },
        { "\x0f\xa2", 2, false, 0x1a2, 4, 0, 0, 0 },
        { "\xfa", 1, false, 0xfa, 1, 0, 0, 0 },
    };

    (void)state;
    for (unsigned int c = 0; c < ARRAY_SIZE(cases); c++) {
        struct insn i;

        assert_int_equal(
            insn_decode(&i, (const uint8_t *)cases[c].bytes, cases[c].len, cases[c].long_mode), 0);
        assert_int_equal(i.opcode, cases[c].opcode);
        assert_int_equal(i.len, cases[c].len);
        assert_int_equal(i.reg, cases[c].reg);
        assert_int_equal(i.rm, cases[c].rm);
        assert_int_equal(i.imm, cases[c].imm);
        if (cases[c].opcode != 0xfa)
            assert_int_equal(i.op_size, cases[c].op_size);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *bytes;
        unsigned int len;
        bool long_mode;
    } cases[] = {
        { "\x90", 1, true },         /* nop */
        { "\x0f\x0b", 2, true },     /* ud2 */
        { "\xf6\x00\x01", 3, true }, /* test: has an immediate */
        { "\x67\x6d", 2, false },    /* 16-bit addressing */
        { "\x48\xed", 2, false },    /* REX does not exist in 32-bit mode */
        { "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xed", 16, true },
        { "\xc4\xe2\x7d\x18\x00", 5, true }, /* VEX */
    };
    static const char no_store[][4] = { "\x48\x83\x38\x01", /* cmp [rax], 1 */
                                        "\x0f\xba\x20\x01", /* bt [rax], 1 */
                                        "\x48\x0f\xc7\x08" /* cmpxchg16b */ };
    struct insn i;
    struct regs r = { 0 };

    (void)state;
    for (unsigned int c = 0; c < ARRAY_SIZE(cases); c++)
        assert_int_equal(
            insn_decode(&i, (const uint8_t *)cases[c].bytes, cases[c].len, cases[c].long_mode),
            -EOPNOTSUPP);
    for (unsigned int c = 0; c < ARRAY_SIZE(no_store); c++) {
        assert_int_equal(insn_decode(&i, (const uint8_t *)no_store[c], 4, true), 0);
        assert_int_equal(insn_execute(&i, &r, &ops, NULL), -EOPNOTSUPP);
    }
}

/* Noise: no read behind the end (ASan watches the exact allocation), nothing impossible decoded. */
static void noise(void **state)
{
    unsigned int known = 0;

    (void)state;
    for (unsigned int round = 0; round < 400000; round++) {
        unsigned int avail = below(17);
        uint8_t *bytes = malloc(avail ? avail : 1);
        struct insn i;
        int rc;

        for (unsigned int n = 0; n < avail; n++)
            bytes[n] = (uint8_t)rnd();
        rc = insn_decode(&i, bytes, avail, below(4) != 0);
        assert_true(rc == 0 || rc == -ENODATA || rc == -EOPNOTSUPP);
        if (!rc) {
            known++;
            assert_in_range(i.len, 1, min(avail, 15u));
            assert_true(i.op_size == 1 || i.op_size == 2 || i.op_size == 4 || i.op_size == 8);
            assert_true(i.base <= INSN_RIP || i.base == INSN_NO_REG);
            assert_true(i.index < 16 || i.index == INSN_NO_REG);
            assert_true(i.reg < 16 && i.rm < 16 && i.scale < 4);
        }
        free(bytes);
    }
    assert_true(known > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_cpu),     cmocka_unit_test(lost_races),
        cmocka_unit_test(decoded_by_hand), cmocka_unit_test(refused),
        cmocka_unit_test(noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The decoder of arch/emulate.h: prefixes, opcode, ModRM, SIB, displacement, immediate. Pure; what
 * it does not know it refuses. Intel SDM volume 2 chapter 2.
 */
#include <hv/errno.h>
#include <arch/emulate.h>

enum {
    MODRM = 1,
    IMM8 = 2,
    IMMZ = 4,  /* as wide as the operand, at most 4 bytes */
    MOFFS = 8, /* an address instead of ModRM */
    WIDTH = 16 /* opcode bit 0 clear: byte operand */
};

/* Every opcode that is decoded. */
static const struct {
    uint16_t first, last;
    uint8_t form;
} forms[] = {
    { 0x88, 0x89, MODRM | WIDTH },        /* mov r/m, r */
    { 0x1b0, 0x1b1, MODRM | WIDTH },      /* cmpxchg */
    { 0x86, 0x87, MODRM | WIDTH },        /* xchg */
    { 0xc6, 0xc6, MODRM | IMM8 | WIDTH }, /* mov r/m, imm */
    { 0xc7, 0xc7, MODRM | IMMZ },
    { 0x00, 0x01, MODRM | WIDTH }, /* add, or, adc, sbb, and, sub, xor */
    { 0x08, 0x09, MODRM | WIDTH },
    { 0x10, 0x11, MODRM | WIDTH },
    { 0x18, 0x19, MODRM | WIDTH },
    { 0x20, 0x21, MODRM | WIDTH },
    { 0x28, 0x29, MODRM | WIDTH },
    { 0x30, 0x31, MODRM | WIDTH },
    { 0x80, 0x80, MODRM | IMM8 | WIDTH }, /* the same with an immediate */
    { 0x81, 0x81, MODRM | IMMZ },
    { 0x83, 0x83, MODRM | IMM8 },
    { 0x6c, 0x6f, WIDTH },         /* ins, outs */
    { 0xa2, 0xa3, MOFFS | WIDTH }, /* mov moffs, rax */
    { 0xa4, 0xa5, WIDTH },         /* movs */
    { 0xaa, 0xab, WIDTH },         /* stos */
    { 0xe4, 0xe7, IMM8 | WIDTH },  /* in, out with a port number */
    { 0xec, 0xef, WIDTH },         /* in, out with DX */
    { 0xf4, 0xf4, 0 },             /* hlt */
    { 0xf6, 0xf7, MODRM | WIDTH }, /* not, neg; test has an immediate */
    { 0xfa, 0xfb, 0 },             /* cli, sti */
    { 0xfe, 0xff, MODRM | WIDTH }, /* inc, dec */
    { 0x101, 0x101, MODRM },       /* invlpg, lmsw, smsw, xsetbv, rdtscp */
    { 0x106, 0x106, 0 },           /* clts */
    { 0x108, 0x109, 0 },           /* invd, wbinvd */
    { 0x120, 0x123, MODRM },       /* mov from and to CR, DR */
    { 0x130, 0x133, 0 },           /* wrmsr, rdtsc, rdmsr, rdpmc */
    { 0x1a2, 0x1a2, 0 },           /* cpuid */
    { 0x1ab, 0x1ab, MODRM },       /* bts, btr, btc */
    { 0x1b3, 0x1b3, MODRM },
    { 0x1bb, 0x1bb, MODRM },
    { 0x1ba, 0x1ba, MODRM | IMM8 },
    { 0x1c0, 0x1c1, MODRM | WIDTH }, /* xadd */
    { 0x1c3, 0x1c3, MODRM },         /* movnti */
    { 0x1c7, 0x1c7, MODRM },         /* cmpxchg8b */
};

struct cursor {
    const uint8_t *bytes;
    unsigned int pos, avail;
    int error;
};

/* The next byte; 0 with the error set behind the end. */
static uint8_t next(struct cursor *c)
{
    if (c->pos >= INSN_MAX_LEN)
        c->error = -EOPNOTSUPP;
    else if (c->pos >= c->avail)
        c->error = -ENODATA;
    if (c->error)
        return 0;
    return c->bytes[c->pos++];
}

static int64_t next_signed(struct cursor *c, unsigned int size)
{
    uint64_t value = 0;

    for (unsigned int n = 0; n < size; n++)
        value |= (uint64_t)next(c) << 8 * n;
    return (int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size);
}

/* Prefixes, up to and including the first opcode byte, which is returned. */
static uint8_t decode_prefixes(struct cursor *c, struct insn *i, bool long_mode, bool *op16)
{
    for (;;) {
        uint8_t byte = next(c);

        if (long_mode && (byte & 0xf0) == 0x40) {
            i->rex = byte;
            byte = next(c);
            /* A REX that something but the opcode follows has no effect. */
        }
        switch (byte) {
        case 0x66:
            *op16 = true;
            break;
        case 0x67:
            i->addr_size = 4;
            if (!long_mode)
                c->error = -EOPNOTSUPP; /* 16-bit addressing */
            break;
        case 0xf0:
            i->lock = true;
            break;
        case 0xf2:
        case 0xf3:
            i->rep = true;
            break;
        case 0x64:
            i->segment = INSN_SEG_FS;
            break;
        case 0x65:
            i->segment = INSN_SEG_GS;
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            if (!long_mode)
                i->segment = INSN_SEG_FLAT;
            break;
        default:
            if (!(long_mode && (byte & 0xf0) == 0x40))
                return byte;
            c->pos--; /* REX after REX: the last one counts */
        }
        if (c->error)
            return 0;
        i->rex = 0;
    }
}

static void decode_modrm(struct cursor *c, struct insn *i, bool long_mode)
{
    unsigned int mod, rm;

    i->modrm = next(c);
    mod = i->modrm >> 6;
    rm = i->modrm & 7;
    i->reg = (uint8_t)((i->modrm >> 3 & 7) | (i->rex & 4) << 1);
    i->rm = (uint8_t)(rm | (i->rex & 1) << 3);
    if (mod == 3)
        return;
    i->is_memory = true;
    i->base = i->rm;
    if (rm == 4) {
        uint8_t sib = next(c);

        i->scale = sib >> 6;
        i->index = (uint8_t)((sib >> 3 & 7) | (i->rex & 2) << 2);
        if (i->index == 4)
            i->index = INSN_NO_REG;
        i->base = (uint8_t)((sib & 7) | (i->rex & 1) << 3);
        if ((sib & 7) == 5 && mod == 0) {
            i->base = INSN_NO_REG;
            mod = 2;
        }
    } else if (rm == 5 && mod == 0) {
        i->base = long_mode ? INSN_RIP : INSN_NO_REG;
        mod = 2;
    }
    if (mod)
        i->disp = next_signed(c, mod == 1 ? 1 : 4);
}

static int find_form(uint16_t opcode)
{
    for (unsigned int n = 0; n < ARRAY_SIZE(forms); n++)
        if (opcode >= forms[n].first && opcode <= forms[n].last)
            return forms[n].form;
    return -EOPNOTSUPP;
}

int insn_decode(struct insn *i, const uint8_t *bytes, unsigned int avail, bool long_mode)
{
    struct cursor c = { .bytes = bytes, .avail = avail };
    bool op16 = false;
    int form;

    *i = (struct insn){ .base = INSN_NO_REG, .index = INSN_NO_REG };
    i->addr_size = long_mode ? 8 : 4;
    i->opcode = decode_prefixes(&c, i, long_mode, &op16);
    if (i->opcode == 0x0f)
        i->opcode = INSN_0F | next(&c);
    if (c.error)
        return c.error;
    form = find_form(i->opcode);
    if (form < 0)
        return form;
    i->op_size = i->rex & 8 ? 8 : op16 ? 2 : 4;
    if (form & WIDTH && !(i->opcode & 1))
        i->op_size = 1;
    if (form & MODRM)
        decode_modrm(&c, i, long_mode);
    if (!c.error && (i->opcode | 1) == 0xf7 && (i->modrm >> 3 & 6) != 2)
        return -EOPNOTSUPP;
    if (form & MOFFS) {
        i->is_memory = true;
        i->disp = next_signed(&c, i->addr_size);
    }
    if (form & IMM8)
        i->imm = (uint64_t)next_signed(&c, 1);
    else if (form & IMMZ)
        i->imm = (uint64_t)next_signed(&c, min(i->op_size, (uint8_t)4));
    i->len = (uint8_t)c.pos;
    return c.error;
}

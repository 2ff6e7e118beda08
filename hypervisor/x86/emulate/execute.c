/*
 * The executor of arch/emulate.h, for instructions with a memory destination. Whatever reads and
 * writes is done by compare-and-exchange, locked or not: other CPUs set accessed and dirty bits.
 */
#include <hv/errno.h>
#include <arch/emulate.h>

#define FLAG_CF      0x1UL
#define FLAG_PF      0x4UL
#define FLAG_AF      0x10UL
#define FLAG_ZF      0x40UL
#define FLAG_SF      0x80UL
#define FLAG_DF      0x400UL
#define FLAG_OF      0x800UL
#define FLAGS_STATUS (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define MAX_RACES 16 /* then let the guest run it again */

enum alu_op { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

/* Where register n lies, by its number in ModRM. */
static const uint8_t reg_offset[16] = {
    offsetof(struct regs, rax), offsetof(struct regs, rcx), offsetof(struct regs, rdx),
    offsetof(struct regs, rbx), offsetof(struct regs, rsp), offsetof(struct regs, rbp),
    offsetof(struct regs, rsi), offsetof(struct regs, rdi), offsetof(struct regs, r8),
    offsetof(struct regs, r9),  offsetof(struct regs, r10), offsetof(struct regs, r11),
    offsetof(struct regs, r12), offsetof(struct regs, r13), offsetof(struct regs, r14),
    offsetof(struct regs, r15),
};

static uint64_t mask_of(unsigned int size)
{
    return ~0UL >> (64 - 8 * size);
}

static uint64_t *gpr(const struct regs *r, unsigned int n)
{
    return (uint64_t *)((uintptr_t)r + reg_offset[n & 15]);
}

static bool is_high_byte(const struct insn *i, unsigned int n, unsigned int size)
{
    return size == 1 && !i->rex && n >= 4 && n < 8;
}

uint64_t insn_get_reg(const struct insn *i, const struct regs *r, unsigned int n, unsigned int size)
{
    if (is_high_byte(i, n, size))
        return *gpr(r, n - 4) >> 8 & 0xff;
    return *gpr(r, n) & mask_of(size);
}

void insn_set_reg(const struct insn *i, struct regs *r, unsigned int n, unsigned int size,
                  uint64_t value)
{
    uint64_t *reg = gpr(r, n), mask = mask_of(size);

    if (is_high_byte(i, n, size)) {
        reg = gpr(r, n - 4);
        mask = 0xff00;
        value <<= 8;
    } else if (size == 4) {
        mask = ~0UL;
        value = (uint32_t)value;
    }
    *reg = (*reg & ~mask) | (value & mask);
}

uint64_t insn_address(const struct insn *i, const struct regs *r, const struct insn_ops *ops,
                      void *context)
{
    uint64_t address = (uint64_t)i->disp;

    if (i->base == INSN_RIP)
        address += r->rip + i->len;
    else if (i->base != INSN_NO_REG)
        address += *gpr(r, i->base);
    if (i->index != INSN_NO_REG)
        address += *gpr(r, i->index) << i->scale;
    address &= mask_of(i->addr_size);
    if (i->segment != INSN_SEG_FLAT)
        address += ops->segment_base(context, (enum insn_segment)i->segment);
    return address;
}

/* a OP b; the carry or borrow out of every bit gives CF and AF at once. */
static uint64_t alu(enum alu_op op, uint64_t a, uint64_t b, unsigned int size, uint64_t *flags)
{
    uint64_t mask = mask_of(size), sign = mask ^ mask >> 1;
    uint64_t carry = op == ALU_ADC || op == ALU_SBB ? *flags & FLAG_CF : 0;
    uint64_t result, chain = 0, overflow = 0, f = 0;

    switch (op) {
    case ALU_ADD:
    case ALU_ADC:
        result = a + b + carry;
        chain = (a & b) | ((a | b) & ~result);
        overflow = (a ^ result) & (b ^ result);
        break;
    case ALU_SUB:
    case ALU_SBB:
    case ALU_CMP:
        result = a - b - carry;
        chain = (~a & b) | ((~a | b) & result);
        overflow = (a ^ b) & (a ^ result);
        break;
    case ALU_OR:
        result = a | b;
        break;
    case ALU_AND:
        result = a & b;
        break;
    default:
        result = a ^ b;
        break;
    }
    result &= mask;
    f |= chain & sign ? FLAG_CF : 0;
    f |= chain & 8 ? FLAG_AF : 0;
    f |= overflow & sign ? FLAG_OF : 0;
    f |= result & sign ? FLAG_SF : 0;
    f |= result ? 0 : FLAG_ZF;
    f |= __builtin_parity((unsigned int)(result & 0xff)) ? 0 : FLAG_PF;
    *flags = (*flags & ~FLAGS_STATUS) | f;
    return result;
}

/* What a read-modify-write does to memory, as one function of the old value. */
struct modify {
    enum { MOD_ALU, MOD_INC, MOD_NOT, MOD_NEG, MOD_BIT, MOD_XCHG, MOD_XADD } kind;
    unsigned int op; /* MOD_ALU, MOD_INC: enum alu_op; MOD_BIT: 5 set, 6 reset, 7 complement */
    uint64_t operand;
};

static uint64_t modify(const struct modify *m, uint64_t old, unsigned int size, uint64_t *flags)
{
    uint64_t carry = *flags & FLAG_CF, value, bit;

    switch (m->kind) {
    case MOD_ALU:
        return alu((enum alu_op)m->op, old, m->operand, size, flags);
    case MOD_INC:
        value = alu((enum alu_op)m->op, old, 1, size, flags);
        *flags = (*flags & ~FLAG_CF) | carry;
        return value;
    case MOD_NOT:
        return ~old & mask_of(size);
    case MOD_NEG:
        return alu(ALU_SUB, 0, old, size, flags);
    case MOD_BIT:
        bit = 1UL << m->operand;
        *flags = (*flags & ~FLAG_CF) | (old & bit ? FLAG_CF : 0);
        return m->op == 5 ? old | bit : m->op == 6 ? old & ~bit : old ^ bit;
    case MOD_XADD:
        return alu(ALU_ADD, old, m->operand, size, flags);
    default:
        return m->operand;
    }
}

/* Which modification the instruction is; *va moves for bit strings. */
static int decode_modify(const struct insn *i, const struct regs *r, struct modify *m, uint64_t *va)
{
    unsigned int op = i->modrm >> 3 & 7, bits = 8U * i->op_size;

    m->operand = insn_get_reg(i, r, i->reg, i->op_size);
    switch (i->opcode) {
    case 0x80:
    case 0x81:
    case 0x83:
        m->kind = MOD_ALU;
        m->op = op;
        m->operand = i->imm & mask_of(i->op_size);
        return op == ALU_CMP ? -EOPNOTSUPP : 0;
    case 0x86:
    case 0x87:
        m->kind = MOD_XCHG;
        return 0;
    case 0xf6:
    case 0xf7:
        m->kind = op == 2 ? MOD_NOT : MOD_NEG;
        return 0;
    case 0xfe:
    case 0xff:
        m->kind = MOD_INC;
        m->op = op ? ALU_SUB : ALU_ADD;
        return op > 1 ? -EOPNOTSUPP : 0;
    case 0x1c0:
    case 0x1c1:
        m->kind = MOD_XADD;
        return 0;
    case 0x1ba:
        m->kind = MOD_BIT;
        m->op = op;
        m->operand = i->imm & (bits - 1);
        return op < 5 ? -EOPNOTSUPP : 0;
    case 0x1ab:
    case 0x1b3:
    case 0x1bb:
        /* The bit's number is signed and reaches beyond the operand. */
        m->kind = MOD_BIT;
        m->op = i->opcode == 0x1ab ? 5 : i->opcode == 0x1b3 ? 6 : 7;
        *va += (uint64_t)(((int64_t)(m->operand << (64 - bits)) >> (64 - bits)) >>
                          __builtin_ctz(bits)) *
               i->op_size;
        m->operand &= bits - 1;
        return 0;
    default:
        if (i->opcode >= 0x40)
            return -EOPNOTSUPP;
        m->kind = MOD_ALU;
        m->op = i->opcode >> 3;
        return 0;
    }
}

static int execute_modify(const struct insn *i, struct regs *r, const struct insn_ops *ops,
                          void *context, uint64_t va)
{
    struct modify m = { 0 };
    uint64_t old;
    int rc = decode_modify(i, r, &m, &va);

    if (!rc)
        rc = ops->read(context, va, i->op_size, &old);
    if (rc)
        return rc;
    for (unsigned int races = 0; races < MAX_RACES; races++) {
        uint64_t flags = r->rflags, was = old;

        rc = ops->cmpxchg(context, va, i->op_size, &old, modify(&m, old, i->op_size, &flags));
        if (rc == -EAGAIN)
            continue;
        if (rc)
            return rc;
        r->rflags = flags;
        if (m.kind == MOD_XCHG || m.kind == MOD_XADD)
            insn_set_reg(i, r, i->reg, i->op_size, was);
        return 0;
    }
    return 1;
}

static int execute_cmpxchg(const struct insn *i, struct regs *r, const struct insn_ops *ops,
                           void *context, uint64_t va)
{
    uint64_t expected = insn_get_reg(i, r, RAX, i->op_size), seen = expected;
    int rc = ops->cmpxchg(context, va, i->op_size, &seen, insn_get_reg(i, r, i->reg, i->op_size));

    if (rc && rc != -EAGAIN)
        return rc;
    alu(ALU_CMP, expected, seen, i->op_size, &r->rflags);
    if (rc)
        insn_set_reg(i, r, RAX, i->op_size, seen);
    return 0;
}

static int execute_cmpxchg8b(const struct insn *i, struct regs *r, const struct insn_ops *ops,
                             void *context, uint64_t va)
{
    uint64_t seen = r->rdx << 32 | (uint32_t)r->rax;
    int rc;

    if ((i->modrm >> 3 & 7) != 1 || i->op_size == 8)
        return -EOPNOTSUPP;
    rc = ops->cmpxchg(context, va, 8, &seen, r->rcx << 32 | (uint32_t)r->rbx);
    if (rc && rc != -EAGAIN)
        return rc;
    r->rflags &= ~FLAG_ZF;
    if (rc) {
        r->rax = (uint32_t)seen;
        r->rdx = seen >> 32;
    } else {
        r->rflags |= FLAG_ZF;
    }
    return 0;
}

/* One round of stos or movs. */
static int execute_string(const struct insn *i, struct regs *r, const struct insn_ops *ops,
                          void *context)
{
    uint64_t mask = mask_of(i->addr_size), value = insn_get_reg(i, r, RAX, i->op_size);
    uint64_t step = r->rflags & FLAG_DF ? -(uint64_t)i->op_size : i->op_size;
    bool move = i->opcode <= 0xa5;
    int rc = 0;

    if (i->rep && !(r->rcx & mask))
        return 0;
    if (move) {
        uint64_t source = r->rsi & mask;

        if (i->segment != INSN_SEG_FLAT)
            source += ops->segment_base(context, (enum insn_segment)i->segment);
        rc = ops->read(context, source, i->op_size, &value);
    }
    if (!rc)
        rc = ops->write(context, r->rdi & mask, i->op_size, value);
    if (rc)
        return rc;
    r->rdi = (r->rdi + step) & mask;
    if (move)
        r->rsi = (r->rsi + step) & mask;
    if (i->rep)
        r->rcx = (r->rcx - 1) & mask;
    return i->rep && r->rcx;
}

int insn_execute(const struct insn *i, struct regs *r, const struct insn_ops *ops, void *context)
{
    uint64_t va;

    if (i->opcode >= 0xa4 && i->opcode <= 0xab)
        return execute_string(i, r, ops, context);
    if (!i->is_memory)
        return -EOPNOTSUPP;
    va = insn_address(i, r, ops, context);
    switch (i->opcode) {
    case 0x88:
    case 0x89:
    case 0x1c3:
        return ops->write(context, va, i->op_size, insn_get_reg(i, r, i->reg, i->op_size));
    case 0xa2:
    case 0xa3:
        return ops->write(context, va, i->op_size, insn_get_reg(i, r, RAX, i->op_size));
    case 0xc6:
    case 0xc7:
        if (i->modrm >> 3 & 7)
            return -EOPNOTSUPP;
        return ops->write(context, va, i->op_size, i->imm & mask_of(i->op_size));
    case 0x1b0:
    case 0x1b1:
        return execute_cmpxchg(i, r, ops, context, va);
    case 0x1c7:
        return execute_cmpxchg8b(i, r, ops, context, va);
    default:
        return execute_modify(i, r, ops, context, va);
    }
}

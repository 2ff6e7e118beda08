/*
 * A small x86 decoder and executor: the privileged instructions that a PV kernel traps on, and the
 * stores and read-modify-writes that compilers emit on page-table entries. Pure: memory is reached
 * through the caller's functions, and nothing else is touched but *regs.
 */
#ifndef ARCH_EMULATE_H
#define ARCH_EMULATE_H

#include <hv/types.h>
#include <arch/regs.h>

#define INSN_MAX_LEN 15
#define INSN_0F      0x100U /* opcode: 0f xx is 0x1xx */

enum insn_segment { INSN_SEG_FLAT, INSN_SEG_FS, INSN_SEG_GS };

#define INSN_NO_REG 0xff /* no base or index */
#define INSN_RIP    16   /* base: the next instruction */

struct insn {
    uint16_t opcode;
    uint8_t len;
    uint8_t rex;       /* 0 without; else 0x40-0x4f */
    uint8_t op_size;   /* bytes: 1, 2, 4, 8 */
    uint8_t addr_size; /* bytes: 4, 8 */
    uint8_t segment;   /* enum insn_segment of an override */
    bool lock, rep;    /* rep: f2 or f3 */
    bool is_memory;    /* the r/m operand is memory */
    uint8_t modrm;     /* as it stands in the code */
    uint8_t reg, rm;   /* extended by REX; rm only if !is_memory */
    uint8_t base, index, scale;
    int64_t disp;
    uint64_t imm; /* sign-extended */
};

/* Decode one instruction from at most `avail` bytes; never reads more. -ENODATA: it goes on behind
 * them; -EOPNOTSUPP: not one of ours, or longer than 15 bytes. long_mode: 64-bit code, else flat
 * 32-bit code. */
must_check int insn_decode(struct insn *i, const uint8_t *bytes, unsigned int avail,
                           bool long_mode);

/* Values are zero-extended; sizes 1, 2, 4, 8. Each returns 0 or what insn_execute() is to return.
 */
struct insn_ops {
    uint64_t (*segment_base)(void *context, enum insn_segment segment);
    int (*read)(void *context, uint64_t va, unsigned int size, uint64_t *value);
    int (*write)(void *context, uint64_t va, unsigned int size, uint64_t value);
    /* -EAGAIN: *old was not there; now it is what was. */
    int (*cmpxchg)(void *context, uint64_t va, unsigned int size, uint64_t *old, uint64_t value);
};

/* Execute an instruction with a memory destination, RIP aside. 0: done, retire it; 1: one round of
 * several is done, or it lost too many races: run it again; -EOPNOTSUPP; else an ops' error, with
 * nothing changed. */
must_check int insn_execute(const struct insn *i, struct regs *r, const struct insn_ops *ops,
                            void *context);

/* The address of the r/m operand. */
uint64_t insn_address(const struct insn *i, const struct regs *r, const struct insn_ops *ops,
                      void *context);
/* Registers by number as ModRM has them; AH..BH where a byte operand without REX means them. */
uint64_t insn_get_reg(const struct insn *i, const struct regs *r, unsigned int n,
                      unsigned int size);
/* As the CPU does: 4 bytes clear the upper half, 1 and 2 leave the rest. */
void insn_set_reg(const struct insn *i, struct regs *r, unsigned int n, unsigned int size,
                  uint64_t value);

#endif

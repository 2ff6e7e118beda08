/*
 * The measurement itself, and the handlers in assembly that it is done with.
 */
#include "bench.h"

__asm__(
    ".globl bench_fault_stub, bench_syscall_stub, bench_upcall_stub, bench_user, bench_user_end\n"
    ".pushsection .text\n"
    "bench_fault_stub:\n"
    "    pop %rcx; pop %r11; add $8, %rsp; addq $3, (%rsp)\n"
    "    pushq $0; push %rcx; push %r11; push %rax; mov $23, %eax; syscall\n"
    "bench_syscall_stub:\n"
    "    pop %rcx; pop %r11\n"
    "    pushq $0x100; push %rcx; push %r11; push %rax; mov $23, %eax; syscall\n"
    "bench_upcall_stub:\n"
    "    pop %rcx; pop %r11; push %rax; push %rcx\n"
    "    mov shared_info(%rip), %rax; movb $0, (%rax); movq $0, 8(%rax)\n"
    "    movq $0, 0x800(%rax); incq bench_upcalls(%rip)\n"
    "    pop %rcx; pop %rax\n"
    "    pushq $0; push %rcx; push %r11; push %rax; mov $23, %eax; syscall\n"
    ".popsection\n"
    ".pushsection .user_text, \"ax\"\n"
    "bench_user: syscall; dec %rbx; jnz bench_user; int $0x80\n"
    "bench_user_end:\n"
    ".popsection");
volatile uint64_t bench_upcalls;

void measure(const char *name, void (*fn)(void), unsigned int count)
{
    void (*volatile operation)(void) = fn; /* never inlined: the profiler stops at its address */
    uint64_t start;

    for (unsigned int i = 0; i < 16; i++)
        operation();
    start = read_tsc();
    for (unsigned int i = 0; i < count; i++)
        operation();
    print("bench %s %lu\n", name, (read_tsc() - start) / count);
}

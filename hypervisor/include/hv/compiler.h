/* Compiler attributes and memory-access helpers; everything that is spelled per compiler is here.
 */
#ifndef HV_COMPILER_H
#define HV_COMPILER_H

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define must_check             __attribute__((warn_unused_result))
#define noreturn               __attribute__((noreturn))
#define noinline               __attribute__((noinline))
#define packed                 __attribute__((packed))
#define used                   __attribute__((used))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define section(name)          __attribute__((section(name)))
#define aligned_to(n)          __attribute__((aligned(n)))

/* Code and data that are given back once dom0 runs. */
#define init_text section(".init.text")
#define init_data section(".init.data")

/* One load or store of exactly this object: what stands between us and a double fetch. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define barrier() __asm__ volatile("" ::: "memory")
#define smp_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)

#endif

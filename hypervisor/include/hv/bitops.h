/* Bits in arrays of unsigned long. The _atomic forms are sequentially consistent. */
#ifndef HV_BITOPS_H
#define HV_BITOPS_H

#include <hv/types.h>

#define BITS_PER_LONG    64
#define BITS_TO_LONGS(n) DIV_ROUND_UP(n, BITS_PER_LONG)
#define BIT(n)           (1UL << (n))

static inline bool test_bit(unsigned int n, const unsigned long *map)
{
    return READ_ONCE(map[n / BITS_PER_LONG]) >> (n % BITS_PER_LONG) & 1;
}

static inline void set_bit(unsigned int n, unsigned long *map)
{
    map[n / BITS_PER_LONG] |= BIT(n % BITS_PER_LONG);
}

static inline void clear_bit(unsigned int n, unsigned long *map)
{
    map[n / BITS_PER_LONG] &= ~BIT(n % BITS_PER_LONG);
}

static inline bool test_and_set_bit_atomic(unsigned int n, unsigned long *map)
{
    unsigned long bit = BIT(n % BITS_PER_LONG);

    return __atomic_fetch_or(&map[n / BITS_PER_LONG], bit, __ATOMIC_SEQ_CST) & bit;
}

static inline bool test_and_clear_bit_atomic(unsigned int n, unsigned long *map)
{
    unsigned long bit = BIT(n % BITS_PER_LONG);

    return __atomic_fetch_and(&map[n / BITS_PER_LONG], ~bit, __ATOMIC_SEQ_CST) & bit;
}

static inline void set_bit_atomic(unsigned int n, unsigned long *map)
{
    __atomic_fetch_or(&map[n / BITS_PER_LONG], BIT(n % BITS_PER_LONG), __ATOMIC_SEQ_CST);
}

static inline void clear_bit_atomic(unsigned int n, unsigned long *map)
{
    __atomic_fetch_and(&map[n / BITS_PER_LONG], ~BIT(n % BITS_PER_LONG), __ATOMIC_SEQ_CST);
}

/* First set bit at or after `from`, or `size` if there is none. */
static inline unsigned int find_next_bit(const unsigned long *map, unsigned int size,
                                         unsigned int from)
{
    while (from < size) {
        unsigned long word = map[from / BITS_PER_LONG] >> (from % BITS_PER_LONG);

        if (word) {
            from += (unsigned int)__builtin_ctzl(word);
            return from < size ? from : size;
        }
        from = (from / BITS_PER_LONG + 1) * BITS_PER_LONG;
    }
    return size;
}

/* First clear bit at or after `from`, or `size` if there is none. */
static inline unsigned int find_next_zero_bit(const unsigned long *map, unsigned int size,
                                              unsigned int from)
{
    while (from < size) {
        unsigned long word = ~map[from / BITS_PER_LONG] >> (from % BITS_PER_LONG);

        if (word) {
            from += (unsigned int)__builtin_ctzl(word);
            return from < size ? from : size;
        }
        from = (from / BITS_PER_LONG + 1) * BITS_PER_LONG;
    }
    return size;
}

/* Index of the highest set bit; n must not be 0. */
static inline unsigned int log2_floor(uint64_t n)
{
    return 63U - (unsigned int)__builtin_clzl(n);
}

#endif

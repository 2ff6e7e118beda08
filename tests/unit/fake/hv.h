/* What the shared fakes of hv.c let a test see and steer. */
#ifndef FAKE_HV_H
#define FAKE_HV_H

#include <setjmp.h>
#include <hv/types.h>

/* hv_alloc() fails from the n-th call on (1: the next); 0: never. */
extern unsigned int fake_alloc_fail_at;
extern unsigned int fake_allocs; /* calls so far */
extern int fake_alloc_live;      /* allocated and not freed */

extern s_time_t fake_now;

/* panic() writes its sentence here and jumps, once, if the test armed it; else it aborts. */
extern char fake_panic_text[256];
extern jmp_buf fake_panic_jmp;
extern bool fake_panic_armed;

/* What printk() and the like said, all of it, until the test empties it. */
extern char fake_said[8192];

#define expect_panic(statement, text)                                                              \
    do {                                                                                           \
        fake_panic_armed = true;                                                                   \
        fake_panic_text[0] = 0;                                                                    \
        if (!setjmp(fake_panic_jmp)) {                                                             \
            statement;                                                                             \
            fake_panic_armed = false;                                                              \
            fail_msg("no panic: %s", #statement);                                                  \
        }                                                                                          \
        if (!strstr(fake_panic_text, text))                                                        \
            fail_msg("panic said: %s", fake_panic_text);                                           \
    } while (0)

#endif

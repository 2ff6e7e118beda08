/*
 * VIRQ_ENOMEM: its handler is told when free memory gets low, before anybody is refused: first
 * below low_mem_virq_limit=, then at each half of what was left the last time. When there is twice
 * the limit again, it begins anew. Called by the allocator with no lock held.
 */
#include <hv/cmdline.h>
#include <hv/event.h>
#include <hv/mem.h>
#include <hv/softirq.h>

static uint64_t limit_bytes = 64UL << 20;
SIZE_OPTION("low_mem_virq_limit", limit_bytes,
            "free memory below which VIRQ_ENOMEM is sent (default 64M); 0: never");

static uint64_t limit;     /* frames; 0 until memory is watched */
static uint64_t next_mark; /* frames; atomic */

static void tell(void *arg)
{
    (void)arg;
    event_send_global_virq(VIRQ_ENOMEM);
}

static struct tasklet teller = { .fn = tell };

void memory_watch(void)
{
    limit = min(limit_bytes >> PAGE_SHIFT, frames_free_count() / 2);
    WRITE_ONCE(next_mark, limit);
}

void memory_check_low(uint64_t free)
{
    uint64_t mark = READ_ONCE(next_mark);

    if (unlikely(free < mark)) {
        if (__atomic_compare_exchange_n(&next_mark, &mark, free / 2, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            tasklet_schedule(&teller);
    } else if (unlikely(mark != limit) && free / 2 >= limit) {
        WRITE_ONCE(next_mark, limit);
    }
}

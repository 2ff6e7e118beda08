/* Between the files of core/debug. */
#ifndef DEBUG_INTERNAL_H
#define DEBUG_INTERNAL_H

#include <hv/printk.h>

/* Begin and end output as one uninterrupted piece; `to_ring`: kept for readconsole. Usable in any
 * context: a CPU that interrupted its own output goes ahead without the lock. */
struct console_session {
    unsigned long flags;
    bool locked;
};
struct console_session console_begin(void);
void console_end(struct console_session session);
/* Within a session. */
void console_put(const char *s, size_t len, bool to_ring);
/* Within a session: is the cursor at the start of a line? */
bool console_at_line_start(void);

#endif

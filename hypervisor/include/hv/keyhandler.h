/* Debug keys: one letter on the console (after 3 x Ctrl-A) or XEN_SYSCTL_debug_keys. */
#ifndef HV_KEYHANDLER_H
#define HV_KEYHANDLER_H

#include <hv/types.h>

struct keyhandler {
    char key;
    const char *text; /* one line for 'h' */
    void (*fn)(void);
};
#define KEY_HANDLER(id, keychar, function, description)                                            \
    static const section("keyhandler_table") used aligned_to(                                      \
        8) struct keyhandler key_##id = { .key = keychar, .text = description, .fn = function }

/* Run a key's handler from a tasklet of this CPU; unknown keys say so. Any context. */
void keyhandler_schedule(char key);

#endif

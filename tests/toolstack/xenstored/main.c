/* The daemon xenstored, in a world without a hypervisor; see world.h. */
#include "tests.h"

#include <string.h>

int main(void)
{
    static const struct CMUnitTest *const lists[] = { tree_tests, request_tests, ring_tests,
                                                      restart_tests, socket_tests };
    struct CMUnitTest all[64];
    size_t i, count = 0;
    const struct CMUnitTest *t;

    for (i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        for (t = lists[i]; t->name; t++)
            all[count++] = *t;
    return _cmocka_run_group_tests("xenstored", all, count, NULL, NULL);
}

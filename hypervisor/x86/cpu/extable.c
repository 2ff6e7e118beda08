/*
 * The table of our instructions that may fault (arch/extable.h), searched by the fault handlers.
 * It has a dozen entries, and faults of ours are rare: no need to sort.
 */
#include <arch/extable.h>

extern const struct extable_entry __start_ex_table[], __stop_ex_table[];

uintptr_t extable_find(uintptr_t rip)
{
    for (const struct extable_entry *e = __start_ex_table; e < __stop_ex_table; e++)
        if ((uintptr_t)&e->insn + (uintptr_t)(intptr_t)e->insn == rip)
            return (uintptr_t)&e->fixup + (uintptr_t)(intptr_t)e->fixup;
    return 0;
}

/*
 * Unbounded printing: a flood by console_io, and refusals that make the hypervisor itself print.
 * The first must not stop anything else, the second must be rate limited: the runner counts the
 * lines.
 */
#include "pv.h"

void guest_main(void)
{
    static char line[] = "flood flood flood flood flood flood flood flood flood flood flood\n";
    unsigned long lines = option("lines", 5000), refusals = option("refusals", 20000);
    unsigned long written = 0, denied = 0;
    uint64_t page = (uint64_t)alloc_page();

    for (unsigned long i = 0; i < lines; i++)
        written += console_write(line, sizeof(line) - 1) == 0;
    is((long)written, (long)lines, "%lu lines were taken", lines);
    for (unsigned long i = 0; i < refusals; i++)
        denied += update_va(page, make_pte(root_mfn(), PTE_LEAF), UVMF_INVLPG) < 0;
    is((long)denied, (long)refusals, "%lu refusals that could each print a line", refusals);
    for (unsigned long i = 0; i < refusals / 10; i++) {
        denied -= mmuext(MMUEXT_PIN_L4_TABLE, 0xfffffffff) < 0;
        console_write((char *)HYPERVISOR_VIRT_START, 100);
        hypercall5(50, i, i, i, i, i);
    }
    ok(true, "and other kinds of them");
}

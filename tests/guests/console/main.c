/*
 * console_io: writes of every size arrive, reads are empty, bad buffers are refused.
 */
#include "guest.h"

void guest_main(void)
{
    char *text = alloc_pages(4);
    long ret;

    memset(text, '.', 4 * PAGE_SIZE);
    is(console_write(text, 0), 0, "nothing is written");
    memcpy(text, "console says hello\n", 19);
    is(console_write(text, 19), 0, "a line is written");
    memset(text, '.', 19);
    for (unsigned int i = 79; i < 4 * PAGE_SIZE; i += 80)
        text[i] = '\n';
    text[4 * PAGE_SIZE - 1] = '\n';
    ret = console_write(text, 3000);
    console_write("\n", 1);
    is(ret, 0, "3000 bytes are written");
    is(console_write(text, 4 * PAGE_SIZE), 0, "16 KiB are written");
    is(hypercall3(__HYPERVISOR_console_io, CONSOLEIO_read, 16, (unsigned long)text), 0,
       "nothing was typed");
    is(console_write((char *)0xdead000ul, 10), -XEN_EFAULT, "a buffer not mapped is EFAULT");
    is(console_write((char *)HYPERVISOR_VIRT_START, 10), -XEN_EFAULT, "so is one in the M2P");
    is(console_write((char *)HYPERVISOR_VIRT_END - 4096, 10), -XEN_EFAULT,
       "one in the hypervisor's own space is EFAULT");
    is(hypercall3(__HYPERVISOR_console_io, 77, 0, 0), -XEN_ENOSYS, "an unknown command is ENOSYS");
}

/*
 * The old pair of 8259 interrupt controllers: initialised away from the exception vectors and
 * masked for good; the IO-APICs do their work. Called once from arch_init_irq().
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <arch/apic.h>
#include <arch/irq.h>

#define PIC1_COMMAND 0x20
#define PIC1_DATA    0x21
#define PIC2_COMMAND 0xa0
#define PIC2_DATA    0xa1

#define ICW1_INIT_ICW4 0x11
#define ICW4_8086      0x01

void init_text i8259_init(void)
{
    if (acpi.present && !acpi.pcat_compat)
        return;
    outb(PIC1_DATA, 0xff);
    outb(PIC2_DATA, 0xff);
    /* Even a masked one can raise its spurious line 7: let that be a device vector, not #DF's. */
    outb(PIC1_COMMAND, ICW1_INIT_ICW4);
    outb(PIC1_DATA, VECTOR_DYNAMIC_FIRST);
    outb(PIC1_DATA, 1 << 2); /* the slave is on line 2 */
    outb(PIC1_DATA, ICW4_8086);
    outb(PIC2_COMMAND, ICW1_INIT_ICW4);
    outb(PIC2_DATA, VECTOR_DYNAMIC_FIRST + 8);
    outb(PIC2_DATA, 2);
    outb(PIC2_DATA, ICW4_8086);
    outb(PIC1_DATA, 0xff);
    outb(PIC2_DATA, 0xff);
}

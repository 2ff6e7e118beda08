/*
 * User mode of a PV guest: a second set of tables sharing one low half with the kernel's, entered
 * by the iret hypercall with CS of RPL 3 and left by the first exception or system call that no
 * hook resumes.
 */
#include "pv.h"

void user_init(void)
{
    pte_t *root = alloc_page();
    struct mmuext_op op = { .cmd = MMUEXT_NEW_USER_BASEPTR };

    ensure_tables(USER_CODE);
    root[pte_index(USER_CODE, 4)] = *pte_of(USER_CODE, 4);
    if (page_protect(root, PTE_LEAF_RO))
        bail("cannot make the user root read-only");
    op.arg1.mfn = virt_to_mfn(root);
    if (mmuext(MMUEXT_PIN_L4_TABLE, op.arg1.mfn) || mmuext_ops(&op, 1, NULL))
        bail("cannot install the user tables");
}

void *user_map(uint64_t va, const void *code, size_t length)
{
    void *page = alloc_page();

    if (code)
        memcpy(page, code, length);
    map_page(va, make_pte(virt_to_mfn(page), PTE_LEAF));
    return page;
}

static void enter(void *arg)
{
    /* What the exit pushes may overwrite this function's own frame, which is not needed again. */
    stack_switch(KERNEL_SS, try_stack() - 8);
    resume(arg);
}

struct fault user_run_at(struct frame *registers)
{
    return try_call(enter, registers);
}

struct fault user_run(struct frame *registers)
{
    registers->cs = USER_CS;
    registers->ss = USER_SS;
    registers->rflags |= RFLAGS_IF;
    return user_run_at(registers);
}

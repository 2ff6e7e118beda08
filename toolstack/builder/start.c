/*
 * The first vCPU of a PVH or HVM guest: a part of the state that the hypervisor loads. Called by
 * hvm.c, when the guest's memory is there.
 */
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include "builder/internal.h"
#include "xc/hvm.h"
#include <xen/hvm/save.h>

#define MTRR_WB (1u << 11 | 6) /* enabled, write back */

/* A list of records, as the hypervisor saves and loads it: the next one of a kind, or NULL */
static struct hvm_save_descriptor *next_record(uint8_t *state, uint32_t size, uint32_t *at,
                                               uint16_t type)
{
    while (size - *at >= sizeof(struct hvm_save_descriptor)) {
        struct hvm_save_descriptor *d = (void *)(state + *at);

        if (d->length > size - *at - sizeof(*d))
            break;
        *at += sizeof(*d) + d->length;
        if (d->typecode == type)
            return d;
    }
    return NULL;
}

static uint8_t *put_record(uint8_t *to, uint16_t type, uint16_t instance, const void *data,
                           uint32_t length)
{
    struct hvm_save_descriptor d = { type, instance, length };

    memcpy(to, &d, sizeof(d));
    if (length)
        memcpy(to + sizeof(d), data, length);
    return to + sizeof(d) + length;
}

/* Flat segments, protection on, paging off, the start information in EBX */
static struct hvm_hw_cpu first_registers(uint64_t entry, uint64_t info)
{
    return (struct hvm_hw_cpu){
        .rip = entry,
        .rbx = info,
        .rflags = 2,
        .cr0 = 0x11, /* protection, and the bit that is always set */
        .dr6 = 0xffff0ff0,
        .dr7 = 0x400,
        .cs_limit = ~0u,
        .ds_limit = ~0u,
        .es_limit = ~0u,
        .ss_limit = ~0u,
        .tr_limit = 0x67,
        .cs_arbytes = 0xc9b,
        .ds_arbytes = 0xc93,
        .es_arbytes = 0xc93,
        .ss_arbytes = 0xc93,
        .tr_arbytes = 0x8b,
    };
}

/* The hypervisor's own header, then the first vCPU's registers, and memory that is cached for all.
 * @to has room for as much as @state and a vCPU more. */
static uint32_t make_state(const struct hvm_hw_cpu *cpu, bool cached, uint8_t *state, uint32_t size,
                           uint8_t *to)
{
    struct hvm_save_descriptor *d;
    uint8_t *start = to;
    uint32_t at = 0;

    d = next_record(state, size, &at, HVM_SAVE_CODE(HEADER));
    if (!d)
        return 0;
    to = put_record(to, d->typecode, 0, d + 1, d->length);
    to = put_record(to, HVM_SAVE_CODE(CPU), 0, cpu, sizeof(*cpu));
    for (at = 0; cached && (d = next_record(state, size, &at, HVM_SAVE_CODE(MTRR)));) {
        struct hvm_hw_mtrr mtrr;

        if (d->length != sizeof(mtrr))
            return 0;
        memcpy(&mtrr, d + 1, sizeof(mtrr));
        mtrr.msr_mtrr_def_type = MTRR_WB;
        to = put_record(to, d->typecode, d->instance, &mtrr, sizeof(mtrr));
    }
    to = put_record(to, HVM_SAVE_CODE(END), 0, NULL, 0);
    return to - start;
}

int start_hvm_vcpu(const struct build *in, uint64_t entry, uint64_t info, bool cached)
{
    const struct hvm_hw_cpu cpu = first_registers(entry, info);
    uint32_t domid = in->request->domid;
    uint8_t *state = NULL, *mine = NULL;
    uint32_t size = 0, mine_size;
    int rc = xc_hvm_get_context(in->xc, domid, NULL, &size);

    if (rc >= 0) {
        state = malloc(size);
        mine = malloc(size + 2 * sizeof(struct hvm_save_descriptor) + sizeof(struct hvm_hw_cpu));
        rc = state && mine ? xc_hvm_get_context(in->xc, domid, state, &size) : -ENOMEM;
    }
    if (rc >= 0) {
        mine_size = make_state(&cpu, cached, state, size, mine);
        rc = mine_size ? xc_hvm_set_context(in->xc, domid, mine, mine_size) : -EPROTO;
    }
    free(state);
    free(mine);
    return rc < 0 ? build_failed(in, rc, "set the registers of the first vCPU") : 0;
}

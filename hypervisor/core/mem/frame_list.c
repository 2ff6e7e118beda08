/* Lists of frames, linked by frame number inside the frame table. The caller holds their lock. */
#include <hv/frame.h>

void frame_list_init(struct frame_list *l)
{
    *l = (struct frame_list){ .head = FRAME_LIST_END, .tail = FRAME_LIST_END };
}

void frame_list_add_run(struct frame_list *l, struct frame *first, uint64_t count)
{
    uint32_t m = (uint32_t)frame_to_mfn(first).v, last = m + (uint32_t)count - 1;

    for (uint64_t i = 0; i < count; i++) {
        first[i].prev = m + (uint32_t)i - 1;
        first[i].next = m + (uint32_t)i + 1;
    }
    first->prev = FRAME_LIST_END;
    first[count - 1].next = l->head;
    if (l->head != FRAME_LIST_END)
        mfn_to_frame(mfn(l->head))->prev = last;
    else
        l->tail = last;
    l->head = m;
    l->count += count;
}

void frame_list_add(struct frame_list *l, struct frame *f)
{
    frame_list_add_run(l, f, 1);
}

void frame_list_del(struct frame_list *l, struct frame *f)
{
    if (f->prev != FRAME_LIST_END)
        mfn_to_frame(mfn(f->prev))->next = f->next;
    else
        l->head = f->next;
    if (f->next != FRAME_LIST_END)
        mfn_to_frame(mfn(f->next))->prev = f->prev;
    else
        l->tail = f->prev;
    f->next = f->prev = FRAME_LIST_END;
    l->count--;
}

struct frame *frame_list_pop(struct frame_list *l)
{
    struct frame *f;

    if (!l->count)
        return NULL;
    f = mfn_to_frame(mfn(l->head));
    frame_list_del(l, f);
    return f;
}

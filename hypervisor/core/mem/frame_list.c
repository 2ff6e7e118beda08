/* Lists of frames, linked by frame number inside the frame table. The caller holds their lock. */
#include <hv/frame.h>

void frame_list_init(struct frame_list *l)
{
    *l = (struct frame_list){ .head = FRAME_LIST_END, .tail = FRAME_LIST_END };
}

void frame_list_add(struct frame_list *l, struct frame *f)
{
    uint32_t m = (uint32_t)frame_to_mfn(f).v;

    f->prev = FRAME_LIST_END;
    f->next = l->head;
    if (l->head != FRAME_LIST_END)
        mfn_to_frame(mfn(l->head))->prev = m;
    else
        l->tail = m;
    l->head = m;
    l->count++;
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

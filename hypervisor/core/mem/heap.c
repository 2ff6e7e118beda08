/*
 * The hypervisor's heap. Objects up to half a page come from slabs, pages of objects of one size;
 * larger ones are whole pages. Objects carry no header: all that is known of a page stands in its
 * frame-table entry, with owner DOMID_XEN. A slab goes back when its last object does.
 *
 * A slab's `types` is its class + 1 and, above TAG_BITS, the number of its first free object;
 * `refs` is one more than its objects in use; `next` and `prev` list the slabs of the class that
 * have room. LOCK_HEAP guards these. A free object begins with the number of the next one.
 */
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/string.h>

static const uint16_t class_size[] = { 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048 };
#define NR_CLASSES ARRAY_SIZE(class_size)
#define LARGE_TAG  64 /* `types` of a large block's first frame: this + its order */

#define TAG_BITS 7

static struct frame_list with_room[NR_CLASSES] = {
    [0 ... NR_CLASSES - 1] = { .head = FRAME_LIST_END, .tail = FRAME_LIST_END },
};
static spinlock_t heap_lock = SPINLOCK_INIT(LOCK_HEAP);
static size_t heap_used;  /* bytes handed out; atomic */
static size_t heap_slabs; /* atomic */

static void tag_page(mfn_t m, unsigned int tag)
{
    mfn_to_frame(m)->state = (union frame_state){
        .refs = 1, .owner = DOMID_XEN, .type = FRAME_NONE, .progress = FRAME_VALID, .types = tag
    };
}

void *pages_alloc(unsigned int order)
{
    mfn_t m = frames_alloc(order, 0, NUMA_ANY);

    if (m.v == INVALID_MFN.v)
        return NULL;
    for (uint64_t i = 0; i < 1UL << order; i++)
        tag_page(mfn_add(m, i), 0);
    return mfn_to_virt(m);
}

void pages_free(void *pages, unsigned int order)
{
    if (pages)
        frames_free(virt_to_mfn(pages), order);
}

void *page_alloc(void)
{
    return pages_alloc(0);
}

void page_free(void *page)
{
    pages_free(page, 0);
}

static void *alloc_large(size_t size)
{
    unsigned int order = 0;
    void *p;

    while (PAGE_SIZE << order < size)
        if (++order > MAX_ORDER)
            return NULL;
    p = pages_alloc(order);
    if (p) {
        tag_page(virt_to_mfn(p), LARGE_TAG + order);
        __atomic_fetch_add(&heap_used, PAGE_SIZE << order, __ATOMIC_RELAXED);
    }
    return p;
}

static unsigned int objects_in_slab(unsigned int class)
{
    return PAGE_SIZE / class_size[class];
}

static uint32_t *object(struct frame *slab, unsigned int class, unsigned int number)
{
    return (uint32_t *)((char *)mfn_to_virt(frame_to_mfn(slab)) + number * class_size[class]);
}

/* LOCK_HEAP is not held. NULL: no memory. */
static struct frame *make_slab(unsigned int class)
{
    char *page = page_alloc();
    struct frame *f;

    if (!page)
        return NULL;
    f = mfn_to_frame(virt_to_mfn(page));
    tag_page(frame_to_mfn(f), class + 1);
    __atomic_fetch_add(&heap_slabs, 1, __ATOMIC_RELAXED);
    for (unsigned int i = 0; i + 1 < objects_in_slab(class); i++)
        *object(f, class, i) = i + 1;
    return f;
}

/* LOCK_HEAP is held, and some slab has room. */
static void *take_object(unsigned int class)
{
    struct frame *f = mfn_to_frame(mfn(with_room[class].head));
    uint32_t *o = object(f, class, f->state.types >> TAG_BITS);

    f->state.types = (class + 1) | *o << TAG_BITS;
    f->state.refs++;
    if (f->state.refs > objects_in_slab(class))
        frame_list_del(&with_room[class], f);
    return o;
}

/* LOCK_HEAP is held. True if the slab is nobody's now. */
static bool put_object(struct frame *f, unsigned int class, unsigned int number)
{
    uint32_t *o = object(f, class, number);

    if (f->state.refs > objects_in_slab(class))
        frame_list_add(&with_room[class], f);
    *o = f->state.types >> TAG_BITS;
    f->state.types = (class + 1) | number << TAG_BITS;
    f->state.refs--;
    if (f->state.refs > 1)
        return false;
    frame_list_del(&with_room[class], f);
    return true;
}

void *hv_alloc(size_t size)
{
    unsigned int class = 0;
    unsigned long irq;
    void *p;

    if (size > class_size[NR_CLASSES - 1])
        return alloc_large(size);
    while (class_size[class] < size)
        class += 1;
    irq = spin_lock_irqsave(&heap_lock);
    if (!with_room[class].count) {
        struct frame *slab;

        spin_unlock_irqrestore(&heap_lock, irq);
        slab = make_slab(class);
        if (!slab)
            return NULL;
        irq = spin_lock_irqsave(&heap_lock);
        frame_list_add(&with_room[class], slab);
    }
    p = take_object(class);
    spin_unlock_irqrestore(&heap_lock, irq);
    __atomic_fetch_add(&heap_used, class_size[class], __ATOMIC_RELAXED);
    memset(p, 0, class_size[class]);
    return p;
}

void *hv_alloc_array_checked(size_t size, size_t count)
{
    size_t bytes;

    return __builtin_mul_overflow(size, count, &bytes) ? NULL : hv_alloc(bytes);
}

void hv_free(void *p)
{
    struct frame *f;
    unsigned int tag, number;
    unsigned long irq;
    bool empty;

    if (!p)
        return;
    f = mfn_to_frame(virt_to_mfn(p));
    tag = f->state.types & ((1U << TAG_BITS) - 1);
    BUG_ON(f->state.owner != DOMID_XEN || tag == 0);
    if (tag >= LARGE_TAG) {
        __atomic_fetch_sub(&heap_used, PAGE_SIZE << (tag - LARGE_TAG), __ATOMIC_RELAXED);
        pages_free(p, tag - LARGE_TAG);
        return;
    }
    number = (unsigned int)((uintptr_t)p & ~PAGE_MASK) / class_size[tag - 1];
    BUG_ON(p != object(f, tag - 1, number) || f->state.refs == 1);
    irq = spin_lock_irqsave(&heap_lock);
    empty = put_object(f, tag - 1, number);
    spin_unlock_irqrestore(&heap_lock, irq);
    if (empty) {
        page_free(mfn_to_virt(frame_to_mfn(f)));
        __atomic_fetch_sub(&heap_slabs, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_sub(&heap_used, class_size[tag - 1], __ATOMIC_RELAXED);
}

size_t hv_heap_used(void)
{
    return READ_ONCE(heap_used);
}

size_t hv_heap_slabs(void)
{
    return READ_ONCE(heap_slabs);
}

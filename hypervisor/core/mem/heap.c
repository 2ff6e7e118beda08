/*
 * The hypervisor's heap. Objects up to half a page come from slabs of one page per size class;
 * larger ones are whole pages. What a page holds stands in its frame-table entry (owner DOMID_XEN,
 * class or order + 1 in `types`), so objects carry no header. LOCK_HEAP guards the classes.
 */
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/string.h>

static const uint16_t class_size[] = { 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048 };
#define NR_CLASSES ARRAY_SIZE(class_size)
#define LARGE_TAG  64 /* `types` of a large block's first frame: this + its order */

/* A free object of a slab. */
struct free_object {
    struct free_object *next;
};

static struct {
    struct free_object *free;
} class_list[NR_CLASSES];
static spinlock_t heap_lock = SPINLOCK_INIT(LOCK_HEAP);
static size_t heap_used; /* bytes handed out; atomic */

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

/* A new slab's objects. LOCK_HEAP is not held. */
static struct free_object *make_slab(unsigned int class)
{
    char *page = page_alloc();
    struct free_object *list = NULL;

    if (!page)
        return NULL;
    tag_page(virt_to_mfn(page), class + 1);
    for (size_t off = 0; off + class_size[class] <= PAGE_SIZE; off += class_size[class]) {
        struct free_object *o = (struct free_object *)(page + off);

        o->next = list;
        list = o;
    }
    return list;
}

void *hv_alloc(size_t size)
{
    unsigned int class = 0;
    struct free_object *o;
    unsigned long irq;

    if (size > class_size[NR_CLASSES - 1])
        return alloc_large(size);
    while (class_size[class] < size)
        class += 1;
    irq = spin_lock_irqsave(&heap_lock);
    if (!class_list[class].free) {
        struct free_object *slab, *last;

        spin_unlock_irqrestore(&heap_lock, irq);
        slab = make_slab(class);
        if (!slab)
            return NULL;
        for (last = slab; last->next; last = last->next)
            ;
        irq = spin_lock_irqsave(&heap_lock);
        last->next = class_list[class].free;
        class_list[class].free = slab;
    }
    o = class_list[class].free;
    class_list[class].free = o->next;
    spin_unlock_irqrestore(&heap_lock, irq);
    __atomic_fetch_add(&heap_used, class_size[class], __ATOMIC_RELAXED);
    memset(o, 0, class_size[class]);
    return o;
}

void *hv_alloc_array_checked(size_t size, size_t count)
{
    size_t bytes;

    return __builtin_mul_overflow(size, count, &bytes) ? NULL : hv_alloc(bytes);
}

void hv_free(void *p)
{
    struct frame *f;
    unsigned int tag;
    unsigned long irq;

    if (!p)
        return;
    f = mfn_to_frame(virt_to_mfn(p));
    BUG_ON(f->state.owner != DOMID_XEN || f->state.types == 0);
    tag = f->state.types;
    if (tag >= LARGE_TAG) {
        __atomic_fetch_sub(&heap_used, PAGE_SIZE << (tag - LARGE_TAG), __ATOMIC_RELAXED);
        pages_free(p, tag - LARGE_TAG);
        return;
    }
    irq = spin_lock_irqsave(&heap_lock);
    ((struct free_object *)p)->next = class_list[tag - 1].free;
    class_list[tag - 1].free = p;
    spin_unlock_irqrestore(&heap_lock, irq);
    __atomic_fetch_sub(&heap_used, class_size[tag - 1], __ATOMIC_RELAXED);
}

size_t hv_heap_used(void)
{
    return READ_ONCE(heap_used);
}

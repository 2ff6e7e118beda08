/* Unit tests: from frame numbers to what is known of them and back. */
#ifndef ARCH_FRAMES_H
#define ARCH_FRAMES_H

#include <hv/types.h>

bool mfn_valid(mfn_t m);
struct frame *mfn_to_frame(mfn_t m); /* only if mfn_valid */
mfn_t frame_to_mfn(const struct frame *f);
void *mfn_to_virt(mfn_t m);
bool mfn_is_io(mfn_t m);

#endif

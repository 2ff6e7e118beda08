/* Included before everything else: no symbol of the image is anyone else's, so that the compiler
 * addresses all of them directly. */
#ifndef HV_VISIBILITY_H
#define HV_VISIBILITY_H

#pragma GCC visibility push(hidden)

#endif

// The memory of tensors on the processor.
#ifndef CT_MEMORY_H
#define CT_MEMORY_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// Large tensors take their pages from a pool from now on; false on systems other than Linux.
bool CTPoolMemory(void);
// Bytes of large tensors that are alive, of pages kept for the next, and the most that were alive at one time;
// false where there is no pool.
bool CTPoolFigures(int64_t *_Nonnull held, int64_t *_Nonnull kept, int64_t *_Nonnull peak);

#ifdef __cplusplus
}
#endif
#endif

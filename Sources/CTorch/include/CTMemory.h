// The CPU memory of tensors.
#ifndef CT_MEMORY_H
#define CT_MEMORY_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// Allocates large tensors from a pool from now on; false on systems other than Linux.
bool CTPoolMemory(void);
// The bytes of live large tensors, of free pages kept for reuse, and the peak of live tensors; false where
// there is no pool.
bool CTPoolFigures(int64_t *_Nonnull held, int64_t *_Nonnull kept, int64_t *_Nonnull peak);

#ifdef __cplusplus
}
#endif
#endif

// Gradients, and the per-thread modes of the engine.
#ifndef CT_AUTOGRAD_H
#define CT_AUTOGRAD_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

bool CTTensorRequiresGradient(const CTTensor *_Nonnull tensor);
bool CTTensorSetRequiresGradient(CTTensor *_Nonnull tensor, bool required);
// Whether there is a gradient; if so, *gradient is an owned handle.
bool CTTensorGradient(const CTTensor *_Nonnull tensor, CTTensor *_Nullable *_Nonnull gradient);
bool CTTensorSetGradient(CTTensor *_Nonnull tensor, const CTTensor *_Nullable gradient);
CTTensor *_Nullable CTTensorDetach(const CTTensor *_Nonnull tensor);
// The same memory with a version counter of its own, so that writes through it are not tracked.
CTTensor *_Nullable CTTensorUncounted(const CTTensor *_Nonnull tensor);
bool CTTensorBackward(const CTTensor *_Nonnull tensor, const CTTensor *_Nullable gradient, bool retainGraph);
// Fills `results` with `inputCount` owned handles; an unused input's is NULL when `allowUnused`.
bool CTGradients(const CTTensor *_Nonnull const *_Nonnull outputs, int32_t outputCount,
                 const CTTensor *_Nonnull const *_Nonnull inputs, int32_t inputCount, bool createGraph,
                 bool allowUnused, CTTensor *_Nullable *_Nonnull results);

bool CTGradientModeEnabled(void);
void CTSetGradientMode(bool enabled);
// Autocast of one kind of device on this thread.
bool CTAutocastEnabled(int32_t deviceKind);
bool CTSetAutocast(int32_t deviceKind, bool enabled, int32_t dtype);
void CTAutocastClearCache(void);

// The number of CPU threads one operation uses.
int32_t CTThreadCount(void);
bool CTSetThreadCount(int32_t count);
// Whether threads sleep soon where they wait for each other; false where the engine's threads cannot be told.
bool CTSetBriefWaiting(bool brief);
bool CTOneDNNEnabled(void);
bool CTSetOneDNN(bool enabled);
bool CTDeviceAvailable(int32_t deviceKind, int32_t deviceIndex);
const char *_Nonnull CTEngineVersion(void);
// The instruction set the CPU kernels were chosen for, for example "AVX2".
const char *_Nonnull CTCPUCapability(void);
// The current and peak bytes of tensors on an accelerator; false where the device does not report them.
bool CTDeviceMemory(int32_t deviceKind, int32_t deviceIndex, int64_t *_Nonnull current, int64_t *_Nonnull peak);

// A slot per thread for the scopes of the Swift side (0: error scope, 1: ambient draws, 2: passes of a checkpoint,
// 3: processes).
void *_Nullable CTThreadSlot(int32_t slot);
void CTSetThreadSlot(int32_t slot, void *_Nullable value);

#ifdef __cplusplus
}
#endif
#endif

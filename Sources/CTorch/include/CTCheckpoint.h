// Gradient checkpointing: values that are recomputed in the backward pass.
#ifndef CT_CHECKPOINT_H
#define CT_CHECKPOINT_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// Recomputes a value from its inputs. The callee owns the inputs, the caller the result. NULL is a failure,
// whose text was passed to CTSetLastError. It runs on the thread of the backward pass: the caller's on a CPU,
// one of the engine's on an accelerator.
typedef CTTensor *_Nullable (*CTReplay)(void *_Nonnull context, CTTensor *_Nonnull const *_Nonnull inputs,
                                        int32_t inputCount);
// Releases a context; called exactly once, on any thread.
typedef void (*CTRelease)(void *_Nonnull context);

// Attaches a history to a value computed without one: its gradients are those of what `replay` computes in
// the backward pass, under this call's autocast, with respect to the inputs and the captured parameters. The
// history owns the context, which is released at once where there is no history or this fails.
CTTensor *_Nullable CTCheckpoint(const CTTensor *_Nonnull value, const CTTensor *_Nonnull const *_Nonnull inputs,
                                 int32_t inputCount, const CTTensor *_Nonnull const *_Nonnull parameters,
                                 int32_t parameterCount, void *_Nonnull context, CTReplay _Nonnull replay,
                                 CTRelease _Nonnull release);

#ifdef __cplusplus
}
#endif
#endif

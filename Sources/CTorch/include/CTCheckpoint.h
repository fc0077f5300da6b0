// Gradient checkpointing: values whose history is made anew in the backward pass.
#ifndef CT_CHECKPOINT_H
#define CT_CHECKPOINT_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// Computes a value from its inputs once more. The inputs are owned by the callee, and so is the result by the
// caller. NULL is a failure, whose text CTSetLastError was given before. It runs on the thread that
// differentiates: the caller's of the backward pass on a processor, one of the engine's on an accelerator.
typedef CTTensor *_Nullable (*CTReplay)(void *_Nonnull context, CTTensor *_Nonnull const *_Nonnull inputs,
                                        int32_t inputCount);
// Gives a context up; called exactly once, on whichever thread lets go of it last.
typedef void (*CTRelease)(void *_Nonnull context);

// A value that was computed without history, with one: its derivatives are those of what `replay` computes in
// the backward pass, under this call's autocast, with respect to the inputs and to the parameters that it reads
// by itself. The context belongs to the history, and is given up at once where there is none or this fails.
CTTensor *_Nullable CTCheckpoint(const CTTensor *_Nonnull value, const CTTensor *_Nonnull const *_Nonnull inputs,
                                 int32_t inputCount, const CTTensor *_Nonnull const *_Nonnull parameters,
                                 int32_t parameterCount, void *_Nonnull context, CTReplay _Nonnull replay,
                                 CTRelease _Nonnull release);

#ifdef __cplusplus
}
#endif
#endif

// Sums over processes that have a gradient.
#ifndef CT_PROCESSES_H
#define CT_PROCESSES_H

#include "CTCheckpoint.h"
#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// The elements of a contiguous tensor in host memory; NULL for any other. They live as long as the tensor.
void *_Nullable CTTensorMemory(const CTTensor *_Nonnull tensor);

// Replaces the elements of a contiguous tensor by their sum over all processes. The caller keeps the tensor. False is a
// failure, whose text was passed to CTSetLastError. It runs on the thread of the forward or the backward pass.
typedef bool (*CTSum)(void *_Nonnull context, CTTensor *_Nonnull tensor);

// The sum of a tensor over all processes. Its gradient is the sum of the gradients of all processes, so that every
// process has to differentiate it; it can be differentiated twice. The history owns the context, which is released at
// once where there is no history or this fails.
CTTensor *_Nullable CTSummedOverProcesses(const CTTensor *_Nonnull tensor, void *_Nonnull context, CTSum _Nonnull sum,
                                          CTRelease _Nonnull release);

// Batch normalisation by the statistics of the examples of all processes, in float32 or float64: one sum over the processes in
// the forward pass and one in the backward pass. It can be differentiated twice. The running statistics follow.
CTTensor *_Nullable CTSynchronizedBatchNorm(const CTTensor *_Nonnull x, const CTTensor *_Nullable weight,
                                            const CTTensor *_Nullable bias, CTTensor *_Nullable runningMean,
                                            CTTensor *_Nullable runningVariance, double momentum, double epsilon,
                                            void *_Nonnull context, CTSum _Nonnull sum, CTRelease _Nonnull release);

// Called in a backward pass, on its thread, when the gradient of a parameter has been added up.
typedef void (*CTGradientReady)(void *_Nonnull context, int64_t index);

// Has backward passes call `ready` for each of these leaves, by its place among them, until CTForgetGradients; the
// context has to live so long. A leaf has one such observer.
bool CTObserveGradients(CTTensor *_Nullable const *_Nonnull parameters, int64_t count, void *_Nonnull context,
                        CTGradientReady _Nonnull ready);
bool CTForgetGradients(CTTensor *_Nullable const *_Nonnull parameters, int64_t count);

#ifdef __cplusplus
}
#endif
#endif

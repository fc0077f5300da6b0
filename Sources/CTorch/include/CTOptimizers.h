// Fused optimiser kernels: one call updates every parameter of a network in place.
#ifndef CT_OPTIMIZERS_H
#define CT_OPTIMIZERS_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// Adam and AdamW; `steps` are scalar float32 tensors that already count this step.
bool CTFusedAdam(CTTensor *_Nonnull const *_Nonnull parameters, CTTensor *_Nonnull const *_Nonnull gradients,
                 CTTensor *_Nonnull const *_Nonnull firstMoments, CTTensor *_Nonnull const *_Nonnull secondMoments,
                 CTTensor *_Nonnull const *_Nonnull steps, int32_t count, double learningRate, double beta1,
                 double beta2, double weightDecay, double epsilon, bool decoupled);
// SGD with momentum; `momenta` is ignored where momentum is 0.
bool CTFusedSGD(CTTensor *_Nonnull const *_Nonnull parameters, CTTensor *_Nonnull const *_Nonnull gradients,
                CTTensor *_Nonnull const *_Nullable momenta, int32_t count, double learningRate, double momentum,
                double dampening, double weightDecay, bool nesterov, bool firstStep);
// The global l2 norm of the tensors, as a scalar tensor.
CTTensor *_Nullable CTGlobalNorm(CTTensor *_Nonnull const *_Nonnull tensors, int32_t count);
bool CTMultiplyAllInPlace(CTTensor *_Nonnull const *_Nonnull tensors, int32_t count, const CTTensor *_Nonnull factor);
// tensors = tensors + (ends - tensors) * weight, all in one call.
bool CTLerpAllInPlace(CTTensor *_Nonnull const *_Nonnull tensors, CTTensor *_Nonnull const *_Nonnull ends,
                      int32_t count, double weight);

#ifdef __cplusplus
}
#endif
#endif

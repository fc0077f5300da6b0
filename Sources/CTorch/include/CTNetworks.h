// Operations of networks: products, convolutions, norms, resampling, recurrence, losses.
#ifndef CT_NETWORKS_H
#define CT_NETWORKS_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// y = x W^T + b, W of shape [outputs, inputs].
CTTensor *_Nullable CTLinear(const CTTensor *_Nonnull x, const CTTensor *_Nonnull weight, const CTTensor *_Nullable bias);
// Convolution over `spatial` trailing dimensions (1, 2 or 3); the arrays hold `spatial` numbers each.
CTTensor *_Nullable CTConvolution(const CTTensor *_Nonnull x, const CTTensor *_Nonnull weight,
                                  const CTTensor *_Nullable bias, int32_t spatial, const int64_t *_Nonnull stride,
                                  const int64_t *_Nonnull padding, const int64_t *_Nonnull dilation, bool transposed,
                                  const int64_t *_Nonnull outputPadding, int64_t groups);
CTTensor *_Nullable CTMaxPool2d(const CTTensor *_Nonnull x, const int64_t *_Nonnull kernel, const int64_t *_Nonnull stride,
                                const int64_t *_Nonnull padding);
CTTensor *_Nullable CTAveragePool2d(const CTTensor *_Nonnull x, const int64_t *_Nonnull kernel,
                                    const int64_t *_Nonnull stride, const int64_t *_Nonnull padding, bool countIncludePad);
CTTensor *_Nullable CTAdaptiveAveragePool2d(const CTTensor *_Nonnull x, int64_t height, int64_t width);

// The running statistics, where given, are updated in place when `training`.
CTTensor *_Nullable CTBatchNorm(const CTTensor *_Nonnull x, const CTTensor *_Nullable weight, const CTTensor *_Nullable bias,
                                CTTensor *_Nullable runningMean, CTTensor *_Nullable runningVariance, bool training,
                                double momentum, double epsilon);
CTTensor *_Nullable CTInstanceNorm(const CTTensor *_Nonnull x, const CTTensor *_Nullable weight,
                                   const CTTensor *_Nullable bias, CTTensor *_Nullable runningMean,
                                   CTTensor *_Nullable runningVariance, bool useInputStatistics, double momentum,
                                   double epsilon);
CTTensor *_Nullable CTLayerNorm(const CTTensor *_Nonnull x, const int64_t *_Nonnull shape, int32_t rank,
                                const CTTensor *_Nullable weight, const CTTensor *_Nullable bias, double epsilon);
CTTensor *_Nullable CTGroupNorm(const CTTensor *_Nonnull x, int64_t groups, const CTTensor *_Nullable weight,
                                const CTTensor *_Nullable bias, double epsilon);

// mode 0 nearest, 1 bilinear, 2 bicubic.
CTTensor *_Nullable CTResample2d(const CTTensor *_Nonnull x, int64_t height, int64_t width, int32_t mode,
                                 bool alignCorners, bool antialias);
// By a factor in both dimensions, without antialiasing.
CTTensor *_Nullable CTEnlarge2d(const CTTensor *_Nonnull x, int64_t factor, int32_t mode, bool alignCorners);
// Bilinear samples at the grid's points; padding 0 zeros, 1 border, 2 reflection.
CTTensor *_Nullable CTGridSample2d(const CTTensor *_Nonnull x, const CTTensor *_Nonnull grid, int32_t padding,
                                   bool alignCorners);
CTTensor *_Nullable CTPixelShuffle(const CTTensor *_Nonnull x, int64_t factor);
CTTensor *_Nullable CTPixelUnshuffle(const CTTensor *_Nonnull x, int64_t factor);
CTTensor *_Nullable CTPRelu(const CTTensor *_Nonnull x, const CTTensor *_Nonnull weight);
CTTensor *_Nullable CTEmbedding(const CTTensor *_Nonnull weight, const CTTensor *_Nonnull indices);

// softmax(q k^T / sqrt(size)) v of [batch, heads, time, size]. mask: bool, true where a key is seen, broadcast to
// [batch, heads, queries, keys]; causal: a query sees the keys up to its own place.
CTTensor *_Nullable CTAttention(const CTTensor *_Nonnull query, const CTTensor *_Nonnull key,
                                const CTTensor *_Nonnull value, const CTTensor *_Nullable mask, bool causal);

// One layer in one direction. cell: 0 tanh, 1 relu, 2 lstm, 3 gru. x [time, batch, features];
// hidden (and cellState for lstm) [1, batch, hidden]. results: output, hidden, (cell).
bool CTRecurrent(int32_t cell, const CTTensor *_Nonnull x, const CTTensor *_Nonnull hidden,
                 const CTTensor *_Nullable cellState, const CTTensor *_Nonnull inputWeight,
                 const CTTensor *_Nonnull hiddenWeight, const CTTensor *_Nullable inputBias,
                 const CTTensor *_Nullable hiddenBias, CTTensor *_Nullable *_Nonnull results);

// reduction: 0 none, 1 mean, 2 sum.
CTTensor *_Nullable CTBinaryCrossEntropy(const CTTensor *_Nonnull probability, const CTTensor *_Nonnull target, int32_t reduction);
CTTensor *_Nullable CTBinaryCrossEntropyWithLogits(const CTTensor *_Nonnull logits, const CTTensor *_Nonnull target, int32_t reduction);
CTTensor *_Nullable CTNegativeLogLikelihood(const CTTensor *_Nonnull logProbabilities, const CTTensor *_Nonnull target,
                                            int32_t reduction, int64_t ignoredIndex);
CTTensor *_Nullable CTMeanSquaredError(const CTTensor *_Nonnull x, const CTTensor *_Nonnull target, int32_t reduction);
CTTensor *_Nullable CTMeanAbsoluteError(const CTTensor *_Nonnull x, const CTTensor *_Nonnull target, int32_t reduction);
CTTensor *_Nullable CTSmoothL1(const CTTensor *_Nonnull x, const CTTensor *_Nonnull target, int32_t reduction, double beta);

#ifdef __cplusplus
}
#endif
#endif

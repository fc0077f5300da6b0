// Arithmetic, comparisons, reductions, shapes and linear algebra.
#ifndef CT_OPERATIONS_H
#define CT_OPERATIONS_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CT_UNARY(NAME) CTTensor *_Nullable CTTensor##NAME(const CTTensor *_Nonnull x);
#define CT_BINARY(NAME) \
  CTTensor *_Nullable CTTensor##NAME(const CTTensor *_Nonnull a, const CTTensor *_Nonnull b);
#define CT_WITH_SCALAR(NAME) CTTensor *_Nullable CTTensor##NAME(const CTTensor *_Nonnull x, double value);
#define CT_WITH_DIMENSION(NAME) CTTensor *_Nullable CTTensor##NAME(const CTTensor *_Nonnull x, int64_t dimension);
#define CT_WITH_SHAPE(NAME) \
  CTTensor *_Nullable CTTensor##NAME(const CTTensor *_Nonnull x, const int64_t *_Nonnull values, int32_t count);

// Element by element.
CT_UNARY(Negative) CT_UNARY(Exp) CT_UNARY(Log) CT_UNARY(Log1p) CT_UNARY(Sqrt) CT_UNARY(Rsqrt) CT_UNARY(Abs)
CT_UNARY(Square) CT_UNARY(Reciprocal) CT_UNARY(Sign) CT_UNARY(Floor) CT_UNARY(Round) CT_UNARY(Sin) CT_UNARY(Cos)
CT_UNARY(Relu) CT_UNARY(Sigmoid) CT_UNARY(Tanh) CT_UNARY(Softplus) CT_UNARY(LogSigmoid) CT_UNARY(Gelu)
CT_UNARY(GeluTanh)
CT_UNARY(Elu) CT_UNARY(LogicalNot) CT_UNARY(IsFinite)
CT_BINARY(Add) CT_BINARY(Subtract) CT_BINARY(Multiply) CT_BINARY(Divide) CT_BINARY(Minimum) CT_BINARY(Maximum)
CT_BINARY(Equal) CT_BINARY(NotEqual) CT_BINARY(Less) CT_BINARY(LessOrEqual) CT_BINARY(Greater)
CT_BINARY(GreaterOrEqual) CT_BINARY(LogicalAnd) CT_BINARY(LogicalOr)
CT_WITH_SCALAR(AddScalar) CT_WITH_SCALAR(MultiplyScalar) CT_WITH_SCALAR(Power) CT_WITH_SCALAR(LeakyRelu)
CT_WITH_SCALAR(EqualScalar) CT_WITH_SCALAR(NotEqualScalar) CT_WITH_SCALAR(LessScalar)
CT_WITH_SCALAR(LessOrEqualScalar) CT_WITH_SCALAR(GreaterScalar) CT_WITH_SCALAR(GreaterOrEqualScalar)
// In place; recorded for the gradient as any other operation.
CT_UNARY(ReluInPlace) CT_WITH_SCALAR(LeakyReluInPlace)
CTTensor *_Nullable CTTensorClamp(const CTTensor *_Nonnull x, const double *_Nullable low, const double *_Nullable high);
CTTensor *_Nullable CTTensorSelectWhere(const CTTensor *_Nonnull condition, const CTTensor *_Nonnull a,
                                        const CTTensor *_Nonnull b);

// Reductions; `count` 0 means every dimension.
CT_UNARY(Sum) CT_UNARY(Mean) CT_UNARY(MaxAll) CT_UNARY(MinAll) CT_UNARY(Norm) CT_UNARY(All) CT_UNARY(Any)
CT_UNARY(Product)
CT_WITH_DIMENSION(Softmax) CT_WITH_DIMENSION(LogSoftmax) CT_WITH_DIMENSION(CumulativeSum)
CTTensor *_Nullable CTTensorSumOver(const CTTensor *_Nonnull x, const int64_t *_Nonnull dimensions, int32_t count, bool keep);
CTTensor *_Nullable CTTensorMeanOver(const CTTensor *_Nonnull x, const int64_t *_Nonnull dimensions, int32_t count, bool keep);
CTTensor *_Nullable CTTensorVarianceOver(const CTTensor *_Nonnull x, const int64_t *_Nonnull dimensions, int32_t count,
                                         bool unbiased, bool keep);
CTTensor *_Nullable CTTensorLogSumExp(const CTTensor *_Nonnull x, const int64_t *_Nonnull dimensions, int32_t count, bool keep);
CTTensor *_Nullable CTTensorNormOver(const CTTensor *_Nonnull x, const int64_t *_Nonnull dimensions, int32_t count, bool keep);
CTTensor *_Nullable CTTensorArgMax(const CTTensor *_Nonnull x, int64_t dimension, bool keep);
bool CTTensorMaxOver(const CTTensor *_Nonnull x, int64_t dimension, bool keep, CTTensor *_Nullable *_Nonnull results);
bool CTTensorMinOver(const CTTensor *_Nonnull x, int64_t dimension, bool keep, CTTensor *_Nullable *_Nonnull results);
bool CTTensorSort(const CTTensor *_Nonnull x, int64_t dimension, bool descending, CTTensor *_Nullable *_Nonnull results);
bool CTTensorTopK(const CTTensor *_Nonnull x, int64_t k, int64_t dimension, bool largest,
                  CTTensor *_Nullable *_Nonnull results);

// Shapes and indices.
CT_WITH_SHAPE(Reshape) CT_WITH_SHAPE(Permute) CT_WITH_SHAPE(Expand) CT_WITH_SHAPE(Repeat) CT_WITH_SHAPE(Flip)
CT_WITH_SHAPE(ReflectionPad) CT_WITH_SHAPE(ReplicationPad)
CT_WITH_DIMENSION(Squeeze) CT_WITH_DIMENSION(Unsqueeze) CT_WITH_DIMENSION(Flatten) CT_WITH_DIMENSION(OneHot)
CTTensor *_Nullable CTTensorTranspose(const CTTensor *_Nonnull x, int64_t a, int64_t b);
CTTensor *_Nullable CTTensorSlice(const CTTensor *_Nonnull x, int64_t dimension, int64_t from, int64_t to, int64_t step);
CTTensor *_Nullable CTTensorSelectIndex(const CTTensor *_Nonnull x, int64_t dimension, int64_t index);
CTTensor *_Nullable CTTensorIndexSelect(const CTTensor *_Nonnull x, int64_t dimension, const CTTensor *_Nonnull indices);
CTTensor *_Nullable CTTensorGather(const CTTensor *_Nonnull x, int64_t dimension, const CTTensor *_Nonnull indices);
CTTensor *_Nullable CTTensorScatterAdd(const CTTensor *_Nonnull x, int64_t dimension, const CTTensor *_Nonnull indices,
                                       const CTTensor *_Nonnull source);
/// The short-time Fourier transform of [batch, samples], not centred: [batch, bins, frames, 2], real and imaginary parts.
CTTensor *_Nullable CTTensorShortTimeFourier(const CTTensor *_Nonnull x, int64_t size, int64_t hop, const CTTensor *_Nonnull window);
/// The inverse of a centred transform; length 0: (frames - 1) * hop samples.
CTTensor *_Nullable CTTensorInverseShortTimeFourier(const CTTensor *_Nonnull spectrum, int64_t size, int64_t hop, const CTTensor *_Nonnull window, int64_t length);
CTTensor *_Nullable CTTensorPad(const CTTensor *_Nonnull x, const int64_t *_Nonnull padding, int32_t count, double value);
CTTensor *_Nullable CTTensorConcatenate(const CTTensor *_Nonnull const *_Nonnull tensors, int32_t count, int64_t dimension);
CTTensor *_Nullable CTTensorStack(const CTTensor *_Nonnull const *_Nonnull tensors, int32_t count, int64_t dimension);
bool CTTensorSplit(const CTTensor *_Nonnull x, const int64_t *_Nonnull sizes, int32_t count, int64_t dimension,
                   CTTensor *_Nullable *_Nonnull results);

// Linear algebra.
CT_BINARY(MatMul)
CT_WITH_DIMENSION(Diagonal) CT_WITH_DIMENSION(TriangularUpper) CT_WITH_DIMENSION(TriangularLower)
CT_UNARY(EigenvaluesSymmetric) CT_UNARY(EigenvaluesReal) CT_UNARY(SingularValues)
bool CTTensorQR(const CTTensor *_Nonnull x, CTTensor *_Nullable *_Nonnull results);
bool CTTensorEigenSymmetric(const CTTensor *_Nonnull x, CTTensor *_Nullable *_Nonnull results);

#undef CT_UNARY
#undef CT_BINARY
#undef CT_WITH_SCALAR
#undef CT_WITH_DIMENSION
#undef CT_WITH_SHAPE

#ifdef __cplusplus
}
#endif
#endif

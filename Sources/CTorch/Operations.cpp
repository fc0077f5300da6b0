// Arithmetic, comparisons, reductions, shapes and linear algebra.
#include "Libtorch.h"

#include "include/CTOperations.h"

#include "Support.h"

#include <ATen/Functions.h>

using namespace ctorch;

#define CT_UNARY(NAME, EXPRESSION) \
  CTTensor *CTTensor##NAME(const CTTensor *tensor) { \
    return guard([&] { const auto &x = tensor->value; return own(EXPRESSION); }); \
  }
#define CT_BINARY(NAME, EXPRESSION) \
  CTTensor *CTTensor##NAME(const CTTensor *first, const CTTensor *second) { \
    return guard([&] { const auto &a = first->value, &b = second->value; return own(EXPRESSION); }); \
  }
#define CT_WITH_SCALAR(NAME, EXPRESSION) \
  CTTensor *CTTensor##NAME(const CTTensor *tensor, double value) { \
    return guard([&] { const auto &x = tensor->value; return own(EXPRESSION); }); \
  }
#define CT_WITH_DIMENSION(NAME, EXPRESSION) \
  CTTensor *CTTensor##NAME(const CTTensor *tensor, int64_t dimension) { \
    return guard([&] { const auto &x = tensor->value; return own(EXPRESSION); }); \
  }
#define CT_WITH_SHAPE(NAME, EXPRESSION) \
  CTTensor *CTTensor##NAME(const CTTensor *tensor, const int64_t *values, int32_t count) { \
    return guard([&] { const auto &x = tensor->value; const auto sizes = list(values, count); return own(EXPRESSION); }); \
  }

namespace {

// An integral scalar keeps an integer tensor from being promoted to floating point.
at::Scalar scalar(const at::Tensor &x, double value) {
  const bool whole = value == static_cast<double>(static_cast<int64_t>(value));
  return at::isIntegralType(x.scalar_type(), true) && whole ? at::Scalar(static_cast<int64_t>(value))
                                                            : at::Scalar(value);
}

at::Tensor reflectionPad(const at::Tensor &x, at::IntArrayRef padding) {
  return at::pad(x, padding, "reflect");
}

}  // namespace

void ctorch::selectVectorFunctions() {
  static const bool isDone = [] {
    // All functions that ATen takes from MKL, in their two precisions.
    for (const auto type : {at::kFloat, at::kDouble}) {
      const auto x = at::full({1}, 0.5, at::TensorOptions().dtype(type));
      for (const auto function :
           {at::acos, at::asin, at::atan, at::ceil, at::cos, at::erf, at::erfc, at::erfinv, at::exp, at::expm1, at::floor,
            at::lgamma, at::log, at::log10, at::log1p, at::log2, at::sin, at::sqrt, at::tan, at::tanh, at::trunc})
        function(x);
    }
    return true;
  }();
  static_cast<void>(isDone);
}

extern "C" {

CT_UNARY(Negative, at::neg(x))
CT_UNARY(Exp, at::exp(x))
CT_UNARY(Log, at::log(x))
CT_UNARY(Log1p, at::log1p(x))
CT_UNARY(Sqrt, at::sqrt(x))
CT_UNARY(Rsqrt, at::rsqrt(x))
CT_UNARY(Abs, at::abs(x))
CT_UNARY(Square, at::square(x))
CT_UNARY(Reciprocal, at::reciprocal(x))
CT_UNARY(Sign, at::sign(x))
CT_UNARY(Floor, at::floor(x))
CT_UNARY(Round, at::round(x))
CT_UNARY(Sin, at::sin(x))
CT_UNARY(Cos, at::cos(x))
CT_UNARY(Relu, at::relu(x))
CT_UNARY(Sigmoid, at::sigmoid(x))
CT_UNARY(Tanh, at::tanh(x))
CT_UNARY(Softplus, at::softplus(x))
CT_UNARY(LogSigmoid, at::log_sigmoid(x))
CT_UNARY(Gelu, at::gelu(x))
CT_UNARY(GeluTanh, at::gelu(x, "tanh"))
CT_UNARY(Elu, at::elu(x))
CT_UNARY(LogicalNot, at::logical_not(x))
CT_UNARY(IsFinite, at::isfinite(x))
CT_BINARY(Add, at::add(a, b))
CT_BINARY(Subtract, at::sub(a, b))
CT_BINARY(Multiply, at::mul(a, b))
CT_BINARY(Divide, at::div(a, b))
CT_BINARY(Minimum, at::minimum(a, b))
CT_BINARY(Maximum, at::maximum(a, b))
CT_BINARY(Equal, at::eq(a, b))
CT_BINARY(NotEqual, at::ne(a, b))
CT_BINARY(Less, at::lt(a, b))
CT_BINARY(LessOrEqual, at::le(a, b))
CT_BINARY(Greater, at::gt(a, b))
CT_BINARY(GreaterOrEqual, at::ge(a, b))
CT_BINARY(LogicalAnd, at::logical_and(a, b))
CT_BINARY(LogicalOr, at::logical_or(a, b))
CT_WITH_SCALAR(AddScalar, at::add(x, scalar(x, value)))
CT_WITH_SCALAR(MultiplyScalar, at::mul(x, scalar(x, value)))
CT_WITH_SCALAR(Power, at::pow(x, scalar(x, value)))
CT_WITH_SCALAR(LeakyRelu, at::leaky_relu(x, value))
CT_WITH_SCALAR(EqualScalar, at::eq(x, scalar(x, value)))
CT_WITH_SCALAR(NotEqualScalar, at::ne(x, scalar(x, value)))
CT_WITH_SCALAR(LessScalar, at::lt(x, scalar(x, value)))
CT_WITH_SCALAR(LessOrEqualScalar, at::le(x, scalar(x, value)))
CT_WITH_SCALAR(GreaterScalar, at::gt(x, scalar(x, value)))
CT_WITH_SCALAR(GreaterOrEqualScalar, at::ge(x, scalar(x, value)))

CTTensor *CTTensorReluInPlace(const CTTensor *tensor) {
  return guard([&] { auto x = tensor->value; return own(at::relu_(x)); });
}

CTTensor *CTTensorLeakyReluInPlace(const CTTensor *tensor, double slope) {
  return guard([&] { auto x = tensor->value; return own(at::leaky_relu_(x, slope)); });
}

CTTensor *CTTensorClamp(const CTTensor *tensor, const double *low, const double *high) {
  return guard([&] {
    const auto &x = tensor->value;
    return own(at::clamp(x, low ? std::optional<at::Scalar>(scalar(x, *low)) : std::nullopt,
                         high ? std::optional<at::Scalar>(scalar(x, *high)) : std::nullopt));
  });
}

CTTensor *CTTensorSelectWhere(const CTTensor *condition, const CTTensor *a, const CTTensor *b) {
  return guard([&] { return own(at::where(condition->value, a->value, b->value)); });
}

// MARK: reductions

CT_UNARY(Sum, at::sum(x))
CT_UNARY(Mean, at::mean(x))
CT_UNARY(MaxAll, at::max(x))
CT_UNARY(MinAll, at::min(x))
CT_UNARY(Norm, at::linalg_vector_norm(x))
CT_UNARY(All, at::all(x))
CT_UNARY(Any, at::any(x))
CT_UNARY(Product, at::prod(x))
CT_WITH_DIMENSION(Softmax, at::softmax(x, dimension))
CT_WITH_DIMENSION(LogSoftmax, at::log_softmax(x, dimension))
CT_WITH_DIMENSION(CumulativeSum, at::cumsum(x, dimension))

CTTensor *CTTensorSumOver(const CTTensor *x, const int64_t *dimensions, int32_t count, bool keep) {
  return guard([&] { return own(at::sum(x->value, list(dimensions, count), keep)); });
}

CTTensor *CTTensorMeanOver(const CTTensor *x, const int64_t *dimensions, int32_t count, bool keep) {
  return guard([&] { return own(at::mean(x->value, list(dimensions, count), keep)); });
}

CTTensor *CTTensorVarianceOver(const CTTensor *x, const int64_t *dimensions, int32_t count, bool unbiased, bool keep) {
  return guard([&] { return own(at::var(x->value, list(dimensions, count), unbiased, keep)); });
}

CTTensor *CTTensorLogSumExp(const CTTensor *x, const int64_t *dimensions, int32_t count, bool keep) {
  return guard([&] { return own(at::logsumexp(x->value, list(dimensions, count), keep)); });
}

CTTensor *CTTensorNormOver(const CTTensor *x, const int64_t *dimensions, int32_t count, bool keep) {
  return guard([&] { return own(at::linalg_vector_norm(x->value, 2, list(dimensions, count), keep)); });
}

CTTensor *CTTensorArgMax(const CTTensor *x, int64_t dimension, bool keep) {
  return guard([&] { return own(at::argmax(x->value, dimension, keep)); });
}

bool CTTensorMaxOver(const CTTensor *x, int64_t dimension, bool keep, CTTensor **results) {
  return guard([&] { return fill(results, at::max(x->value, dimension, keep)); });
}

bool CTTensorMinOver(const CTTensor *x, int64_t dimension, bool keep, CTTensor **results) {
  return guard([&] { return fill(results, at::min(x->value, dimension, keep)); });
}

bool CTTensorSort(const CTTensor *x, int64_t dimension, bool descending, CTTensor **results) {
  return guard([&] { return fill(results, at::sort(x->value, /*stable=*/true, dimension, descending)); });
}

bool CTTensorTopK(const CTTensor *x, int64_t k, int64_t dimension, bool largest, CTTensor **results) {
  return guard([&] { return fill(results, at::topk(x->value, k, dimension, largest, /*sorted=*/true)); });
}

// MARK: shapes and indices

CT_WITH_SHAPE(Reshape, at::reshape(x, sizes))
CT_WITH_SHAPE(Permute, at::permute(x, sizes))
CT_WITH_SHAPE(Expand, x.expand(sizes))
CT_WITH_SHAPE(Repeat, x.repeat(sizes))
CT_WITH_SHAPE(Flip, at::flip(x, sizes))
CT_WITH_SHAPE(ReflectionPad, reflectionPad(x, sizes))
CT_WITH_SHAPE(ReplicationPad, at::pad(x, sizes, "replicate"))
CT_WITH_DIMENSION(Squeeze, at::squeeze(x, dimension))
CT_WITH_DIMENSION(Unsqueeze, at::unsqueeze(x, dimension))
CT_WITH_DIMENSION(Flatten, at::flatten(x, dimension))
CT_WITH_DIMENSION(OneHot, at::one_hot(x, dimension).to(at::kFloat))

CTTensor *CTTensorTranspose(const CTTensor *x, int64_t a, int64_t b) {
  return guard([&] { return own(at::transpose(x->value, a, b)); });
}

CTTensor *CTTensorSlice(const CTTensor *x, int64_t dimension, int64_t from, int64_t to, int64_t step) {
  return guard([&] { return own(at::slice(x->value, dimension, from, to, step)); });
}

CTTensor *CTTensorSelectIndex(const CTTensor *x, int64_t dimension, int64_t index) {
  return guard([&] { return own(at::select(x->value, dimension, index)); });
}

CTTensor *CTTensorIndexSelect(const CTTensor *x, int64_t dimension, const CTTensor *indices) {
  return guard([&] { return own(at::index_select(x->value, dimension, indices->value)); });
}

CTTensor *CTTensorGather(const CTTensor *x, int64_t dimension, const CTTensor *indices) {
  return guard([&] { return own(at::gather(x->value, dimension, indices->value)); });
}

CTTensor *CTTensorScatterAdd(const CTTensor *x, int64_t dimension, const CTTensor *indices, const CTTensor *source) {
  return guard([&] { return own(at::scatter_add(x->value, dimension, indices->value, source->value)); });
}

CTTensor *CTTensorShortTimeFourier(const CTTensor *x, int64_t size, int64_t hop, const CTTensor *window) {
  return guard([&] {
    const auto spectrum = at::stft(x->value, size, hop, window->value.size(0), window->value, /*center=*/false, "reflect",
                                   /*normalized=*/false, /*onesided=*/true, /*return_complex=*/true);
    return own(at::view_as_real(spectrum));
  });
}

CTTensor *CTTensorInverseShortTimeFourier(const CTTensor *spectrum, int64_t size, int64_t hop, const CTTensor *window,
                                          int64_t length) {
  return guard([&] {
    const auto complex = at::view_as_complex(spectrum->value.contiguous());
    return own(at::istft(complex, size, hop, window->value.size(0), window->value, /*center=*/true, /*normalized=*/false,
                         /*onesided=*/true, length > 0 ? std::optional<int64_t>(length) : std::nullopt,
                         /*return_complex=*/false));
  });
}

CTTensor *CTTensorPad(const CTTensor *x, const int64_t *padding, int32_t count, double value) {
  return guard([&] { return own(at::constant_pad_nd(x->value, list(padding, count), value)); });
}

CTTensor *CTTensorConcatenate(const CTTensor *const *tensors, int32_t count, int64_t dimension) {
  return guard([&] { return own(at::cat(vector(tensors, count), dimension)); });
}

CTTensor *CTTensorStack(const CTTensor *const *tensors, int32_t count, int64_t dimension) {
  return guard([&] { return own(at::stack(vector(tensors, count), dimension)); });
}

bool CTTensorSplit(const CTTensor *x, const int64_t *sizes, int32_t count, int64_t dimension, CTTensor **results) {
  return guard([&] {
    const auto parts = at::split_with_sizes(x->value, list(sizes, count), dimension);
    for (int32_t i = 0; i < count; ++i) results[i] = own(parts[i]);
    return true;
  });
}

// MARK: linear algebra

CT_BINARY(MatMul, at::matmul(a, b))
CT_WITH_DIMENSION(Diagonal, at::diagonal(x, dimension))
CT_WITH_DIMENSION(TriangularUpper, at::triu(x, dimension))
CT_WITH_DIMENSION(TriangularLower, at::tril(x, dimension))
CT_UNARY(EigenvaluesSymmetric, at::linalg_eigvalsh(x))
CT_UNARY(EigenvaluesReal, at::real(at::linalg_eigvals(x)).contiguous())
CT_UNARY(SingularValues, at::linalg_svdvals(x))

bool CTTensorQR(const CTTensor *x, CTTensor **results) {
  return guard([&] { return fill(results, at::linalg_qr(x->value)); });
}

bool CTTensorEigenSymmetric(const CTTensor *x, CTTensor **results) {
  return guard([&] { return fill(results, at::linalg_eigh(x->value)); });
}

}  // extern "C"

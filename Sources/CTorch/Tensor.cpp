// Handles: creating, reading, moving and modifying tensors.
#include "Libtorch.h"

#include "Support.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/linspace.h>

#include <cstring>

using namespace ctorch;

namespace {
thread_local std::string lastError;

// Gives a tensor of shape only the memory for its values, in the layout that it has.
void allocate(CTTensor *tensor, at::Device device) {
  const auto &value = tensor->value;
  auto real = at::empty_strided(value.sizes(), value.strides(), value.options().device(device));
  real.set_requires_grad(value.requires_grad());
  tensor->value = real;
}

constexpr at::ScalarType scalarTypes[] = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kLong,
                                          at::kInt,   at::kShort,  at::kChar, at::kByte,     at::kBool};
}  // namespace

namespace ctorch {

void setLastError(const char *text) noexcept {
  try {
    lastError = text;
  } catch (...) {
  }
}

at::ScalarType scalarType(int32_t dtype) {
  TORCH_CHECK(dtype >= 0 && dtype < static_cast<int32_t>(std::size(scalarTypes)), "unknown element type ", dtype);
  return scalarTypes[dtype];
}

at::Device device(int32_t kind, int32_t index) {
  const auto type = kind == CTCUDA ? at::kCUDA : kind == CTMPS ? at::kMPS : at::kCPU;
  return type == at::kCPU ? at::Device(type) : at::Device(type, static_cast<at::DeviceIndex>(index));
}

}  // namespace ctorch

extern "C" {

const char *CTLastError(void) { return lastError.c_str(); }

void CTSetLastError(const char *text) { setLastError(text); }

void CTTensorFree(CTTensor *tensor) { delete tensor; }

int32_t CTTensorRank(const CTTensor *tensor) { return static_cast<int32_t>(tensor->value.dim()); }

void CTTensorShape(const CTTensor *tensor, int64_t *shape) {
  const auto sizes = tensor->value.sizes();
  std::copy(sizes.begin(), sizes.end(), shape);
}

int32_t CTTensorDType(const CTTensor *tensor) {
  const auto type = tensor->value.scalar_type();
  for (size_t i = 0; i < std::size(scalarTypes); ++i)
    if (scalarTypes[i] == type) return static_cast<int32_t>(i);
  return -1;
}

int32_t CTTensorDeviceKind(const CTTensor *tensor) {
  const auto type = tensor->value.device().type();
  return type == at::kCUDA ? CTCUDA : type == at::kMPS ? CTMPS : CTCPU;
}

int32_t CTTensorDeviceIndex(const CTTensor *tensor) {
  const auto index = tensor->value.device().index();
  return index < 0 ? 0 : index;
}

CTTensor *CTTensorFromBytes(const void *bytes, size_t byteCount, const int64_t *shape, int32_t rank, int32_t dtype,
                            int32_t deviceKind, int32_t deviceIndex) {
  return guard([&] {
    auto value = at::empty(list(shape, rank), at::TensorOptions().dtype(scalarType(dtype)));
    TORCH_CHECK(value.nbytes() == byteCount, byteCount, " bytes do not fill shape ", list(shape, rank));
    if (byteCount > 0) std::memcpy(value.mutable_data_ptr(), bytes, byteCount);
    return own(deviceKind == CTCPU ? value : value.to(device(deviceKind, deviceIndex)));
  });
}

bool CTTensorCopyBytes(const CTTensor *tensor, void *bytes, size_t byteCount) {
  return guard([&] {
    const auto value = tensor->value.detach().to(at::kCPU).contiguous();
    TORCH_CHECK(value.nbytes() == byteCount, "the tensor has ", value.nbytes(), " bytes, not ", byteCount);
    if (byteCount > 0) std::memcpy(bytes, value.const_data_ptr(), byteCount);
    return true;
  });
}

bool CTTensorItem(const CTTensor *tensor, double *value) {
  return guard([&] {
    *value = tensor->value.item().toDouble();
    return true;
  });
}

CTTensor *CTTensorFull(const int64_t *shape, int32_t rank, double value, int32_t dtype, int32_t deviceKind,
                       int32_t deviceIndex) {
  return guard([&] {
    return own(at::full(list(shape, rank), value,
                        at::TensorOptions().dtype(scalarType(dtype)).device(device(deviceKind, deviceIndex))));
  });
}

CTTensor *CTTensorArange(int64_t count, int32_t deviceKind, int32_t deviceIndex) {
  return guard([&] {
    return own(at::arange(count, at::TensorOptions().dtype(at::kLong).device(device(deviceKind, deviceIndex))));
  });
}

CTTensor *CTTensorLinspace(double first, double last, int64_t count) {
  return guard([&] { return own(at::linspace(first, last, count)); });
}

CTTensor *CTTensorEye(int64_t count) {
  return guard([&] { return own(at::eye(count)); });
}

CTTensor *CTTensorFullLike(const CTTensor *tensor, double value) {
  return guard([&] { return own(at::full_like(tensor->value, value)); });
}

CTTensor *CTTensorToDevice(const CTTensor *tensor, int32_t deviceKind, int32_t deviceIndex) {
  return guard([&] { return own(tensor->value.to(device(deviceKind, deviceIndex))); });
}

CTTensor *CTTensorToDType(const CTTensor *tensor, int32_t dtype) {
  return guard([&] { return own(tensor->value.to(scalarType(dtype))); });
}

CTTensor *CTTensorContiguous(const CTTensor *tensor) {
  return guard([&] { return own(tensor->value.contiguous()); });
}

CTTensor *CTTensorChannelsLast(const CTTensor *tensor) {
  return guard([&] { return own(tensor->value.contiguous(at::MemoryFormat::ChannelsLast)); });
}

CTTensor *CTTensorClone(const CTTensor *tensor) {
  return guard([&] { return own(tensor->value.clone()); });
}

bool CTTensorMoveToDevice(CTTensor *tensor, int32_t deviceKind, int32_t deviceIndex) {
  return guard([&] {
    at::NoGradGuard off;
    tensor->value.set_data(tensor->value.detach().to(device(deviceKind, deviceIndex)));
    return true;
  });
}

CTTensor *CTTensorPlaceholder(const int64_t *shape, int32_t rank) {
  return guard([&] { return own(at::empty(list(shape, rank), at::TensorOptions().dtype(at::kFloat).device(at::kMeta))); });
}

bool CTTensorIsPlaceholder(const CTTensor *tensor) { return tensor->value.is_meta(); }

bool CTTensorCopyFrom(CTTensor *tensor, const CTTensor *source) {
  return guard([&] {
    at::NoGradGuard off;
    TORCH_CHECK(tensor->value.sizes() == source->value.sizes(), "cannot copy shape ", source->value.sizes(),
                " into shape ", tensor->value.sizes());
    TORCH_CHECK(tensor->value.is_meta() || !source->value.is_meta(), "cannot copy a tensor without values");
    if (tensor->value.is_meta() && !source->value.is_meta()) allocate(tensor, source->value.device());
    tensor->value.copy_(source->value);
    return true;
  });
}

bool CTTensorFill(CTTensor *tensor, double value) {
  return guard([&] {
    at::NoGradGuard off;
    if (tensor->value.is_meta()) allocate(tensor, at::kCPU);
    tensor->value.fill_(value);
    return true;
  });
}

bool CTTensorAddInPlace(CTTensor *tensor, const CTTensor *other, double scale) {
  return guard([&] {
    at::NoGradGuard off;
    // An integer tensor takes a whole number only.
    const auto factor = at::isIntegralType(tensor->value.scalar_type(), true) ? at::Scalar(static_cast<int64_t>(scale))
                                                                              : at::Scalar(scale);
    tensor->value.add_(other->value, factor);
    return true;
  });
}

bool CTTensorMultiplyInPlace(CTTensor *tensor, double factor) {
  return guard([&] {
    at::NoGradGuard off;
    tensor->value.mul_(factor);
    return true;
  });
}

bool CTTensorLerpInPlace(CTTensor *tensor, const CTTensor *end, double weight) {
  return guard([&] {
    at::NoGradGuard off;
    tensor->value.lerp_(end->value, weight);
    return true;
  });
}

}  // extern "C"

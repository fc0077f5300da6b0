// Shared by the C++ files of this target: the handle, the guard, and conversions.
#pragma once

// Not ATen/ATen.h, which declares every operation and adds 5 seconds of compile time per file.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <string>
#include <utility>
#include <vector>

#include "include/CTTensor.h"

struct CTTensor {
  at::Tensor value;
};

namespace ctorch {

void setLastError(const char *text) noexcept;

// Calls MKL's vector functions once a process, on one thread. MKL selects each function's code at its first call, and
// threads that call it first at the same time get another code of lower accuracy now and then: of 6,000 processes
// whose first tanh ran on two threads, 5 computed half of it with a relative error of 5e-5.
void selectVectorFunctions();

// Every exported body is one guarded expression, so that a C++ exception becomes an error text and never
// unwinds into Swift.
template <class Body>
auto guard(Body &&body) noexcept -> decltype(body()) {
  try {
    selectVectorFunctions();
    return body();
  } catch (const c10::Error &error) {
    setLastError(error.what_without_backtrace());
  } catch (const std::exception &error) {
    setLastError(error.what());
  } catch (...) {
    setLastError("an unknown C++ exception");
  }
  return {};
}

inline CTTensor *own(at::Tensor value) { return new CTTensor{std::move(value)}; }

inline at::IntArrayRef list(const int64_t *values, int32_t count) {
  return at::IntArrayRef(values, static_cast<size_t>(count));
}

inline std::optional<at::Tensor> optional(const CTTensor *tensor) {
  return tensor ? std::optional<at::Tensor>(tensor->value) : std::nullopt;
}

inline std::vector<at::Tensor> vector(const CTTensor *const *tensors, int32_t count) {
  std::vector<at::Tensor> values;
  values.reserve(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) values.push_back(tensors[i]->value);
  return values;
}

inline std::vector<at::Tensor> vector(CTTensor *const *tensors, int32_t count) {
  return vector(const_cast<const CTTensor *const *>(tensors), count);
}

template <class Tuple>
bool fill(CTTensor **results, Tuple &&tuple) {
  results[0] = own(std::get<0>(tuple));
  results[1] = own(std::get<1>(tuple));
  return true;
}

at::ScalarType scalarType(int32_t dtype);
// Whether operations are being traced into a script.
bool isTracing();
at::Device device(int32_t kind, int32_t index);

}  // namespace ctorch

// Autograd, the engine's modes, random generators and fused optimisers.
#include "Libtorch.h"

#include "Support.h"

#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/stack.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#include "include/CTAutograd.h"
#include "include/CTOptimizers.h"
#include "include/CTRandom.h"

using namespace ctorch;

struct CTGenerator {
  at::Generator value;
};

namespace {

// The fused kernels iterate over memory. Channels-last tensors they copy first, which takes several times as
// long as the update, and where parameter and gradient have different layouts they mix up the elements
// (libtorch 2.13). Flat views of memory in one layout avoid both.
//
// - columns: parameter, gradient and state of one kind each; tensors of other orders than their parameter's are
//   left alone where something would have to be written back.
void flatten(std::vector<std::vector<at::Tensor> *> columns) {
  auto &parameters = *columns[0], &gradients = *columns[1];
  for (size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor parameter = parameters[i];
    const auto isAlike = [&](const at::Tensor &other) {
      return other.sizes() == parameter.sizes() && other.strides() == parameter.strides();
    };
    if (!isAlike(gradients[i])) gradients[i] = at::empty_like(parameter).copy_(gradients[i]);
    bool isFlat = parameter.is_non_overlapping_and_dense();
    for (auto *column : columns) isFlat = isFlat && (column->empty() || isAlike((*column)[i]));
    if (!isFlat) continue;
    for (auto *column : columns)
      if (!column->empty()) (*column)[i] = (*column)[i].as_strided({parameter.numel()}, {1});
  }
}

}  // namespace

extern "C" {

// MARK: gradients

bool CTTensorRequiresGradient(const CTTensor *tensor) { return tensor->value.requires_grad(); }

bool CTTensorSetRequiresGradient(CTTensor *tensor, bool required) {
  return guard([&] {
    tensor->value.set_requires_grad(required);
    return true;
  });
}

bool CTTensorGradient(const CTTensor *tensor, CTTensor **gradient) {
  return guard([&] {
    const auto &value = tensor->value.grad();
    if (!value.defined()) return false;
    *gradient = own(value);
    return true;
  });
}

bool CTTensorSetGradient(CTTensor *tensor, const CTTensor *gradient) {
  return guard([&] {
    tensor->value.mutable_grad() = gradient ? gradient->value : at::Tensor();
    return true;
  });
}

CTTensor *CTTensorDetach(const CTTensor *tensor) {
  return guard([&] { return own(tensor->value.detach()); });
}

CTTensor *CTTensorUncounted(const CTTensor *tensor) {
  return guard([&] { return own(tensor->value.variable_data()); });
}

bool CTTensorBackward(const CTTensor *tensor, const CTTensor *gradient, bool retainGraph) {
  return guard([&] {
    torch::autograd::backward({tensor->value}, {gradient ? gradient->value : at::Tensor()}, retainGraph);
    return true;
  });
}

bool CTGradients(const CTTensor *const *outputs, int32_t outputCount, const CTTensor *const *inputs, int32_t inputCount,
                 bool createGraph, bool allowUnused, CTTensor **results) {
  return guard([&] {
    const auto values = torch::autograd::grad(vector(outputs, outputCount), vector(inputs, inputCount), {},
                                              createGraph ? std::optional<bool>(true) : std::nullopt, createGraph,
                                              allowUnused);
    for (int32_t i = 0; i < inputCount; ++i) results[i] = values[i].defined() ? own(values[i]) : nullptr;
    return true;
  });
}

// MARK: modes

bool CTGradientModeEnabled(void) { return at::GradMode::is_enabled(); }

void CTSetGradientMode(bool enabled) { at::GradMode::set_enabled(enabled); }

bool CTAutocastEnabled(int32_t deviceKind) {
  return guard([&] { return at::autocast::is_autocast_enabled(device(deviceKind, 0).type()); });
}

bool CTSetAutocast(int32_t deviceKind, bool enabled, int32_t dtype) {
  return guard([&] {
    const auto type = device(deviceKind, 0).type();
    at::autocast::set_autocast_enabled(type, enabled);
    if (enabled) at::autocast::set_autocast_dtype(type, scalarType(dtype));
    return true;
  });
}

void CTAutocastClearCache(void) { at::autocast::clear_cache(); }

int32_t CTThreadCount(void) { return at::get_num_threads(); }

bool CTSetThreadCount(int32_t count) {
  return guard([&] {
    at::set_num_threads(count);
    return true;
  });
}

bool CTOneDNNEnabled(void) {
  return guard([&] { return at::globalContext().userEnabledMkldnn(); });
}

bool CTSetOneDNN(bool enabled) {
  return guard([&] {
    at::globalContext().setUserEnabledMkldnn(enabled);
    return true;
  });
}

bool CTDeviceAvailable(int32_t deviceKind, int32_t deviceIndex) {
  return guard([&] {
    if (deviceKind == CTCPU) return deviceIndex == 0;
    at::empty({1}, at::TensorOptions().device(device(deviceKind, deviceIndex)));
    return true;
  });
}

const char *CTEngineVersion(void) { return TORCH_VERSION; }

const char *CTCPUCapability(void) {
  static const std::string capability = at::get_cpu_capability();
  return capability.c_str();
}

bool CTDeviceMemory(int32_t deviceKind, int32_t deviceIndex, int64_t *current, int64_t *peak) {
  return guard([&] {
    if (deviceKind == CTCPU) return false;
    const auto where = device(deviceKind, deviceIndex);
    const auto statistics = at::getDeviceAllocator(where.type())->getDeviceStats(where.index());
    *current = statistics.allocated_bytes[0].current;
    *peak = statistics.allocated_bytes[0].peak;
    return true;
  });
}

static thread_local void *slots[4] = {nullptr, nullptr, nullptr, nullptr};

void *CTThreadSlot(int32_t slot) { return slots[slot]; }

void CTSetThreadSlot(int32_t slot, void *value) { slots[slot] = value; }

// MARK: random numbers

CTGenerator *CTGeneratorCreate(uint64_t seed) {
  return guard([&] { return new CTGenerator{at::make_generator<at::CPUGeneratorImpl>(seed)}; });
}

void CTGeneratorFree(CTGenerator *generator) { delete generator; }

CTTensor *CTGeneratorState(const CTGenerator *generator) {
  return guard([&] { return own(generator->value.get_state()); });
}

bool CTGeneratorSetState(CTGenerator *generator, const CTTensor *state) {
  return guard([&] {
    generator->value.set_state(state->value);
    return true;
  });
}

CTTensor *CTRandomNormal(CTGenerator *generator, const int64_t *shape, int32_t rank, int32_t dtype) {
  return guard([&] { return own(at::randn(list(shape, rank), generator->value, scalarType(dtype))); });
}

CTTensor *CTRandomUniform(CTGenerator *generator, const int64_t *shape, int32_t rank, int32_t dtype) {
  return guard([&] { return own(at::rand(list(shape, rank), generator->value, scalarType(dtype))); });
}

CTTensor *CTRandomIntegers(CTGenerator *generator, int64_t low, int64_t high, const int64_t *shape, int32_t rank) {
  return guard([&] { return own(at::randint(low, high, list(shape, rank), generator->value, at::kLong)); });
}

CTTensor *CTRandomPermutation(CTGenerator *generator, int64_t count) {
  return guard([&] { return own(at::randperm(count, generator->value, at::kLong)); });
}

CTTensor *CTRandomBernoulli(CTGenerator *generator, double probability, const int64_t *shape, int32_t rank) {
  return guard([&] { return own(at::empty(list(shape, rank)).bernoulli_(probability, generator->value)); });
}

bool CTRandomFillUniform(CTGenerator *generator, CTTensor *tensor, double low, double high) {
  return guard([&] {
    at::NoGradGuard off;
    tensor->value.uniform_(low, high, generator->value);
    return true;
  });
}

bool CTRandomFillNormal(CTGenerator *generator, CTTensor *tensor, double mean, double deviation) {
  return guard([&] {
    at::NoGradGuard off;
    tensor->value.normal_(mean, deviation, generator->value);
    return true;
  });
}

// MARK: optimisers

bool CTFusedAdam(CTTensor *const *parameters, CTTensor *const *gradients, CTTensor *const *firstMoments,
                 CTTensor *const *secondMoments, CTTensor *const *steps, int32_t count, double learningRate,
                 double beta1, double beta2, double weightDecay, double epsilon, bool decoupled) {
  return guard([&] {
    at::NoGradGuard off;
    auto p = vector(parameters, count), g = vector(gradients, count), m = vector(firstMoments, count),
         v = vector(secondMoments, count);
    const auto s = vector(steps, count);
    flatten({&p, &g, &m, &v});
    const std::vector<at::Tensor> none;
    if (decoupled)
      at::_fused_adamw_(p, g, m, v, none, s, learningRate, beta1, beta2, weightDecay, epsilon, false, false);
    else
      at::_fused_adam_(p, g, m, v, none, s, learningRate, beta1, beta2, weightDecay, epsilon, false, false);
    return true;
  });
}

bool CTFusedSGD(CTTensor *const *parameters, CTTensor *const *gradients, CTTensor *const *momenta, int32_t count,
                double learningRate, double momentum, double dampening, double weightDecay, bool nesterov,
                bool firstStep) {
  return guard([&] {
    at::NoGradGuard off;
    auto p = vector(parameters, count), g = vector(gradients, count);
    auto buffers = momenta && momentum != 0 ? vector(momenta, count) : std::vector<at::Tensor>();
    flatten({&p, &g, &buffers});
    at::_fused_sgd_(p, g, buffers, weightDecay, momentum, learningRate, dampening, nesterov, false, firstStep);
    return true;
  });
}

CTTensor *CTGlobalNorm(CTTensor *const *tensors, int32_t count) {
  return guard([&] {
    at::NoGradGuard off;
    const auto norms = at::_foreach_norm(vector(tensors, count), 2);
    return own(at::linalg_vector_norm(at::stack(norms)));
  });
}

bool CTMultiplyAllInPlace(CTTensor *const *tensors, int32_t count, const CTTensor *factor) {
  return guard([&] {
    at::NoGradGuard off;
    at::_foreach_mul_(vector(tensors, count), factor->value);
    return true;
  });
}

bool CTLerpAllInPlace(CTTensor *const *tensors, CTTensor *const *ends, int32_t count, double weight) {
  return guard([&] {
    at::NoGradGuard off;
    at::_foreach_lerp_(vector(tensors, count), vector(ends, count), weight);
    return true;
  });
}

}  // extern "C"

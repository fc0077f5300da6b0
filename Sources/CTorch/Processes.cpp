// Sums over processes: an autograd function whose backward pass is itself, batch normalisation by the statistics of all
// processes, and observers of gradients.
#include "Libtorch.h"

#include "include/CTProcesses.h"

#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "Support.h"

using namespace ctorch;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The caller's closure, released with the last history that needs it.
struct Summation : torch::CustomClassHolder {
  Summation(void *context, CTSum sum, CTRelease release) : context(context), sum(sum), release(release) {}
  ~Summation() override { release(context); }

  at::Tensor operator()(const at::Tensor &given) const {
    CTTensor tensor{given.detach().clone(at::MemoryFormat::Contiguous)};
    TORCH_CHECK(sum(context, &tensor), CTLastError());
    return tensor.value;
  }

  void *context;
  CTSum sum;
  CTRelease release;
};

c10::intrusive_ptr<Summation> summationOf(const AutogradContext *context) {
  return c10::static_intrusive_pointer_cast<Summation>(context->saved_data.at("summation").toCapsule());
}

struct Summed : torch::autograd::Function<Summed> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &tensor,
                            const c10::intrusive_ptr<Summation> &summation) {
    context->saved_data["summation"] = c10::IValue::make_capsule(summation);
    return (*summation)(tensor);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    return {Summed::apply(gradients[0], summationOf(context)), at::Tensor()};
  }
};

// Normalised by operations that can be differentiated twice.
at::Tensor normalizedByOperations(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, double count,
                                  double epsilon, const c10::intrusive_ptr<Summation> &summation) {
  std::vector<int64_t> others{0}, across(x.dim(), 1);
  for (int64_t dim = 2; dim < x.dim(); ++dim) others.push_back(dim);
  across[1] = x.size(1);
  const auto mean = Summed::apply(x.sum(others), summation) / count;
  const auto centred = x - mean.reshape(across);
  const auto variance = Summed::apply(centred.square().sum(others), summation) / count;
  return centred * ((variance + epsilon).rsqrt() * weight).reshape(across) + bias.reshape(across);
}

// Normalised by known statistics, which depend on the examples of all processes. Both passes are those of libtorch's batch
// norm in evaluation mode, to which the backward pass adds the statistics' part.
struct SynchronizedNorm : torch::autograd::Function<SynchronizedNorm> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor &bias, const at::Tensor &mean, const at::Tensor &variance, double count,
                            double epsilon, const c10::intrusive_ptr<Summation> &summation) {
    context->save_for_backward({x, weight, bias, mean, variance});
    context->saved_data["count"] = count;
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["summation"] = c10::IValue::make_capsule(summation);
    return std::get<0>(at::native_batch_norm(x, weight, bias, mean, variance, /*training=*/false, 0, epsilon));
  }

  static variable_list backward(AutogradContext *context, variable_list given) {
    const auto saved = context->get_saved_variables();
    const auto &[x, weight, bias, mean, variance] = std::tie(saved[0], saved[1], saved[2], saved[3], saved[4]);
    const double count = context->saved_data["count"].toDouble(), epsilon = context->saved_data["epsilon"].toDouble();
    const auto summation = summationOf(context);
    variable_list gradients(8);
    if (at::GradMode::is_enabled()) {
      const auto y = normalizedByOperations(x, weight, bias, count, epsilon, summation);
      variable_list inputs;
      for (int place = 0; place < 3; ++place)
        if (saved[place].requires_grad()) inputs.push_back(saved[place]);
      const auto found = torch::autograd::grad({y}, inputs, {given[0]}, /*retain_graph=*/true, /*create_graph=*/true);
      for (int place = 0, next = 0; place < 3; ++place)
        if (saved[place].requires_grad()) gradients[place] = found[next++];
      return gradients;
    }
    const auto dy = given[0].contiguous(x.suggest_memory_format());
    auto [dx, scales, shifts] = at::native_batch_norm_backward(dy, x, weight, mean, variance, {}, {}, /*train=*/false,
                                                               epsilon, {true, true, true});
    // The sums of the gradient times the normalised examples, and of the gradient, over all processes.
    const auto sums = (*summation)(at::cat({scales, shifts}));
    const auto factor = weight / -count;
    const auto channels = x.size(1);
    dx.add_(std::get<0>(at::native_batch_norm(x, factor * sums.narrow(0, 0, channels) * (variance + epsilon).rsqrt(),
                                              factor * sums.narrow(0, channels, channels) * (variance + epsilon).rsqrt(),
                                              mean, variance, /*training=*/false, 0, epsilon)));
    gradients[0] = dx, gradients[1] = scales, gradients[2] = shifts;
    return gradients;
  }
};

struct GradientObserver : torch::autograd::PostAccumulateGradHook {
  GradientObserver(void *context, CTGradientReady ready, int64_t index)
      : context(context), ready(ready), index(index) {}

  void operator()(const at::Tensor &) override { ready(context, index); }

  void *context;
  CTGradientReady ready;
  int64_t index;
};

}  // namespace

extern "C" {

void *CTTensorMemory(const CTTensor *tensor) {
  return guard([&]() -> void * {
    const auto &value = tensor->value;
    return value.is_cpu() && value.is_contiguous() ? value.data_ptr() : nullptr;
  });
}

CTTensor *CTSummedOverProcesses(const CTTensor *tensor, void *context, CTSum sum, CTRelease release) {
  return guard([&] {
    const auto summation = c10::make_intrusive<Summation>(context, sum, release);
    return own(Summed::apply(tensor->value, summation));
  });
}

CTTensor *CTSynchronizedBatchNorm(const CTTensor *given, const CTTensor *givenWeight, const CTTensor *givenBias,
                                  CTTensor *runningMean, CTTensor *runningVariance, double momentum, double epsilon,
                                  void *context, CTSum sum, CTRelease release) {
  return guard([&] {
    const auto summation = c10::make_intrusive<Summation>(context, sum, release);
    const auto &x = given->value;
    const auto channels = x.size(1);
    const double ownCount = static_cast<double>(x.numel()) / std::max<int64_t>(1, channels);
    at::Tensor mean, variance;
    double count = 0;
    {
      // One sum of means and squares; in float64 nothing is lost between them.
      const at::NoGradGuard noGradients;
      const auto device = x.is_mps() ? at::Device(at::kCPU) : x.device();
      auto parts = at::zeros({2 * channels + 1}, x.options().dtype(at::kDouble).device(device));
      if (ownCount > 0) {
        const auto detached = x.detach();
        at::Tensor ownMean, ownVariance;
        if (x.is_cpu()) {
          std::tie(ownMean, ownVariance) = at::batch_norm_update_stats(detached, {}, {}, 0);
        } else {
          std::vector<int64_t> others{0};
          for (int64_t dim = 2; dim < x.dim(); ++dim) others.push_back(dim);
          std::tie(ownVariance, ownMean) = at::var_mean(detached, others, /*correction=*/0, /*keepdim=*/false);
        }
        ownMean = ownMean.to(device).to(at::kDouble);
        const auto squares = ownVariance.to(device).to(at::kDouble) + ownMean.square();
        parts = at::cat({ownMean, squares, at::ones({1}, parts.options())}) * ownCount;
      }
      parts = (*summation)(parts);
      count = parts[2 * channels].item<double>();
      const auto exactMean = parts.narrow(0, 0, channels) / count;
      const auto exactVariance = (parts.narrow(0, channels, channels) / count - exactMean.square()).clamp_min(0);
      mean = exactMean.to(x.options());
      variance = exactVariance.to(x.options());
      if (runningMean) runningMean->value.lerp_(mean.to(runningMean->value.options()), momentum);
      if (runningVariance)
        runningVariance->value.lerp_(
            (exactVariance * (count / std::max(1.0, count - 1))).to(runningVariance->value.options()), momentum);
    }
    const auto weight = givenWeight ? givenWeight->value : at::ones({channels}, x.options());
    const auto bias = givenBias ? givenBias->value : at::zeros({channels}, x.options());
    return own(SynchronizedNorm::apply(x, weight, bias, mean, variance, count, epsilon, summation));
  });
}

bool CTObserveGradients(CTTensor *const *parameters, int64_t count, void *context, CTGradientReady ready) {
  return guard([&] {
    for (int64_t index = 0; index < count; ++index)
      torch::autograd::impl::set_post_acc_grad_hooks(parameters[index]->value,
                                                     std::make_unique<GradientObserver>(context, ready, index));
    return true;
  });
}

bool CTForgetGradients(CTTensor *const *parameters, int64_t count) {
  return guard([&] {
    for (int64_t index = 0; index < count; ++index)
      torch::autograd::impl::set_post_acc_grad_hooks(parameters[index]->value, nullptr);
    return true;
  });
}

}  // extern "C"

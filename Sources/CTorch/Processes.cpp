// Sums over processes: an autograd function whose backward pass is itself, and observers of gradients.
#include "Libtorch.h"

#include "include/CTProcesses.h"

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

struct Summed : torch::autograd::Function<Summed> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &tensor,
                            const c10::intrusive_ptr<Summation> &summation) {
    context->saved_data["summation"] = c10::IValue::make_capsule(summation);
    return (*summation)(tensor);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto capsule = context->saved_data["summation"].toCapsule();
    const auto summation = c10::static_intrusive_pointer_cast<Summation>(capsule);
    return {Summed::apply(gradients[0], summation), at::Tensor()};
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

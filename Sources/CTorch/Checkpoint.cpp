// Gradient checkpointing: an autograd function that recomputes its value in the backward pass.
#include "Libtorch.h"

#include "include/CTCheckpoint.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>

#include <algorithm>
#include <memory>
#include <unordered_set>

#include "Support.h"

using namespace ctorch;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Node;
using torch::autograd::variable_list;

// The autocast state of each kind of device.
struct Autocast {
  at::DeviceType device;
  bool isEnabled;
  at::ScalarType dtype;

  static std::vector<Autocast> current() {
    std::vector<Autocast> all;
    for (const auto device : {at::kCPU, at::kCUDA, at::kMPS})
      all.push_back({device, at::autocast::is_autocast_enabled(device), at::autocast::get_autocast_dtype(device)});
    return all;
  }

  static void set(const std::vector<Autocast> &all) {
    for (const auto &one : all) {
      at::autocast::set_autocast_enabled(one.device, one.isEnabled);
      at::autocast::set_autocast_dtype(one.device, one.dtype);
    }
  }
};

// Sets the modes of the recomputing thread, and restores them. The autocast cache is off meanwhile, because
// cached casts would have a history of this computation.
class ModesScope {
 public:
  explicit ModesScope(const std::vector<Autocast> &autocast)
      : outer_(Autocast::current()), outerCache_(at::autocast::is_autocast_cache_enabled()) {
    at::autocast::set_autocast_cache_enabled(false);
    Autocast::set(autocast);
  }
  ~ModesScope() {
    Autocast::set(outer_);
    at::autocast::set_autocast_cache_enabled(outerCache_);
  }

 private:
  std::vector<Autocast> outer_;
  bool outerCache_;
  at::AutoGradMode recording_{true};
};

// Parameters that required a gradient in the forward pass require one in the recomputation, even if frozen
// since.
class ThawScope {
 public:
  explicit ThawScope(const variable_list &parameters) {
    for (const auto &parameter : parameters)
      if (parameter.is_leaf() && !parameter.requires_grad()) {
        parameter.set_requires_grad(true);
        thawed_.push_back(parameter);
      }
  }
  ~ThawScope() {
    for (const auto &parameter : thawed_) parameter.set_requires_grad(false);
  }

 private:
  variable_list thawed_;
};

// The caller's closure, released with the last history that needs it.
struct Replay : torch::CustomClassHolder {
  Replay(void *context, CTReplay replay, CTRelease release) : context(context), replay(replay), release(release) {}
  ~Replay() override { release(context); }

  at::Tensor operator()(const variable_list &inputs) const {
    std::vector<CTTensor *> handles;
    handles.reserve(inputs.size() + 1);
    for (const auto &input : inputs) handles.push_back(own(input));
    handles.push_back(nullptr);  // An empty list needs a non-null address.
    const std::unique_ptr<CTTensor> result(replay(context, handles.data(), static_cast<int32_t>(inputs.size())));
    TORCH_CHECK(result, CTLastError());
    return result->value;
  }

  void *context;
  CTReplay replay;
  CTRelease release;
  std::vector<Autocast> autocast = Autocast::current();
};

// Gradients reach only the arguments of the function; any other leaf would silently get none.
void refuseOtherLeaves(const at::Tensor &value, const variable_list &known) {
  std::unordered_set<const at::TensorImpl *> allowed;
  for (const auto &one : known) allowed.insert(one.unsafeGetTensorImpl());
  std::unordered_set<const Node *> seen;
  std::vector<Node *> waiting;
  if (value.grad_fn()) waiting.push_back(value.grad_fn().get());
  while (!waiting.empty()) {
    auto *node = waiting.back();
    waiting.pop_back();
    if (!seen.insert(node).second) continue;
    if (const auto *leaf = dynamic_cast<torch::autograd::AccumulateGrad *>(node))
      TORCH_CHECK(allowed.count(leaf->variable.unsafeGetTensorImpl()),
                  "a checkpointed computation depends on a tensor of shape ", leaf->variable.sizes(),
                  " that requires a gradient and is neither among its inputs nor among its parameters");
    for (const auto &edge : node->next_edges())
      if (edge.function) waiting.push_back(edge.function.get());
  }
}

struct Checkpoint : torch::autograd::Function<Checkpoint> {
  // The arguments before `variables` are not variables to the engine; the value is passed as a pointer.
  static constexpr size_t others = 3;

  static at::Tensor forward(AutogradContext *context, const at::Tensor *given, int64_t inputCount,
                            const c10::intrusive_ptr<Replay> &replay, at::TensorList variables) {
    const auto &value = *given;
    context->save_for_backward(variables.vec());
    context->saved_data["inputCount"] = inputCount;
    context->saved_data["replay"] = c10::IValue::make_capsule(replay);
    // A new tensor, so that the caller's gets no history; not aliased to its inputs, because later operations
    // may overwrite it.
    const bool isAlias = std::any_of(variables.begin(), variables.end(),
                                     [&](const at::Tensor &one) { return one.is_alias_of(value); });
    return isAlias ? value.clone() : value.variable_data();
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "a checkpointed computation cannot be differentiated twice; "
                                             "compute it without checkpointing where a penalty crosses it");
    const auto variables = context->get_saved_variables();
    const auto inputCount = static_cast<size_t>(context->saved_data["inputCount"].toInt());
    const auto capsule = context->saved_data["replay"].toCapsule();
    const auto &replay = static_cast<const Replay &>(*capsule);

    variable_list inputs, wanted, parameters;
    std::vector<size_t> places;
    for (size_t i = 0; i < variables.size(); ++i) {
      const bool isWanted = context->needs_input_grad(i);
      if (i < inputCount) inputs.push_back(variables[i].detach().set_requires_grad(isWanted));
      else if (isWanted) parameters.push_back(variables[i]);
      if (!isWanted) continue;
      wanted.push_back(i < inputCount ? inputs.back() : variables[i]);
      places.push_back(others + i);
    }
    variable_list results(others + variables.size());
    if (wanted.empty()) return results;

    const ThawScope thaw(parameters);
    at::Tensor value;
    {
      const ModesScope modes(replay.autocast);
      value = replay(inputs);
    }
    TORCH_CHECK(value.sizes() == gradients[0].sizes(), "a checkpointed computation gave shape ", value.sizes(),
                " when it was repeated, and ", gradients[0].sizes(), " at first");
    if (!value.requires_grad()) return results;
    auto known = inputs;
    known.insert(known.end(), variables.begin() + static_cast<int64_t>(inputCount), variables.end());
    refuseOtherLeaves(value, known);
    const auto derivatives = torch::autograd::grad({value}, wanted, {gradients[0]}, std::nullopt,
                                                   /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t i = 0; i < places.size(); ++i) results[places[i]] = derivatives[i];
    return results;
  }
};

}  // namespace

extern "C" {

CTTensor *CTCheckpoint(const CTTensor *value, const CTTensor *const *inputs, int32_t inputCount,
                       const CTTensor *const *parameters, int32_t parameterCount, void *context, CTReplay replay,
                       CTRelease release) {
  return guard([&] {
    const auto closure = c10::make_intrusive<Replay>(context, replay, release);
    auto variables = vector(inputs, inputCount);
    const auto more = vector(parameters, parameterCount);
    variables.insert(variables.end(), more.begin(), more.end());
    return own(Checkpoint::apply(&value->value, int64_t{inputCount}, closure, at::TensorList(variables)));
  });
}

}  // extern "C"

// Tracing into TorchScript, in its own file because these headers are large.
#include "Libtorch.h"

#include "include/CTScript.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/serialization/import.h>

#include <set>

#include "Support.h"

using namespace ctorch;

bool ctorch::isTracing() { return torch::jit::tracer::isTracing(); }

struct CTScriptModule {
  torch::jit::Module root;
  std::set<std::string> read;
  torch::jit::ExtraFilesMap texts;
};

namespace {

namespace jit = torch::jit;

// Python's `eval()` sets this attribute, and fails where there is none.
jit::Module makeModule(const std::string &name, const std::shared_ptr<jit::CompilationUnit> &unit) {
  jit::Module module(c10::QualifiedName(name), unit, /*shouldMangle=*/true);
  module.register_attribute("training", c10::BoolType::get(), false);
  return module;
}

std::vector<std::string> parts(const std::string &text, char separator) {
  std::vector<std::string> result;
  size_t start = 0;
  for (size_t end = text.find(separator); end != std::string::npos; end = text.find(separator, start)) {
    result.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  result.push_back(text.substr(start));
  return result;
}

// The dotted path of the tensor read by a chain of attribute accesses.
std::string pathOf(const jit::Value *value) {
  const auto *node = value->node();
  if (node->kind() != c10::prim::GetAttr) return "";
  const auto before = pathOf(node->input());
  const auto &name = node->s(c10::attr::name);
  return before.empty() ? name : before + "." + name;
}

void collectReads(const jit::Block *block, std::set<std::string> &paths) {
  for (const auto *node : block->nodes()) {
    if (node->kind() == c10::prim::GetAttr && node->output()->type()->isSubtypeOf(*c10::TensorType::get()))
      paths.insert(pathOf(node->output()));
    for (const auto *inner : node->blocks()) collectReads(inner, paths);
  }
}

}  // namespace

extern "C" {

CTScriptModule *CTScriptModuleCreate(const char *name) {
  return guard([&] {
    auto unit = std::make_shared<jit::CompilationUnit>();
    return new CTScriptModule{makeModule(std::string("__torch__.atelier.") + name, unit), {}, {}};
  });
}

void CTScriptModuleFree(CTScriptModule *module) {
  delete module;
}

bool CTScriptModuleAddTensor(CTScriptModule *module, const char *path, const CTTensor *tensor, bool isParameter) {
  return guard([&] {
    const auto names = parts(path, '.');
    jit::Module place = module->root;
    for (size_t i = 0; i + 1 < names.size(); ++i) {
      TORCH_CHECK(!names[i].empty(), "'", path, "' is no path of a tensor");
      if (!place.hasattr(names[i])) {
        const auto type = place.type()->name()->qualifiedName() + "_" + names[i];
        place.register_module(names[i], makeModule(type, place._ivalue()->compilation_unit()));
      }
      const auto next = place.attr(names[i]);
      TORCH_CHECK(next.isModule(), "'", path, "' leads through a tensor");
      place = next.toModule();
    }
    TORCH_CHECK(!names.back().empty() && !place.hasattr(names.back()), "'", path, "' is taken or no name");
    if (isParameter) {
      place.register_parameter(names.back(), tensor->value, false);
    } else {
      place.register_buffer(names.back(), tensor->value);
    }
    return true;
  });
}

bool CTScriptModuleAddText(CTScriptModule *module, const char *name, const char *text) {
  return guard([&] { return module->texts[name] = text, true; });
}

bool CTScriptModuleTrace(CTScriptModule *module, CTTensor *const *inputs, int32_t count, const char *names,
                         CTScriptBody body, void *context) {
  return guard([&] {
    jit::Stack stack;
    for (int32_t i = 0; i < count; ++i) stack.emplace_back(inputs[i]->value);
    const auto run = [&](jit::Stack traced) {
      std::vector<CTTensor> values;
      values.reserve(traced.size());
      for (auto &value : traced) values.push_back(CTTensor{value.toTensor()});
      std::vector<CTTensor *> handles;
      for (auto &value : values) handles.push_back(&value);
      std::unique_ptr<CTTensor> output(body(context, handles.data(), static_cast<int32_t>(handles.size())));
      TORCH_CHECK(output, "the traced computation failed");
      return jit::Stack{output->value};
    };
    const auto nameless = [](const at::Tensor &) { return std::string(); };
    const auto state =
        jit::tracer::trace(std::move(stack), run, nameless, true, false, &module->root, parts(names, '\n')).first;
    jit::EliminateDeadCode(state->graph);
    module->read.clear();
    collectReads(state->graph->block(), module->read);
    const auto type = module->root.type();
    auto *function = module->root._ivalue()->compilation_unit()->create_function(
        c10::QualifiedName(*type->name(), "forward"), state->graph);
    type->addMethod(function);
    return true;
  });
}

bool CTIsTracing(void) {
  return guard([] { return ctorch::isTracing(); });
}

bool CTScriptModuleReads(const CTScriptModule *module, const char *path) {
  return guard([&] { return module->read.count(path) > 0; });
}

bool CTScriptModuleSave(const CTScriptModule *module, const char *file) {
  return guard([&] {
    module->root.save(file, module->texts);
    return true;
  });
}

CTTensor *CTTensorAlias(const CTTensor *tensor) {
  return guard([&] { return own(tensor->value); });
}

CTScriptModule *CTScriptModuleLoad(const char *file) {
  return guard([&] {
    auto module = std::make_unique<CTScriptModule>(CTScriptModule{jit::load(file, c10::Device(c10::kCPU)), {}, {}});
    module->root.eval();
    return module.release();
  });
}

CTTensor *CTScriptModuleRun(const CTScriptModule *module, CTTensor *const *inputs, int32_t count) {
  return guard([&] {
    at::NoGradGuard off;
    std::vector<c10::IValue> values;
    for (int32_t i = 0; i < count; ++i) values.emplace_back(inputs[i]->value);
    // A copy shares the module's state; `forward` is not const.
    auto root = module->root;
    const auto result = root.forward(std::move(values));
    TORCH_CHECK(result.isTensor(), "its forward returns a ", result.tagKind(), " and not one tensor");
    return own(result.toTensor());
  });
}

CTTensor *CTScriptFileRun(const char *file, CTTensor *const *inputs, int32_t count) {
  return guard([&] {
    at::NoGradGuard off;
    auto module = jit::load(file);
    std::vector<c10::IValue> values;
    for (int32_t i = 0; i < count; ++i) values.emplace_back(inputs[i]->value);
    return own(module.forward(std::move(values)).toTensor());
  });
}

}  // extern "C"

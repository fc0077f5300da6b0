// TorchScript: a module of named tensors whose forward pass is what a callback computes.
#ifndef CT_SCRIPT_H
#define CT_SCRIPT_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CTScriptModule CTScriptModule;

CTScriptModule *_Nullable CTScriptModuleCreate(const char *_Nonnull name);
void CTScriptModuleFree(CTScriptModule *_Nullable module);
// A dotted path makes modules on its way. The very tensor is taken, so that what is computed with it is
// recorded as a use of this attribute.
bool CTScriptModuleAddTensor(CTScriptModule *_Nonnull module, const char *_Nonnull path,
                             const CTTensor *_Nonnull tensor, bool isParameter);

// A file of text inside the module's file.
bool CTScriptModuleAddText(CTScriptModule *_Nonnull module, const char *_Nonnull name, const char *_Nonnull text);

// Computes the output, an owned handle, from borrowed inputs; NULL for a failure that the caller knows of.
typedef CTTensor *_Nullable (*CTScriptBody)(void *_Nullable context, CTTensor *_Nonnull const *_Nonnull inputs,
                                            int32_t count);
// Records what `body` does with the inputs, which are given to it, and makes it the module's `forward`.
// `names` are those of the inputs, a line each.
bool CTScriptModuleTrace(CTScriptModule *_Nonnull module, CTTensor *_Nonnull const *_Nonnull inputs, int32_t count,
                         const char *_Nonnull names, CTScriptBody _Nonnull body, void *_Nullable context);
// Whether `forward` reads the tensor of a path.
bool CTScriptModuleReads(const CTScriptModule *_Nonnull module, const char *_Nonnull path);
bool CTScriptModuleSave(const CTScriptModule *_Nonnull module, const char *_Nonnull file);
// Another handle of the same tensor.
CTTensor *_Nullable CTTensorAlias(const CTTensor *_Nonnull tensor);
// Reads a saved module, to be run in evaluation mode.
CTScriptModule *_Nullable CTScriptModuleLoad(const char *_Nonnull file);
// What a module's `forward` makes of borrowed inputs, an owned handle.
CTTensor *_Nullable CTScriptModuleRun(const CTScriptModule *_Nonnull module, CTTensor *_Nonnull const *_Nonnull inputs,
                                      int32_t count);
// Runs a saved module in this process.
CTTensor *_Nullable CTScriptFileRun(const char *_Nonnull file, CTTensor *_Nonnull const *_Nonnull inputs, int32_t count);

#ifdef __cplusplus
}
#endif
#endif

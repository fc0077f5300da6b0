// TorchScript: a module of named tensors whose forward pass is traced from a callback.
#ifndef CT_SCRIPT_H
#define CT_SCRIPT_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CTScriptModule CTScriptModule;

CTScriptModule *_Nullable CTScriptModuleCreate(const char *_Nonnull name);
void CTScriptModuleFree(CTScriptModule *_Nullable module);
// A dotted path creates submodules. The tensor object itself is stored, so that operations on it are traced
// as uses of this attribute.
bool CTScriptModuleAddTensor(CTScriptModule *_Nonnull module, const char *_Nonnull path,
                             const CTTensor *_Nonnull tensor, bool isParameter);

// An extra text file inside the module's file.
bool CTScriptModuleAddText(CTScriptModule *_Nonnull module, const char *_Nonnull name, const char *_Nonnull text);

// Computes the output, an owned handle, from borrowed inputs; NULL for a failure known to the caller.
typedef CTTensor *_Nullable (*CTScriptBody)(void *_Nullable context, CTTensor *_Nonnull const *_Nonnull inputs,
                                            int32_t count);
// Traces `body` on the inputs as the module's `forward`. `names` has the inputs' names, one per line.
bool CTScriptModuleTrace(CTScriptModule *_Nonnull module, CTTensor *_Nonnull const *_Nonnull inputs, int32_t count,
                         const char *_Nonnull names, CTScriptBody _Nonnull body, void *_Nullable context);
// Whether a trace is being made on this thread.
bool CTIsTracing(void);
// Whether `forward` reads the tensor of a path.
bool CTScriptModuleReads(const CTScriptModule *_Nonnull module, const char *_Nonnull path);
bool CTScriptModuleSave(const CTScriptModule *_Nonnull module, const char *_Nonnull file);
// A new handle of the same tensor.
CTTensor *_Nullable CTTensorAlias(const CTTensor *_Nonnull tensor);
// Reads a saved module, to be run in evaluation mode.
CTScriptModule *_Nullable CTScriptModuleLoad(const char *_Nonnull file);
// Runs a module's `forward` on borrowed inputs; returns an owned handle.
CTTensor *_Nullable CTScriptModuleRun(const CTScriptModule *_Nonnull module, CTTensor *_Nonnull const *_Nonnull inputs,
                                      int32_t count);
// Runs a saved module in this process.
CTTensor *_Nullable CTScriptFileRun(const char *_Nonnull file, CTTensor *_Nonnull const *_Nonnull inputs, int32_t count);

#ifdef __cplusplus
}
#endif
#endif

// The library that calls libtorch's collectives. It is loaded at run time and never linked, so that who trains in one
// process has nothing of it.
#ifndef DISTRIBUTED_SHIM_H
#define DISTRIBUTED_SHIM_H

#include "../../CDistributed/include/CDistributedFunctions.h"

#ifdef __cplusplus
extern "C" {
#endif

// The functions; NULL where libtorch came without its collectives when this was compiled.
const CDistributedFunctions *_Nullable CDistributedFunctionTable(void);

#ifdef __cplusplus
}
#endif
#endif

// The library that calls Faiss. It is loaded at run time and never linked: Faiss's BLAS defines functions of the names of the
// engine's, and in a program that is linked with both the engine could compute with the slower one.
#ifndef FAISS_SHIM_H
#define FAISS_SHIM_H

#include "../../CFaiss/include/CFaissFunctions.h"

#ifdef __cplusplus
extern "C" {
#endif

// The functions; NULL where Faiss was not there when this was compiled.
const CFaissFunctions *_Nullable CFaissFunctionTable(void);

#ifdef __cplusplus
}
#endif
#endif

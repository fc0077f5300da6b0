// The library that calls SentencePiece. It is loaded at run time and never linked, because SentencePiece and libtorch
// export different variables of one name (FLAGS_minloglevel), and the loader would give both the same one.
#ifndef SENTENCE_PIECE_SHIM_H
#define SENTENCE_PIECE_SHIM_H

#include "../../CSentencePiece/include/CSentencePieceFunctions.h"

#ifdef __cplusplus
extern "C" {
#endif

// The functions; NULL where SentencePiece was not there when this was compiled.
const CSentencePieceFunctions *_Nullable CSentencePieceFunctionTable(void);

#ifdef __cplusplus
}
#endif
#endif

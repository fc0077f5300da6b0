// A small C face of SentencePiece: training a model, and encoding and decoding with one.
//
// A function that can fail returns NULL and leaves its reason in CSentencePieceLastError(). Texts are UTF-8 with their
// lengths in bytes. What is returned as an owned buffer is freed by CSentencePieceFree. The caller has checked that ids
// lie in 0 ..< CSentencePieceCount(). A model does not change, and may be used by several threads at once.
#ifndef C_SENTENCE_PIECE_H
#define C_SENTENCE_PIECE_H

#include <stdbool.h>
#include <stdint.h>

#include "CSentencePieceFunctions.h"

#ifdef __cplusplus
extern "C" {
#endif

// Whether SentencePiece was there when this was compiled, and the library that calls it lies beside the program or
// where the loader looks; where it is not, every function fails.
bool CSentencePieceIsAvailable(void);
// Why the last call on this thread failed.
const char *_Nonnull CSentencePieceLastError(void);
void CSentencePieceFree(void *_Nullable buffer);

// Trains a model on sentences that stand one behind the other, each up to its end in bytes, with spm_train's options.
// Gives the serialised model, owned.
uint8_t *_Nullable CSentencePieceTrain(const char *_Nonnull text, const int64_t *_Nonnull ends, int64_t count,
                                       const char *_Nonnull const *_Nonnull options,
                                       const char *_Nonnull const *_Nonnull values, int64_t optionCount,
                                       int64_t *_Nonnull length);

// A model of serialised bytes, which are copied. The bytes of its normalisation rules are trusted.
CSentencePieceModel *_Nullable CSentencePieceLoad(const uint8_t *_Nonnull bytes, int64_t length);
void CSentencePieceModelFree(CSentencePieceModel *_Nonnull model);

int32_t CSentencePieceCount(const CSentencePieceModel *_Nonnull model);
// The ids of special pieces; -1 where the model has none.
int32_t CSentencePieceUnknownId(const CSentencePieceModel *_Nonnull model);
int32_t CSentencePieceStartId(const CSentencePieceModel *_Nonnull model);
int32_t CSentencePieceEndId(const CSentencePieceModel *_Nonnull model);
int32_t CSentencePiecePaddingId(const CSentencePieceModel *_Nonnull model);

// The text of a piece, which lives as long as the model.
const char *_Nonnull CSentencePieceText(const CSentencePieceModel *_Nonnull model, int32_t id,
                                        int64_t *_Nonnull length);
// Whether a piece stands for a byte, such as <0x0A>.
bool CSentencePieceIsByte(const CSentencePieceModel *_Nonnull model, int32_t id);
// Whether a piece stands for no text: unknown, control and unused ones.
bool CSentencePieceIsSpecial(const CSentencePieceModel *_Nonnull model, int32_t id);

// The ids of a text, owned; not NULL for an empty text.
int32_t *_Nullable CSentencePieceEncode(const CSentencePieceModel *_Nonnull model, const char *_Nonnull text,
                                        int64_t length, int64_t *_Nonnull count);
// The text of ids, owned; not NULL for no ids.
char *_Nullable CSentencePieceDecode(const CSentencePieceModel *_Nonnull model, const int32_t *_Nonnull ids,
                                     int64_t count, int64_t *_Nonnull length);

#ifdef __cplusplus
}
#endif
#endif

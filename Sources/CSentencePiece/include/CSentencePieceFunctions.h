// What the library that calls SentencePiece gives, and what is called under the names of CSentencePiece.h.
#ifndef C_SENTENCE_PIECE_FUNCTIONS_H
#define C_SENTENCE_PIECE_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct CSentencePieceModel CSentencePieceModel;

typedef struct CSentencePieceFunctions {
  const char *_Nonnull (*_Nonnull lastError)(void);
  void (*_Nonnull freeBuffer)(void *_Nullable buffer);
  uint8_t *_Nullable (*_Nonnull train)(const char *_Nonnull text, const int64_t *_Nonnull ends, int64_t count,
                                       const char *_Nonnull const *_Nonnull options,
                                       const char *_Nonnull const *_Nonnull values, int64_t optionCount,
                                       int64_t *_Nonnull length);
  CSentencePieceModel *_Nullable (*_Nonnull load)(const uint8_t *_Nonnull bytes, int64_t length);
  void (*_Nonnull freeModel)(CSentencePieceModel *_Nonnull model);
  int32_t (*_Nonnull count)(const CSentencePieceModel *_Nonnull model);
  int32_t (*_Nonnull unknownId)(const CSentencePieceModel *_Nonnull model);
  int32_t (*_Nonnull startId)(const CSentencePieceModel *_Nonnull model);
  int32_t (*_Nonnull endId)(const CSentencePieceModel *_Nonnull model);
  int32_t (*_Nonnull paddingId)(const CSentencePieceModel *_Nonnull model);
  const char *_Nonnull (*_Nonnull text)(const CSentencePieceModel *_Nonnull model, int32_t id,
                                        int64_t *_Nonnull length);
  bool (*_Nonnull isByte)(const CSentencePieceModel *_Nonnull model, int32_t id);
  bool (*_Nonnull isSpecial)(const CSentencePieceModel *_Nonnull model, int32_t id);
  int32_t *_Nullable (*_Nonnull encode)(const CSentencePieceModel *_Nonnull model, const char *_Nonnull text,
                                        int64_t length, int64_t *_Nonnull count);
  char *_Nullable (*_Nonnull decode)(const CSentencePieceModel *_Nonnull model, const int32_t *_Nonnull ids,
                                     int64_t count, int64_t *_Nonnull length);
} CSentencePieceFunctions;

#endif

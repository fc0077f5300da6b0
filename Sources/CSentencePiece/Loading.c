#include "include/CSentencePiece.h"

#include <pthread.h>

#include "CSideLibrary.h"

static const CSentencePieceFunctions *functions;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  // With its own variables before those of libtorch, which have a name in common with them.
  functions = CSideLibraryTable("AtelierSentencePiece", "CSentencePieceFunctionTable", true, NULL, 0);
}

bool CSentencePieceIsAvailable(void) {
  pthread_once(&once, load);
  return functions != NULL;
}

const char *CSentencePieceLastError(void) {
  return CSentencePieceIsAvailable() ? functions->lastError() : "this build has no SentencePiece";
}

void CSentencePieceFree(void *buffer) {
  if (CSentencePieceIsAvailable()) functions->freeBuffer(buffer);
}

uint8_t *CSentencePieceTrain(const char *text, const int64_t *ends, int64_t count, const char *const *options,
                             const char *const *values, int64_t optionCount, int64_t *length) {
  return CSentencePieceIsAvailable() ? functions->train(text, ends, count, options, values, optionCount, length) : NULL;
}

CSentencePieceModel *CSentencePieceLoad(const uint8_t *bytes, int64_t length) {
  return CSentencePieceIsAvailable() ? functions->load(bytes, length) : NULL;
}

// Whoever has a model has the library.

void CSentencePieceModelFree(CSentencePieceModel *model) { functions->freeModel(model); }
int32_t CSentencePieceCount(const CSentencePieceModel *model) { return functions->count(model); }
int32_t CSentencePieceUnknownId(const CSentencePieceModel *model) { return functions->unknownId(model); }
int32_t CSentencePieceStartId(const CSentencePieceModel *model) { return functions->startId(model); }
int32_t CSentencePieceEndId(const CSentencePieceModel *model) { return functions->endId(model); }
int32_t CSentencePiecePaddingId(const CSentencePieceModel *model) { return functions->paddingId(model); }

const char *CSentencePieceText(const CSentencePieceModel *model, int32_t id, int64_t *length) {
  return functions->text(model, id, length);
}

bool CSentencePieceIsByte(const CSentencePieceModel *model, int32_t id) { return functions->isByte(model, id); }
bool CSentencePieceIsSpecial(const CSentencePieceModel *model, int32_t id) { return functions->isSpecial(model, id); }

int32_t *CSentencePieceEncode(const CSentencePieceModel *model, const char *text, int64_t length, int64_t *count) {
  return functions->encode(model, text, length, count);
}

char *CSentencePieceDecode(const CSentencePieceModel *model, const int32_t *ids, int64_t count, int64_t *length) {
  return functions->decode(model, ids, count, length);
}

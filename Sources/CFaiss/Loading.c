#include "include/CFaiss.h"

#include <pthread.h>
#include <stddef.h>

#include "CSideLibrary.h"

static const CFaissFunctions *functions;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  // The program's functions come first, so that Faiss computes with the engine's BLAS, the faster one.
  functions = CSideLibraryTable("AtelierFaissIndex", "CFaissFunctionTable", false, NULL, 0);
}

bool CFaissIsAvailable(void) {
  pthread_once(&once, load);
  return functions != NULL;
}

const char *CFaissLastError(void) { return CFaissIsAvailable() ? functions->lastError() : "this build has no Faiss"; }

CFaissIndex *CFaissIndexTrain(const float *rows, int64_t count, int64_t width, int64_t lists, bool innerProduct,
                              int32_t seed) {
  return CFaissIsAvailable() ? functions->train(rows, count, width, lists, innerProduct, seed) : NULL;
}

CFaissIndex *CFaissIndexFromCentroids(const float *centroids, int64_t lists, int64_t width, bool innerProduct) {
  return CFaissIsAvailable() ? functions->fromCentroids(centroids, lists, width, innerProduct) : NULL;
}

// Whoever has an index has the library.

void CFaissIndexFree(CFaissIndex *index) { functions->freeIndex(index); }

bool CFaissIndexAdd(CFaissIndex *index, const float *rows, int64_t count) {
  return functions->add(index, rows, count);
}

bool CFaissIndexAddToList(CFaissIndex *index, int64_t list, const int64_t *numbers, const float *rows, int64_t count) {
  return functions->addToList(index, list, numbers, rows, count);
}

bool CFaissIndexSearch(const CFaissIndex *index, const float *queries, int64_t count, int64_t k, int64_t probes,
                       float *values, int64_t *numbers) {
  return functions->search(index, queries, count, k, probes, values, numbers);
}

bool CFaissIndexCopyCentroids(const CFaissIndex *index, float *centroids) {
  return functions->copyCentroids(index, centroids);
}

int64_t CFaissIndexListLength(const CFaissIndex *index, int64_t list) { return functions->listLength(index, list); }

bool CFaissIndexCopyList(const CFaissIndex *index, int64_t list, int64_t *numbers, float *rows) {
  return functions->copyList(index, list, numbers, rows);
}

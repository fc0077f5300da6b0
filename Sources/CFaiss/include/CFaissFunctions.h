// What the library that calls Faiss gives, and what is called under the names of CFaiss.h.
#ifndef C_FAISS_FUNCTIONS_H
#define C_FAISS_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct CFaissIndex CFaissIndex;

typedef struct CFaissFunctions {
  const char *_Nonnull (*_Nonnull lastError)(void);
  CFaissIndex *_Nullable (*_Nonnull train)(const float *_Nonnull rows, int64_t count, int64_t width, int64_t lists,
                                           bool innerProduct, int32_t seed);
  CFaissIndex *_Nullable (*_Nonnull fromCentroids)(const float *_Nonnull centroids, int64_t lists, int64_t width,
                                                   bool innerProduct);
  void (*_Nonnull freeIndex)(CFaissIndex *_Nonnull index);
  bool (*_Nonnull add)(CFaissIndex *_Nonnull index, const float *_Nonnull rows, int64_t count);
  bool (*_Nonnull addToList)(CFaissIndex *_Nonnull index, int64_t list, const int64_t *_Nonnull numbers,
                             const float *_Nonnull rows, int64_t count);
  bool (*_Nonnull search)(const CFaissIndex *_Nonnull index, const float *_Nonnull queries, int64_t count, int64_t k,
                          int64_t probes, float *_Nonnull values, int64_t *_Nonnull numbers);
  bool (*_Nonnull copyCentroids)(const CFaissIndex *_Nonnull index, float *_Nonnull centroids);
  int64_t (*_Nonnull listLength)(const CFaissIndex *_Nonnull index, int64_t list);
  bool (*_Nonnull copyList)(const CFaissIndex *_Nonnull index, int64_t list, int64_t *_Nonnull numbers,
                            float *_Nonnull rows);
} CFaissFunctions;

#endif

// A small C face of Faiss: an inverted file of whole vectors (IndexIVFFlat).
//
// A function that can fail returns false or NULL and leaves its reason in CFaissLastError(). Matrices are float32,
// row-major. The caller has checked lengths, counts and list numbers; vectors are numbered from 0 in the order in
// which they come in.
#ifndef C_FAISS_H
#define C_FAISS_H

#include "CFaissFunctions.h"

#ifdef __cplusplus
extern "C" {
#endif

// Whether the library that calls Faiss is beside the program, and was built with it; where not, every function fails.
bool CFaissIsAvailable(void);
// Why the last call on this thread failed.
const char *_Nonnull CFaissLastError(void);

// Finds `lists` centroids of the rows by k-means; the rows themselves are not added.
CFaissIndex *_Nullable CFaissIndexTrain(const float *_Nonnull rows, int64_t count, int64_t width, int64_t lists,
                                bool innerProduct, int32_t seed);
// An empty index with known centroids, `lists` rows.
CFaissIndex *_Nullable CFaissIndexFromCentroids(const float *_Nonnull centroids, int64_t lists, int64_t width,
                                        bool innerProduct);
void CFaissIndexFree(CFaissIndex *_Nonnull index);

// Sorts the rows into the lists of their nearest centroids.
bool CFaissIndexAdd(CFaissIndex *_Nonnull index, const float *_Nonnull rows, int64_t count);
// Puts rows with their numbers into one list, as CFaissIndexCopyList gave them.
bool CFaissIndexAddToList(CFaissIndex *_Nonnull index, int64_t list, const int64_t *_Nonnull numbers,
                      const float *_Nonnull rows, int64_t count);
// Squared distances ascending, or inner products descending, `[count, k]` each; number -1 where the lists that
// were looked through hold fewer than k rows.
bool CFaissIndexSearch(const CFaissIndex *_Nonnull index, const float *_Nonnull queries, int64_t count, int64_t k,
                   int64_t probes, float *_Nonnull values, int64_t *_Nonnull numbers);

// `[lists, width]`.
bool CFaissIndexCopyCentroids(const CFaissIndex *_Nonnull index, float *_Nonnull centroids);
int64_t CFaissIndexListLength(const CFaissIndex *_Nonnull index, int64_t list);
bool CFaissIndexCopyList(const CFaissIndex *_Nonnull index, int64_t list, int64_t *_Nonnull numbers, float *_Nonnull rows);

#ifdef __cplusplus
}
#endif
#endif

#include "include/CFaiss.h"

#include <cstring>
#include <exception>
#include <string>

namespace {

thread_local std::string lastError;

}  // namespace

extern "C" const char *CFaissLastError(void) { return lastError.c_str(); }

#ifdef ATELIER_FAISS

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/impl/FaissException.h>
#include <faiss/invlists/InvertedLists.h>

#include <memory>

struct CFaissIndex {
  // The index refers to the quantizer, so it has to go first: members are destroyed from the last to the first.
  faiss::IndexFlat quantizer;
  faiss::IndexIVFFlat lists;

  CFaissIndex(int64_t width, int64_t count, bool innerProduct)
      : quantizer(width, innerProduct ? faiss::METRIC_INNER_PRODUCT : faiss::METRIC_L2),
        lists(&quantizer, static_cast<size_t>(width), static_cast<size_t>(count),
              innerProduct ? faiss::METRIC_INNER_PRODUCT : faiss::METRIC_L2) {
    lists.own_fields = false;
  }
};

namespace {

// Every exported body is one guarded expression, so that a C++ exception always comes back as an error text and
// never unwinds into Swift.
template <class Body>
auto guard(Body &&body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const faiss::FaissException &error) {
    lastError = error.msg;
  } catch (const std::exception &error) {
    lastError = error.what();
  } catch (...) {
    lastError = "an unknown C++ exception";
  }
  return {};
}

}  // namespace

extern "C" {

bool CFaissIsAvailable(void) { return true; }

CFaissIndex *CFaissIndexTrain(const float *rows, int64_t count, int64_t width, int64_t lists, bool innerProduct,
                      int32_t seed) {
  return guard([&] {
    auto index = std::make_unique<CFaissIndex>(width, lists, innerProduct);
    index->lists.cp.seed = seed;
    // Otherwise Faiss writes its advice about the number of rows to standard error.
    index->lists.cp.min_points_per_centroid = 1;
    index->lists.train(count, rows);
    return index.release();
  });
}

CFaissIndex *CFaissIndexFromCentroids(const float *centroids, int64_t lists, int64_t width, bool innerProduct) {
  return guard([&] {
    auto index = std::make_unique<CFaissIndex>(width, lists, innerProduct);
    index->quantizer.add(lists, centroids);
    index->lists.is_trained = true;
    return index.release();
  });
}

void CFaissIndexFree(CFaissIndex *index) { delete index; }

bool CFaissIndexAdd(CFaissIndex *index, const float *rows, int64_t count) {
  return guard([&] {
    index->lists.add(count, rows);
    return true;
  });
}

bool CFaissIndexAddToList(CFaissIndex *index, int64_t list, const int64_t *numbers, const float *rows, int64_t count) {
  return guard([&] {
    index->lists.invlists->add_entries(static_cast<size_t>(list), static_cast<size_t>(count), numbers,
                                       reinterpret_cast<const uint8_t *>(rows));
    index->lists.ntotal += count;
    return true;
  });
}

bool CFaissIndexSearch(const CFaissIndex *index, const float *queries, int64_t count, int64_t k, int64_t probes,
                   float *values, int64_t *numbers) {
  return guard([&] {
    faiss::SearchParametersIVF parameters;
    parameters.nprobe = static_cast<size_t>(probes);
    index->lists.search(count, queries, k, values, numbers, &parameters);
    return true;
  });
}

bool CFaissIndexCopyCentroids(const CFaissIndex *index, float *centroids) {
  return guard([&] {
    index->quantizer.reconstruct_n(0, index->quantizer.ntotal, centroids);
    return true;
  });
}

int64_t CFaissIndexListLength(const CFaissIndex *index, int64_t list) {
  return guard([&] { return static_cast<int64_t>(index->lists.invlists->list_size(static_cast<size_t>(list))); });
}

bool CFaissIndexCopyList(const CFaissIndex *index, int64_t list, int64_t *numbers, float *rows) {
  return guard([&] {
    const auto place = static_cast<size_t>(list);
    const auto &lists = *index->lists.invlists;
    const auto count = lists.list_size(place);
    faiss::InvertedLists::ScopedIds ids(&lists, place);
    faiss::InvertedLists::ScopedCodes codes(&lists, place);
    std::memcpy(numbers, ids.get(), count * sizeof(int64_t));
    std::memcpy(rows, codes.get(), count * lists.code_size);
    return true;
  });
}

}  // extern "C"

#else

struct CFaissIndex {};

namespace {

template <class Value>
Value absent(Value value) noexcept {
  lastError = "this build has no Faiss";
  return value;
}

}  // namespace

extern "C" {

bool CFaissIsAvailable(void) { return false; }
CFaissIndex *CFaissIndexTrain(const float *, int64_t, int64_t, int64_t, bool, int32_t) {
  return absent<CFaissIndex *>(nullptr);
}
CFaissIndex *CFaissIndexFromCentroids(const float *, int64_t, int64_t, bool) { return absent<CFaissIndex *>(nullptr); }
void CFaissIndexFree(CFaissIndex *index) { delete index; }
bool CFaissIndexAdd(CFaissIndex *, const float *, int64_t) { return absent(false); }
bool CFaissIndexAddToList(CFaissIndex *, int64_t, const int64_t *, const float *, int64_t) { return absent(false); }
bool CFaissIndexSearch(const CFaissIndex *, const float *, int64_t, int64_t, int64_t, float *, int64_t *) {
  return absent(false);
}
bool CFaissIndexCopyCentroids(const CFaissIndex *, float *) { return absent(false); }
int64_t CFaissIndexListLength(const CFaissIndex *, int64_t) { return absent<int64_t>(0); }
bool CFaissIndexCopyList(const CFaissIndex *, int64_t, int64_t *, float *) { return absent(false); }

}  // extern "C"

#endif

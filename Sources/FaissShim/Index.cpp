#include "include/FaissShim.h"

#ifdef ATELIER_FAISS

#include <cstring>
#include <exception>
#include <string>

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

thread_local std::string lastError;

const char *lastErrorText() { return lastError.c_str(); }

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

CFaissIndex *train(const float *rows, int64_t count, int64_t width, int64_t lists, bool innerProduct,
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

CFaissIndex *fromCentroids(const float *centroids, int64_t lists, int64_t width, bool innerProduct) {
  return guard([&] {
    auto index = std::make_unique<CFaissIndex>(width, lists, innerProduct);
    index->quantizer.add(lists, centroids);
    index->lists.is_trained = true;
    return index.release();
  });
}

void freeIndex(CFaissIndex *index) { delete index; }

bool add(CFaissIndex *index, const float *rows, int64_t count) {
  return guard([&] {
    index->lists.add(count, rows);
    return true;
  });
}

bool addToList(CFaissIndex *index, int64_t list, const int64_t *numbers, const float *rows, int64_t count) {
  return guard([&] {
    index->lists.invlists->add_entries(static_cast<size_t>(list), static_cast<size_t>(count), numbers,
                                       reinterpret_cast<const uint8_t *>(rows));
    index->lists.ntotal += count;
    return true;
  });
}

bool search(const CFaissIndex *index, const float *queries, int64_t count, int64_t k, int64_t probes,
                   float *values, int64_t *numbers) {
  return guard([&] {
    faiss::SearchParametersIVF parameters;
    parameters.nprobe = static_cast<size_t>(probes);
    index->lists.search(count, queries, k, values, numbers, &parameters);
    return true;
  });
}

bool copyCentroids(const CFaissIndex *index, float *centroids) {
  return guard([&] {
    index->quantizer.reconstruct_n(0, index->quantizer.ntotal, centroids);
    return true;
  });
}

int64_t listLength(const CFaissIndex *index, int64_t list) {
  return guard([&] { return static_cast<int64_t>(index->lists.invlists->list_size(static_cast<size_t>(list))); });
}

bool copyList(const CFaissIndex *index, int64_t list, int64_t *numbers, float *rows) {
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

}  // namespace

const CFaissFunctions *CFaissFunctionTable(void) {
  static const CFaissFunctions table = {
      lastErrorText, train, fromCentroids, freeIndex, add, addToList, search, copyCentroids, listLength, copyList,
  };
  return &table;
}

#else

const CFaissFunctions *CFaissFunctionTable(void) { return nullptr; }

#endif

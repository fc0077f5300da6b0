#include "include/DistributedShim.h"

#if __has_include(<torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>)

#define USE_C10D_GLOO 1
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

struct CDistributedGroup {
  c10::intrusive_ptr<c10d::Store> all;
  c10::intrusive_ptr<c10d::Store> own;
  c10::intrusive_ptr<c10d::Backend> backend;
  // Carries the sums that are begun and finished apart.
  c10::intrusive_ptr<c10d::Backend> beside;
  int32_t rank = 0;
  int32_t count = 1;

  const c10::intrusive_ptr<c10d::Store> &store(bool outlives) const { return outlives ? all : own; }
};

struct CDistributedReduction {
  c10::intrusive_ptr<c10d::Work> work;
};

namespace {

using std::chrono::milliseconds;

thread_local std::string lastError;

// Every exported body is one guarded expression, so that a C++ exception always comes back as an error text and
// never unwinds into Swift.
template <class Body>
auto guard(Body &&body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const c10::Error &error) {
    lastError = error.what_without_backtrace();
  } catch (const std::exception &error) {
    lastError = error.what();
  } catch (...) {
    lastError = "an unknown C++ exception";
  }
  return {};
}

at::ScalarType scalarType(int32_t type) {
  switch (type) {
    case CDistributedFloat64: return at::kDouble;
    case CDistributedInt64: return at::kLong;
    default: return at::kFloat;
  }
}

// A tensor over the caller's memory, which has to outlive every use of it.
at::Tensor view(const void *bytes, int64_t count, at::ScalarType type) {
  return at::from_blob(const_cast<void *>(bytes), {count}, at::TensorOptions().dtype(type));
}

c10d::Backend &connected(const c10::intrusive_ptr<c10d::Backend> &backend) {
  TORCH_CHECK(backend, "the connections with the other processes have ended");
  return *backend;
}

// Waits for all of them, because those that go on after a failure use the caller's memory; then throws the first
// failure.
void finish(const std::vector<c10::intrusive_ptr<c10d::Work>> &works) {
  std::exception_ptr failure;
  for (const auto &work : works) {
    try {
      work->wait();
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

const char *error() { return lastError.c_str(); }

CDistributedGroup *open(const char *host, int32_t port, bool isHost, const char *prefix, int32_t rank, int32_t count,
                        int64_t timeout) {
  return guard([&]() -> CDistributedGroup * {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.isServer = isHost;
    options.waitWorkers = false;
    options.timeout = milliseconds(timeout);
    auto group = std::make_unique<CDistributedGroup>();
    group->all = c10::make_intrusive<c10d::TCPStore>(host, options);
    group->own = c10::make_intrusive<c10d::PrefixStore>(prefix, group->all);
    group->rank = rank;
    group->count = count;
    return group.release();
  });
}

bool connect(CDistributedGroup *group, int64_t timeout) {
  return guard([&] {
    const auto connect = [&](const char *name) {
      return c10::make_intrusive<c10d::ProcessGroupGloo>(
          c10::make_intrusive<c10d::PrefixStore>(name, group->own), group->rank, group->count,
          c10d::ProcessGroupGloo::Options::create_default(milliseconds(timeout)));
    };
    group->backend = connect("gloo");
    group->beside = connect("beside");
    return true;
  });
}

void disconnect(CDistributedGroup *group) {
  guard([&] {
    group->backend.reset();
    group->beside.reset();
    return true;
  });
}

void freeGroup(CDistributedGroup *group) {
  guard([&] {
    delete group;
    return true;
  });
}

bool allReduce(CDistributedGroup *group, void *const *buffers, const int64_t *counts, int32_t bufferCount, int32_t type,
               int32_t operation, int64_t timeout) {
  return guard([&] {
    auto &backend = connected(group->backend);
    c10d::AllreduceOptions options;
    options.reduceOp = operation == CDistributedMaximum ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
    options.timeout = milliseconds(timeout);
    std::vector<c10::intrusive_ptr<c10d::Work>> works;
    for (int32_t i = 0; i < bufferCount; ++i) {
      std::vector<at::Tensor> tensors{view(buffers[i], counts[i], scalarType(type))};
      works.push_back(backend.allreduce(tensors, options));
    }
    finish(works);
    return true;
  });
}

CDistributedReduction *beginSum(CDistributedGroup *group, void *buffer, int64_t count, int32_t type,
                                int64_t timeout) {
  return guard([&]() -> CDistributedReduction * {
    c10d::AllreduceOptions options;
    options.timeout = milliseconds(timeout);
    std::vector<at::Tensor> tensors{view(buffer, count, scalarType(type))};
    return new CDistributedReduction{connected(group->beside).allreduce(tensors, options)};
  });
}

bool finishSum(CDistributedReduction *reduction) {
  const std::unique_ptr<CDistributedReduction> owned(reduction);
  return guard([&] { return owned->work->wait(); });
}

bool broadcast(CDistributedGroup *group, void *bytes, int64_t count, int32_t root, int64_t timeout) {
  return guard([&] {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    options.timeout = milliseconds(timeout);
    std::vector<at::Tensor> tensors{view(bytes, count, at::kByte)};
    finish({connected(group->backend).broadcast(tensors, options)});
    return true;
  });
}

bool allGather(CDistributedGroup *group, const void *bytes, int64_t count, void *all, int64_t timeout) {
  return guard([&] {
    c10d::AllgatherOptions options;
    options.timeout = milliseconds(timeout);
    std::vector<at::Tensor> given{view(bytes, count, at::kByte)};
    std::vector<std::vector<at::Tensor>> gathered(1);
    for (int32_t rank = 0; rank < group->count; ++rank)
      gathered[0].push_back(view(static_cast<uint8_t *>(all) + rank * count, count, at::kByte));
    finish({connected(group->backend).allgather(gathered, given, options)});
    return true;
  });
}

bool set(CDistributedGroup *group, bool outlives, const char *key, const uint8_t *bytes, int64_t count) {
  return guard([&] {
    group->store(outlives)->set(key, std::vector<uint8_t>(bytes, bytes + count));
    return true;
  });
}

int32_t has(CDistributedGroup *group, bool outlives, const char *key) {
  // 0 is an answer, so that a failure has to be told from it.
  int32_t found = -1;
  guard([&] {
    found = group->store(outlives)->check({key}) ? 1 : 0;
    return true;
  });
  return found;
}

uint8_t *get(CDistributedGroup *group, bool outlives, const char *key, int64_t timeout, int64_t *count) {
  return guard([&] {
    const auto &store = group->store(outlives);
    store->wait({key}, milliseconds(timeout));
    const auto bytes = store->get(key);
    auto *copy = new uint8_t[bytes.size() + 1];
    std::memcpy(copy, bytes.data(), bytes.size());
    *count = static_cast<int64_t>(bytes.size());
    return copy;
  });
}

void freeBuffer(uint8_t *buffer) { delete[] buffer; }

constexpr CDistributedFunctions table = {error,     open,      connect,   disconnect, freeGroup, allReduce, beginSum,
                                         finishSum, broadcast, allGather, set,        has,       get,       freeBuffer};

}  // namespace

extern "C" const CDistributedFunctions *CDistributedFunctionTable(void) { return &table; }

#else

extern "C" const CDistributedFunctions *CDistributedFunctionTable(void) { return nullptr; }

#endif

// An optional allocator for large tensors.
#include "Libtorch.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include "Support.h"
#include "include/CTMemory.h"

using namespace ctorch;

#ifdef __linux__
#include <sys/mman.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <unordered_map>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

// A pool of pages for large tensors. The C library either returns pages at once, so that every page of the
// next tensor is cleared again, or keeps them in one heap, which fragments: a process then holds a fifth more
// than the peak of its tensors. Here free pages are kept by size for reuse, but never beyond the peak of the
// live tensors: free pages are released before new ones are mapped. So the peak is that of the tensors alone,
// and a repeated step reuses its pages.
class Pool final : public c10::Allocator {
 public:
  static Pool &shared() {
    // Never destroyed: tensors may outlive every static object.
    static Pool *pool = new Pool();
    return *pool;
  }

  c10::DataPtr allocate(size_t bytes) override {
    void *address = bytes < least ? c10::alloc_cpu(bytes) : take(rounded(bytes));
    return {address, address, &release, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void *to, const void *from, size_t bytes) const override { default_copy_data(to, from, bytes); }

  void figures(int64_t *held, int64_t *kept, int64_t *peak) {
    std::lock_guard lock(mutex_);
    *held = static_cast<int64_t>(held_);
    *kept = static_cast<int64_t>(kept_);
    *peak = static_cast<int64_t>(peak_);
  }

 private:
  // Smaller tensors are left to the C library; above this size a page of waste is negligible.
  static constexpr size_t least = size_t{1} << 20;
  static constexpr size_t page = size_t{1} << 12;
  static constexpr size_t hugePage = size_t{1} << 21;

  static size_t rounded(size_t bytes) { return (bytes + page - 1) / page * page; }

  static void release(void *address) {
    // The C library's blocks rarely start at a page, so small ones need no lock.
    if (reinterpret_cast<uintptr_t>(address) % page != 0 || !shared().giveBack(static_cast<char *>(address)))
      c10::free_cpu(address);
  }

  char *take(size_t bytes) {
    std::lock_guard lock(mutex_);
    char *address = nullptr;
    auto fit = free_.lower_bound(bytes);
    // A block of the exact size, otherwise new pages while below the peak: splitting a larger block would
    // take it from the tensor of its size.
    if (fit != free_.end() && (fit->first == bytes || held_ + kept_ + bytes > peak_)) {
      address = fit->second;
      const size_t rest = fit->first - bytes;
      free_.erase(fit);
      kept_ -= bytes + rest;
      if (rest > 0) keep(address + bytes, rest);
    } else {
      while (kept_ > 0 && held_ + kept_ + bytes > peak_) dropSome(held_ + kept_ + bytes - peak_);
      address = map(bytes);
      if (address == nullptr) {
        while (kept_ > 0) dropSome(kept_);
        address = map(bytes);
      }
      TORCH_CHECK(address != nullptr, "not enough memory: ", bytes, " bytes for a tensor");
    }
    held_ += bytes;
    peak_ = std::max(peak_, held_);
    sizes_.emplace(address, bytes);
    return address;
  }

  bool giveBack(char *address) {
    std::lock_guard lock(mutex_);
    const auto found = sizes_.find(address);
    if (found == sizes_.end()) return false;
    const size_t bytes = found->second;
    sizes_.erase(found);
    held_ -= bytes;
    keep(address, bytes);
    return true;
  }

  // If no mapping is left to split one, at least release the memory.
  static void unmap(char *address, size_t bytes) {
    if (munmap(address, bytes) != 0) madvise(address, bytes, MADV_DONTNEED);
  }

  void keep(char *address, size_t bytes) {
    // No tensor in the pool is smaller, so such a rest would never be reused.
    if (bytes < least) return unmap(address, bytes);
    free_.emplace(bytes, address);
    kept_ += bytes;
  }

  // Releases up to the given number of bytes of the largest block.
  void dropSome(size_t bytes) {
    const auto largest = std::prev(free_.end());
    const auto [size, address] = *largest;
    const size_t dropped = std::min(size, bytes);
    free_.erase(largest);
    kept_ -= size;
    unmap(address + (size - dropped), dropped);
    if (dropped < size) keep(address, size - dropped);
  }

  static char *map(size_t bytes) {
    const size_t slack = bytes >= hugePage ? hugePage : 0;
    void *mapped = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    auto *start = static_cast<char *>(mapped);
    if (slack == 0) return start;
    // Align to huge pages, where the system has them, which are cleared faster.
    const auto before = (hugePage - reinterpret_cast<uintptr_t>(start) % hugePage) % hugePage;
    if (before > 0) munmap(start, before);
    if (slack > before) munmap(start + before + bytes, slack - before);
    madvise(start + before, bytes, MADV_HUGEPAGE);
    return start + before;
  }

  std::mutex mutex_;
  std::multimap<size_t, char *> free_;
  std::unordered_map<char *, size_t> sizes_;
  size_t held_ = 0;
  size_t kept_ = 0;
  size_t peak_ = 0;
};

}  // namespace
#endif

extern "C" {

bool CTPoolMemory(void) {
  return guard([] {
#ifdef __linux__
    static const bool isDone = [] {
#ifdef __GLIBC__
      // Large arrays other than tensors are returned to the system when freed; the heap of small objects
      // stays.
      mallopt(M_MMAP_THRESHOLD, 1 << 20);
      mallopt(M_TRIM_THRESHOLD, 1 << 26);
#endif
      c10::SetCPUAllocator(&Pool::shared(), 1);
      return true;
    }();
    return isDone;
#else
    return false;
#endif
  });
}

bool CTPoolFigures(int64_t *held, int64_t *kept, int64_t *peak) {
  return guard([&] {
#ifdef __linux__
    Pool::shared().figures(held, kept, peak);
    return c10::GetCPUAllocator() == &Pool::shared();
#else
    return false;
#endif
  });
}

}  // extern "C"

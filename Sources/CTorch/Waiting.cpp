// How libgomp's threads wait for each other.
#include "Libtorch.h"

#include "Support.h"

#include "include/CTAutograd.h"

#if defined(__linux__)
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

extern "C" void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned) __attribute__((weak));

namespace {
// At a barrier libgomp's threads turn 300,000 times in a loop, some 15 ms, before they sleep; where it manages more
// threads than the process has processors they turn 100 times. A team that does nothing, of more threads than there
// are processors, makes it so for as long as the thread that made the team lives. libgomp has no call for it, and its
// environment variables are read before a program's first line.
class IdleTeam {
 public:
  IdleTeam() : owner_([this] { keep(); }) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return stands_; });
  }

  ~IdleTeam() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    owner_.join();
  }

 private:
  void keep() {
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    GOMP_parallel([](void *) {}, nullptr, static_cast<unsigned>(processors < 1 ? 2 : processors + 1), 0);
    std::unique_lock<std::mutex> lock(mutex_);
    stands_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return ends_; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stands_ = false;
  bool ends_ = false;
  std::thread owner_;  // last, as it uses the others
};

std::mutex teamMutex;
IdleTeam *team = nullptr;  // never freed at the end of the process, where libgomp may be gone already
}  // namespace

using namespace ctorch;

bool CTSetBriefWaiting(bool brief) {
  return guard([&] {
    if (!GOMP_parallel) return false;
    const std::lock_guard<std::mutex> lock(teamMutex);
    if (brief && !team) team = new IdleTeam;
    if (!brief) {
      delete team;
      team = nullptr;
    }
    return true;
  });
}
#else
bool CTSetBriefWaiting(bool) {
  return guard([] { return false; });
}
#endif

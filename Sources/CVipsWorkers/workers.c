#define _GNU_SOURCE
#include "CVipsWorkers.h"

#include <vips/vips.h>

#ifdef __linux__
#include <dlfcn.h>

// In place of libvips's own: a worker that never times out is never freed beside a task of its own.
int vips_semaphore_down_timeout(VipsSemaphore *semaphore, gint64 timeout) {
  (void)timeout;
  return vips_semaphore_down(semaphore);
}

bool cvips_workers_stay(void) {
  return dlsym(RTLD_DEFAULT, "vips_semaphore_down_timeout") == (void *)vips_semaphore_down_timeout;
}
#else
bool cvips_workers_stay(void) { return false; }
#endif

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "include/CDistributed.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#ifdef __APPLE__
#define LIBRARY "libAtelierGloo.dylib"
#else
#define LIBRARY "libAtelierGloo.so"
#endif

static const CDistributedFunctions *functions;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char reason[512] = "this build has no collectives";

static void *opened(void) {
  char path[PATH_MAX + sizeof(LIBRARY) + 1];
#ifdef __APPLE__
  uint32_t size = PATH_MAX;
  bool isKnown = _NSGetExecutablePath(path, &size) == 0;
#else
  ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
  bool isKnown = size > 0;
  if (isKnown) path[size] = 0;
#endif
  char *slash = isKnown ? strrchr(path, '/') : NULL;
  if (slash != NULL) {
    strcpy(slash + 1, LIBRARY);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) return library;
  }
  return dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

static void load(void) {
  void *library = opened();
  if (library == NULL) {
    const char *text = dlerror();
    if (text != NULL) snprintf(reason, sizeof reason, "%s", text);
    return;
  }
  const CDistributedFunctions *(*table)(void) =
      (const CDistributedFunctions *(*)(void))dlsym(library, "CDistributedFunctionTable");
  if (table != NULL) functions = table();
}

bool CDistributedIsAvailable(void) {
  pthread_once(&once, load);
  return functions != NULL;
}

const char *CDistributedLastError(void) { return CDistributedIsAvailable() ? functions->lastError() : reason; }

CDistributedGroup *CDistributedOpen(const char *host, int32_t port, bool isHost, const char *prefix, int32_t rank,
                                    int32_t count, int64_t timeout) {
  return CDistributedIsAvailable() ? functions->open(host, port, isHost, prefix, rank, count, timeout) : NULL;
}

// Whoever has a group has the library.

bool CDistributedConnect(CDistributedGroup *group, int64_t timeout) { return functions->connect(group, timeout); }
void CDistributedDisconnect(CDistributedGroup *group) { functions->disconnect(group); }
void CDistributedFree(CDistributedGroup *group) { functions->freeGroup(group); }

bool CDistributedAllReduce(CDistributedGroup *group, void *const *buffers, const int64_t *counts, int32_t bufferCount,
                           int32_t type, int32_t operation, int64_t timeout) {
  return functions->allReduce(group, buffers, counts, bufferCount, type, operation, timeout);
}

CDistributedReduction *CDistributedBeginSum(CDistributedGroup *group, void *buffer, int64_t count, int32_t type,
                                            int64_t timeout) {
  return functions->beginSum(group, buffer, count, type, timeout);
}

bool CDistributedFinishSum(CDistributedReduction *reduction) { return functions->finishSum(reduction); }

bool CDistributedBroadcast(CDistributedGroup *group, void *bytes, int64_t count, int32_t root, int64_t timeout) {
  return functions->broadcast(group, bytes, count, root, timeout);
}

bool CDistributedAllGather(CDistributedGroup *group, const void *bytes, int64_t count, void *all, int64_t timeout) {
  return functions->allGather(group, bytes, count, all, timeout);
}

bool CDistributedSet(CDistributedGroup *group, bool outlives, const char *key, const uint8_t *bytes, int64_t count) {
  return functions->set(group, outlives, key, bytes, count);
}

int32_t CDistributedHas(CDistributedGroup *group, bool outlives, const char *key) {
  return functions->has(group, outlives, key);
}

uint8_t *CDistributedGet(CDistributedGroup *group, bool outlives, const char *key, int64_t timeout, int64_t *count) {
  return functions->get(group, outlives, key, timeout, count);
}

void CDistributedFreeBuffer(uint8_t *buffer) {
  if (CDistributedIsAvailable()) functions->freeBuffer(buffer);
}

#include "include/CDistributed.h"

#include <pthread.h>

#include "CSideLibrary.h"

static const CDistributedFunctions *functions;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char reason[512] = "this build has no collectives";

static void load(void) {
  functions = CSideLibraryTable("AtelierGloo", "CDistributedFunctionTable", false, reason, sizeof reason);
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

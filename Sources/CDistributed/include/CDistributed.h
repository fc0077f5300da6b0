// A small C face of libtorch's collectives (c10d over gloo): processes that reduce, send and gather numbers in host
// memory, and a store of keys that all of them see.
//
// A function that can fail returns NULL, false or -1 and leaves its reason in CDistributedLastError(). Times are in
// milliseconds. Every process of a group calls the same collectives in the same order. One thread at a time.
#ifndef C_DISTRIBUTED_H
#define C_DISTRIBUTED_H

#include "CDistributedFunctions.h"

#ifdef __cplusplus
extern "C" {
#endif

// Whether libtorch's collectives were there when this was compiled, and the library that calls them lies beside the
// program or where the loader looks; where it is not, every function fails.
bool CDistributedIsAvailable(void);
// Why the last call on this thread failed.
const char *_Nonnull CDistributedLastError(void);

// The store at an address, which the process with `isHost` serves and the others wait for. `prefix` keeps the keys of
// one attempt apart from those of another.
CDistributedGroup *_Nullable CDistributedOpen(const char *_Nonnull host, int32_t port, bool isHost,
                                              const char *_Nonnull prefix, int32_t rank, int32_t count,
                                              int64_t timeout);
// Connects with every other process of the group.
bool CDistributedConnect(CDistributedGroup *_Nonnull group, int64_t timeout);
// Ends the connections with the other processes, so that their collectives fail at once. The store remains.
void CDistributedDisconnect(CDistributedGroup *_Nonnull group);
void CDistributedFree(CDistributedGroup *_Nonnull group);

// Reduces buffers over all processes, in place, several of them at a time.
bool CDistributedAllReduce(CDistributedGroup *_Nonnull group, void *_Nonnull const *_Nonnull buffers,
                           const int64_t *_Nonnull counts, int32_t bufferCount, int32_t type, int32_t operation,
                           int64_t timeout);
// Begins to sum a buffer over all processes, in place, while the caller goes on. Such sums have connections of their
// own: their order among themselves is the same in all processes, and that beside other collectives may differ.
CDistributedReduction *_Nullable CDistributedBeginSum(CDistributedGroup *_Nonnull group, void *_Nonnull buffer,
                                                      int64_t count, int32_t type, int64_t timeout);
// Waits for the sum, after which nothing uses its buffer, and frees the reduction, also where it failed.
bool CDistributedFinishSum(CDistributedReduction *_Nonnull reduction);
// Replaces the bytes by those of the process `root`.
bool CDistributedBroadcast(CDistributedGroup *_Nonnull group, void *_Nonnull bytes, int64_t count, int32_t root,
                           int64_t timeout);
// Fills `all` with the bytes of all processes, by rank.
bool CDistributedAllGather(CDistributedGroup *_Nonnull group, const void *_Nonnull bytes, int64_t count,
                           void *_Nonnull all, int64_t timeout);

// Keys of the store: of this attempt, or, with `outlives`, of all attempts of a launcher that keeps the store.
bool CDistributedSet(CDistributedGroup *_Nonnull group, bool outlives, const char *_Nonnull key,
                     const uint8_t *_Nonnull bytes, int64_t count);
// 1 where the key is there, 0 where it is not, -1 where the store cannot be reached.
int32_t CDistributedHas(CDistributedGroup *_Nonnull group, bool outlives, const char *_Nonnull key);
// Waits for the key; its bytes, owned, are freed by CDistributedFreeBuffer.
uint8_t *_Nullable CDistributedGet(CDistributedGroup *_Nonnull group, bool outlives, const char *_Nonnull key,
                                   int64_t timeout, int64_t *_Nonnull count);
void CDistributedFreeBuffer(uint8_t *_Nullable buffer);

#ifdef __cplusplus
}
#endif
#endif

// What the library that calls c10d gives, and what is called under the names of CDistributed.h.
#ifndef C_DISTRIBUTED_FUNCTIONS_H
#define C_DISTRIBUTED_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct CDistributedGroup CDistributedGroup;
typedef struct CDistributedReduction CDistributedReduction;

// Types of the numbers that are reduced, and what they are reduced to.
enum { CDistributedFloat32 = 0, CDistributedFloat64, CDistributedInt64 };
enum { CDistributedSum = 0, CDistributedMaximum };

typedef struct CDistributedFunctions {
  const char *_Nonnull (*_Nonnull lastError)(void);
  CDistributedGroup *_Nullable (*_Nonnull open)(const char *_Nonnull host, int32_t port, bool isHost,
                                                const char *_Nonnull prefix, int32_t rank, int32_t count,
                                                int64_t timeout);
  bool (*_Nonnull connect)(CDistributedGroup *_Nonnull group, int64_t timeout);
  void (*_Nonnull disconnect)(CDistributedGroup *_Nonnull group);
  void (*_Nonnull freeGroup)(CDistributedGroup *_Nonnull group);
  bool (*_Nonnull allReduce)(CDistributedGroup *_Nonnull group, void *_Nonnull const *_Nonnull buffers,
                             const int64_t *_Nonnull counts, int32_t bufferCount, int32_t type, int32_t operation,
                             int64_t timeout);
  CDistributedReduction *_Nullable (*_Nonnull beginSum)(CDistributedGroup *_Nonnull group, void *_Nonnull buffer,
                                                        int64_t count, int32_t type, int64_t timeout);
  bool (*_Nonnull finishSum)(CDistributedReduction *_Nonnull reduction);
  bool (*_Nonnull broadcast)(CDistributedGroup *_Nonnull group, void *_Nonnull bytes, int64_t count, int32_t root,
                             int64_t timeout);
  bool (*_Nonnull allGather)(CDistributedGroup *_Nonnull group, const void *_Nonnull bytes, int64_t count,
                             void *_Nonnull all, int64_t timeout);
  bool (*_Nonnull set)(CDistributedGroup *_Nonnull group, bool outlives, const char *_Nonnull key,
                       const uint8_t *_Nonnull bytes, int64_t count);
  int32_t (*_Nonnull has)(CDistributedGroup *_Nonnull group, bool outlives, const char *_Nonnull key);
  uint8_t *_Nullable (*_Nonnull get)(CDistributedGroup *_Nonnull group, bool outlives, const char *_Nonnull key,
                                     int64_t timeout, int64_t *_Nonnull count);
  void (*_Nonnull freeBuffer)(uint8_t *_Nullable buffer);
} CDistributedFunctions;

#endif

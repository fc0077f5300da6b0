// Random generators on the CPU: the numbers PyTorch draws for the same seed.
#ifndef CT_RANDOM_H
#define CT_RANDOM_H

#include "CTTensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CTGenerator CTGenerator;

CTGenerator *_Nullable CTGeneratorCreate(uint64_t seed);
void CTGeneratorFree(CTGenerator *_Nullable generator);
CTTensor *_Nullable CTGeneratorState(const CTGenerator *_Nonnull generator);
bool CTGeneratorSetState(CTGenerator *_Nonnull generator, const CTTensor *_Nonnull state);

CTTensor *_Nullable CTRandomNormal(CTGenerator *_Nonnull generator, const int64_t *_Nonnull shape, int32_t rank,
                                   int32_t dtype);
CTTensor *_Nullable CTRandomUniform(CTGenerator *_Nonnull generator, const int64_t *_Nonnull shape, int32_t rank,
                                    int32_t dtype);
CTTensor *_Nullable CTRandomIntegers(CTGenerator *_Nonnull generator, int64_t low, int64_t high,
                                     const int64_t *_Nonnull shape, int32_t rank);
CTTensor *_Nullable CTRandomPermutation(CTGenerator *_Nonnull generator, int64_t count);
CTTensor *_Nullable CTRandomBernoulli(CTGenerator *_Nonnull generator, double probability,
                                      const int64_t *_Nonnull shape, int32_t rank);
// In place: the initialisers of torch.nn.init.
bool CTRandomFillUniform(CTGenerator *_Nonnull generator, CTTensor *_Nonnull tensor, double low, double high);
bool CTRandomFillNormal(CTGenerator *_Nonnull generator, CTTensor *_Nonnull tensor, double mean, double deviation);

#ifdef __cplusplus
}
#endif
#endif

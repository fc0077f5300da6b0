// A tensor handle and everything that reads or moves its value.
//
// Every function that can fail returns NULL, false or a negative number and leaves its message in
// CTLastError(). A `const CTTensor *` is borrowed; a returned `CTTensor *` is owned by the caller.
#ifndef CT_TENSOR_H
#define CT_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CTTensor CTTensor;

// Element types, in the order of Torch.DType.
enum {
  CTFloat32 = 0, CTFloat64, CTFloat16, CTBFloat16, CTInt64, CTInt32, CTInt16, CTInt8, CTUInt8, CTBool
};
// Kinds of devices.
enum { CTCPU = 0, CTCUDA = 1, CTMPS = 2 };

// The message of the last failure on this thread.
const char *_Nonnull CTLastError(void);
// Sets that message; callbacks call it before they report a failure.
void CTSetLastError(const char *_Nonnull text);

void CTTensorFree(CTTensor *_Nullable tensor);
int32_t CTTensorRank(const CTTensor *_Nonnull tensor);
void CTTensorShape(const CTTensor *_Nonnull tensor, int64_t *_Nonnull shape);
int32_t CTTensorDType(const CTTensor *_Nonnull tensor);
int32_t CTTensorDeviceKind(const CTTensor *_Nonnull tensor);
int32_t CTTensorDeviceIndex(const CTTensor *_Nonnull tensor);
// Copies `byteCount` bytes of a contiguous tensor's elements in; the memory stays the caller's.
CTTensor *_Nullable CTTensorFromBytes(const void *_Nullable bytes, size_t byteCount,
                                      const int64_t *_Nonnull shape, int32_t rank, int32_t dtype,
                                      int32_t deviceKind, int32_t deviceIndex);
// Copies the elements out, row-major, from any device.
bool CTTensorCopyBytes(const CTTensor *_Nonnull tensor, void *_Nonnull bytes, size_t byteCount);
// The only element as a double.
bool CTTensorItem(const CTTensor *_Nonnull tensor, double *_Nonnull value);

CTTensor *_Nullable CTTensorFull(const int64_t *_Nonnull shape, int32_t rank, double value, int32_t dtype,
                                 int32_t deviceKind, int32_t deviceIndex);
CTTensor *_Nullable CTTensorArange(int64_t count, int32_t deviceKind, int32_t deviceIndex);
CTTensor *_Nullable CTTensorLinspace(double first, double last, int64_t count);
CTTensor *_Nullable CTTensorEye(int64_t count);
CTTensor *_Nullable CTTensorFullLike(const CTTensor *_Nonnull tensor, double value);

CTTensor *_Nullable CTTensorToDevice(const CTTensor *_Nonnull tensor, int32_t deviceKind, int32_t deviceIndex);
CTTensor *_Nullable CTTensorToDType(const CTTensor *_Nonnull tensor, int32_t dtype);
CTTensor *_Nullable CTTensorContiguous(const CTTensor *_Nonnull tensor);
CTTensor *_Nullable CTTensorChannelsLast(const CTTensor *_Nonnull tensor);
CTTensor *_Nullable CTTensorClone(const CTTensor *_Nonnull tensor);

// Moves the elements in place, so that all owners of the object see it.
bool CTTensorMoveToDevice(CTTensor *_Nonnull tensor, int32_t deviceKind, int32_t deviceIndex);
// A float32 tensor of a shape without memory for values; copying values into it or filling it gives it memory.
CTTensor *_Nullable CTTensorPlaceholder(const int64_t *_Nonnull shape, int32_t rank);
bool CTTensorIsPlaceholder(const CTTensor *_Nonnull tensor);
// In place, outside autograd.
bool CTTensorCopyFrom(CTTensor *_Nonnull tensor, const CTTensor *_Nonnull source);
bool CTTensorFill(CTTensor *_Nonnull tensor, double value);
bool CTTensorAddInPlace(CTTensor *_Nonnull tensor, const CTTensor *_Nonnull other, double scale);
bool CTTensorMultiplyInPlace(CTTensor *_Nonnull tensor, double factor);
bool CTTensorLerpInPlace(CTTensor *_Nonnull tensor, const CTTensor *_Nonnull end, double weight);

#ifdef __cplusplus
}
#endif
#endif

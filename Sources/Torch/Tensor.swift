internal import CTorch

/// An n-dimensional array on a device, with an optional gradient history.
///
/// A reference type: optimisers and moving averages change its elements in place. It is not Sendable; pass a
/// ``HostTensor`` between threads. Operations do not throw: a failed one ends the process with its name, its
/// shapes and the caller's line, except within ``withTensorErrors(_:)``.
public final class Tensor {
  /// The engine's object. Never read it from a temporary: Swift may release the owner after its last use,
  /// before the call that uses the handle.
  let handle: OpaquePointer

  /// Takes ownership of a handle.
  init(owning handle: OpaquePointer) { self.handle = handle }

  /// Takes ownership of an operation's result, or reports its failure.
  ///
  /// - Parameter rank: the rank of the result, kept by the placeholder of a failure.
  convenience init(_ result: OpaquePointer?, _ operation: StaticString, _ inputs: Tensor..., rank: Int) {
    self.init(owning: result ?? Self.failed(operation, inputs, rank: rank))
  }

  static func failed(_ operation: StaticString, _ inputs: [Tensor], rank: Int) -> OpaquePointer {
    fail(engineFailure(operation, inputs), given: inputs)
    let shape = [Int64](repeating: 1, count: Swift.max(0, rank))
    guard let zeros = CTTensorFull(shape, Int32(shape.count), 0, 0, 0, 0) else { fatalError("out of memory") }
    return zeros
  }

  deinit { CTTensorFree(handle) }

  /// The length of each dimension; empty for a scalar.
  public private(set) lazy var shape: [Int] = {
    let rank = Int(CTTensorRank(handle))
    return [Int](unsafeUninitializedCapacity: rank) { buffer, count in
      buffer.withMemoryRebound(to: Int64.self) {
        if let base = $0.baseAddress { CTTensorShape(handle, base) }
      }
      count = rank
    }
  }()

  /// The number of dimensions.
  public var rank: Int { Int(CTTensorRank(handle)) }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The element type.
  public var dtype: DType { DType.allCasesInEngineOrder[Swift.max(0, Int(CTTensorDType(handle)))] }

  /// The device of the elements.
  public var device: Device {
    Device(kindCode: CTTensorDeviceKind(handle), index: CTTensorDeviceIndex(handle))
  }
}

extension DType {
  /// The order of the constants in CTTensor.h.
  static let allCasesInEngineOrder: [DType] = [
    .float32, .float64, .float16, .bfloat16, .int64, .int32, .int16, .int8, .uint8, .bool,
  ]

  var code: Int32 {
    switch self {
    case .float32: Int32(CTFloat32)
    case .float64: Int32(CTFloat64)
    case .float16: Int32(CTFloat16)
    case .bfloat16: Int32(CTBFloat16)
    case .int64: Int32(CTInt64)
    case .int32: Int32(CTInt32)
    case .int16: Int32(CTInt16)
    case .int8: Int32(CTInt8)
    case .uint8: Int32(CTUInt8)
    case .bool: Int32(CTBool)
    }
  }
}

// MARK: - Making tensors

extension Tensor {
  /// Copies a host value to a device.
  public convenience init(_ host: HostTensor, device: Device = .cpu) {
    let handle = host.bytes.withUnsafeBytes { bytes in
      withInt64(host.shape) {
        CTTensorFromBytes(
          bytes.baseAddress, bytes.count, $0, $1, host.dtype.code, device.kindCode, Int32(device.index))
      }
    }
    self.init(handle, "Tensor(host)", rank: host.shape.count)
  }

  /// A float32 tensor of the given values, a vector unless a shape is given.
  public convenience init(_ values: [Float], shape: [Int]? = nil, device: Device = .cpu) {
    self.init(HostTensor(values, shape: shape), device: device)
  }

  /// An int64 tensor of the given values, a vector unless a shape is given.
  public convenience init(_ values: [Int], shape: [Int]? = nil, device: Device = .cpu) {
    self.init(HostTensor(values, shape: shape), device: device)
  }

  /// A tensor without dimensions.
  public convenience init(scalar: Double, dtype: DType = .float32, device: Device = .cpu) {
    self.init(
      CTTensorFull([], 0, scalar, dtype.code, device.kindCode, Int32(device.index)), "Tensor(scalar)", rank: 0
    )
  }

  /// A tensor whose elements all have one value.
  public static func full(
    _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    let handle = withInt64(shape) {
      CTTensorFull($0, $1, value, dtype.code, device.kindCode, Int32(device.index))
    }
    return Tensor(handle, "full", rank: shape.count)
  }

  /// A tensor of zeros.
  public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    full(shape, 0, dtype: dtype, device: device)
  }

  /// A tensor of ones.
  public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    full(shape, 1, dtype: dtype, device: device)
  }

  /// Zeros of another tensor's shape, type and device.
  public static func zeros(like other: Tensor) -> Tensor {
    Tensor(CTTensorFullLike(other.handle, 0), "zeros(like:)", other, rank: other.rank)
  }

  /// Ones of another tensor's shape, type and device.
  public static func ones(like other: Tensor) -> Tensor {
    Tensor(CTTensorFullLike(other.handle, 1), "ones(like:)", other, rank: other.rank)
  }

  /// The int64 numbers 0, 1, … `count - 1`.
  public static func arange(_ count: Int, device: Device = .cpu) -> Tensor {
    Tensor(CTTensorArange(Int64(count), device.kindCode, Int32(device.index)), "arange", rank: 1)
  }

  /// `count` evenly spaced float32 numbers, both ends included.
  public static func linspace(_ first: Double, _ last: Double, _ count: Int) -> Tensor {
    Tensor(CTTensorLinspace(first, last, Int64(count)), "linspace", rank: 1)
  }

  /// The identity matrix of `count` rows, float32.
  public static func eye(_ count: Int) -> Tensor { Tensor(CTTensorEye(Int64(count)), "eye", rank: 2) }
}

// MARK: - Reading and moving

extension Tensor {
  /// The value in host memory, copied from any device.
  public func host() -> HostTensor {
    let shape = shape
    let byteCount = shape.reduce(1, *) * dtype.byteCount
    var copied = true
    let bytes = [UInt8](unsafeUninitializedCapacity: Swift.max(1, byteCount)) { buffer, count in
      if let base = buffer.baseAddress { copied = CTTensorCopyBytes(handle, base, byteCount) }
      count = copied ? byteCount : 0
    }
    if !copied {
      fail(engineFailure("host", [self]))
      return HostTensor(shape: shape, dtype: dtype, bytes: [UInt8](repeating: 0, count: byteCount))
    }
    return HostTensor(shape: shape, dtype: dtype, bytes: bytes)
  }

  /// The elements as 32-bit floats, row-major.
  public func floats() -> [Float] { host().floats() }

  /// The elements as 64-bit floats, row-major.
  public func doubles() -> [Double] { host().doubles() }

  /// The elements as integers, row-major.
  public func integers() -> [Int] { host().integers() }

  /// The only element of a tensor that has one.
  public func item() -> Double {
    var value = 0.0
    if !CTTensorItem(handle, &value) { fail(engineFailure("item", [self])) }
    return value
  }

  /// Whether every element is a finite number.
  public func isFinite() -> Bool { withoutGradients { isFiniteMask().all().item() != 0 } }

  /// The tensor on a device; itself if it is already there.
  public func to(_ device: Device) -> Tensor {
    Tensor(CTTensorToDevice(handle, device.kindCode, Int32(device.index)), "to(device)", self, rank: rank)
  }

  /// The values converted to another element type; differentiable between floating-point types.
  public func asType(_ dtype: DType) -> Tensor {
    Tensor(CTTensorToDType(handle, dtype.code), "asType", self, rank: rank)
  }

  /// The values in row-major order in memory.
  public func contiguous() -> Tensor { Tensor(CTTensorContiguous(handle), "contiguous", self, rank: rank) }

  /// `[batch, channels, height, width]` in channels-last memory layout.
  public func channelsLast() -> Tensor {
    Tensor(CTTensorChannelsLast(handle), "channelsLast", self, rank: rank)
  }

  /// A copy in new memory.
  public func cloned() -> Tensor { Tensor(CTTensorClone(handle), "cloned", self, rank: rank) }
}

// MARK: - Changing in place, outside autograd

extension Tensor {
  /// Moves the elements to a device in place, so that optimisers and averages that hold the tensor see it;
  /// its gradient is dropped.
  public func move(to device: Device) {
    guard self.device != device, !isPlaceholder else { return }
    gradient = nil
    if !CTTensorMoveToDevice(handle, device.kindCode, Int32(device.index)) {
      fail(engineFailure("move(to:)", [self]))
    }
  }

  /// Overwrites the elements with those of a tensor of the same shape; a placeholder gets memory for them.
  public func copy(from source: Tensor) {
    withExtendedLifetime(source) {
      if !CTTensorCopyFrom(handle, source.handle) { fail(engineFailure("copy(from:)", [self, source])) }
    }
  }

  /// Overwrites every element with one value.
  public func fill(_ value: Double) {
    if !CTTensorFill(handle, value) { fail(engineFailure("fill", [self])) }
  }

  /// Adds `scale * other`.
  public func addInPlace(_ other: Tensor, scale: Double = 1) {
    withExtendedLifetime(other) {
      if !CTTensorAddInPlace(handle, other.handle, scale) {
        fail(engineFailure("addInPlace", [self, other]))
      }
    }
  }

  /// Multiplies every element by a factor.
  public func multiplyInPlace(_ factor: Double) {
    if !CTTensorMultiplyInPlace(handle, factor) { fail(engineFailure("multiplyInPlace", [self])) }
  }

  /// Interpolates in place: `self + weight * (end - self)`.
  public func lerpInPlace(to end: Tensor, weight: Double) {
    withExtendedLifetime(end) {
      if !CTTensorLerpInPlace(handle, end.handle, weight) { fail(engineFailure("lerpInPlace", [self, end])) }
    }
  }
}

extension Tensor: CustomStringConvertible {
  /// The type and shape, never the elements.
  public var description: String { "Tensor(\(dtype) \(shape) on \(device))" }
}

/// Passes an array of sizes to the engine as 64-bit numbers with a 32-bit count.
func withInt64<Result>(_ values: [Int], _ body: (UnsafePointer<Int64>, Int32) -> Result) -> Result {
  let wide = values.map(Int64.init)
  return wide.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else {
      return withUnsafePointer(to: Int64(0)) { body($0, 0) }
    }
    return body(base, Int32(buffer.count))
  }
}

/// Passes the handles of several tensors to the engine, and keeps their owners alive during the call.
func withHandles<Result>(
  _ tensors: [Tensor], _ body: (UnsafePointer<OpaquePointer>, Int32) -> Result
) -> Result {
  withExtendedLifetime(tensors) {
    let handles = tensors.map(\.handle)
    return handles.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else {
        // An empty list needs a non-null address, which is never read.
        return UnsafeMutablePointer<OpaquePointer>.allocate(capacity: 1).withScratch {
          body(UnsafePointer($0), 0)
        }
      }
      return body(base, Int32(buffer.count))
    }
  }
}

extension UnsafeMutablePointer {
  fileprivate func withScratch<Result>(_ body: (Self) -> Result) -> Result {
    defer { deallocate() }
    return body(self)
  }
}

/// A tensor's value in host memory, for files and for passing between threads.
///
/// Elements are contiguous, row-major and little-endian.
public struct HostTensor: Sendable, Hashable {
  /// The length of each dimension; empty for a scalar.
  public let shape: [Int]
  /// The element type.
  public let dtype: DType
  /// The elements, `shape.product * dtype.byteCount` bytes.
  public let bytes: [UInt8]

  /// A tensor of raw bytes.
  ///
  /// - Precondition: `bytes` holds exactly as many elements as `shape` says.
  public init(shape: [Int], dtype: DType, bytes: [UInt8]) {
    precondition(
      shape.reduce(1, *) * dtype.byteCount == bytes.count,
      "HostTensor: \(bytes.count) bytes do not fill shape \(shape) of \(dtype)")
    self.shape = shape
    self.dtype = dtype
    self.bytes = bytes
  }

  /// A float32 tensor of the given values.
  public init(_ values: [Float], shape: [Int]? = nil) {
    self.init(shape: shape ?? [values.count], dtype: .float32, bytes: Self.rawBytes(values))
  }

  /// A float64 tensor of the given values.
  public init(_ values: [Double], shape: [Int]? = nil) {
    self.init(shape: shape ?? [values.count], dtype: .float64, bytes: Self.rawBytes(values))
  }

  /// An int64 tensor of the given values.
  public init(_ values: [Int], shape: [Int]? = nil) {
    self.init(shape: shape ?? [values.count], dtype: .int64, bytes: Self.rawBytes(values))
  }

  /// A uint8 tensor of the given values.
  public init(_ values: [UInt8], shape: [Int]? = nil) {
    self.init(shape: shape ?? [values.count], dtype: .uint8, bytes: values)
  }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The elements as 32-bit floats, converted where the type differs.
  public func floats() -> [Float] {
    dtype == .float32 ? Self.values(of: bytes) : doubles().map { Float($0) }
  }

  /// The elements as 64-bit floats, converted where the type differs.
  public func doubles() -> [Double] {
    switch dtype {
    case .float64: Self.values(of: bytes)
    case .float32: (Self.values(of: bytes) as [Float]).map { Double($0) }
    case .float16: (Self.values(of: bytes) as [UInt16]).map { Double(Self.halfToFloat($0)) }
    case .bfloat16:
      (Self.values(of: bytes) as [UInt16]).map { Double(Float(bitPattern: UInt32($0) << 16)) }
    case .int64: (Self.values(of: bytes) as [Int64]).map { Double($0) }
    case .int32: (Self.values(of: bytes) as [Int32]).map { Double($0) }
    case .int16: (Self.values(of: bytes) as [Int16]).map { Double($0) }
    case .int8: bytes.map { Double(Int8(bitPattern: $0)) }
    case .uint8: bytes.map { Double($0) }
    case .bool: bytes.map { $0 == 0 ? 0 : 1 }
    }
  }

  /// The elements as integers; floating-point values are truncated.
  public func integers() -> [Int] {
    switch dtype {
    case .int64: Self.values(of: bytes)
    case .uint8: bytes.map { Int($0) }
    default: doubles().map { Int($0) }
    }
  }

  private static func rawBytes<Element>(_ values: [Element]) -> [UInt8] {
    values.withUnsafeBytes { [UInt8]($0) }
  }

  private static func values<Element>(of bytes: [UInt8]) -> [Element] {
    let count = bytes.count / MemoryLayout<Element>.stride
    return [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      bytes.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[0..<(count * MemoryLayout<Element>.stride)]))
      }
      initialized = count
    }
  }

  /// IEEE 754 binary16 to binary32; `Float16` itself is missing on x86 Macs.
  private static func halfToFloat(_ half: UInt16) -> Float {
    let sign: Float = half & 0x8000 == 0 ? 1 : -1
    let exponent = Int(half >> 10 & 0x1F)
    let mantissa = Float(half & 0x3FF)
    switch exponent {
    case 0: return sign * mantissa * 0x1p-24
    case 31: return mantissa == 0 ? sign * .infinity : .nan
    default: return sign * (1 + mantissa / 1024) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
    }
  }
}

public import AtelierMedia
public import Torch

extension Image {
  /// The image as uint8 `[channels, height, width]`, 0...255; 16-bit images are rounded to 8 bits.
  public func hostTensor() -> HostTensor {
    HostTensor(shape: [channels, height, width], dtype: .uint8, bytes: planarBytes())
  }

  /// The image as uint8 `[channels, height, width]`, 0...255, or at a depth of 16 as int32, 0...65535.
  func hostTensor(depth: Int) -> HostTensor {
    guard depth > 8 else { return hostTensor() }
    let plane = width * height
    let source = with16Bits().bytes
    let planes = source.withUnsafeBytes { raw in
      [Int32](unsafeUninitializedCapacity: channels * plane) { output, initialized in
        for channel in 0..<channels {
          for pixel in 0..<plane {
            output[channel * plane + pixel] = Int32(
              raw.loadUnaligned(fromByteOffset: 2 * (pixel * channels + channel), as: UInt16.self))
          }
        }
        initialized = channels * plane
      }
    }
    return HostTensor(
      shape: [channels, height, width], dtype: .int32, bytes: planes.withUnsafeBytes { [UInt8]($0) })
  }

  /// The image as float32 `[channels, height, width]`, 0 black and 1 white, at its full depth.
  public func floatTensor() -> HostTensor {
    let plane = width * height
    let interleaved = floats
    let planes = [Float](unsafeUninitializedCapacity: interleaved.count) { output, initialized in
      for channel in 0..<channels {
        for pixel in 0..<plane { output[channel * plane + pixel] = interleaved[pixel * channels + channel] }
      }
      initialized = interleaved.count
    }
    return HostTensor(planes, shape: [channels, height, width])
  }

  /// The samples in planar order, `[channels, height, width]`.
  func planarBytes() -> [UInt8] {
    let source = with8Bits().bytes
    if channels == 1 { return source }
    let plane = width * height
    return [UInt8](unsafeUninitializedCapacity: source.count) { output, initialized in
      source.withUnsafeBufferPointer { input in
        for channel in 0..<channels {
          for pixel in 0..<plane { output[channel * plane + pixel] = input[pixel * channels + channel] }
        }
      }
      initialized = source.count
    }
  }

  /// An image of planar 8-bit values.
  init(planar: some Collection<UInt8>, channels: Int, height: Int, width: Int) {
    if channels == 1 {
      self.init(width: width, height: height, channels: 1, bytes: Array(planar))
      return
    }
    let plane = width * height
    let source = Array(planar)
    let bytes = [UInt8](unsafeUninitializedCapacity: source.count) { output, initialized in
      source.withUnsafeBufferPointer { input in
        for channel in 0..<channels {
          for pixel in 0..<plane { output[pixel * channels + channel] = input[channel * plane + pixel] }
        }
      }
      initialized = source.count
    }
    self.init(width: width, height: height, channels: channels, bytes: bytes)
  }

  /// The image of a tensor `[channels, height, width]` or `[height, width]`.
  ///
  /// uint8 is used unchanged, int32 gives an image of 16 bits; floating-point values are mapped from `range` to 0...255, rounded, and clipped;
  /// NaN becomes black.
  ///
  /// - Parameters:
  ///   - range: the values of black and white; generators output −1...1.
  ///   - depth: 8, or 16 or 32 to keep more of floating-point values.
  public init(
    _ tensor: HostTensor, range: ClosedRange<Float> = -1...1, depth: Int = 8
  ) throws(ImageError) {
    let shape = tensor.shape.count == 2 ? [1] + tensor.shape : tensor.shape
    guard shape.count == 3, (1...256).contains(shape[0]), shape[1] > 0, shape[2] > 0 else {
      throw .invalid(
        reason: "a tensor of shape \(tensor.shape) is not an image; expected [channels, height, width]")
    }
    let holdsWords = tensor.dtype == .int32
    if depth > 8 && tensor.dtype.isFloatingPoint || holdsWords {
      let (channels, plane) = (shape[0], shape[1] * shape[2])
      let planes = holdsWords ? tensor.integers().map { Float($0) } : tensor.floats()
      let range = holdsWords ? 0...65535 : range
      let scale = 1 / (range.upperBound - range.lowerBound)
      var interleaved = [Float](repeating: 0, count: planes.count)
      for channel in 0..<channels {
        for pixel in 0..<plane {
          let level = (planes[channel * plane + pixel] - range.lowerBound) * scale
          interleaved[pixel * channels + channel] = level.isFinite ? min(1, max(0, level)) : 0
        }
      }
      self = Image(width: shape[2], height: shape[1], channels: channels, floats: interleaved)
        .withDepth(holdsWords ? 16 : depth)
      return
    }
    let values: [UInt8]
    if tensor.dtype == .uint8 {
      values = tensor.bytes
    } else if tensor.dtype.isFloatingPoint {
      let scale = 255 / (range.upperBound - range.lowerBound)
      values = tensor.floats().map { value in
        let level = ((value - range.lowerBound) * scale).rounded()
        return level >= 255 ? 255 : level > 0 ? UInt8(level) : 0
      }
    } else {
      throw .invalid(
        reason: "a tensor of \(tensor.dtype) is not an image; expected uint8, int32 or floating point")
    }
    self.init(planar: values, channels: shape[0], height: shape[1], width: shape[2])
  }

  /// The images of a batch `[count, channels, height, width]`; see `init(_:range:depth:)`.
  public static func images(
    of batch: HostTensor, range: ClosedRange<Float> = -1...1, depth: Int = 8
  ) throws(ImageError) -> [Image] {
    guard batch.shape.count == 4, batch.shape[0] > 0 else {
      throw .invalid(
        reason: "a tensor of shape \(batch.shape) is not a batch of images [count, channels, height, width]")
    }
    let shape = Array(batch.shape[1...])
    let stride = batch.bytes.count / batch.shape[0]
    var images: [Image] = []
    for index in 0..<batch.shape[0] {
      let bytes = Array(batch.bytes[(index * stride)..<((index + 1) * stride)])
      images.append(
        try Image(HostTensor(shape: shape, dtype: batch.dtype, bytes: bytes), range: range, depth: depth))
    }
    return images
  }
}

public import Torch

extension ResamplingMode: Codable {}

/// Enlarges `[batch, channels, height, width]` by a factor.
public final class Upsample: Module, Layer {
  private let scaleFactor: Int
  private let mode: ResamplingMode
  private let alignCorners: Bool

  /// - Parameter alignCorners: whether the centres of the corner pixels coincide; false is PyTorch's default.
  public init(scaleFactor: Int, mode: ResamplingMode = .nearest, alignCorners: Bool = false) {
    self.scaleFactor = scaleFactor
    self.mode = mode
    self.alignCorners = alignCorners
    super.init()
  }

  /// `[batch, channels, height * factor, width * factor]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    guard check(x.rank == 4, "Upsample takes [batch, channels, height, width], not \(x.shape)") else {
      return x
    }
    return enlarged(x, by: scaleFactor, mode: mode, alignCorners: alignCorners)
  }
}

/// Average pooling of `[batch, channels, height, width]`.
public final class AveragePool2d: Module, Layer {
  private let kernelSize: Int
  private let stride: Int
  private let padding: Int
  private let countIncludePad: Bool

  /// - Parameters:
  ///   - stride: the stride; by default the kernel's size.
  ///   - countIncludePad: whether the divisor includes the padding.
  public init(kernelSize: Int, stride: Int? = nil, padding: Int = 0, countIncludePad: Bool = true) {
    self.kernelSize = kernelSize
    self.stride = stride ?? kernelSize
    self.padding = padding
    self.countIncludePad = countIncludePad
    super.init()
  }

  /// `[batch, channels, height', width']`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    averagePool2d(
      x, kernelSize: (kernelSize, kernelSize), stride: (stride, stride), padding: (padding, padding),
      countIncludePad: countIncludePad)
  }
}

/// Adaptive average pooling to a fixed size: `[batch, channels, size, size]`.
public final class AdaptiveAveragePool2d: Module, Layer {
  private let size: Int

  /// Pools inputs of any size to `size` by `size`.
  public init(size: Int) {
    self.size = size
    super.init()
  }

  /// `[batch, channels, size, size]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { adaptiveAveragePool2d(x, size: (size, size)) }
}

/// Max pooling of `[batch, channels, height, width]`.
public final class MaxPool2d: Module, Layer {
  private let kernelSize: Int
  private let stride: Int
  private let padding: Int

  /// - Parameter stride: the stride; by default the kernel's size.
  public init(kernelSize: Int, stride: Int? = nil, padding: Int = 0) {
    self.kernelSize = kernelSize
    self.stride = stride ?? kernelSize
    self.padding = padding
    super.init()
  }

  /// `[batch, channels, height', width']`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    maxPool2d(
      x, kernelSize: (kernelSize, kernelSize), stride: (stride, stride), padding: (padding, padding))
  }
}

/// Padding of `[batch, channels, height, width]`.
public final class Pad2d: Module, Layer {
  /// The kind of padding.
  public enum Mode: String, Sendable, Hashable, Codable {
    /// Zeros.
    case zero
    /// Reflection, without repeating the edge.
    case reflection
    /// Replication of the edge.
    case replication
  }

  private let padding: [Int]
  private let mode: Mode

  /// The same width on all four sides.
  public init(_ padding: Int, mode: Mode) {
    self.padding = [padding, padding, padding, padding]
    self.mode = mode
    super.init()
  }

  /// A separate width for each side.
  public init(left: Int, right: Int, top: Int, bottom: Int, mode: Mode) {
    padding = [left, right, top, bottom]
    self.mode = mode
    super.init()
  }

  /// `[batch, channels, height + top + bottom, width + left + right]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    switch mode {
    case .zero: x.padded(padding)
    case .reflection: x.reflectionPadded(padding)
    case .replication: x.replicationPadded(padding)
    }
  }
}

/// Reflection padding.
public final class ReflectionPad2d: Module, Layer {
  private let padding: Int

  /// The same width on all four sides.
  public init(_ padding: Int) {
    self.padding = padding
    super.init()
  }

  /// `[batch, channels, height + 2 * padding, width + 2 * padding]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.reflectionPadded([padding, padding, padding, padding])
  }
}

/// Flattens all dimensions from `first` on.
public final class Flatten: Module, Layer {
  private let first: Int

  /// Keeps the dimensions before `first`.
  public init(from first: Int = 1) {
    self.first = first
    super.init()
  }

  /// `[batch, rest]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.flattened(from: first) }
}

/// Reshapes every example of a batch.
public final class Reshape: Module, Layer {
  private let shape: [Int]

  /// - Parameter shape: of one example, without the batch.
  public init(_ shape: [Int]) {
    self.shape = shape
    super.init()
  }

  /// `[batch] + shape`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.reshaped([-1] + shape) }
}

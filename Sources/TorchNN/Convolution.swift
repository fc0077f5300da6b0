public import Torch

/// A 1D convolution: `[batch, inputs, length]` to `[batch, outputs, length']`.
public final class Conv1d: WeightedLayer, Layer {
  private let stride: Int
  private let padding: Int
  private let dilation: Int
  private let groups: Int

  /// A layer with PyTorch's initialisation; weight `[outputs, inputs / groups, kernel]`.
  public init(
    inputChannels: Int, outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, hasBias: Bool = true, normalization: WeightNormalization? = nil,
    using stream: RandomStream
  ) {
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    let (weight, bias) = defaultWeightAndBias(
      [outputChannels, inputChannels / groups, kernelSize], biasCount: hasBias ? outputChannels : nil, stream)
    super.init(weight: weight, bias: bias, normalization: normalization, using: stream)
  }

  /// The zeros that TensorFlow's padding `same` adds to an input of some length, on both sides together, so that the output
  /// has `length / stride` samples, rounded up.
  public func samePadding(of length: Int) -> Int {
    let outputs = (length + stride - 1) / stride
    return max(0, (outputs - 1) * stride + dilation * (weight.shape[2] - 1) + 1 - length)
  }

  /// `[batch, outputs, length']` for `[batch, inputs, length]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    conv1d(
      x, effectiveWeight(), bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }
}

/// A 2D convolution: `[batch, inputs, height, width]` to `[batch, outputs, height', width']`.
public final class Conv2d: WeightedLayer, Layer {
  private let stride: (Int, Int)
  private let padding: (Int, Int)
  private let dilation: (Int, Int)
  private let groups: Int

  /// A layer with PyTorch's initialisation; weight `[outputs, inputs / groups, height, width]`.
  ///
  /// Pairs are (height, width).
  public init(
    inputChannels: Int, outputChannels: Int, kernelSize: (Int, Int), stride: (Int, Int) = (1, 1),
    padding: (Int, Int) = (0, 0), dilation: (Int, Int) = (1, 1), groups: Int = 1, hasBias: Bool = true,
    normalization: WeightNormalization? = nil, using stream: RandomStream
  ) {
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    let (weight, bias) = defaultWeightAndBias(
      [outputChannels, inputChannels / groups, kernelSize.0, kernelSize.1],
      biasCount: hasBias ? outputChannels : nil, stream)
    super.init(weight: weight, bias: bias, normalization: normalization, using: stream)
  }

  /// A layer with a square kernel and PyTorch's initialisation.
  public convenience init(
    inputChannels: Int, outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, hasBias: Bool = true, normalization: WeightNormalization? = nil,
    using stream: RandomStream
  ) {
    self.init(
      inputChannels: inputChannels, outputChannels: outputChannels, kernelSize: (kernelSize, kernelSize),
      stride: (stride, stride), padding: (padding, padding), dilation: (dilation, dilation), groups: groups,
      hasBias: hasBias, normalization: normalization, using: stream)
  }

  /// `[batch, outputs, height', width']` for `[batch, inputs, height, width]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    conv2d(
      x, effectiveWeight(), bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }
}

/// A transposed 1D convolution: `[batch, inputs, length]` to `[batch, outputs, length']`.
public final class ConvTranspose1d: WeightedLayer, Layer {
  private let stride: Int
  private let padding: Int
  private let outputPadding: Int
  private let groups: Int

  /// A layer with PyTorch's initialisation; weight `[inputs, outputs / groups, kernel]`.
  public init(
    inputChannels: Int, outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0, groups: Int = 1, hasBias: Bool = true, normalization: WeightNormalization? = nil,
    using stream: RandomStream
  ) {
    self.stride = stride
    self.padding = padding
    self.outputPadding = outputPadding
    self.groups = groups
    let (weight, bias) = defaultWeightAndBias(
      [inputChannels, outputChannels / groups, kernelSize], biasCount: hasBias ? outputChannels : nil, stream)
    super.init(
      weight: weight, bias: bias, normalization: normalization, outputDimension: 1, using: stream)
  }

  /// `[batch, outputs, length']` for `[batch, inputs, length]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    convTranspose1d(
      x, effectiveWeight(), bias, stride: stride, padding: padding, outputPadding: outputPadding,
      groups: groups)
  }
}

/// A transposed 2D convolution: `[batch, inputs, height, width]` to `[batch, outputs, height', width']`.
public final class ConvTranspose2d: WeightedLayer, Layer {
  private let stride: (Int, Int)
  private let padding: (Int, Int)
  private let outputPadding: (Int, Int)
  private let groups: Int

  /// A layer with PyTorch's initialisation; weight `[inputs, outputs / groups, height, width]`.
  ///
  /// Pairs are (height, width).
  public init(
    inputChannels: Int, outputChannels: Int, kernelSize: (Int, Int), stride: (Int, Int) = (1, 1),
    padding: (Int, Int) = (0, 0), outputPadding: (Int, Int) = (0, 0), groups: Int = 1, hasBias: Bool = true,
    normalization: WeightNormalization? = nil, using stream: RandomStream
  ) {
    self.stride = stride
    self.padding = padding
    self.outputPadding = outputPadding
    self.groups = groups
    let (weight, bias) = defaultWeightAndBias(
      [inputChannels, outputChannels / groups, kernelSize.0, kernelSize.1],
      biasCount: hasBias ? outputChannels : nil, stream)
    super.init(
      weight: weight, bias: bias, normalization: normalization, outputDimension: 1, using: stream)
  }

  /// A layer with a square kernel and PyTorch's initialisation.
  public convenience init(
    inputChannels: Int, outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0, groups: Int = 1, hasBias: Bool = true, normalization: WeightNormalization? = nil,
    using stream: RandomStream
  ) {
    self.init(
      inputChannels: inputChannels, outputChannels: outputChannels, kernelSize: (kernelSize, kernelSize),
      stride: (stride, stride), padding: (padding, padding), outputPadding: (outputPadding, outputPadding),
      groups: groups, hasBias: hasBias, normalization: normalization, using: stream)
  }

  /// `[batch, outputs, height', width']` for `[batch, inputs, height, width]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    convTranspose2d(
      x, effectiveWeight(), bias, stride: stride, padding: padding, outputPadding: outputPadding,
      groups: groups)
  }
}

public import Torch
public import TorchNN

/// A pretrained network with fixed weights, used by a loss or a measure.
///
/// It is never trained: its weights are buffers, and gradients flow only to the images. It is built without
/// weights, which takes neither time nor memory; they come from a ``WeightStore`` before training starts, or
/// are random in tests. Running it without weights traps.
open class PerceptionNetwork: Module {
  /// The name of the architecture, also in errors: `vgg16`.
  public let architecture: String
  /// Whether it has weights.
  public private(set) var isFilled = false
  /// Whether convolutions use the channels-last layout, which is a quarter faster on CPUs and rounds
  /// differently from PyTorch's default layout; set it before filling.
  public var isChannelsLast = true
  /// SHA-256 of the weights' names, shapes and values; nil for random ones.
  public private(set) var weightsHash: String?

  /// A network without weights.
  public init(architecture: String) {
    self.architecture = architecture
    super.init()
  }

  /// Sets the weights; those of layers that were not built are ignored.
  ///
  /// - Parameters:
  ///   - tensors: by the names of `Module.state()`.
  ///   - hash: SHA-256 of the weights, for the record.
  ///   - device: the device of the network.
  ///   - source: the source named in errors.
  /// - Throws: `CheckpointError` for a missing weight or another shape; nothing is changed then.
  public func fill(
    with tensors: [(name: String, tensor: HostTensor)], hash: String? = nil, on device: Device = .cpu,
    from source: String = "the weights"
  ) throws(CheckpointError) {
    let names = Set(state().map(\.name))
    try load(tensors.filter { names.contains($0.name) }, from: source)
    if isChannelsLast { layOutChannelsLast() }
    if device != .cpu { to(device) }
    isFilled = true
    weightsHash = hash
  }

  /// Draws random weights by the rule of the reference cases: one generator, entries in order; those of two
  /// or more dimensions normal with standard deviation gain / √fan-in, biases and running means 0, scales and
  /// running variances 1.
  public func drawWeights(seed: UInt64, gain: Double = 1.4142135, on device: Device = .cpu) {
    let stream = RandomStream(seed: seed)
    var tensors: [(name: String, tensor: HostTensor)] = []
    for (name, tensor) in state() {
      let shape = tensor.shape
      let value: Tensor
      if !tensor.dtype.isFloatingPoint {
        value = .zeros(shape, dtype: tensor.dtype)
      } else if shape.count >= 2 {
        value = stream.normal(shape) * gain / Double(shape.dropFirst().reduce(1, *)).squareRoot()
      } else {
        let isScale = !name.hasSuffix("bias") && !name.hasSuffix("running_mean")
        value = isScale ? .ones(shape) : .zeros(shape)
      }
      tensors.append((name, value.host()))
    }
    do {
      try fill(with: tensors, on: device, from: "the drawn weights")
    } catch {
      check(false, "drawn weights did not fit \(architecture): \(error)")
    }
  }

  /// Traps, or fails the enclosing scope of tensor errors, where there are no weights.
  public func requireWeights() {
    check(
      isFilled, "\(architecture) has no weights yet; fill it from the store of weights")
  }
}

/// A convolution with fixed weight and bias.
public final class FrozenConvolution: Module {
  /// `[outputs, inputs / groups, kernel, kernel]`.
  @Buffer public var weight: Tensor
  /// `[outputs]`.
  @Buffer public var bias: Tensor?
  private let stride: Int
  private let padding: Int
  private let groups: Int

  /// A layer without weights.
  public init(
    _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1,
    hasBias: Bool = true
  ) {
    self.stride = stride
    self.padding = padding
    self.groups = groups
    weight = .placeholder([outputs, inputs / groups, kernelSize, kernelSize])
    bias = hasBias ? .placeholder([outputs]) : nil
    super.init()
  }

  /// `[batch, outputs, height', width']`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    conv2d(x, weight, bias, stride: (stride, stride), padding: (padding, padding), groups: groups)
  }

  /// Lists the tensors without reflection.
  public override func members() -> [Member] {
    [.tensor(name: "weight", slot: _weight), .tensor(name: "bias", slot: _bias)]
  }
}

/// Layers named by given numbers, as torchvision counts activations and pools as well.
public final class NumberedLayers: Module {
  /// The layers by number, ascending.
  public let layers: [(index: Int, module: Module)]

  /// A container of numbered layers.
  public init(_ layers: [(index: Int, module: Module)]) {
    self.layers = layers
    super.init()
  }

  /// Names the layers by their numbers.
  public override func members() -> [Member] {
    layers.map { .child(name: String($0.index), module: $0.module) }
  }
}

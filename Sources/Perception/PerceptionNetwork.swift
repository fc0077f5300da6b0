public import Torch
public import TorchNN

/// A network that others trained on photographs, and that judges images for a loss or a measure.
///
/// It is never trained: its weights are buffers, gradients flow through it to the images only. It is
/// built without weights, which costs neither time nor memory; they come from a ``WeightStore`` before
/// training starts, or are drawn in tests. Running it before that traps.
open class PerceptionNetwork: Module {
  /// The architecture as people and error messages call it: `vgg16`.
  public let architecture: String
  /// Whether weights are there.
  public private(set) var isFilled = false
  /// Whether convolutions are computed with channels as neighbours in memory, which is a quarter faster on
  /// processors and rounds otherwise than PyTorch's usual layout; set it before filling.
  public var isChannelsLast = true
  /// SHA-256 of the weights' names, shapes and values; nil for drawn ones.
  public private(set) var weightsHash: String?

  /// A network without weights.
  public init(architecture: String) {
    self.architecture = architecture
    super.init()
  }

  /// Takes over weights, those beyond the last layer that was built left aside.
  ///
  /// - Parameters:
  ///   - tensors: by the names of ``Module/state()``.
  ///   - hash: SHA-256 of the weights, for the record.
  ///   - device: where the network will run.
  ///   - source: what an error names.
  /// - Throws: ``CheckpointError`` for a missing weight or another shape; nothing is changed then.
  public func fill(
    with tensors: [(name: String, tensor: HostTensor)], hash: String? = nil, on device: Device = .cpu,
    from source: String = "the weights"
  ) throws(CheckpointError) {
    let names = Set(state().map(\.name))
    if !isFilled { for case let layer as FrozenLayer in allModules() { layer.makeRoom() } }
    try load(tensors.filter { names.contains($0.name) }, from: source)
    if isChannelsLast { layOutChannelsLast() }
    if device != .cpu { to(device) }
    isFilled = true
    weightsHash = hash
  }

  /// Draws weights that mean nothing, by the rule of the reference cases: one generator, the entries in
  /// order; those of two or more dimensions normal with deviation gain / √fan-in, biases and running means
  /// zeros, scales and running variances ones.
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

  /// Ends the process, or the scope that collects tensor errors, where there are no weights.
  public func requireWeights() {
    check(
      isFilled, "\(architecture) was run before its weights were there; fill it from the store of weights")
  }
}

/// A part of a perception network that holds tensors.
public class FrozenLayer: Module {
  /// Exchanges the weightless stand-ins for tensors that can be written to.
  func makeRoom() {
    for case .tensor(_, let slot) in members() {
      guard let stand = slot.current else { continue }
      slot.replace(with: .zeros(stand.shape, dtype: stand.dtype))
    }
  }

  /// A tensor of a shape that takes no memory: one zero, repeated.
  static func standIn(_ shape: [Int]) -> Tensor { Tensor.zeros([1]).expanded(shape) }
}

/// A convolution whose weight and bias do not learn.
public final class FrozenConvolution: FrozenLayer {
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
    weight = Self.standIn([outputs, inputs / groups, kernelSize, kernelSize])
    bias = hasBias ? Self.standIn([outputs]) : nil
    super.init()
  }

  /// `[batch, outputs, height', width']`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    conv2d(x, weight, bias, stride: (stride, stride), padding: (padding, padding), groups: groups)
  }

  /// The tensors, without reflection.
  public override func members() -> [Member] {
    [.tensor(name: "weight", slot: _weight), .tensor(name: "bias", slot: _bias)]
  }
}

/// Parts that are named by numbers of their own: torchvision counts activations and pools as well.
public final class NumberedLayers: Module {
  /// The parts by number, ascending.
  public let layers: [(index: Int, module: Module)]

  /// Names parts.
  public init(_ layers: [(index: Int, module: Module)]) {
    self.layers = layers
    super.init()
  }

  /// Names the parts by their numbers.
  public override func members() -> [Member] {
    layers.map { .child(name: String($0.index), module: $0.module) }
  }
}

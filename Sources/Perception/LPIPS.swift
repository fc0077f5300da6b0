public import Torch
import TorchNN

/// The learned perceptual distance between two images (Zhang et al. 2018, "The Unreasonable Effectiveness
/// of Deep Features as a Perceptual Metric"), version 0.1 of richzhang/PerceptualSimilarity.
///
/// Activations of a trunk are normalised to unit length over channels, subtracted and squared; a head with
/// one non-negative weight per channel sums them; the distance is the mean over positions, summed over
/// layers. The heads were trained on the torchvision weights of the trunks and are meaningless on others.
/// Gradients flow to the images, so it can be used as a loss.
public final class LPIPS {
  /// The trunks, by the names that reference cases use.
  public enum Trunk: String, Codable, Sendable, Hashable, CaseIterable {
    /// The default for reported numbers.
    case alexnet
    /// The default for losses.
    case vgg16
    /// SqueezeNet 1.1.
    case squeezenet

    /// The names of the weights of trunk and heads in a ``WeightStore``.
    public var weights: (trunk: String, heads: String) {
      switch self {
      case .alexnet: ("alexnet", "lpips-alexnet")
      case .vgg16: ("vgg16", "lpips-vgg16")
      case .squeezenet: ("squeezenet1.1", "lpips-squeezenet1.1")
      }
    }

    /// The numbers of channels of the compared layers.
    var channels: [Int] {
      switch self {
      case .alexnet: [64, 192, 384, 256, 256]
      case .vgg16: [64, 128, 256, 512, 512]
      case .squeezenet: [64, 128, 256, 384, 384, 512, 512]
      }
    }
  }

  /// The trunk.
  public let trunk: Trunk
  /// The trunk's network.
  public let network: PerceptionNetwork
  /// The heads, each `[1, channels, 1, 1]`.
  private var heads: [Tensor]
  private let taps: (Tensor) -> [Tensor]

  /// A distance without weights.
  public init(_ trunk: Trunk) {
    self.trunk = trunk
    heads = []
    switch trunk {
    case .alexnet:
      let alexnet = AlexNet()
      let layers = (1...5).map { "relu\($0)" }
      network = alexnet
      taps = { images in
        let found = alexnet.activations(of: images, at: layers)
        return layers.compactMap { found[$0] }
      }
    case .vgg16:
      let layers = ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]
      // The layer names are constants, so this cannot fail.
      guard let vgg = try? VGG(.vgg16, upTo: layers) else { fatalError("VGG16 lacks a layer of LPIPS") }
      network = vgg
      taps = { images in
        let found = vgg.activations(of: images, at: layers)
        return layers.compactMap { found[$0] }
      }
    case .squeezenet:
      let squeezenet = SqueezeNet()
      network = squeezenet
      taps = { images in
        let found = squeezenet.activations(of: images)
        return [1, 4, 7, 9, 10, 11, 12].compactMap { found[$0] }
      }
    }
  }

  /// A distance with weights from a store.
  ///
  /// - Parameter needer: what needs the weights, named in the error.
  /// - Throws: ``PerceptionError`` that says how to get missing weights.
  public convenience init(
    _ trunk: Trunk, from store: WeightStore, for needer: String, on device: Device = .cpu
  ) throws {
    self.init(trunk)
    let names = trunk.weights
    try store.fill(network, with: names.trunk, for: needer, on: device)
    guard store.folder != nil else {
      try fillHeads(
        trunk.channels.map { HostTensor([Float](repeating: 1, count: $0), shape: [1, $0, 1, 1]) })
      return
    }
    try fillHeads(try store.tensors(of: names.heads, for: needer).map(\.tensor), on: device)
  }

  /// Sets the heads, one per layer in order.
  ///
  /// - Parameter tensors: `[1, channels, 1, 1]` each.
  /// - Throws: ``PerceptionError/unusable(path:reason:)`` for another number of heads or other shapes.
  public func fillHeads(_ tensors: [HostTensor], on device: Device = .cpu) throws(PerceptionError) {
    let expected = trunk.channels.map { [1, $0, 1, 1] }
    guard tensors.map(\.shape) == expected else {
      throw .unusable(
        path: "the heads of LPIPS",
        reason: "their shapes are \(tensors.map(\.shape)), and for \(trunk.rawValue) they are \(expected)")
    }
    heads = tensors.map { Tensor($0, device: device) }
  }

  /// The distances of pairs of images.
  ///
  /// - Parameters:
  ///   - images: `[n, 3 or 1, height, width]` in -1 … 1 (0 … 1 is a common mistake).
  ///   - targets: of the same shape and range.
  /// - Returns: the distances `[n]`, and the contribution of each layer, `[n, layers]`.
  public func distances(_ images: Tensor, _ targets: Tensor) -> (value: Tensor, layers: Tensor) {
    guard
      check(
        images.shape == targets.shape,
        "LPIPS compares images of one shape, not \(images.shape) and \(targets.shape)"
      ), check(!heads.isEmpty, "LPIPS has no heads yet; fill it from the store of weights")
    else { return (images, images) }
    let firsts = taps(InputNormalization.lpips(images, from: .signed))
    let seconds = taps(InputNormalization.lpips(targets, from: .signed))
    var terms: [Tensor] = []
    for ((first, second), head) in zip(zip(firsts, seconds), heads) {
      let difference = (Self.unitLength(first) - Self.unitLength(second)).square()
      terms.append((difference * head).sum(dims: [1]).mean(dims: [1, 2]))
    }
    let layers = Tensor.stacked(terms, dim: 1)
    return (layers.sum(dims: [1]), layers)
  }

  private static func unitLength(_ features: Tensor) -> Tensor {
    features / (features.square().sum(dims: [1], keepDim: true).sqrt() + 1e-10)
  }
}

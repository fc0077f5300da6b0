public import Torch
import TorchNN

/// The learned perceptual distance between two images (Zhang et al. 2018, "The Unreasonable Effectiveness
/// of Deep Features as a Perceptual Metric"), version 0.1 of richzhang/PerceptualSimilarity.
///
/// Activations of a trunk, each scaled to unit length over its channels, are subtracted and squared; a head,
/// one weight of at least 0 a channel, sums them; the mean over places, and the sum over layers, is the
/// distance. The heads were learned on the trunks' torchvision weights and mean nothing on others. Gradients
/// flow to the images, so that it can serve as a loss.
public final class LPIPS {
  /// The trunks, by the names that reference cases use.
  public enum Trunk: String, Codable, Sendable, Hashable, CaseIterable {
    /// The one that numbers are reported with by default.
    case alexnet
    /// The one that losses use.
    case vgg16
    /// SqueezeNet 1.1.
    case squeezenet

    /// The names in the store of the trunk's weights and of the heads.
    public var weights: (trunk: String, heads: String) {
      switch self {
      case .alexnet: ("alexnet", "lpips-alexnet")
      case .vgg16: ("vgg16", "lpips-vgg16")
      case .squeezenet: ("squeezenet1.1", "lpips-squeezenet1.1")
      }
    }

    /// Channels of the layers that are compared.
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
  /// The trunk's network; its weights may be drawn in tests.
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
      // The names are known, so that the network cannot fail to be built.
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

  /// The distance with its weights from a store.
  ///
  /// - Parameter needer: who needs it, for the error.
  /// - Throws: ``PerceptionError`` that says how to get what is missing.
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

  /// Takes over the heads, one a layer, first to last.
  ///
  /// - Parameter tensors: `[1, channels, 1, 1]` each.
  /// - Throws: ``PerceptionError/unusable(path:reason:)`` for another number or other shapes.
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
  ///   - images, targets: `[n, 3 or 1, height, width]` in -1 … 1; LPIPS in 0 … 1 is the usual mistake.
  /// - Returns: the distances `[n]`, and what each layer adds to them, `[n, layers]`.
  public func distances(_ images: Tensor, _ targets: Tensor) -> (value: Tensor, layers: Tensor) {
    guard
      check(
        images.shape == targets.shape,
        "LPIPS compares pictures of one shape, not \(images.shape) and \(targets.shape)"
      ), check(!heads.isEmpty, "LPIPS was run before its heads were there; fill it from the store of weights")
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

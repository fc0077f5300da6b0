public import Torch
public import TorchNN

/// The convolutions of VGG16 and VGG19 (Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for
/// Large-Scale Image Recognition"), the trunk of most perceptual losses.
///
/// Names and order of the weights are torchvision's: `features.0.weight`, `features.0.bias`,
/// `features.2.weight`, … The dense layers behind the convolutions are not there.
///
/// Activations are named by any of these conventions:
///
/// | name | meaning |
/// |---|---|
/// | `conv3_2` | second convolution of the third block, before its ReLU |
/// | `relu3_2` | the same, after its ReLU |
/// | `pool3` | after the pool that ends the third block |
/// | `conv_6`, `relu_6` | the sixth convolution counted from the image, before and after its ReLU |
/// | `features.12` | torchvision's index |
public final class VGG: PerceptionNetwork {
  /// The depth.
  public enum Architecture: String, Codable, Sendable, Hashable, CaseIterable {
    case vgg16, vgg19

    /// The number of convolutions in each of the five blocks.
    var depths: [Int] { self == .vgg16 ? [2, 2, 3, 3, 3] : [2, 2, 4, 4, 4] }
  }

  /// The pooling at the end of each block.
  public enum Pooling: String, Codable, Sendable, Hashable, CaseIterable {
    /// 2 × 2 max pooling, as in training.
    case maximum
    /// 2 × 2 average pooling, which gave better images for Gatys et al.
    case average
  }

  private enum Stage {
    case convolution(FrozenConvolution)
    case relu
    case pool
    /// No pooling; it still counts in torchvision's indices.
    case nothing
  }

  private let features: NumberedLayers
  private let stages: [Stage]
  private let layout: Architecture
  private let pooling: Pooling

  /// The convolutions up to the last of the named layers, without weights.
  ///
  /// - Parameters:
  ///   - layers: the layers whose activations will be needed; empty builds the whole network.
  ///   - pooledBlocks: the number of blocks, from the image on, that end in a pool; MUNIT's loss omits those
  ///     after the third.
  /// - Throws: ``PerceptionError/unknownLayer(name:network:layers:)``.
  public init(
    _ architecture: Architecture, upTo layers: [String] = [], pooling: Pooling = .maximum,
    pooledBlocks: Int = 5
  ) throws(PerceptionError) {
    var last = -1
    for name in layers { last = max(last, try Self.index(of: name, in: architecture)) }
    let kinds = Self.kinds(architecture)
    let count = layers.isEmpty ? kinds.count : last + 1
    var inputs = 3
    var blocks = 0
    var stages: [Stage] = []
    var named: [(index: Int, module: Module)] = []
    for (index, kind) in kinds.prefix(count).enumerated() {
      switch kind {
      case .convolution(let block, _):
        let outputs = min(512, 64 << (block - 1))
        let layer = FrozenConvolution(inputs, outputs, kernelSize: 3, padding: 1)
        stages.append(.convolution(layer))
        named.append((index, layer))
        inputs = outputs
      case .relu: stages.append(.relu)
      case .pool:
        blocks += 1
        stages.append(blocks <= pooledBlocks ? .pool : .nothing)
      }
    }
    layout = architecture
    self.pooling = pooling
    self.stages = stages
    features = NumberedLayers(named)
    super.init(architecture: architecture.rawValue)
  }

  /// The named activations of images prepared by ``InputNormalization``.
  ///
  /// Layers beyond the last of them are not computed.
  ///
  /// - Parameters:
  ///   - images: `[batch, 3, height, width]`.
  ///   - layers: names as in the table above.
  /// - Returns: each name's activation `[batch, channels, height', width']`.
  public func activations(of images: Tensor, at layers: [String]) -> [String: Tensor] {
    requireWeights()
    var wanted: [Int: [String]] = [:]
    for name in layers {
      let index = (try? Self.index(of: name, in: layout)) ?? Int.max
      guard check(index < stages.count, "\(architecture) was not built up to '\(name)'") else { return [:] }
      wanted[index, default: []].append(name)
    }
    var found: [String: Tensor] = [:]
    guard let last = wanted.keys.max() else { return found }
    var x = isChannelsLast ? images.channelsLast() : images
    for (index, stage) in stages.prefix(last + 1).enumerated() {
      switch stage {
      case .convolution(let layer): x = layer(x)
      // In place, unless the convolution's output is itself requested.
      case .relu: x = wanted[index - 1] == nil ? x.reluInPlace() : x.relu()
      case .pool:
        x =
          pooling == .maximum
          ? maxPool2d(x, kernelSize: (2, 2)) : averagePool2d(x, kernelSize: (2, 2))
      case .nothing: break
      }
      for name in wanted[index] ?? [] { found[name] = x }
    }
    return found
  }

  // MARK: Names of layers

  /// Torchvision's index of a named layer.
  ///
  /// - Throws: ``PerceptionError/unknownLayer(name:network:layers:)``.
  public static func index(
    of name: String, in architecture: Architecture
  ) throws(PerceptionError) -> Int {
    let kinds = kinds(architecture)
    if let index = kinds.firstIndex(where: { $0.names.contains(name) }) { return index }
    if name.hasPrefix("features."), let index = Int(name.dropFirst(9)), kinds.indices.contains(index) {
      return index
    }
    throw .unknownLayer(
      name: name, network: architecture.rawValue, layers: "relu2_2, conv5_4, conv_4, pool3 or features.12")
  }

  private enum Kind {
    case convolution(block: Int, name: [String])
    case relu(name: [String])
    case pool(name: [String])

    var names: [String] {
      switch self {
      case .convolution(_, let names), .relu(let names), .pool(let names): names
      }
    }
  }

  private static func kinds(_ architecture: Architecture) -> [Kind] {
    var kinds: [Kind] = []
    var count = 0
    for (block, depth) in architecture.depths.enumerated() {
      for place in 1...depth {
        count += 1
        kinds.append(.convolution(block: block + 1, name: ["conv\(block + 1)_\(place)", "conv_\(count)"]))
        kinds.append(.relu(name: ["relu\(block + 1)_\(place)", "relu_\(count)"]))
      }
      kinds.append(.pool(name: ["pool\(block + 1)", "pool_\(count)"]))
    }
    return kinds
  }

  /// `features`.
  public override func members() -> [Member] { [.child(name: "features", module: features)] }
}

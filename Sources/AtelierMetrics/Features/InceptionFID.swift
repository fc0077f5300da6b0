public import Foundation
public import Perception
public import Torch
public import TorchNN

/// The Inception network of 2015-12-05 on whose features FID is defined (Heusel et al. 2017).
///
/// It is not the Inception v3 of torchvision: average pooling excludes the padding, the last block uses max
/// pooling, and there are 1008 classes. Structure and names of weights follow mseitzer's pytorch-fid
/// `inception.py`, whose weights file is loaded. Images are rounded to bytes and resized to 299 × 299 by
/// ``resize``: as in TensorFlow's graph and torch-fidelity, unless another way is asked for by name.
public final class InceptionFID: Module, FeatureSource {
  /// The side to which images are resized.
  public static let side = 299
  /// The length of a feature vector.
  public static let featureSize = 2048
  /// The number of logits.
  public static let classes = 1008

  /// The first digits of the weights' fingerprint; nil for random weights.
  public private(set) var weightsFingerprint: String?

  /// How images come to the network's size.
  public let resize: InceptionResize

  private let stem: [(name: String, layer: InceptionConvolution)]
  private let blocks: [(name: String, layer: InceptionBlock)]
  private let fc: Linear

  /// A network with random weights, whose distances are meaningless; see ``load(from:)-(URL)``.
  public init(resize: InceptionResize = .tensorflow, using stream: RandomStream) {
    self.resize = resize
    stem = [
      ("Conv2d_1a_3x3", InceptionConvolution(3, 32, (3, 3), stride: 2, stream)),
      ("Conv2d_2a_3x3", InceptionConvolution(32, 32, (3, 3), stream)),
      ("Conv2d_2b_3x3", InceptionConvolution(32, 64, (3, 3), padding: (1, 1), stream)),
      ("Conv2d_3b_1x1", InceptionConvolution(64, 80, (1, 1), stream)),
      ("Conv2d_4a_3x3", InceptionConvolution(80, 192, (3, 3), stream)),
    ]
    blocks = [
      ("Mixed_5b", .a(192, poolChannels: 32, stream)),
      ("Mixed_5c", .a(256, poolChannels: 64, stream)),
      ("Mixed_5d", .a(288, poolChannels: 64, stream)),
      ("Mixed_6a", .b(288, stream)),
      ("Mixed_6b", .c(768, 128, stream)),
      ("Mixed_6c", .c(768, 160, stream)),
      ("Mixed_6d", .c(768, 160, stream)),
      ("Mixed_6e", .c(768, 192, stream)),
      ("Mixed_7a", .d(768, stream)),
      ("Mixed_7b", .e(1280, pool: .average, stream)),
      ("Mixed_7c", .e(2048, pool: .maximum, stream)),
    ]
    fc = Linear(inputFeatures: Self.featureSize, outputFeatures: Self.classes, using: stream)
    super.init()
    eval()
  }

  /// The name of the weights in the weight store.
  public static var storedName: String { "inception-2015-12-05" }

  /// The network with the weights of pytorch-fid's file `pt_inception-2015-12-05-6726825d.pth`, or of a
  /// safetensors file with the same names.
  ///
  /// Strict: every weight must be there in its shape. The counters of batch norm, which old files lack and
  /// evaluation does not read, may be missing.
  ///
  /// - Throws: `FileFormatError` when the file is missing, damaged or no state dictionary; `CheckpointError`
  ///   when it holds another network.
  public static func load(
    from url: URL, resize: InceptionResize = .tensorflow
  ) throws -> InceptionFID {
    let tensors =
      url.pathExtension.lowercased() == "safetensors"
      ? try Safetensors.read(url).tensors : try TorchFile.stateDictionary(of: url)
    return try load(tensors.removingDataParallelPrefix(), from: url.path, resize)
  }

  /// The network with weights from a store.
  ///
  /// - Throws: `PerceptionError` that says how to get them; else as ``load(from:)-(URL)``.
  public static func load(
    from store: WeightStore, resize: InceptionResize = .tensorflow
  ) throws -> InceptionFID {
    try load(
      store.tensors(of: storedName, for: "FID"), from: store.url(of: storedName)?.path ?? storedName,
      resize)
  }

  private static func load(
    _ weights: [(name: String, tensor: HostTensor)], from source: String, _ resize: InceptionResize
  ) throws -> InceptionFID {
    var tensors = weights
    let network = InceptionFID(resize: resize, using: RandomStream(seed: 0))
    let given = Set(tensors.map(\.name))
    for (name, tensor) in network.state()
    where name.hasSuffix(".num_batches_tracked") && !given.contains(name) {
      tensors.append((name, tensor.host()))
    }
    try network.load(tensors, from: source)
    var hash = Fingerprint()
    for (name, tensor) in network.state() where !name.hasSuffix(".num_batches_tracked") {
      hash.add(name)
      hash.add(tensor.host().bytes)
    }
    network.weightsFingerprint = String(hash.text.prefix(8))
    return network
  }

  /// Names the layers as the weights file does.
  public override func members() -> [Member] {
    stem.map { .child(name: $0.name, module: $0.layer) }
      + blocks.map { .child(name: $0.name, module: $0.layer) }
      + [.child(name: "fc", module: fc)]
  }

  /// `inception-2015-12-05`.
  public var name: String { Self.storedName }

  /// 16: the widest of its maps, 64 channels of 147×147, takes 6 MB per image, and several are alive at once.
  public var batchSize: Int { 16 }

  /// The network, its weights' fingerprint, the resize and the rounding.
  public var provenance: Provenance {
    [
      "features": name, "weights": weightsFingerprint ?? "drawn", "resize": resize.provenance,
      "quantisation": "uint8",
    ]
  }

  /// The global average pool `[n, 2048]` of images `[n, 1 or 3, height, width]` in -1 … 1; grey ones are
  /// repeated to three channels.
  public func features(_ images: Tensor) -> Tensor {
    evaluating { withoutGradients { pooled(Self.prepared(images, resize)) } }
  }

  /// The first seven channels of `mixed_6` (`Mixed_6d` here), which are of its 1 × 1 convolution: `[n, 2023]`.
  func spatialFeatures(_ images: Tensor) -> Tensor {
    evaluating {
      withoutGradients {
        maps(Self.prepared(images, resize), through: "Mixed_6d").narrow(1, from: 0, length: 7)
      }
    }.flattened(from: 1)
  }

  /// The logits without the bias of many images, in batches; see ``features(ofAll:batchSize:)``.
  public func logits(ofAll images: Tensor) -> Tensor { inBatches(images, batchSize) { logits($0) } }

  /// The logits without the bias `[n, 1008]`, on which inception scores are defined.
  public func logits(_ images: Tensor) -> Tensor {
    withoutGradients { linear(features(images), fc.weight) }
  }

  /// The network's input, `[n, 3, 299, 299]`, for images in -1 … 1.
  package static func prepared(_ images: Tensor, _ resize: InceptionResize = .tensorflow) -> Tensor {
    check(
      images.rank == 4 && [1, 3].contains(images.shape[1]),
      "FID takes images [n, 1 or 3, height, width], not \(images.shape)")
    let bytes = ((images + 1) * 127.5).round().clamped(min: 0, max: 255)
    let colours = images.shape[1] == 1 ? bytes.repeated([1, 3, 1, 1]) : bytes
    return resize(colours)
  }

  private func pooled(_ images: Tensor) -> Tensor {
    maps(images, through: blocks.last?.name).mean(dims: [2, 3])
  }

  /// The maps of the network's input behind a block.
  private func maps(_ images: Tensor, through last: String?) -> Tensor {
    var x = images
    for (index, entry) in stem.enumerated() {
      x = entry.layer(x)
      // A pool follows the third and the fifth convolution.
      if index == 2 || index == 4 { x = maxPool2d(x, kernelSize: (3, 3), stride: (2, 2)) }
    }
    for entry in blocks {
      x = entry.layer(x)
      if entry.name == last { break }
    }
    return x
  }
}

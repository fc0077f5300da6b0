public import AtelierCore
package import AtelierData
import AtelierMedia
public import Foundation
public import Perception
package import Torch
import TorchNN

/// Finds words for image files with a trained system.
public struct ImageTagger {
  private let system: any TaggingSystem
  private let features: ImageFeatures
  private let seed: UInt64

  /// A tagger.
  ///
  /// - Parameters:
  ///   - store: where the network that describes images has its weights.
  ///   - seed: what the drawn word vectors follow from.
  /// - Throws: `PerceptionError` where the weights are missing, `ConfigurationError` for another system.
  public init(_ system: any GenerativeSystem, store: WeightStore = .standard, seed: UInt64 = 0) throws {
    guard let system = system as? any TaggingSystem,
      let tagged = system.plan.data?.arrangement as? TaggedImages
    else {
      throw ConfigurationError("this system does not say what describes its images")
    }
    self.system = system
    self.seed = seed
    features = try ImageFeatures(tagged.features, device: .cpu, store: store)
  }

  /// The tags of each file, the best first.
  public func callAsFunction(_ files: [URL], count: Int = 10) throws -> [[String]] {
    let draws = StreamDraws(RandomStream(seed: seed, purpose: "generate"), device: system.device)
    let names = system.tagNames
    let found = try features.features(of: files)
    return try system.drawing { try system.tags(for: Tensor(found), count: count, draws: draws) }
      .map { $0.map { names[$0] } }
  }
}

/// Describes image files as vectors, once: what a network said is kept beside the store of its weights.
package struct ImageFeatures {
  private enum Describer {
    case pixels
    case lite(EfficientNetLite)
    /// The convolutions, and the weight and bias of the two dense layers.
    case dense(VGG, [Tensor])
  }

  private let kind: ImageFeatureKind
  private let describer: Describer
  private let device: Device
  /// SHA-256 of the weights; nil where there are none.
  private let weightsHash: String?
  private let cache: URL?

  /// - Throws: `PerceptionError` where the weights are missing, with the way to get them.
  package init(_ kind: ImageFeatureKind, device: Device, store: WeightStore = .standard) throws {
    self.kind = kind
    self.device = device
    let needer = "image-tagging with features: \(kind.rawValue)"
    switch kind {
    case .pixels: (describer, weightsHash) = (.pixels, nil)
    case .efficientNetLite0:
      let network = EfficientNetLite()
      weightsHash = try store.fill(network, with: kind.rawValue, for: needer, on: device)
      describer = .lite(network)
    case .vgg16:
      let tensors = try store.tensors(of: kind.rawValue, for: needer)
      let network = try VGG(.vgg16, upTo: ["pool5"])
      try network.fill(with: tensors, on: device, from: kind.rawValue)
      let table = Dictionary(tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
      let dense = try [
        "classifier.0.weight", "classifier.0.bias", "classifier.3.weight", "classifier.3.bias",
      ]
      .map { name in
        guard let tensor = table[name] else {
          throw TrainingError.invalid(
            reason: "the weights '\(kind.rawValue)' lack '\(name)'; import torchvision's whole VGG16")
        }
        return Tensor(tensor, device: device)
      }
      weightsHash = WeightStore.contentHash(tensors)
      describer = .dense(network, dense)
    }
    cache =
      weightsHash == nil
      ? nil : store.folder?.deletingLastPathComponent().appendingPathComponent("features", isDirectory: true)
  }

  /// float32 `[images, size]`, in the order of the images.
  package func features(of data: TaggedImageSet) throws -> HostTensor {
    let count = data.pictures.count
    func all() throws -> HostTensor {
      try features(count: count) { try data.pictures[$0].image(by: ImageCodec()) }
    }
    guard let cache, let weightsHash else { return try all() }
    let key = contentFingerprint(of: Array("\(data.fingerprint) \(kind.rawValue) \(weightsHash)".utf8))
    let name = key.filter { $0.isLetter || $0.isNumber }.prefix(40)
    let file = cache.appendingPathComponent("\(name).safetensors")
    if let kept = try? Safetensors.read(file)["features"], kept.shape == [count, kind.size] {
      return kept
    }
    let found = try all()
    try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    try Safetensors.write([("features", found)], metadata: [:], to: file)
    return found
  }

  /// float32 `[files, size]`.
  package func features(of files: [URL]) throws -> HostTensor {
    try features(count: files.count) { try Image(contentsOf: files[$0]) }
  }

  private func features(count: Int, _ image: (Int) throws -> Image) throws -> HostTensor {
    let side = kind == .pixels ? 16 : EfficientNetLite.side
    let preparation = ImagePreparation(height: side, width: side, channels: 3)
    var rows: [Tensor] = []
    for start in stride(from: 0, to: count, by: 16) {
      let pictures = try (start..<min(start + 16, count)).map { index in
        Tensor(try preparation(try image(index)).hostTensor(), device: device)
      }
      rows.append(withoutGradients { described(.stacked(pictures).asType(.float32)) }.to(.cpu))
    }
    return Tensor.concatenated(rows, dim: 0).host()
  }

  /// Vectors of images `[n, 3, side, side]` in 0 … 255.
  private func described(_ pictures: Tensor) -> Tensor {
    switch describer {
    case .pixels: return pictures.flattened(from: 1) / 127.5 - 1
    case .lite(let network): return network.features(of: InputNormalization.lite(pictures, from: .bytes))
    case .dense(let network, let dense):
      let maps = network.activations(of: InputNormalization.imagenet(pictures, from: .bytes), at: ["pool5"])
      guard let last = maps["pool5"] else { return pictures }
      // Its 7×7 places, of which 224 pixels have just as many.
      let hidden = linear(last.contiguous().flattened(from: 1), dense[0], dense[1]).relu()
      return linear(hidden, dense[2], dense[3]).relu()
    }
  }
}

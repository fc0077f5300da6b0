public import Perception
public import Torch

extension LPIPS {
  /// The distances `[n]` of many pairs, in batches and without gradients.
  ///
  /// - Parameters:
  ///   - images: `[n, 1 or 3, height, width]`; bytes 0 … 255 are scaled to -1 … 1; other types must already be
  ///     in that range.
  ///   - targets: of the same shape, likewise.
  ///   - batchSize: pairs per batch.
  public func distances(ofAll images: Tensor, _ targets: Tensor, batchSize: Int = 16) throws(MetricError)
    -> Tensor
  {
    guard images.shape == targets.shape, images.rank == 4, images.shape[0] > 0 else {
      throw MetricError(
        "LPIPS compares as many images as targets of one shape, not \(images.shape) and \(targets.shape)")
    }
    return withoutGradients {
      let count = images.shape[0]
      let parts = stride(from: 0, to: count, by: max(1, batchSize)).map { start in
        let length = min(max(1, batchSize), count - start)
        func part(_ all: Tensor) -> Tensor { signedImages(all.narrow(0, from: start, length: length)) }
        return distances(part(images), part(targets)).value
      }
      return Tensor.concatenated(parts, dim: 0)
    }
  }

  /// The provenance of numbers on this distance.
  public var provenance: Provenance {
    [
      "features": "lpips-0.1-\(trunk.rawValue)",
      "weights": String((network.weightsHash ?? "drawn").prefix(8)),
    ]
  }
}

/// EfficientNet-Lite0's pooled features, for distances between sets of images.
public final class EfficientNetLiteFeatures: FeatureSource {
  /// The network.
  public let network: EfficientNetLite

  /// The feature source with weights from a store.
  ///
  /// - Throws: `PerceptionError` that says how to get them.
  public init(from store: WeightStore = .standard, on device: Device = .cpu) throws {
    network = EfficientNetLite()
    try store.fill(
      network, with: "efficientnet-lite0", for: "the feature source efficientnet-lite0", on: device)
  }

  /// `efficientnet-lite0`.
  public var name: String { "efficientnet-lite0" }

  /// 16: the widest of its maps, 96 channels of 112×112, takes 5 MB per image, and several are alive at once.
  public var batchSize: Int { 16 }

  /// The network, its weights' fingerprint and the resize.
  public var provenance: Provenance {
    [
      "features": name, "weights": String((network.weightsHash ?? "drawn").prefix(8)),
      "resize": "bilinear-antialiased-\(EfficientNetLite.side)", "quantisation": "uint8",
    ]
  }

  /// Features `[n, 1280]` of images `[n, 1 or 3, height, width]` in -1 … 1.
  public func features(_ images: Tensor) -> Tensor {
    withoutGradients {
      let bytes = ((images + 1) * 127.5).round().clamped(min: 0, max: 255)
      let side = EfficientNetLite.side
      let resized =
        bytes.shape.suffix(2) == [side, side]
        ? bytes : upsampleBilinear(bytes, size: (side, side), antialias: true)
      return network.features(of: InputNormalization.lite(resized, from: .bytes))
    }
  }
}

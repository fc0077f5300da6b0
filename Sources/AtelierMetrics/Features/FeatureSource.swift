public import Torch

/// A feature extractor for measures that compare sets of images.
public protocol FeatureSource {
  /// A short name without spaces, part of the protocol of every number on these features.
  var name: String { get }
  /// The facts about the features that a number's protocol must state; `features` comes first.
  var provenance: Provenance { get }
  /// Images per batch; networks that enlarge images first need much memory for each.
  var batchSize: Int { get }
  /// The features `[n, features]` of images `[n, channels, height, width]` in -1 … 1.
  func features(_ images: Tensor) -> Tensor
}

extension FeatureSource {
  /// The name alone.
  public var provenance: Provenance { ["features": name] }

  /// 250: enough for small networks on small images.
  public var batchSize: Int { 250 }

  /// The features of many images, in batches and without gradients.
  ///
  /// - Parameters:
  ///   - images: `[n, channels, height, width]`; bytes 0 … 255 are scaled to -1 … 1; other types must already
  ///     be in that range.
  ///   - batchSize: images per batch; nil uses the source's.
  /// - Returns: `[n, features]`.
  public func features(ofAll images: Tensor, batchSize: Int? = nil) -> Tensor {
    inBatches(images, batchSize ?? self.batchSize) { features($0) }
  }
}

/// Applies a function to float batches of images, and concatenates the results.
func inBatches(_ images: Tensor, _ batchSize: Int, _ body: (Tensor) -> Tensor) -> Tensor {
  withoutGradients {
    let count = images.shape.first ?? 0
    check(count >= 1 && batchSize >= 1, "features need at least one image, not \(images.shape)")
    let parts = stride(from: 0, to: max(1, count), by: max(1, batchSize)).map { start in
      body(signedImages(images.narrow(0, from: start, length: min(batchSize, count - start))))
    }
    return Tensor.concatenated(parts, dim: 0)
  }
}

/// Scales bytes to -1 … 1; other types are unchanged.
func signedImages(_ images: Tensor) -> Tensor {
  images.dtype == .uint8 ? images.asType(.float32) * (1 / 127.5) - 1 : images
}

/// Raw pixels as features.
public struct RawPixels: FeatureSource, Sendable, Hashable {
  /// `pixels`.
  public var name: String { "pixels" }

  /// A source of raw pixels.
  public init() {}

  /// The flattened images, `[n, channels * height * width]`.
  public func features(_ images: Tensor) -> Tensor { images.flattened(from: 1) }
}

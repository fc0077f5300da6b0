public import Torch

/// Something that turns images into the vectors on which sets of images are compared.
public protocol FeatureSource {
  /// A short name without spaces, which the protocol of every number on these features repeats.
  var name: String { get }
  /// Everything about the features that a number's protocol must say; `features` comes first.
  var provenance: Provenance { get }
  /// How many images are in work at a time; networks that enlarge images first need much memory for each.
  var batchSize: Int { get }
  /// The features `[n, features]` of images `[n, channels, height, width]` in -1 … 1.
  func features(_ images: Tensor) -> Tensor
}

extension FeatureSource {
  /// The name alone.
  public var provenance: Provenance { ["features": name] }

  /// 250: enough for small networks on small images.
  public var batchSize: Int { 250 }

  /// The features of many images, computed some at a time and without gradients.
  ///
  /// - Parameters:
  ///   - images: `[n, channels, height, width]`; bytes 0 … 255 are brought to -1 … 1, others must be there.
  ///   - batchSize: how many images are in work at a time; nil: the source's own number.
  /// - Returns: `[n, features]`.
  public func features(ofAll images: Tensor, batchSize: Int? = nil) -> Tensor {
    inBatches(images, batchSize ?? self.batchSize) { features($0) }
  }
}

/// Applies a function to float batches of images and joins the results.
func inBatches(_ images: Tensor, _ batchSize: Int, _ body: (Tensor) -> Tensor) -> Tensor {
  withoutGradients {
    let count = images.shape.first ?? 0
    check(count >= 1 && batchSize >= 1, "features need at least one picture, not \(images.shape)")
    let parts = stride(from: 0, to: max(1, count), by: max(1, batchSize)).map { start in
      body(signedPictures(images.narrow(0, from: start, length: min(batchSize, count - start))))
    }
    return Tensor.concatenated(parts, dim: 0)
  }
}

/// Bytes as numbers in -1 … 1; other types as they are.
func signedPictures(_ images: Tensor) -> Tensor {
  images.dtype == .uint8 ? images.asType(.float32) * (1 / 127.5) - 1 : images
}

/// The pixels themselves: what a distance says about images without any network.
public struct RawPixels: FeatureSource, Sendable, Hashable {
  /// `pixels`.
  public var name: String { "pixels" }

  /// The source has no settings.
  public init() {}

  /// Each image as one row, channel by channel: `[n, channels * height * width]`.
  public func features(_ images: Tensor) -> Tensor { images.flattened(from: 1) }
}

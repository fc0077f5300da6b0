public import Torch

/// How images come to the 299 pixels of the FID paper's Inception network, and to its range; distances by different
/// ways must not be compared.
public enum InceptionResize: String, Sendable, Hashable, Codable, CaseIterable {
  /// TensorFlow 1's bilinear resize, which FID's published numbers and torch-fidelity have; see
  /// ``legacyBilinearResize(_:height:width:)``.
  case tensorflow
  /// Pillow's antialiased bicubic resize of each channel in floating point (Parmar, Zhang and Zhu 2022, clean-fid).
  case cleanFID = "clean-fid"
  /// PyTorch's bilinear resize of half-pixel centres, without antialiasing, and 2 x / 255 - 1 in place of
  /// (x - 128) / 128 (pytorch-fid's `inception.py`).
  case pytorch

  /// What numbers' provenance calls it.
  var provenance: String {
    switch self {
    case .tensorflow: "tf1-bilinear-\(InceptionFID.side)"
    case .cleanFID: "clean-fid-bicubic-\(InceptionFID.side)"
    case .pytorch: "pytorch-bilinear-\(InceptionFID.side)"
    }
  }

  /// The network's input of colour images of bytes' values `[n, 3, height, width]`.
  package func callAsFunction(_ bytes: Tensor) -> Tensor {
    let side = InceptionFID.side
    switch self {
    case .tensorflow: return (legacyBilinearResize(bytes, height: side, width: side) - 128) * (1 / 128.0)
    case .cleanFID:
      return (upsampleBicubic(bytes, size: (side, side), antialias: true) - 128) * (1 / 128.0)
    case .pytorch: return upsampleBilinear(bytes, size: (side, side)) * (2 / 255.0) - 1
    }
  }
}

/// The features of sFID (Nash et al. 2021, as ADM's evaluator takes them): the first seven channels of the 17 × 17 map of
/// `mixed_6`, `[n, 2023]`, which tell where things are rather than what they are.
public final class InceptionSpatial: FeatureSource {
  private let network: InceptionFID

  /// The source by a network with its weights.
  public init(_ network: InceptionFID) { self.network = network }

  /// `inception-2015-12-05-spatial`.
  public var name: String { network.name + "-spatial" }

  /// That of the network.
  public var batchSize: Int { network.batchSize }

  /// That of the network, under the source's own name.
  public var provenance: Provenance { network.provenance.merging(["features": name]) }

  /// `[n, 2023]` of images `[n, 1 or 3, height, width]` in -1 … 1.
  public func features(_ images: Tensor) -> Tensor { network.spatialFeatures(images) }
}

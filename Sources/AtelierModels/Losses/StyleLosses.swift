import AtelierCore
import Perception
public import Torch

/// How correlations of features are scaled before styles are compared.
///
/// Style weights are not portable between them: the numbers differ by many powers of ten.
public enum GramNormalization: String, Sendable, Hashable, Codable, CaseIterable {
  /// F·Fᵀ as it is, and the distance 1 / (4 N² M²) · Σ (G - A)², of N channels and M places (Gatys et al.
  /// 2016, equation 4).
  case gatys
  /// F·Fᵀ / (C H W) of each image, and the mean of (G - A)² (Johnson et al. 2016, section 3.2, and its
  /// code; pytorch/examples likewise).
  case johnson
  /// F·Fᵀ / (B C H W), where the B images of a batch count as channels of one, and the mean of (G - A)²
  /// (pytorch/tutorials). For one image it is `johnson`.
  case tutorial
  /// F·Fᵀ over its own Euclidean length, and the sum of (G - A)²: twice one minus the cosine between the
  /// two, so that every layer counts alike whatever the size of its features.
  case unit

  /// The Gram matrices `[batch, channels, channels]` of features `[batch, channels, height, width]`;
  /// for `tutorial` `[1, batch * channels, batch * channels]`. Computed in float32.
  public func matrix(_ features: Tensor) -> Tensor {
    guard
      check(features.rank == 4, "a Gram matrix takes [batch, channels, height, width], not \(features.shape)")
    else { return features }
    let shape = features.shape
    let (batch, channels, places) = (shape[0], shape[1], shape[2] * shape[3])
    let isJoined = self == .tutorial
    return withoutAutocast(on: features.device) {
      let rows = features.asType(.float32).contiguous()
        .reshaped([isJoined ? 1 : batch, isJoined ? batch * channels : channels, places])
      let products = rows.matmul(rows.transposed(1, 2))
      switch self {
      case .gatys: return products
      case .johnson: return products / Double(channels * places)
      case .tutorial: return products / Double(batch * channels * places)
      case .unit:
        let length = products.square().sum(dims: [1, 2], keepDim: true).sqrt()
        return products / length.clamped(min: 1e-12)
      }
    }
  }

  /// The distance of features from a style, as a scalar.
  ///
  /// - Parameters:
  ///   - features: `[batch, channels, height, width]`.
  ///   - style: what ``matrix(_:)`` gave for the style's features, of one image or of as many.
  public func distance(of features: Tensor, from style: Tensor) -> Tensor {
    let matrix = matrix(features)
    let target = matrix.shape == style.shape ? style : style.expanded(matrix.shape)
    switch self {
    case .johnson, .tutorial: return meanSquaredError(matrix, target)
    case .unit: return (matrix - target).square().sum() / Double(max(1, matrix.shape[0]))
    case .gatys:
      let shape = features.shape
      let (channels, places) = (Double(shape[1]), Double(shape[2] * shape[3]))
      let scale = 4 * channels * channels * places * places * Double(max(1, matrix.shape[0]))
      return (matrix - target).square().sum() / scale
    }
  }
}

/// How the content of two images is compared.
public enum ContentDistance: String, Sendable, Hashable, Codable, CaseIterable {
  /// The mean of (F - P)² (Johnson et al. 2016, equation 2, and most code).
  case mean
  /// ½ Σ (F - P)² (Gatys et al. 2016, equation 1), over the number of images.
  case halfSum = "half-sum"

  /// The distance of features from others of the same shape, as a scalar.
  public func callAsFunction(_ features: Tensor, _ target: Tensor) -> Tensor {
    switch self {
    case .mean: meanSquaredError(features, target)
    case .halfSum:
      meanSquaredError(features, target, .sum) / (2 * Double(max(1, features.shape.first ?? 1)))
    }
  }
}

/// Squared differences of neighbouring pixels, summed over both directions and divided by the number of
/// pictures: what Johnson et al. 2016 and lengstrom's code call total variation (β = 2 in Mahendran and
/// Vedaldi 2015).
///
/// - Parameter pictures: `[batch, channels, height, width]`.
public func totalVariation(_ pictures: Tensor) -> Tensor {
  guard
    check(pictures.rank == 4, "total variation takes [batch, channels, height, width], not \(pictures.shape)")
  else { return pictures }
  let (batch, height, width) = (pictures.shape[0], pictures.shape[2], pictures.shape[3])
  let down = pictures.slice(2, 1, height) - pictures.slice(2, 0, height - 1)
  let across = pictures.slice(3, 1, width) - pictures.slice(3, 0, width - 1)
  return (down.square().sum() + across.square().sum()) / Double(max(1, batch))
}

/// The name in the store of the weights that want images prepared in a way.
func frozenWeights(_ features: VGG.Architecture, _ normalization: InputNormalization) -> String {
  normalization == .caffe ? features.rawValue + "-caffe" : features.rawValue
}

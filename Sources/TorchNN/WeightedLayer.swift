public import Torch

/// A reparametrisation of a layer's weight.
public enum WeightNormalization: Sendable, Hashable, Codable {
  /// Spectral normalisation as `torch.nn.utils.spectral_norm` (Miyato et al. 2018): W / sigma with sigma =
  /// u·W·v, where u and v are state, updated by power iteration in training only.
  case spectral(epsilon: Double = 1e-12, iterations: Int = 1)
  /// Spectral normalisation as BigGAN's `layers.py`: only u is stored, `[1, outputs]`, initially not
  /// normalised; v is computed at each pass; sigma is stored as `sv` for logging. In evaluation the same
  /// iteration runs without storing its result.
  case spectralBigGAN(epsilon: Double = 1e-6, iterations: Int = 1)
  /// Spectral normalisation as MUNIT's `networks.py`: a power iteration at every pass, in evaluation too,
  /// which overwrites the u and v saved by earlier passes. Where several forward passes share a backward
  /// pass, the gradient of sigma uses the last u and v in all of them.
  case spectralOverwriting(epsilon: Double = 1e-12)
  /// Weight normalisation (Salimans and Kingma 2016): a magnitude for each slice of the first
  /// dimension times the direction of the weight.
  case weight

  /// Spectral normalisation with PyTorch's defaults.
  public static var spectral: WeightNormalization { .spectral() }
  /// Spectral normalisation with BigGAN's defaults.
  public static var spectralBigGAN: WeightNormalization { .spectralBigGAN() }
}

/// Base class of linear layers, convolutions and embeddings: a weight, a bias and an optional
/// reparametrisation.
///
/// State: `weight`, `bias`; with spectral normalisation also `spectral_u` and `spectral_v` (PyTorch's form)
/// or `spectral_u` and `spectral_value` (BigGAN's); with weight normalisation also `weight_magnitude`.
/// `weight` is always the tensor that the optimiser changes, before normalisation. ``KeyMap`` maps these to
/// the names in authors' files.
public class WeightedLayer: Module {
  /// The weight that is trained, before any normalisation.
  @Parameter public var weight: Tensor
  /// Added to the outputs, `[outputs]`.
  @Parameter public var bias: Tensor?
  /// The norms of the weight's slices, shaped for broadcasting; for weight normalisation only.
  @Parameter public var weightMagnitude: Tensor?
  /// The estimate of the left singular vector: `[outputs]`, or BigGAN's `[1, outputs]`.
  @Buffer public var spectralU: Tensor?
  /// The estimate of the right singular vector: `[inputs * kernel]`.
  @Buffer public var spectralV: Tensor?
  /// The largest singular value at the last training pass, `[1]`; BigGAN's form only.
  @Buffer public var spectralValue: Tensor?

  /// The weight as the layer uses it, while it is kept; see ``Module/withFoldedWeights(_:)``.
  fileprivate var folded: Tensor?

  /// The reparametrisation of the weight, if any.
  public let normalization: WeightNormalization?
  /// The output dimension of the weight: 1 for transposed convolutions.
  private let outputDimension: Int

  /// A layer of an initialised weight and bias; the state of the normalisation is drawn from `stream`.
  ///
  /// - Parameter outputDimension: the output dimension of the weight.
  init(
    weight: Tensor, bias: Tensor?, normalization: WeightNormalization?, outputDimension: Int = 0,
    using stream: RandomStream
  ) {
    self.normalization = normalization
    self.outputDimension = outputDimension
    weight.requiresGradient = false
    let outputs = weight.shape[outputDimension]
    switch normalization {
    case .spectral(let epsilon, _), .spectralOverwriting(let epsilon):
      spectralU = normalized(stream.normal([outputs]), epsilon)
      spectralV = normalized(stream.normal([weight.count / max(1, outputs)]), epsilon)
    case .spectralBigGAN:
      spectralU = stream.normal([1, weight.shape[0]])
      spectralValue = .ones([1])
    case .weight:
      weightMagnitude = Self.sliceNorms(weight)
    case nil: break
    }
    self.weight = weight
    self.bias = bias
    super.init()
  }

  /// Lists the tensors without reflection, as most tensors of most networks are in these layers.
  public override func members() -> [Member] {
    [
      .tensor(name: "weight", slot: _weight), .tensor(name: "bias", slot: _bias),
      .tensor(name: "weight_magnitude", slot: _weightMagnitude),
      .tensor(name: "spectral_u", slot: _spectralU),
      .tensor(name: "spectral_v", slot: _spectralV), .tensor(name: "spectral_value", slot: _spectralValue),
    ]
  }

  /// The weight used by the layer; in training this runs the power iteration.
  public func effectiveWeight() -> Tensor {
    if let folded { return folded }
    switch normalization {
    case nil: return weight
    case .spectral(let epsilon, let iterations): return spectral(epsilon, iterations)
    case .spectralBigGAN(let epsilon, let iterations): return spectralBigGAN(epsilon, iterations)
    case .spectralOverwriting(let epsilon): return spectralOverwriting(epsilon)
    case .weight:
      guard let weightMagnitude else { return weight }
      return weight * (weightMagnitude / Self.sliceNorms(weight))
    }
  }

  /// Sets the magnitudes to the weight's current norms, so that an initialiser's weight takes effect.
  func resetMagnitude() {
    guard let weightMagnitude else { return }
    withoutGradients { weightMagnitude.copy(from: Self.sliceNorms(weight)) }
  }

  /// Euclidean norms over all dimensions but the first, with kept dimensions.
  private static func sliceNorms(_ weight: Tensor) -> Tensor {
    weight.square().sum(dims: Array(1..<max(1, weight.rank)), keepDim: true).sqrt()
  }

  /// The weight as a matrix, one row per output.
  private var matrix: Tensor {
    guard outputDimension != 0 else { return weight.flattened(from: 1) }
    var order = Array(0..<weight.rank)
    order.remove(at: outputDimension)
    return weight.permuted([outputDimension] + order).flattened(from: 1)
  }

  /// Source: torch/nn/utils/spectral_norm.py `compute_weight`.
  private func spectral(_ epsilon: Double, _ iterations: Int) -> Tensor {
    guard let spectralU, let spectralV else { return weight }
    let matrix = matrix
    // u and v are constants for the gradient; copied, because the next pass overwrites the buffers.
    guard isTraining else {
      return weight / (spectralU.detached() * matrix.matmul(spectralV.detached())).sum()
    }
    let vectors = onceInCheckpoints("the singular vectors of \(weight.shape)") {
      withoutGradients {
        var (u, v) = (spectralU.detached(), spectralV.detached())
        for _ in 0..<iterations {
          v = normalized(matrix.transposed(0, 1).matmul(u), epsilon)
          u = normalized(matrix.matmul(v), epsilon)
        }
        if iterations == 0 { (u, v) = (u.cloned(), v.cloned()) }
        spectralU.copy(from: u)
        spectralV.copy(from: v)
        return [u, v]
      }
    }
    let (u, v) = (vectors[0], vectors[1])
    return weight / (u * matrix.matmul(v)).sum()
  }

  /// Source: NVlabs/MUNIT networks.py `SpectralNorm`, as PyTorch 2 evaluates its `u.data = …`: a history
  /// keeps the parameter itself, whose values are overwritten.
  private func spectralOverwriting(_ epsilon: Double) -> Tensor {
    guard let spectralU, let spectralV else { return weight }
    let matrix = matrix
    if !isRepeatedPass {
      withoutGradients {
        let v = normalized(matrix.transposed(0, 1).matmul(spectralU), epsilon)
        spectralU.uncounted().copy(from: normalized(matrix.matmul(v), epsilon))
        spectralV.uncounted().copy(from: v)
      }
    }
    return weight / (spectralU * matrix.matmul(spectralV)).sum()
  }

  /// Source: ajbrock/BigGAN-PyTorch layers.py `SN.W_` with one singular value.
  private func spectralBigGAN(_ epsilon: Double, _ iterations: Int) -> Tensor {
    guard let spectralU, let spectralValue else { return weight }
    // BigGAN uses the first dimension as the outputs, whatever the layer.
    let matrix = weight.flattened(from: 1)
    let vectors = onceInCheckpoints("the singular vectors of \(weight.shape)") {
      withoutGradients {
        var (u, v) = (spectralU.detached(), spectralU.detached())
        for _ in 0..<max(1, iterations) {
          // In evaluation every iteration starts from the stored vector, as in the authors' code.
          let start = isTraining ? u : spectralU
          v = normalized(start.matmul(matrix), epsilon)
          u = normalized(v.matmul(matrix.transposed(0, 1)), epsilon)
        }
        if isTraining { spectralU.copy(from: u) }
        return [u, v]
      }
    }
    let (u, v) = (vectors[0], vectors[1])
    let sigma = v.matmul(matrix.transposed(0, 1)).matmul(u.transposed(0, 1)).reshaped([1])
    if isTraining, !isRepeatedPass { spectralValue.copy(from: sigma) }
    return weight / sigma
  }
}

extension Module {
  /// Runs `body` with the normalised weights of all layers computed once, and not at every pass: for drawing piece by
  /// piece, without gradients.
  public func withFoldedWeights<Result>(_ body: () throws -> Result) rethrows -> Result {
    let layers = allModules().compactMap { $0 as? WeightedLayer }
      .filter { $0.normalization != nil && $0.folded == nil }
    withoutGradients { for layer in layers { layer.folded = layer.effectiveWeight() } }
    defer { for layer in layers { layer.folded = nil } }
    return try body()
  }
}

/// x / max(|x|, epsilon) over all elements: `torch.nn.functional.normalize` of one vector.
private func normalized(_ x: Tensor, _ epsilon: Double) -> Tensor {
  withoutGradients { x / x.norm().clamped(min: epsilon) }
}

public import Torch

/// A reparametrisation of a layer's weight.
public enum WeightNormalization: Sendable, Hashable, Codable {
  /// Spectral normalisation as `torch.nn.utils.spectral_norm` (Miyato et al. 2018): W / sigma with
  /// sigma = u·W·v, u and v kept as state and improved by power iteration in training only.
  case spectral(epsilon: Double = 1e-12, iterations: Int = 1)
  /// Spectral normalisation as BigGAN's `layers.py`: only u is kept, `[1, outputs]`, not normalised at
  /// the start; v is computed afresh; sigma is kept as `sv` for the log. In evaluation the same
  /// iteration runs but nothing is stored.
  case spectralBigGAN(epsilon: Double = 1e-6, iterations: Int = 1)
  /// Spectral normalisation as MUNIT's `networks.py`: a power iteration at every pass, in evaluation too, that
  /// overwrites u and v under the feet of the passes before it. Where several forward passes share a backward
  /// pass, the gradient of sigma takes the last u and v in all of them.
  case spectralOverwriting(epsilon: Double = 1e-12)
  /// Weight normalisation (Salimans and Kingma 2016): a magnitude for each slice of the first
  /// dimension times the direction of the weight.
  case weight

  /// Spectral normalisation with PyTorch's defaults.
  public static var spectral: WeightNormalization { .spectral() }
  /// Spectral normalisation with BigGAN's defaults.
  public static var spectralBigGAN: WeightNormalization { .spectralBigGAN() }
}

/// What linear layers, convolutions and embeddings share: a weight, a bias, a reparametrisation.
///
/// State: `weight`, `bias`; with spectral normalisation also `spectral_u` and `spectral_v` (PyTorch's
/// form) or `spectral_u` and `spectral_value` (BigGAN's); with weight normalisation also
/// `weight_magnitude`. `weight` is always the tensor that the optimiser changes, before normalisation.
/// ``KeyMap`` turns these into the names that authors' files use.
public class WeightedLayer: Module {
  /// The weight that is trained, before any normalisation.
  @Parameter public var weight: Tensor
  /// Added to the outputs, `[outputs]`.
  @Parameter public var bias: Tensor?
  /// The norms of the weight's slices, shaped for broadcasting; for weight normalisation only.
  @Parameter public var weightMagnitude: Tensor?
  /// The left singular vector as far as it is known: `[outputs]`, or BigGAN's `[1, outputs]`.
  @Buffer public var spectralU: Tensor?
  /// The right singular vector as far as it is known: `[inputs * kernel]`.
  @Buffer public var spectralV: Tensor?
  /// The last largest singular value in training, `[1]`; in BigGAN's form only.
  @Buffer public var spectralValue: Tensor?

  /// How the weight is normalised, if at all.
  public let normalization: WeightNormalization?
  /// The dimension of the weight that counts its outputs: 1 for transposed convolutions.
  private let outputDimension: Int

  /// Adopts an initialised weight and bias, and draws the state of the normalisation from `stream`.
  ///
  /// - Parameter outputDimension: which dimension of the weight counts the outputs.
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

  /// The tensors, without reflection: most tensors of most networks stand in these layers.
  public override func members() -> [Member] {
    [
      .tensor(name: "weight", slot: _weight), .tensor(name: "bias", slot: _bias),
      .tensor(name: "weight_magnitude", slot: _weightMagnitude),
      .tensor(name: "spectral_u", slot: _spectralU),
      .tensor(name: "spectral_v", slot: _spectralV), .tensor(name: "spectral_value", slot: _spectralValue),
    ]
  }

  /// The weight that the layer computes with; one power iteration is made here in training.
  public func effectiveWeight() -> Tensor {
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

  /// Sets the magnitudes to the weight's present norms, so that an initialiser's weight takes effect.
  func resetMagnitude() {
    guard let weightMagnitude else { return }
    withoutGradients { weightMagnitude.copy(from: Self.sliceNorms(weight)) }
  }

  /// Euclidean norms over all dimensions but the first, kept as ones.
  private static func sliceNorms(_ weight: Tensor) -> Tensor {
    weight.square().sum(dims: Array(1..<max(1, weight.rank)), keepDim: true).sqrt()
  }

  /// The weight as a matrix with a row an output.
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
    // u and v are constants of the gradient, and copies, because the next pass overwrites the buffers.
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

  /// Source: NVlabs/MUNIT networks.py `SpectralNorm`, as PyTorch 2 evaluates its `u.data = …`: a history keeps
  /// the parameter itself, whose values are exchanged.
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
    // BigGAN takes the first dimension for the outputs, whatever the layer.
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

/// x / max(|x|, epsilon) over all elements: `torch.nn.functional.normalize` of one vector.
private func normalized(_ x: Tensor, _ epsilon: Double) -> Tensor {
  withoutGradients { x / x.norm().clamped(min: epsilon) }
}

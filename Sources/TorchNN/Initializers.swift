public import Torch

/// How many inputs and outputs an element of a weight has, as PyTorch counts: dimension 1 and
/// dimension 0, each times the kernel's area.
///
/// Transposed convolutions are counted the same way although their dimensions mean the opposite.
public func fans(of weight: Tensor) -> (input: Int, output: Int) {
  let shape = weight.shape
  guard check(shape.count >= 2, "fans need a weight of two or more dimensions, not \(shape)") else {
    return (1, 1)
  }
  let area = shape.dropFirst(2).reduce(1, *)
  return (shape[1] * area, shape[0] * area)
}

/// Which side of a weight the variance of kaiming initialisation keeps.
public enum FanMode: String, Sendable, Hashable, Codable {
  case input, output
}

extension RandomStream {
  /// Uniform within ±gain·√(6 / (fan-in + fan-out)). Source: Glorot and Bengio 2010.
  public func fillXavierUniform(_ weight: Tensor, gain: Double = 1) {
    let (input, output) = fans(of: weight)
    let bound = 3.0.squareRoot() * (gain * (2.0 / Double(input + output)).squareRoot())
    fillUniform(weight, low: -bound, high: bound)
  }

  /// Normal with deviation gain·√(2 / (fan-in + fan-out)). Source: Glorot and Bengio 2010.
  public func fillXavierNormal(_ weight: Tensor, gain: Double = 1) {
    let (input, output) = fans(of: weight)
    fillNormal(weight, standardDeviation: gain * (2.0 / Double(input + output)).squareRoot())
  }

  /// Uniform with deviation √(2 / (1 + a²)) / √fan. Source: He et al. 2015.
  public func fillKaimingUniform(_ weight: Tensor, negativeSlope a: Double = 0, mode: FanMode = .input) {
    let bound = 3.0.squareRoot() * kaimingDeviation(weight, a, mode)
    fillUniform(weight, low: -bound, high: bound)
  }

  /// Normal with deviation √(2 / (1 + a²)) / √fan. Source: He et al. 2015.
  public func fillKaimingNormal(_ weight: Tensor, negativeSlope a: Double = 0, mode: FanMode = .input) {
    fillNormal(weight, standardDeviation: kaimingDeviation(weight, a, mode))
  }

  private func kaimingDeviation(_ weight: Tensor, _ a: Double, _ mode: FanMode) -> Double {
    let (input, output) = fans(of: weight)
    let fan = max(1, mode == .input ? input : output)
    return (2.0 / (1 + a * a)).squareRoot() / Double(fan).squareRoot()
  }

  /// A (semi-)orthogonal matrix of all dimensions but the first flattened. Source: Saxe et al. 2013.
  public func fillOrthogonal(_ weight: Tensor, gain: Double = 1) {
    guard weight.count > 0, !weight.isPlaceholder else { return }
    withoutGradients {
      let shape = weight.shape
      guard check(shape.count >= 2, "an orthogonal weight needs two or more dimensions, not \(shape)") else {
        return
      }
      let (rows, columns) = (shape[0], weight.count / shape[0])
      let drawn = normal([rows, columns])
      // The wide matrix is decomposed as a tall one; the signs make the draw uniform (Mezzadri 2006).
      let (q, r) = (rows < columns ? drawn.transposed(0, 1) : drawn).qr()
      let signed = q * r.diagonal().sign()
      let oriented = rows < columns ? signed.transposed(0, 1) : signed
      weight.copy(from: oriented.reshaped(shape).to(weight.device))
      weight.multiplyInPlace(gain)
    }
  }

  /// Normal numbers of which those outside `low ... high` are drawn again.
  ///
  /// - Parameters:
  ///   - low: the smallest value kept; PyTorch's default is -2 whatever the deviation.
  public func fillTruncatedNormal(
    _ weight: Tensor, mean: Double = 0, standardDeviation: Double = 1, low: Double = -2, high: Double = 2
  ) {
    guard check(low < high, "a truncated normal needs low < high, not \(low) and \(high)") else { return }
    guard !weight.isPlaceholder else { return }
    withoutGradients {
      fillNormal(weight, mean: mean, standardDeviation: standardDeviation)
      // Bounds far from the mean would take for ever; what is left after so many rounds is clamped.
      for _ in 0..<1000 {
        let outside = weight.less(low).logicalOr(weight.greater(high))
        guard outside.any().item() != 0 else { return }
        let again = Tensor.zeros(like: weight)
        fillNormal(again, mean: mean, standardDeviation: standardDeviation)
        weight.copy(from: Tensor.select(outside, again, weight))
      }
      weight.copy(from: weight.clamped(min: low, max: high))
    }
  }
}

/// A rule that sets the initial weights of a whole network, by kind of layer.
///
/// Biases become 0 except where said; norms with a scale draw it from N(1, deviation) and shift by 0.
public enum Initialization: Sendable, Hashable, Codable {
  /// Weights from N(0, deviation²): 0.02 in DCGAN, pix2pix and CycleGAN.
  case normal(standardDeviation: Double = 0.02)
  /// Xavier normal: gain 0.02 in SPADE and its kin.
  case xavierNormal(gain: Double = 0.02)
  /// Xavier uniform.
  case xavierUniform(gain: Double = 1)
  /// Kaiming normal over the inputs: a = 0 in UNIT, MUNIT and FUNIT.
  case kaimingNormal(negativeSlope: Double = 0)
  /// Orthogonal: BigGAN; biases and norms keep their values.
  case orthogonal(gain: Double = 1)
}

/// Draws the weights of all linear layers, convolutions and embeddings (embeddings only with
/// `.orthogonal`, as in BigGAN) and of all norms anew, in the order of PyTorch's `Module.apply`.
public func initialize(_ module: Module, _ rule: Initialization, using stream: RandomStream) {
  initialize(module) { part in
    if let layer = part as? WeightedLayer {
      rule.apply(to: layer, using: stream)
    } else if let norm = part as? any AffineNorm {
      rule.apply(to: norm, using: stream)
    }
  }
}

/// Calls `body` for a module's parts, children before their parents: PyTorch's `Module.apply`.
public func initialize(_ module: Module, _ body: (Module) -> Void) {
  for case .child(_, let child) in module.members() { initialize(child, body) }
  body(module)
}

extension Initialization {
  fileprivate func apply(to layer: WeightedLayer, using stream: RandomStream) {
    let isEmbedding = layer is Embedding
    switch self {
    case .orthogonal(let gain): stream.fillOrthogonal(layer.weight, gain: gain)
    case _ where isEmbedding: return
    case .normal(let deviation): stream.fillNormal(layer.weight, standardDeviation: deviation)
    case .xavierNormal(let gain): stream.fillXavierNormal(layer.weight, gain: gain)
    case .xavierUniform(let gain): stream.fillXavierUniform(layer.weight, gain: gain)
    case .kaimingNormal(let slope): stream.fillKaimingNormal(layer.weight, negativeSlope: slope)
    }
    if case .orthogonal = self {} else { layer.bias?.fill(0) }
    layer.resetMagnitude()
  }

  fileprivate func apply(to norm: any AffineNorm, using stream: RandomStream) {
    guard let weight = norm.weight else { return }
    switch self {
    case .orthogonal, .kaimingNormal: return
    case .normal(let deviation): stream.fillNormal(weight, mean: 1, standardDeviation: deviation)
    case .xavierNormal(let gain): stream.fillNormal(weight, mean: 1, standardDeviation: gain)
    case .xavierUniform: weight.fill(1)
    }
    norm.bias?.fill(0)
  }
}

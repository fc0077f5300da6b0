import AtelierCore
public import Torch

/// Penalties on the derivatives ∇ of a discriminator's scores by its input images.
///
/// The images they are taken at are constants: no gradient reaches the generator. Each is a scalar
/// without its weight. `discriminator` gives scores of any shape with one entry an image. Derivatives of
/// derivatives are taken in float32, whatever the networks run in.
public enum GradientPenalty {
  /// mean (|∇| − 1)² between real and generated images.
  ///
  /// Source: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3.
  ///
  /// - Parameters:
  ///   - real: images `[batch, channels, height, width]`, `fake` likewise.
  ///   - mixing: one uniform draw an image, any shape of `batch` elements; 1 takes the real one.
  public static func interpolated(
    real: Tensor, fake: Tensor, mixing: Tensor, discriminator: (Tensor) throws -> Tensor
  ) rethrows -> Tensor {
    let norms = try gradientNorms(at: between(real, fake, mixing), discriminator)
    return (norms - 1).square().mean()
  }

  /// max |∇|² between real and generated images, over those of all processes.
  ///
  /// Source: Zhou et al. 2019, "Lipschitz Generative Adversarial Nets", in the form of StudioGAN.
  ///
  /// - Parameter mixing: one uniform draw an image, any shape of `batch` elements; 1 takes the real one.
  public static func maximum(
    real: Tensor, fake: Tensor, mixing: Tensor, discriminator: (Tensor) throws -> Tensor
  ) rethrows -> Tensor {
    try gradientNorms(at: between(real, fake, mixing), discriminator).gatheredOverProcesses()
      .square().max()
  }

  /// mean (|∇| − 1)² around real pictures: at real + mixing · (½ std(real) · noise), the deviation
  /// being that of all elements (unbiased).
  ///
  /// Source: Kodali et al. 2017, "On Convergence and Stability of GANs" (DRAGAN).
  ///
  /// - Parameters:
  ///   - mixing: one uniform draw an image, any shape of `batch` elements.
  ///   - noise: uniform draws of the images' shape.
  public static func dragan(
    real: Tensor, mixing: Tensor, noise: Tensor, discriminator: (Tensor) throws -> Tensor
  ) rethrows -> Tensor {
    let pictures = real.detached()
    let deviation = deviation(of: pictures)
    let points = pictures + perImage(mixing, pictures) * (deviation * 0.5 * noise)
    return (try gradientNorms(at: points, discriminator) - 1).square().mean()
  }

  /// The deviation of all elements (unbiased), of those of all processes together.
  private static func deviation(of pictures: Tensor) -> Tensor {
    guard let processes = currentProcesses else {
      return pictures.standardDeviation(dims: Array(0..<pictures.rank))
    }
    return withoutGradients {
      let count = Double(pictures.count * processes.count)
      let mean = pictures.sum().summedOverProcesses() / count
      return ((pictures - mean).square().sum().summedOverProcesses() / (count - 1)).sqrt()
    }
  }

  /// ½ mean |∇|² at real images.
  ///
  /// Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9.
  public static func r1(real: Tensor, discriminator: (Tensor) throws -> Tensor) rethrows -> Tensor {
    let derivatives = try derivatives(at: real, discriminator)
    return derivatives.square().sum(dims: [1]).mean() * 0.5
  }

  /// |∇| of each image, `[batch]`.
  private static func gradientNorms(
    at points: Tensor, _ discriminator: (Tensor) throws -> Tensor
  ) rethrows -> Tensor {
    try derivatives(at: points, discriminator).norm(dims: [1])
  }

  /// The derivatives of the scores' sum by each image, `[batch, values]`, themselves differentiable.
  private static func derivatives(
    at points: Tensor, _ discriminator: (Tensor) throws -> Tensor
  ) rethrows -> Tensor {
    try withoutAutocast(on: points.device) {
      let points = points.detached()
      points.requiresGradient = true
      let scores = try discriminator(points)
      return gradients(of: scores, withRespectTo: [points], createGraph: true)[0].flattened(from: 1)
    }
  }

  private static func between(_ real: Tensor, _ fake: Tensor, _ mixing: Tensor) -> Tensor {
    let weight = perImage(mixing, real)
    return weight * real.detached() + (1 - weight) * fake.detached()
  }

  /// A draw for each image, shaped for broadcasting over its values.
  private static func perImage(_ draw: Tensor, _ pictures: Tensor) -> Tensor {
    let batch = pictures.shape.first ?? 1
    check(draw.count == batch, "\(batch) images need \(batch) mixing draws, not \(draw.shape)")
    return draw.reshaped([batch] + [Int](repeating: 1, count: max(0, pictures.rank - 1)))
  }
}

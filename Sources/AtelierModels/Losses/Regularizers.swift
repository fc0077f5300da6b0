import AtelierCore
public import Torch

/// Terms that stabilise adversarial training without scoring single images.
public enum AdversarialRegularizer {
  /// The mean over features of |mean over generated − mean over real|.
  ///
  /// Source: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.1, with the
  /// absolute difference of StudioGAN in place of the squared one.
  ///
  /// - Parameters:
  ///   - real: a discriminator's features of real images, `[batch, size]`, `fake` of generated ones.
  public static func featureMatching(real: Tensor, fake: Tensor) -> Tensor {
    (fake.mean(dims: [0]) - real.mean(dims: [0])).averagedOverProcesses().abs().mean()
  }

  /// mean max(0, s − α_f)² + mean max(0, α_r − f)², which keeps scores of each kind from running away
  /// from the running average of the other.
  ///
  /// Source: Tseng et al. 2021, "Regularizing Generative Adversarial Networks under Limited Data",
  /// equation 5, one-sided as in StudioGAN.
  ///
  /// - Parameters:
  ///   - real: scores of real images (s), `fake` of generated ones (f).
  ///   - averageReal: the running average α_r of real scores, a constant; `averageFake` is α_f.
  public static func lecam(real: Tensor, fake: Tensor, averageReal: Double, averageFake: Double) -> Tensor {
    (real - averageFake).relu().square().mean() + (averageReal - fake).relu().square().mean()
  }
}

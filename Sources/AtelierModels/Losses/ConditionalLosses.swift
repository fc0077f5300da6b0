import AtelierCore
public import Torch

/// Losses that tie a discriminator's outputs to class labels.
///
/// `label` is int64 `[batch]` everywhere.
public enum ConditionalLoss {
  /// mean max(0, 1 + max over wrong classes − the right class), the multi-class hinge.
  ///
  /// Source: Crammer and Singer 2001; for GANs Kavalerov et al. 2021, "A Multi-Class Hinge Loss for
  /// Conditional GANs".
  ///
  /// - Parameter logits: `[batch, classes]`.
  public static func crammerSinger(logits: Tensor, label: Tensor) -> Tensor {
    let right = logits.gathered(1, label.unsqueezed(1))
    let isRight = label.oneHot(logits.shape[1]).greater(0.5)
    let wrong = Tensor.select(isRight, .full([], -.infinity, device: logits.device), logits)
    return (1 + wrong.max(dim: 1, keepDim: true).values - right).relu().mean()
  }

  /// mean −log softmax(logits) at the label. Source: Odena et al. 2017, equation 3.
  ///
  /// - Parameter logits: `[batch, classes]`.
  public static func classification(logits: Tensor, label: Tensor) -> Tensor { crossEntropy(logits, label) }

  /// The conditional contrastive loss (2C): with similarities k(a, b) = exp(cos(a, b) / temperature),
  /// mean −log( [k(xᵢ, p(yᵢ)) + Σ_{j≠i, yⱼ=yᵢ} k(xᵢ, xⱼ)] / [k(xᵢ, p(yᵢ)) + Σ_{j≠i} k(xᵢ, xⱼ)] ).
  ///
  /// Source: Kang and Park 2020, "ContraGAN", equation 8.
  ///
  /// - Parameters:
  ///   - embedding: features of the images, `[batch, size]`.
  ///   - proxy: the embeddings of their labels, `[batch, size]`.
  public static func contrastive(
    embedding: Tensor, proxy: Tensor, label: Tensor, temperature: Double
  ) -> Tensor {
    let (embedding, proxy, label) = whole(embedding, proxy, label)
    let pairs = PairMasks(label)
    let similarity = (cosines(embedding, embedding) / temperature).exp() * pairs.others
    let toProxy = (cosine(embedding, proxy) / temperature).exp()
    let positive = toProxy + (similarity * pairs.sameLabel).sum(dims: [1])
    return -(positive / (toProxy + similarity.sum(dims: [1]))).log().mean()
  }

  /// The data-to-data cross-entropy: with aᵢ = max(0, margin − cos(xᵢ, p(yᵢ))) / temperature and
  /// sᵢⱼ = (cos(xᵢ, xⱼ) + margin − 1) / temperature, the mean of
  /// aᵢ + log(exp(−aᵢ) + Σ_{yⱼ≠yᵢ} exp(max(0, sᵢⱼ) − max_{j≠i} sᵢⱼ)).
  ///
  /// The last maximum is a constant of the gradient. The paper has no such term; StudioGAN subtracts it
  /// for stability from one summand only, and the published numbers are with it. Source: Kang et al.
  /// 2021, "Rebooting ACGAN" (ReACGAN), equation 7.
  ///
  /// - Parameters:
  ///   - embedding: features of the images, `[batch, size]`.
  ///   - proxy: the embeddings of their labels, `[batch, size]`.
  public static func dataToDataCrossEntropy(
    embedding: Tensor, proxy: Tensor, label: Tensor, temperature: Double, margin: Double
  ) -> Tensor {
    let (embedding, proxy, label) = whole(embedding, proxy, label)
    let pairs = PairMasks(label)
    let similarity = (cosines(embedding, embedding) + (margin - 1)) / temperature
    let lowest = Tensor.full([], -.infinity, device: similarity.device)
    let largest = Tensor.select(pairs.others.greater(0.5), similarity, lowest)
      .max(dim: 1, keepDim: true).values.detached()
    let negative = (similarity.relu() - largest).exp() * pairs.others * (1 - pairs.sameLabel)
    let attraction = ((margin - cosine(embedding, proxy)) / temperature).relu()
    return (attraction + ((-attraction).exp() + negative.sum(dims: [1])).log()).mean()
  }

  /// Which pairs of a batch are different images, and which have one label: float masks `[batch, batch]`.
  /// Those of all processes, as the losses compare the examples of a batch.
  private static func whole(
    _ embedding: Tensor, _ proxy: Tensor, _ label: Tensor
  ) -> (Tensor, Tensor, Tensor) {
    (embedding.gatheredOverProcesses(), proxy.gatheredOverProcesses(), label.gatheredOverProcesses())
  }

  private struct PairMasks {
    let others: Tensor
    let sameLabel: Tensor

    init(_ label: Tensor) {
      others = (1 - Tensor.eye(label.count)).to(label.device)
      sameLabel = label.unsqueezed(1).equal(label.unsqueezed(0)).asType(.float32)
    }
  }

  /// Rows divided by their lengths, which count as at least 1e-8 as in PyTorch.
  private static func normalized(_ x: Tensor) -> Tensor {
    x / x.norm(dims: [-1], keepDim: true).clamped(min: 1e-8)
  }

  /// The cosine of each row with the same row of another matrix, `[batch]`.
  private static func cosine(_ a: Tensor, _ b: Tensor) -> Tensor {
    (normalized(a) * normalized(b)).sum(dims: [-1])
  }

  /// The cosines of all pairs of rows, `[batch, batch]`.
  private static func cosines(_ a: Tensor, _ b: Tensor) -> Tensor {
    normalized(a).matmul(normalized(b).transposed(0, 1))
  }
}

import Torch
import TorchNN

/// The generalised end-to-end loss of Wan et al. 2018, softmax form: an embedding is to be more similar to the mean of its
/// speaker's other embeddings than to the means of the other speakers.
///
/// State: `similarity_weight` and `similarity_bias`, each `[1]`, as in resemblyzer's file.
final class SpeakerContrast: Module {
  private let weight: Parameter<Tensor>
  private let bias: Parameter<Tensor>

  /// A scale of 10 and an offset of −5.
  override init() {
    weight = Parameter(wrappedValue: Tensor([Float(10)], shape: [1]))
    bias = Parameter(wrappedValue: Tensor([Float(-5)], shape: [1]))
    super.init()
  }

  override func members() -> [Member] {
    [.tensor(name: "similarity_weight", slot: weight), .tensor(name: "similarity_bias", slot: bias)]
  }

  /// Scaled similarities `[batch, speakers]` of embeddings `[batch, size]` of unit length.
  ///
  /// - Parameters:
  ///   - membership: `[batch, speakers]`, 1 where an embedding is a speaker's and 0 elsewhere.
  ///   - share: the share of their gradients that scale and offset get.
  func similarities(_ embeddings: Tensor, _ membership: Tensor, share: Double = 1) -> Tensor {
    func normalized(_ x: Tensor) -> Tensor { x / (x.square().sum(dims: [1], keepDim: true) + 1e-12).sqrt() }
    let sums = membership.transposed(0, 1).matmul(embeddings)
    let others = normalized(membership.matmul(sums) - embeddings)
    let own = (embeddings * others).sum(dims: [1], keepDim: true)
    let similarity =
      embeddings.matmul(normalized(sums).transposed(0, 1)) * (1 - membership) + own * membership
    func shared(_ x: Tensor) -> Tensor { share == 1 ? x : x * share + x.detached() * (1 - share) }
    return similarity * shared(weight.wrappedValue) + shared(bias.wrappedValue)
  }
}

import Torch
import TorchNN

/// What a transformer takes of a discrete autoencoder: an image as a square of code numbers, and back.
protocol ImageCodes: Module {
  /// Code numbers `[batch, codes]`, row by row, of images `[batch, channels, height, width]` in 0 … 1.
  func codes(of image: Tensor) -> Tensor

  /// Images in 0 … 1 of code numbers `[batch, codes]`.
  func image(of codes: Tensor) -> Tensor

  /// The scores of every code at every place, before the softmax, `[batch, vocabulary, height, width]`.
  func scores(of image: Tensor) -> Tensor
}

/// How a code is drawn from scores so that gradients pass.
struct CodeRelaxation {
  /// Divides the scores.
  var temperature: Double
  /// Whether codes are one-hot forward, with the gradient of the relaxed ones.
  var isStraightThrough: Bool
  /// Whether the gradient is Liu et al.'s of second order ("Bridging Discrete and Backpropagation: Straight-Through and
  /// Beyond", 2023, algorithm 2); it needs one-hot codes.
  var isReinMax: Bool

  /// Relaxed or one-hot codes `[batch, vocabulary, height, width]` for scores and Gumbel noise of that shape.
  func callAsFunction(_ scores: Tensor, noise: Tensor) -> Tensor {
    let soft = ((scores + noise) / temperature).softmax(1)
    guard isStraightThrough else { return soft }
    let hard = soft.argmax(dim: 1).oneHot(scores.shape[1]).permuted([0, 3, 1, 2]).asType(soft.dtype)
    guard isReinMax else { return hard - soft.detached() + soft }
    let first = scores.softmax(1)
    let mixed = (hard + (scores / temperature).softmax(1)) / 2
    let corrected = ((mixed.clamped(min: 1e-20).log() - scores).detached() + scores).softmax(1)
    let second = corrected * 2 - first * 0.5
    return second - second.detached() + hard
  }
}

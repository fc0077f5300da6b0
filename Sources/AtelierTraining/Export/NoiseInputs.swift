import Torch
import TorchNN

/// A random tensor that a generation drew by name, which an exported module takes as an input.
struct NoiseInput {
  let name: String
  /// How it is drawn, for people.
  let meaning: String
  let tensor: Tensor
}

/// Draws from a stream and keeps what it drew.
final class NotingDraws: Draws {
  private let stream: RandomStream
  /// What was drawn, in order, under names of its own each.
  private(set) var noted: [NoiseInput] = []

  init(_ stream: RandomStream) { self.stream = stream }

  func normal(_ name: String, _ shape: [Int]) -> Tensor {
    note(name, "standard normal", stream.normal(shape))
  }

  func uniform(_ name: String, _ shape: [Int]) -> Tensor {
    note(name, "uniform in 0 … 1", stream.uniform(shape))
  }

  func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor {
    note(name, "whole numbers 0 … \(bound - 1)", stream.integers(below: bound, shape))
  }

  func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor {
    note(name, "1 with probability \(probability), else 0", stream.bernoulli(probability, shape))
  }

  private func note(_ name: String, _ meaning: String, _ tensor: Tensor) -> Tensor {
    // A plain word, and one for each draw.
    let word = String(name.map { $0.isLetter || $0.isNumber ? $0 : "_" })
    let same = noted.filter { $0.name == word || $0.name.hasPrefix(word + "_again") }.count
    noted.append(
      NoiseInput(name: same == 0 ? word : "\(word)_again\(same)", meaning: meaning, tensor: tensor))
    return tensor
  }
}

/// Gives out tensors in their order, whatever they are asked for by.
final class GivenDraws: Draws {
  private var tensors: ArraySlice<Tensor>

  init(_ tensors: some Sequence<Tensor>) { self.tensors = ArraySlice(tensors) }

  func normal(_ name: String, _ shape: [Int]) -> Tensor { next(name, shape) }
  func uniform(_ name: String, _ shape: [Int]) -> Tensor { next(name, shape) }
  func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor { next(name, shape) }
  func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor { next(name, shape) }

  private func next(_ name: String, _ shape: [Int]) -> Tensor {
    guard let tensor = tensors.popFirst() else {
      check(false, "the draw \"\(name)\" was not made before")
      return .zeros(shape)
    }
    check(tensor.shape == shape, "the draw \"\(name)\" has shape \(tensor.shape), but \(shape) is needed")
    return tensor
  }
}

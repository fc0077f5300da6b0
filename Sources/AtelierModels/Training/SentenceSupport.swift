import AtelierCore
import Torch

/// Batches of sentences that a case recorded.
final class RecordedSentences: BatchSource {
  private var batches: [[String: Tensor]]

  init(_ batches: [[String: Tensor]]) { self.batches = batches }

  func next() throws -> Batch {
    guard !batches.isEmpty else { throw ConfigurationError("the case has recorded no more batches") }
    return Batch(batches.removeFirst())
  }
}

/// The cross-entropy of logits `[tokens, vocabulary]` against tokens `[tokens]`, its mean over those that are no padding:
/// those of the whole batch, of which every process has others.
func tokenCrossEntropy(_ logits: Tensor, _ target: Tensor, padding: Int) -> Tensor {
  crossEntropy(logits, target, ignoredIndex: padding).averagedOverProcesses(
    counting: target.notEqual(Double(padding)).sum())
}

extension TargetScore {
  /// The scores of the columns of scores `[time, batch, vocabulary]` for targets `[time, batch]`.
  static func scores(_ logits: Tensor, _ target: Tensor, padding: Int) -> [TargetScore] {
    let columns = target.shape[1]
    let flat = target.reshaped([-1])
    let losses = crossEntropy(logits.reshaped([-1, logits.shape[2]]), flat, .none, ignoredIndex: padding)
      .reshaped(target.shape).asType(.float64).sum(dims: [0]).doubles()
    let counts = target.notEqual(Double(padding)).asType(.int64)
    let right = logits.argmax(dim: 2).equal(target).asType(.int64) * counts
    let (tokens, correct) = (counts.sum(dims: [0]).integers(), right.sum(dims: [0]).integers())
    return (0..<columns).map {
      TargetScore(negativeLogLikelihood: losses[$0], tokens: tokens[$0], correct: correct[$0])
    }
  }
}

/// Refuses tokens `[n, time]` that a network does not know, or more of them than it takes.
func checkTokens(_ source: Tensor, _ vocabulary: Int, _ longest: Int) throws(ConfigurationError) {
  guard source.rank == 2, source.count > 0 else {
    throw ConfigurationError("sentences are tokens [n, time], not \(source.shape)")
  }
  guard source.shape[1] <= longest else {
    throw ConfigurationError("a sentence has \(source.shape[1]) tokens, and at most \(longest) are taken")
  }
  if let wrong = source.contiguous().integers().first(where: { !(0..<vocabulary).contains($0) }) {
    throw ConfigurationError("there is no token \(wrong); the vocabulary has \(vocabulary)")
  }
}

extension ReferenceCheck {
  /// The setting `length` of a check that generates.
  func length() throws(ConfigurationError) -> Int {
    switch settings["length"] {
    case .integer(let length)? where length >= 1: return Int(length)
    default: throw ConfigurationError("the check '\(name)' needs a length of at least 1")
    }
  }
}

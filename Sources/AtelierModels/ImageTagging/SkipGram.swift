import AtelierCore
import AtelierData
import Foundation
public import Torch
public import TorchNN

/// Word vectors by skip-gram with negative sampling: a word's vector is to be close to what stands around it,
/// and far from random words.
///
/// Papers: Mikolov, Chen, Corrado and Dean 2013, "Efficient Estimation of Word Representations in Vector
/// Space"; Mikolov, Sutskever, Chen, Corrado and Dean 2013, "Distributed Representations of Words and Phrases
/// and their Compositionality", equations 4 (loss) and 5 (subsampling), negatives from counts to the power of
/// ¾.
public final class SkipGram: Module {
  /// One vector per word, `[words, size]`, uniform within ±½ / size at first: the result.
  @Parameter public var vectors: Tensor
  /// One vector per word as neighbour, zeros at first.
  @Parameter public var neighbours: Tensor

  /// Untrained vectors.
  public init(words: Int, size: Int, using stream: RandomStream) {
    vectors = stream.uniform([words, size]) * (1 / Double(size)) - 0.5 / Double(size)
    neighbours = .zeros([words, size])
    super.init()
  }

  /// −log σ(v·u) − Σ log σ(−v·uₙ), the mean over pairs.
  ///
  /// - Parameters:
  ///   - centre: int64 `[pairs]`.
  ///   - neighbour: int64 `[pairs]`, a word that stands near it.
  ///   - negatives: int64 `[pairs, k]`, random words.
  public func loss(centre: Tensor, neighbour: Tensor, negatives: Tensor) -> Tensor {
    let v = embedding(vectors, centre)
    let positive = (v * embedding(neighbours, neighbour)).sum(dims: [1])
    let negative = embedding(neighbours, negatives).matmul(v.unsqueezed(2)).squeezed(2)
    return ((-positive).softplus() + negative.softplus().sum(dims: [1])).mean()
  }
}

/// Draws training pairs from a text.
struct SkipGramSampler {
  private let sentences: [[Int]]
  private let longest: Int
  /// How likely an occurrence of a word is kept.
  private let keep: [Double]
  /// The distribution of negatives, summed up.
  private let cumulative: [Double]
  private let window: Int
  private let negatives: Int

  /// - Parameters:
  ///   - window: the most words between a word and its neighbour, drawn from 1 up for each word.
  ///   - subsampling: t of equation 5; 0 keeps every word.
  init(_ vocabulary: TagVocabulary, window: Int, negatives: Int, subsampling: Double) {
    sentences = vocabulary.sentences
    // Longer sentences are read to here, so that a step's numbers stay few.
    longest = min(64, vocabulary.sentences.map(\.count).max() ?? 1)
    let total = Double(vocabulary.counts.reduce(0, +))
    keep = vocabulary.counts.map {
      subsampling > 0 ? min(1, (subsampling * total / Double($0)).squareRoot()) : 1
    }
    var sum = 0.0
    cumulative = vocabulary.counts.map { count in
      sum += pow(Double(count), 0.75)
      return sum
    }
    self.window = window
    self.negatives = negatives
  }

  /// The pairs of some random sentences; nil where subsampling left none.
  func pairs(
    _ count: Int, draws: any Draws
  ) -> (centre: Tensor, neighbour: Tensor, negatives: Tensor)? {
    guard !sentences.isEmpty else { return nil }
    let chosen = draws.integers("sentence", below: sentences.count, [count]).integers()
    let kept = draws.uniform("keep", [count, longest]).floats()
    let reach = draws.integers("window", below: window, [count, longest]).integers()
    var (centres, neighbours): ([Int], [Int]) = ([], [])
    for (row, number) in chosen.enumerated() {
      let words = sentences[number].prefix(longest).enumerated().filter { place, word in
        Double(kept[row * longest + place]) < keep[word]
      }.map(\.element)
      for (place, word) in words.enumerated() {
        let distance = reach[row * longest + place] + 1
        for other in max(0, place - distance)...min(words.count - 1, place + distance) where other != place {
          centres.append(word)
          neighbours.append(words[other])
        }
      }
    }
    guard !centres.isEmpty else { return nil }
    let total = cumulative.last ?? 1
    let drawn = draws.uniform("negative", [centres.count, negatives]).floats().map { value in
      place(of: Double(value) * total)
    }
    return (
      Tensor(centres), Tensor(neighbours), Tensor(drawn).reshaped([centres.count, negatives])
    )
  }

  /// The word at a place of the summed distribution.
  private func place(of value: Double) -> Int {
    var (low, high) = (0, cumulative.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > value { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

package import AtelierCore
import Foundation

/// Picks the next token of one text from its logits.
package struct TokenPicker {
  package let sampling: TokenSampling

  /// A picker with the settings of a request.
  package init(sampling: TokenSampling) { self.sampling = sampling }

  /// Whether the token depends on a draw.
  var draws: Bool { sampling.temperature > 0 && sampling.topK != 1 }

  /// The token: the smallest index whose cumulative probability exceeds `draw`, after the penalty of repetitions,
  /// the temperature, the likeliest `topK`, and the share `topP`, in this order; without a draw the likeliest.
  ///
  /// - Parameters:
  ///   - text: the tokens so far, for the penalty.
  ///   - draw: uniform in 0 ..< 1.
  package func pick(_ logits: [Float], after text: [Int], draw: Float) -> Int {
    var logits = logits
    if sampling.repetitionPenalty != 1 {
      let penalty = Float(sampling.repetitionPenalty)
      for token in Set(text) where logits.indices.contains(token) {
        logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty
      }
    }
    guard draws else { return Self.likeliest(logits) }
    let temperature = Float(sampling.temperature)
    for index in logits.indices { logits[index] /= temperature }
    if let count = sampling.topK, count < logits.count {
      let least = Self.largest(count, of: logits)
      for index in logits.indices where logits[index] < least { logits[index] = -.infinity }
    }
    let highest = logits.max() ?? 0
    var weights = logits.map { exp($0 - highest) }
    if let share = sampling.topP, share < 1 { Self.keep(share, of: &weights) }
    var threshold = draw * weights.reduce(0, +)
    var last = 0
    for (index, weight) in weights.enumerated() where weight > 0 {
      if threshold < weight { return index }
      threshold -= weight
      last = index
    }
    // Rounding alone leads here.
    return last
  }

  private static func likeliest(_ logits: [Float]) -> Int {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return best
  }

  /// The smallest of the `count` largest values.
  private static func largest(_ count: Int, of values: [Float]) -> Float {
    // Ascending; most values are below its first and cost one comparison.
    var top = Array(values.prefix(count)).sorted()
    for value in values.dropFirst(count) where value > top[0] {
      var place = 1
      while place < top.count, top[place] < value {
        top[place - 1] = top[place]
        place += 1
      }
      top[place - 1] = value
    }
    return top[0]
  }

  /// Sets all weights to zero but those of the fewest likeliest tokens that have a share of the whole together.
  private static func keep(_ share: Double, of weights: inout [Float]) {
    let wanted = Float(share) * weights.reduce(0, +)
    var sum: Float = 0
    var kept = [Float](repeating: 0, count: weights.count)
    for index in weights.indices.sorted(by: { (-weights[$0], $0) < (-weights[$1], $1) }) {
      kept[index] = weights[index]
      sum += weights[index]
      if sum >= wanted { break }
    }
    weights = kept
  }
}

/// Holds back what may be the beginning of a text that ends generation.
package struct StopWatcher {
  private let stops: [String]
  private var pending = ""
  /// Whether one of the texts has come.
  package private(set) var hasStopped = false

  package init(_ stops: [String]) { self.stops = stops }

  /// What can be given out once `piece` has come.
  package mutating func pass(_ piece: String) -> String {
    guard !stops.isEmpty else { return piece }
    guard !hasStopped else { return "" }
    pending += piece
    if let end = stops.compactMap({ pending.range(of: $0)?.lowerBound }).min() {
      hasStopped = true
      return String(pending[..<end])
    }
    let longest =
      stops.map { stop in
        (1..<max(1, stop.count)).last { pending.hasSuffix(stop.prefix($0)) } ?? 0
      }.max() ?? 0
    let whole = String(pending.dropLast(longest))
    pending = String(pending.suffix(longest))
    return whole
  }

  /// What was held back, at the end of the text.
  package mutating func finish() -> String {
    defer { pending = "" }
    return hasStopped ? "" : pending
  }
}

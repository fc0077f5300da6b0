import AtelierCore
import Foundation
import Torch

/// What a decoder goes on from, a row for each sentence that is followed.
protocol DecodingState {
  /// The state of some rows, which may repeat.
  func rows(_ indices: Tensor) -> Self
}

/// One step of a decoder: the tokens `[n]` that came last, their place from 0, and the state of each row, to scores
/// `[n, vocabulary]`, the state behind them, and where each row looked, `[n, source]`.
typealias DecodingStep<State: DecodingState> = (_ token: Tensor, _ place: Int, _ state: State) -> (
  logits: Tensor, state: State, alignment: Tensor?
)

/// A sentence that a beam search is still writing.
private struct OpenSentence {
  var tokens: [Int] = []
  var score = 0.0
  var looks: [[Float]] = []
}

/// The search for likely sentences (Sutskever et al. 2014, section 3.2; length penalty of Wu et al. 2016, equation 14).
struct SentenceSearch {
  /// The token that begins a sentence.
  let start: Int
  /// The token that ends it.
  let end: Int
  /// Tokens that are never chosen, such as padding.
  let forbidden: [Int]

  /// The likeliest token each time, for all rows side by side.
  ///
  /// - Parameters:
  ///   - lengths: the most tokens of each sentence, its end included.
  func greedy<State: DecodingState>(
    _ state: State, lengths: [Int], device: Device, step: DecodingStep<State>
  ) -> [TranslatedSentence] {
    var found = lengths.map { _ in TranslatedSentence(tokens: [], logProbability: 0) }
    var rows: [[[Float]]] = lengths.map { _ in [] }
    var isOpen = lengths.map { $0 > 0 }
    var token = Tensor([Int](repeating: start, count: lengths.count), device: device)
    var state = state
    for place in 0..<(lengths.max() ?? 0) where isOpen.contains(true) {
      let (logits, next, alignment) = step(token, place, state)
      state = next
      let scores = allowed(logits.logSoftmax(1))
      let best = scores.max(dim: 1)
      let (chosen, values) = (best.indices.integers(), best.values.doubles())
      let looks = alignment.map { ($0.shape[1], $0.floats()) }
      for row in lengths.indices where isOpen[row] {
        found[row].logProbability += values[row]
        if let (width, looks) = looks { rows[row].append(Array(looks[(row * width)..<((row + 1) * width)])) }
        if chosen[row] == end || place + 1 >= lengths[row] { isOpen[row] = false }
        if chosen[row] != end { found[row].tokens.append(chosen[row]) }
      }
      token = best.indices
    }
    for row in lengths.indices { found[row].alignment = Self.matrix(rows[row]) }
    return found
  }

  /// The best of several sentences that are followed side by side.
  ///
  /// Sentences whose search has ended leave the batch. A search ends when as many sentences have ended as there are
  /// beams and no open one can become better than the best of them, or at the greatest length.
  func beam<State: DecodingState>(
    _ state: State, lengths: [Int], beams: Int, lengthPenalty: Double, device: Device,
    step: DecodingStep<State>
  ) -> [TranslatedSentence] {
    func penalised(_ score: Double, _ length: Int) -> Double {
      score / pow((5 + Double(length)) / 6, lengthPenalty)
    }
    var ended: [[(value: Double, sentence: OpenSentence)]] = lengths.map { _ in [] }
    var open: [(sentence: Int, beams: [OpenSentence])] = lengths.indices.filter { lengths[$0] > 0 }.map {
      ($0, [OpenSentence()])
    }
    var state = state.rows(Tensor(open.map(\.sentence), device: device))
    var place = 0
    while !open.isEmpty {
      let last = open.flatMap { $0.beams.map { $0.tokens.last ?? start } }
      let (logits, next, alignment) = step(Tensor(last, device: device), place, state)
      let scores = allowed(logits.logSoftmax(1))
      let count = min(2 * beams, scores.shape[1])
      let best = scores.topK(count, dim: 1)
      let (tokens, values) = (best.indices.contiguous().integers(), best.values.contiguous().doubles())
      let looks = alignment.map { ($0.shape[1], $0.contiguous().floats()) }
      var kept: [(sentence: Int, beams: [OpenSentence])] = []
      var rows: [Int] = []
      var first = 0
      for (sentence, own) in open {
        var candidates: [(score: Double, row: Int, token: Int)] = []
        for row in own.indices {
          for rank in 0..<count {
            let at = (first + row) * count + rank
            candidates.append((own[row].score + values[at], row, tokens[at]))
          }
        }
        candidates.sort { ($1.score, $0.row, $0.token) < ($0.score, $1.row, $1.token) }
        var following: [OpenSentence] = []
        var origins: [Int] = []
        for candidate in candidates.prefix(2 * beams) where following.count < beams {
          guard candidate.score > -.infinity else { continue }
          var sentenceSoFar = own[candidate.row]
          sentenceSoFar.score = candidate.score
          if let (width, looks) = looks {
            let row = first + candidate.row
            sentenceSoFar.looks.append(Array(looks[(row * width)..<((row + 1) * width)]))
          }
          let isLast = place + 1 >= lengths[sentence]
          if candidate.token != end { sentenceSoFar.tokens.append(candidate.token) }
          if candidate.token == end || isLast {
            ended[sentence].append((penalised(candidate.score, place + 1), sentenceSoFar))
          } else {
            following.append(sentenceSoFar)
            origins.append(first + candidate.row)
          }
          // Of one beam only the likeliest token counts, as in the greedy search.
          if beams == 1 { break }
        }
        first += own.count
        let reachable = following.map {
          max(penalised($0.score, place + 1), penalised($0.score, lengths[sentence]))
        }
        .max()
        let hasEnough = ended[sentence].count >= beams
        let bestEnded = ended[sentence].map(\.value).max() ?? -.infinity
        if following.isEmpty || (hasEnough && (reachable ?? -.infinity) <= bestEnded) { continue }
        kept.append((sentence, following))
        rows += origins
      }
      open = kept
      place += 1
      if !open.isEmpty { state = next.rows(Tensor(rows, device: device)) }
    }
    return ended.map { candidates in
      guard let best = candidates.max(by: { $0.value < $1.value })?.sentence else {
        return TranslatedSentence(tokens: [], logProbability: 0)
      }
      return TranslatedSentence(
        tokens: best.tokens, logProbability: best.score, alignment: Self.matrix(best.looks))
    }
  }

  /// Scores with those of forbidden tokens at minus infinity.
  private func allowed(_ scores: Tensor) -> Tensor {
    guard !forbidden.isEmpty else { return scores }
    var mask = [Float](repeating: 0, count: scores.shape[1])
    for token in forbidden where mask.indices.contains(token) { mask[token] = -.infinity }
    return scores + Tensor(mask, device: scores.device)
  }

  private static func matrix(_ rows: [[Float]]) -> HostTensor? {
    guard let width = rows.first?.count, width > 0 else { return nil }
    return HostTensor(rows.flatMap { $0 }, shape: [rows.count, width])
  }
}

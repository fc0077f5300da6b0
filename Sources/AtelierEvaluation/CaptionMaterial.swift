import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMetrics
import AtelierTraining
import Torch
import TorchNN

/// What measures of images drawn for captions compare: held-out captions with an image drawn for each, with their own
/// images, and with the training images whose captions are nearest; beside them held-out images that stand for none of
/// these captions.
///
/// Images are bytes `[n, channels, height, width]`.
struct CaptionMaterial {
  /// The captions.
  let captions: [String]
  /// What was drawn for them.
  let drawn: Tensor
  /// The images that they were written about.
  let real: Tensor
  /// The training image of the nearest caption of each.
  let nearest: Tensor
  /// The other held-out images, which sets are compared with.
  let reference: Tensor
  /// The name of the part.
  let part: String

  /// Draws an image for the captions of half the held-out examples, as many as the options ask for.
  ///
  /// - Throws: `MetricError` where fewer than two captions are held out.
  init(_ context: EvaluationContext, _ ability: CaptionedDrawing, imageField name: String) throws {
    guard let held = try context.heldOutDataset(), let training = try context.data.dataset(of: .train),
      held.count >= 2
    else { throw MetricError("it takes two held-out captions, and data to learn from; hold captions out") }
    let usable = try context.data.usableIndices(of: held, limit: held.count, say: context.say)
    let order = RandomStream(seed: context.options.seed, purpose: "held-out captions").permutation(
      usable.count
    ).integers().map { usable[$0] }
    let count = min(context.options.samples, order.count / 2)
    guard count >= 1 else { throw MetricError("a single caption is held out; hold out two or more") }
    let chosen = Array(order.prefix(count))
    captions = chosen.map { held.title(of: $0) ?? "" }
    part = held.description.split.rawValue
    func images(_ dataset: any Dataset, _ rows: [Int]) throws -> Tensor {
      guard let images = try dataset.batch(at: rows)[name] else {
        throw TrainingError.invalid(reason: "the data have no field '\(name)'")
      }
      return Tensor(images)
    }
    real = try images(held, chosen)
    reference = try images(held, Array(order.dropFirst(count).prefix(10_000)))
    let known = CaptionIndex((0..<training.count).map { training.title(of: $0) ?? "" })
    nearest = try images(
      training,
      try captions.map { caption in
        var row = known.nearest(to: caption)
        // An image that cannot be read stands for none; the next caption does.
        if training.isInMemory { return row }
        while (try? training.example(at: row)) == nil, row + 1 < training.count { row += 1 }
        return row
      })
    context.say("drawing \(count) images for held-out captions")
    let draws = StreamDraws(
      RandomStream(seed: context.options.seed, purpose: "evaluation of captions"),
      device: context.system.device)
    var pieces: [Tensor] = []
    for caption in captions {
      try withoutGradients {
        try context.system.draw(
          Request(conditions: [ability.condition: .text(caption)], draws: draws)
        ) { if let piece = $0.tensor { pieces.append(SampleJudge.rounded(piece.to(.cpu))) } }
      }
    }
    drawn = .concatenated(pieces, dim: 0)
  }

  /// What was compared, in words.
  var setting: String { "\(part) part, one image for each of \(captions.count) captions" }
}

/// Captions by their words, for the one that shares most with another.
package struct CaptionIndex {
  private let sizes: [Int]
  private let rows: [Substring: [Int]]

  /// An index of captions.
  package init(_ captions: [String]) {
    var rows: [Substring: [Int]] = [:]
    var sizes: [Int] = []
    for (index, caption) in captions.enumerated() {
      let words = Self.words(of: caption)
      sizes.append(words.count)
      for word in words { rows[word, default: []].append(index) }
    }
    (self.sizes, self.rows) = (sizes, rows)
  }

  private static func words(of caption: String) -> Set<Substring> {
    Set(caption.lowercased().split { !($0.isLetter || $0.isNumber) })
  }

  /// The caption whose words have the largest Jaccard index with another's, of equal ones the first; 0 where none
  /// shares a word.
  package func nearest(to caption: String) -> Int {
    let words = Self.words(of: caption)
    var shared: [Int: Int] = [:]
    for word in words { for row in rows[word] ?? [] { shared[row, default: 0] += 1 } }
    func likeness(_ row: Int, _ count: Int) -> Double {
      Double(count) / Double(words.count + sizes[row] - count)
    }
    return shared.max {
      (likeness($0.key, $0.value), $1.key) < (likeness($1.key, $1.value), $0.key)
    }?.key ?? 0
  }
}

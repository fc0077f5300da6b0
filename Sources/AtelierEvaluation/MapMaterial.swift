import AtelierCore
import AtelierData
public import AtelierGeneration
import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// Pairs of label maps and images, and what a system makes of the maps: what the measures of systems of maps
/// share.
final class MapMaterial {
  /// The direction from maps to images.
  let direction: TranslationDirection
  /// The classes of the maps.
  let classes: Int
  /// Training pairs.
  let training: SegmenterTraining.Examples
  /// Held-out pairs.
  let held: HeldPairs
  /// What the held-out pairs are called in protocols.
  let source: String

  /// It keeps this material, and outlives it.
  private unowned let context: EvaluationContext
  private let system: any TranslatingSystem
  private var made: (plain: Tensor?, rebuilt: Tensor??)

  /// Held-out pairs: for the segmenter, and as the batches of one that the system takes, which are made when
  /// they are asked for.
  struct HeldPairs {
    let examples: SegmenterTraining.Examples
    let count: Int
    let name: String
    let batch: (Int) throws -> Batch
  }

  /// The material of a context's system; nil where the system makes nothing from maps or the data hold no
  /// pairs.
  ///
  /// - Throws: ``TrainingError/unfitData(path:reason:)`` where no pairs were held out.
  init?(_ context: EvaluationContext) throws {
    guard let (direction, classes) = context.plan.mapDirection,
      let system = context.system(as: (any TranslatingSystem).self),
      let training = try context.mapExamples(of: .train, direction, classes)
    else { return nil }
    guard let held = try context.heldPairs(direction, classes) else {
      throw TrainingError.unfitData(
        path: context.data.path?.path ?? "the data",
        reason:
          "there is no test or validation part to measure on; put held-out pairs into folders of their own")
    }
    self.context = context
    self.system = system
    self.direction = direction
    self.classes = classes
    self.training = training
    self.held = held
    source = "\(context.data.facts.description.name) \(held.name)"
    made = (nil, nil)
  }

  /// An image from each map alone, bytes `[n, 3, height, width]`.
  func plain() throws -> Tensor {
    if let plain = made.plain { return plain }
    context.say("drawing \(held.count) pictures from the maps of the \(held.name) part")
    let plain = try pictures { try sample($0, $1) }
    made.plain = plain
    return plain
  }

  /// An image from each map and the real image's own styles; nil for a system that cannot.
  func rebuilt() throws -> Tensor? {
    if let rebuilt = made.rebuilt { return rebuilt }
    let rebuilt = try context.system(as: (any ReconstructingSystem).self).map { system in
      try pictures { try system.reconstruct($0, draws: $1) }
    }
    made.rebuilt = .some(rebuilt)
    return rebuilt
  }

  /// The images that are judged, and how they were made: with the real images' styles where the system takes
  /// them.
  func generated() throws -> (images: Tensor, manner: String) {
    if let rebuilt = try rebuilt() { return (rebuilt, "styles of the real pictures") }
    return (try plain(), "one sample a map")
  }

  /// One image of a batch's maps, in the range of the system's target.
  func sample(_ batch: Batch, _ draws: any Draws) throws -> Tensor {
    try system.translate(batch[direction.source], direction: direction, draws: draws)
  }

  /// What numbers were measured on.
  func provenance(manner: String) -> Provenance {
    let shape = held.examples.images.shape
    return context.provenance(
      part: held.name,
      ["pictures": "\(shape[0])", "size": "\(shape[3])×\(shape[2])", "manner": manner])
  }

  /// An image for each map, each rounded as soon as it is made.
  private func pictures(_ make: (Batch, any Draws) throws -> Tensor) throws -> Tensor {
    let range = system.range(of: direction.target)
    let draws = StreamDraws(
      RandomStream(seed: context.options.seed, purpose: "evaluation maps"), device: context.system.device)
    let made = try (0..<held.count).map { bytes(try make(held.batch($0), draws), range) }
    return .concatenated(made, dim: 0)
  }
}

extension EvaluationContext {
  fileprivate func heldPairs(
    _ direction: TranslationDirection, _ classes: Int
  ) throws -> MapMaterial.HeldPairs? {
    for split in options.parts {
      guard let dataset = try data.dataset(of: split),
        let examples = try mapExamples(of: split, direction, classes)
      else { continue }
      let data = data
      return MapMaterial.HeldPairs(
        examples: examples, count: examples.images.shape[0], name: split.rawValue
      ) { try data.batch(of: $0, in: dataset) }
    }
    return nil
  }

  /// Pairs as bytes and maps for the segmenter. Maps are kept as bytes where their classes fit: those of some
  /// thousands of images would else take gigabytes.
  fileprivate func mapExamples(
    of split: DatasetSplit, _ direction: TranslationDirection, _ classes: Int
  ) throws -> SegmenterTraining.Examples? {
    guard let dataset = try data.dataset(of: split) else { return nil }
    let most = min(dataset.count, split == .train ? 5000 : 1000)
    var images: [Tensor] = []
    var labels: [Tensor] = []
    for index in 0..<most {
      let fields = try dataset.batch(at: [index])
      guard let image = fields[direction.target], let label = fields[direction.source] else { return nil }
      images.append(Tensor(image))
      let map = Tensor(label)
      labels.append(classes <= 256 ? map.asType(.uint8) : map)
    }
    guard !images.isEmpty else { return nil }
    return try SegmenterTraining.Examples(
      images: .concatenated(images, dim: 0), labels: .concatenated(labels, dim: 0))
  }
}

public import AtelierCore
import AtelierData
import AtelierMedia
public import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// Whether people are still recognised in held-out faces after these were replaced, and whether the faces are still found and
/// turned as they were: re-identification by recognisers that no training used, beside blur and pixelation.
public struct FacePrivacyMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "face-privacy"

  /// The settings.
  public struct Options: Settings {
    /// The most held-out faces.
    public var faces = 120
    /// The most faces of the training part that a classifier of its people learns from; 0: none is trained.
    public var trainingFaces = 2000

    /// The usual settings.
    public init() {}

    /// Refuses what measures nothing.
    public func validate() throws(ConfigurationError) {
      try Checks.positive(["faces": faces])
      try Checks.notNegative(["trainingFaces": trainingFaces])
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that hide who a face is.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(FaceAnonymization.self) != nil }

  /// The numbers; none where nothing is held out.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(FaceAnonymization.self),
      let system = context.system(as: (any TranslatingSystem).self),
      let direction = system.directions.first, let dataset = try context.heldOutDataset()
    else { return [] }
    let source = FaceSource(context: context, ability: ability)
    let rows = try context.spreadRows(of: dataset, limit: options.faces)
    guard !rows.isEmpty else { return [] }
    guard let real = try source.views(of: rows, in: dataset) else {
      context.note("no re-identification: the held-out faces lie in no folders of people")
      return []
    }
    context.say("replacing \(rows.count) held-out faces")
    let draws = StreamDraws(
      RandomStream(seed: context.options.seed, purpose: "anonymised faces"), device: system.device)
    let made = try rows.map { row in
      let example = try context.data.batch(of: row, in: dataset)
      return try withoutGradients { try system.translate(example, direction: direction, draws: draws) }
    }
    let images = try made.map { try context.image($0, of: direction.target) }
    let people = Set(real.identities).count
    let part = "\(rows.count) held-out faces of \(people) people"
    let facts = context.provenance(part: "held-out", ["faces": "\(rows.count)", "people": "\(people)"])
    let training = try source.training(limit: options.trainingFaces)
    return try FaceReidentification(
      real, training: training, needer: Self.id, part: part, facts, context
    ).numbers([FaceReidentification.Version(id: "anonymised", images: images, hides: true)])
  }
}

extension EvaluationContext {
  /// So many examples that can be read, spread evenly over the data, which are often sorted by who they show.
  func spreadRows(of dataset: any Dataset, limit: Int) throws -> [Int] {
    let count = min(limit, dataset.count)
    return try (0..<count).map { $0 * dataset.count / count }.filter {
      try data.usableBatch(of: $0, in: dataset, say: say) != nil
    }
  }

  /// An output of a field as an RGB image, whose values lie in the field's range.
  func image(_ output: Tensor, of field: String) throws -> Image {
    var isSigned = false
    if case .image(_, _, _, let range)? = plan.field(field)?.kind { isSigned = range == .signed }
    let values = output.to(.cpu).asType(.float32).reshaped(Array(output.shape.suffix(3)))
    let bytes = (isSigned ? (values + 1) * 127.5 : values * 255) + 0.5
    return try Image(bytes.clamped(min: 0, max: 255).asType(.uint8).contiguous().host()).rgb()
  }
}

/// Reads faces of the data as images with who they show.
struct FaceSource {
  let context: EvaluationContext
  let ability: FaceAnonymization

  /// The faces of some rows; nil where nothing says who they show.
  func views(of rows: [Int], in dataset: any Dataset) throws -> FaceViews? {
    var views = FaceViews(images: [], masks: [], identities: [])
    // The people of the training part, whatever part it is.
    let people = Dictionary(
      dataset.description.classNames.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    for row in rows {
      let example = try dataset.example(at: row)
      guard let image = example[ability.image] else { return nil }
      views.images.append(try Image(image).rgb())
      views.masks.append(
        try ability.mask.flatMap { example[$0] }.map { mask in
          let bytes = mask.bytes
          return try Image(
            HostTensor(
              shape: mask.shape, dtype: .uint8, bytes: ability.maskIsKept ? bytes.map { 255 - $0 } : bytes))
        })
      if let person = ability.person {
        guard let label = example[person]?.integers().first else { return nil }
        views.identities.append(label)
      } else {
        let path = dataset.title(of: row)?.split(separator: "/") ?? []
        guard path.count > 1, let person = people[String(path[0])] else { return nil }
        views.identities.append(person)
      }
    }
    return views
  }

  /// Faces of the training part, evenly spread; nil where none are asked for, or nothing says who they show.
  func training(limit: Int) throws -> FaceViews? {
    guard limit > 0, let dataset = try context.data.dataset(of: .train) else { return nil }
    return try views(of: context.spreadRows(of: dataset, limit: limit), in: dataset)
  }
}

public import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMedia
public import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// How well held-out faces of two people are swapped: whether MTCNN still finds a face and its landmarks lie where the given
/// face has them, whom SFace takes it for, and, where the data show both people in the same moments, how far it lies from
/// the other person's true face.
public struct FaceSwapMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "face-swap"

  /// The settings.
  public struct Options: Settings {
    /// The most held-out faces of each person.
    public var faces = 120
    /// Whether images of one name show both people in the same moment, as drawn faces that move alike do.
    public var truth = false

    /// The usual settings.
    public init() {}

    /// Refuses what measures nothing.
    public func validate() throws(ConfigurationError) { try Checks.positive(["faces": faces]) }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that swap faces.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(FaceSwapping.self) != nil }

  /// A held-out face and what was made of it.
  private struct Swap {
    let given: Image
    let made: Image
    /// The other person in the same moment.
    let truth: Image?
  }

  /// The numbers of each direction; none where nothing is held out.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system(as: (any TranslatingSystem).self),
      let dataset = try context.heldOutDataset() as? UnpairedDataset
    else { return [] }
    let witness = try FaceWitness(
      context, for: Self.id, lost: "no landmark error and no identity of swapped faces")
    return try system.directions.flatMap { direction -> [MeasuredNumber] in
      context.say("swapping held-out faces, \(direction.name)")
      let swaps = try swaps(direction, dataset, system, context)
      let others = try faces(of: direction.target, in: dataset, context).compactMap { try $0.image() }
      guard !swaps.isEmpty else { return [] }
      let facts = context.provenance(
        part: "held-out",
        ["faces": "\(swaps.count)", "truth": "\(options.truth)", "direction": direction.name])
      let place = Place(
        id: "swap-\(direction.name.lowercased())", name: "swapped \(direction.name)",
        text: "\(swaps.count) held-out faces of \(direction.source)", facts: facts, context: context)
      return try signals(swaps, place) + agreement(swaps, witness, place)
        + identity(swaps, others, witness, direction, place)
    }
  }

  // MARK: Faces

  /// A held-out face by its file's name without extension; the image is nil where it cannot be decoded.
  private struct Held {
    let name: String
    let batch: () throws -> Batch?
    let image: () throws -> Image?
  }

  /// Faces of one person, evenly spread over the data, which are often sorted.
  private func faces(
    of field: String, in dataset: UnpairedDataset, _ context: EvaluationContext
  ) throws -> [Held] {
    let files = dataset.files(of: field, context.plan)
    let count = min(options.faces, files.count)
    return (0..<count).map { held($0 * files.count / count, of: field, in: dataset, context) }
  }

  private func held(
    _ row: Int, of field: String, in dataset: UnpairedDataset, _ context: EvaluationContext
  ) -> Held {
    let batch = { try context.data.usableBatch(of: row, in: dataset, say: context.say) }
    return Held(
      name: dataset.files(of: field, context.plan)[row].deletingPathExtension().lastPathComponent,
      batch: batch, image: { try batch().map { try context.image($0[field], of: field) } })
  }

  private func swaps(
    _ direction: TranslationDirection, _ dataset: UnpairedDataset, _ system: any TranslatingSystem,
    _ context: EvaluationContext
  ) throws -> [Swap] {
    let files = dataset.files(of: direction.target, context.plan)
    var places: [String: Int] = [:]
    if options.truth {
      for (place, file) in files.enumerated() {
        places[file.deletingPathExtension().lastPathComponent] = place
      }
    }
    let draws = StreamDraws(
      RandomStream(seed: context.options.seed, purpose: "swapped faces"), device: system.device)
    return try faces(of: direction.source, in: dataset, context).compactMap { face -> Swap? in
      guard let batch = try face.batch() else { return nil }
      let made = try withoutGradients {
        try system.translate(batch[direction.source], direction: direction, draws: draws)
      }
      var truth: Image?
      if options.truth {
        guard let place = places[face.name] else {
          throw TrainingError.unfitData(
            path: context.data.path?.path ?? "the data",
            reason:
              "truth is set, and the held-out images of \(direction.target) have none named \(face.name); leave truth out, "
              + "or give data that show both people in the same moments"
          )
        }
        truth = try held(place, of: direction.target, in: dataset, context).image()
      }
      return Swap(
        given: try context.image(batch[direction.source], of: direction.source),
        made: try context.image(made, of: direction.target), truth: truth)
    }
  }

  // MARK: Numbers

  /// What the numbers of a direction share.
  private struct Place {
    let id: String
    let name: String
    let text: String
    let facts: Provenance
    let context: EvaluationContext

    func number(
      _ id: String, _ name: String, _ values: [Double], _ better: Better, _ text: String,
      _ baselines: [BaselineNumber], _ more: Provenance = Provenance()
    ) throws -> MeasuredNumber {
      try MeasuredNumber(
        id: "\(self.id)-\(id)", name: "\(self.name): \(name)", meanOf: values, seed: context.options.seed,
        better: better, baselines: baselines, provenance: facts.merging(more),
        protocolText: "\(self.text); \(text)")
    }
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }

  /// The signal of swapped faces beside the true ones; none where no truth is known.
  private func signals(_ swaps: [Swap], _ place: Place) throws -> [MeasuredNumber] {
    func signal(_ image: Image, _ truth: Image) -> Double {
      let squares = zip(image.bytes, truth.bytes).reduce(0.0) { sum, pair in
        let difference = (Double(pair.0) - Double(pair.1)) / 255
        return sum + difference * difference
      }
      return -10 * log10(max(squares / Double(max(1, truth.bytes.count)), 1e-10))
    }
    let known = swaps.compactMap { swap in swap.truth.map { (swap, $0) } }
    guard !known.isEmpty else { return [] }
    return [
      try place.number(
        "truth-psnr", "PSNR beside the true face, dB", known.map { signal($0.made, $1) }, .larger,
        "against the other person's image of the same moment, values in 0 … 1",
        [BaselineNumber(name: "the given faces", value: mean(known.map { signal($0.given, $1) }))])
    ]
  }

  /// Where faces and landmarks lie beside the given face and, where it is known, the true one.
  private func agreement(
    _ swaps: [Swap], _ witness: FaceWitness?, _ place: Place
  ) throws -> [MeasuredNumber] {
    guard let witness else { return [] }
    var (kept, trueAgreement, given) = (FaceAgreement(), FaceAgreement(), FaceAgreement())
    for swap in swaps {
      let (made, own) = (try witness.face(in: swap.made), try witness.face(in: swap.given))
      if let own { kept.add(made, beside: own) }
      if let truth = try swap.truth.flatMap({ try witness.face(in: $0) }) {
        trueAgreement.add(made, beside: truth)
        given.add(own, beside: truth)
      }
    }
    if kept.found.isEmpty {
      place.context.note(
        "no landmark error of swapped faces: MTCNN finds none of the \(swaps.count) given ones")
    }
    return try kept.numbers(
      id: place.id, name: place.name, given: "the given face", beside: [],
      text: "\(place.text), \(kept.found.count) of them in which MTCNN finds the given face", place.facts,
      place.context)
      + trueAgreement.numbers(
        id: "\(place.id)-truth", name: "\(place.name), beside the true face", given: "the true face",
        beside: [("the given faces", given)],
        text:
          "\(place.text), \(trueAgreement.found.count) of them in which MTCNN finds the other person's true face",
        place.facts, place.context)
  }

  /// Whom SFace takes the swapped faces for: cosines with the given face, and with the other person's held-out faces.
  private func identity(
    _ swaps: [Swap], _ others: [Image], _ witness: FaceWitness?, _ direction: TranslationDirection,
    _ place: Place
  ) throws -> [MeasuredNumber] {
    guard let witness else { return [] }
    func located(_ images: [Image]) throws -> [(image: Int, face: Face)] {
      try images.enumerated().compactMap { number, image in
        try witness.face(in: image).map { (number, $0) }
      }
    }
    let (own, known) = (try located(swaps.map(\.given)), try located(others))
    guard !own.isEmpty, !known.isEmpty else { return [] }
    func features(_ images: [Image], _ judge: FaceJudge) throws -> Tensor {
      let views = FaceViews(
        images: images, masks: images.map { _ in nil }, identities: images.map { _ in 0 })
      let found = try judge.features(images, views).asType(.float64)
      return found / (found.square().sum(dims: [1], keepDim: true) + 1e-24).sqrt()
    }
    // A swapped face is aligned as the given one, whose pose it has.
    let judge = witness.judge(own.map(\.face))
    let given = try features(own.map { swaps[$0.image].given }, judge)
    let made = try features(own.map { swaps[$0.image].made }, judge)
    let gallery = try features(known.map { others[$0.image] }, witness.judge(known.map(\.face)))
    func kept(_ x: Tensor) -> [Double] { (x * given).sum(dims: [1]).doubles() }
    func taken(_ x: Tensor) -> [Double] { x.matmul(gallery.transposed(0, 1)).mean(dims: [1]).doubles() }
    let text = "\(own.count) of them in which MTCNN finds the given face; \(judge.text)"
    return [
      try place.number(
        "identity-given", "cosine with the given face (SFace)", kept(made), .smaller,
        "\(text); of a swapped face and the given one",
        [BaselineNumber(name: "the given faces", value: 1)], judge.provenance),
      try place.number(
        "identity-other", "cosine with the other person (SFace)", taken(made), .larger,
        "\(text); mean over \(known.count) held-out faces of \(direction.target)",
        [
          BaselineNumber(name: "the given faces", value: mean(taken(given))),
          BaselineNumber(
            name: "the other person's faces among themselves", value: amongThemselves(gallery)),
        ], judge.provenance),
    ]
  }

  /// The mean cosine of features of length 1 with those of other rows.
  private func amongThemselves(_ features: Tensor) -> Double {
    let count = Double(features.shape[0])
    guard count > 1 else { return 1 }
    let all = features.matmul(features.transposed(0, 1)).sum().item()
    return (all - count) / (count * (count - 1))
  }
}

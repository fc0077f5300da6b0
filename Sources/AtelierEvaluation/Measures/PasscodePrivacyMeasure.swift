public import AtelierCore
import AtelierData
import AtelierMedia
public import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// How well passcodes hide held-out faces and bring them back: the signal of recovered faces by the right passcode and by
/// wrong ones, how far faces of different passcodes lie apart, whether one passcode gives one face, and, by recognisers
/// that were not used in training, who is recognised.
public struct PasscodePrivacyMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "passcode-privacy"

  /// The settings.
  public struct Options: Settings {
    /// The most faces.
    public var faces = 60
    /// The most faces of the training part that a classifier of its people learns from; 0: none is trained.
    public var trainingFaces = 2000
    /// Passcodes that each face is anonymised by, and wrong ones that it is recovered by.
    public var passcodes = 4

    /// The usual settings.
    public init() {}

    /// Refuses what measures nothing.
    public func validate() throws(ConfigurationError) {
      try Checks.positive(["faces": faces])
      try Checks.notNegative(["trainingFaces": trainingFaces])
      try Checks.require(passcodes >= 2, "passcodes is at least 2, not \(passcodes)")
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems of passcodes.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(PasscodeTransformation.self) != nil }

  /// What passcodes make of one face.
  private struct Trial {
    let face: Tensor
    let hidden: [Tensor]
    let recovered: Tensor
    let wrong: [Tensor]
    let isRepeated: Bool
  }

  /// The numbers; none where nothing is held out.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(PasscodeTransformation.self),
      let dataset = try context.heldOutDataset()
    else { return [] }
    let rows = try context.spreadRows(of: dataset, limit: options.faces)
    guard !rows.isEmpty else { return [] }
    context.say("hiding \(rows.count) held-out faces by \(options.passcodes) passcodes")
    let stream = RandomStream(seed: context.options.seed, purpose: "passcodes")
    var codes: [Tensor] = []
    while codes.count < options.passcodes {
      let drawn = stream.bernoulli(0.5, [1, ability.length])
      // Of few bits there may be no more.
      if codes.allSatisfy({ $0.floats() != drawn.floats() }) || codes.count >= 1 << min(ability.length, 20) {
        codes.append(drawn)
      }
    }
    let trials = try rows.map { row in
      try trial(context.data.batch(of: row, in: dataset)["image"], codes, ability, context)
    }
    let provenance = context.provenance(
      part: "held-out", ["faces": "\(rows.count)", "passcodes": "\(options.passcodes)"])
    let part =
      "\(rows.count) held-out faces, \(options.passcodes) passcodes of \(ability.length) bits, the same for all"
    return try signals(trials, part, provenance, context)
      + recognised(trials, rows, dataset, part, provenance, context)
  }

  private func trial(
    _ face: Tensor, _ codes: [Tensor], _ ability: PasscodeTransformation, _ context: EvaluationContext
  ) throws -> Trial {
    func transformed(_ face: Tensor, _ bits: Tensor) throws -> Tensor {
      var made: Tensor?
      let request = Request(
        conditions: ["image": .tensor(face), ability.condition: .tensor(bits)],
        draws: StreamDraws(RandomStream(seed: context.options.seed)))
      try context.system.draw(request.moved(to: context.system.device)) { made = $0.tensor?.to(.cpu) }
      guard let made else {
        throw ConfigurationError("\(type(of: context.system).identity.name) gave no face")
      }
      return made
    }
    let hidden = try codes.map { try transformed(face, $0) }
    let again = try transformed(face, codes[0])
    return Trial(
      face: face.to(.cpu), hidden: hidden, recovered: try transformed(hidden[0], 1 - codes[0]),
      wrong: try codes.dropFirst().map { try transformed(hidden[0], 1 - $0) },
      isRepeated: again.floats() == hidden[0].floats())
  }

  // MARK: Without a recogniser

  private func signals(
    _ trials: [Trial], _ part: String, _ provenance: Provenance, _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    func signal(_ made: Tensor, _ face: Tensor) -> Double {
      let error = meanSquaredError((made + 1) / 2, (face + 1) / 2).item()
      return -10 * log10(max(error, 1e-10))
    }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
    let right = trials.map { signal($0.recovered, $0.face) }
    let wrong = trials.map { trial in mean(trial.wrong.map { signal($0, trial.face) }) }
    let hidden = trials.map { trial in mean(trial.hidden.map { signal($0, trial.face) }) }
    let apart = trials.map { trial in
      mean(pairs(trial.hidden).map { meanAbsoluteError($0, $1).item() / 2 })
    }
    func number(
      _ id: String, _ name: String, _ values: [Double], _ better: Better, _ text: String,
      _ baselines: [BaselineNumber] = []
    ) throws -> MeasuredNumber {
      try MeasuredNumber(
        id: id, name: name, meanOf: values, seed: context.options.seed, better: better, baselines: baselines,
        provenance: provenance, protocolText: "\(part); \(text)")
    }
    let untouched = BaselineNumber(name: "the anonymised face", value: mean(hidden))
    return [
      try number(
        "recovery-psnr", "PSNR recovered, dB", right, .larger, "by the right passcode, values in 0 … 1",
        [untouched]),
      try number(
        "wrong-recovery-psnr", "PSNR wrongly recovered, dB", wrong, .smaller,
        "by wrong passcodes, values in 0 … 1",
        [untouched]),
      try number(
        "recovery-margin", "PSNR right above wrong, dB", zip(right, wrong).map { $0 - $1 }, .larger,
        "of each face by the right passcode, less that by wrong ones"),
      try number(
        "passcode-diversity", "difference between passcodes", apart, .larger,
        "mean absolute difference of a face anonymised by two passcodes, values in 0 … 1"),
      try number(
        "passcode-determinism", "equal again", trials.map { $0.isRepeated ? 1 : 0 }, .larger,
        "share of faces that one passcode gives twice the same to the bit"),
    ]
  }

  private func pairs(_ items: [Tensor]) -> [(Tensor, Tensor)] {
    items.indices.flatMap { one in items.indices.filter { $0 > one }.map { (items[one], items[$0]) } }
  }

  // MARK: By recognisers

  /// Who is recognised, by recognisers that had no part in training.
  private func recognised(
    _ trials: [Trial], _ rows: [Int], _ dataset: any Dataset, _ part: String, _ provenance: Provenance,
    _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    let people = context.plan.fields.first { if case .label = $0.kind { true } else { false } }
    let source = FaceSource(
      context: context, ability: FaceAnonymization(image: "image", person: people?.name))
    guard people != nil, let real = try source.views(of: rows, in: dataset) else { return [] }
    func images(_ chosen: (Trial) -> Tensor) throws -> [Image] {
      try trials.map { try context.image(chosen($0), of: "image") }
    }
    typealias Version = FaceReidentification.Version
    let hidden = try images { $0.hidden[0] }
    let versions = [
      Version(id: "anonymised", images: hidden, hides: true),
      Version(id: "recovered", images: try images(\.recovered), hides: false),
      Version(id: "wrongly-recovered", images: try images { $0.wrong[0] }, hides: true),
    ]
    let between = FaceReidentification.Comparison(
      id: "identity-between", name: "cosine of two passcodes' faces",
      images: (hidden, try images { $0.hidden[1] }),
      better: .smaller, text: "of a face anonymised by two passcodes")
    return try FaceReidentification(
      real, training: try source.training(limit: options.trainingFaces), needer: Self.id, part: part,
      provenance,
      context
    ).numbers(versions, comparing: [between])
  }
}

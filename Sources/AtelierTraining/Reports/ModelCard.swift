public import AtelierCore
import AtelierData
public import AtelierGeneration
import AtelierMetrics
public import Foundation
import Torch

/// `card.md`: what somebody needs to know who uses a model, from recorded facts only. What was not recorded is said
/// to be so.
public struct ModelCard {
  private let identity: SystemIdentity
  private let description: ModelDescription
  private let plan: SystemPlan
  private let facts: RunFacts?

  /// The card of a model.
  ///
  /// - Parameters:
  ///   - type: its system.
  ///   - description: what its file says of itself.
  ///   - facts: what its run records; nil for a model file without its run.
  /// - Throws: ``ConfigurationError`` for a description that does not fit the system.
  public init(
    _ type: any GenerativeSystem.Type, _ description: ModelDescription, _ facts: RunFacts? = nil
  ) throws {
    identity = type.identity
    self.description = description
    plan = try type.plan(description.configuration)
    self.facts = facts
  }

  /// Writes the card.
  public func write(to file: URL) throws { try AtomicFile.write(Data(text.utf8), to: file) }

  /// The card as Markdown.
  public var text: String {
    var lines = [
      "# \(facts?.name ?? description.data.name): \(identity.name)", "", "\(identity.summary).", "",
    ]
    lines += Markdown.table("Model", model)
    lines += learned + consent + licence + measured + use
    return lines.joined(separator: "\n")
  }

  private var model: [(String, String)] {
    var rows = [("system", identity.name), ("paper", identity.paper), ("after", identity.reference)]
    if let preset = facts?.preset { rows.append(("preset", preset)) }
    rows.append(("step", String(description.step)))
    if let training = facts?.training {
      if let parameters = training.parameters {
        rows.append(("weights and running statistics", String(parameters)))
      }
      rows.append(("wall time of training", duration(training.seconds)))
    }
    if let validation = facts?.validation, let best = validation.best {
      rows.append(
        (
          "best step",
          "\(validation.bestStep ?? 0), by \(validation.number) \(short(best)) on \(validation.part)"
        ))
    }
    rows.append(("Atelier", "\(description.packageVersion), libtorch \(description.engineVersion)"))
    return rows
  }

  private var learned: [String] {
    let data = description.data
    guard data.count > 0 else {
      return ["## Data", "", "What it learned from is not recorded.", ""] + remarks
    }
    var rows = [("name", data.name), ("examples", String(data.count))]
    if let shape = data.imageShape {
      rows.append(("images as trained on", shape.map(String.init).joined(separator: " × ")))
    }
    if !data.classNames.isEmpty {
      let most = 40
      let names = data.classNames.prefix(most).joined(separator: ", ")
      rows.append(
        ("classes", "\(data.classNames.count): \(names)\(data.classNames.count > most ? ", …" : "")"))
    }
    rows.append(("fingerprint", "`\(data.fingerprint)`"))
    return Markdown.table("Data", rows) + remarks
  }

  private var remarks: [String] {
    description.data.notes.filter { !description.licences.contains($0) }.flatMap { [$0, ""] }
  }

  /// Who agreed to being learned; nothing for a system that learns nobody.
  private var consent: [String] {
    guard let likeness = plan.ability(Likeness.self) else { return [] }
    guard let record = description.data.consent else {
      return [
        "## Consent", "", "No consent of those whose \(likeness.kind.rawValue) it has is recorded.", "",
      ]
    }
    return ["## Consent", ""] + record.sentences.flatMap { [Markdown.escaped($0), ""] }
  }

  private var licence: [String] {
    let known = description.licences
    return ["## Licence", ""]
      + (known.isEmpty
        ? ["No licence of the data or of the weights is recorded: ask who gave them.", ""]
        : known.flatMap { [$0, ""] })
  }

  private var measured: [String] {
    guard let numbers = facts?.numbers, !numbers.isEmpty else {
      return ["## Numbers", "", "Nothing was measured.", ""]
    }
    var lines = Markdown.numbers(numbers)
    let parts = numbers.compactMap { $0.provenance["part"] }.reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    if !parts.isEmpty { lines += ["Measured on: \(parts.joined(separator: ", "))."] }
    let checkpoints = numbers.compactMap { $0.provenance["checkpoint"] }.reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    if !checkpoints.isEmpty { lines += ["Of the checkpoint: \(checkpoints.joined(separator: ", "))."] }
    return lines + [""]
  }

  private var use: [String] {
    var lines = ["## Intended use and limits", ""]
    for condition in plan.conditions {
      lines.append("- Takes \(condition.name)\(condition.isRequired ? " (required)" : ""): \(condition.help)")
    }
    for output in plan.outputs { lines.append("- Gives \(output.name)\(Self.size(output.kind)).") }
    for direction in plan.ability(ImageTranslation.self)?.directions ?? [] {
      lines.append("- Turns \(direction.source) into \(direction.target).")
    }
    if takesClasses, !description.data.classNames.isEmpty {
      lines.append("- Knows the classes named above and no others.")
    }
    if description.data.count > 0 {
      lines.append(
        "- Learned from \(description.data.count) examples of one set. What it makes of anything else was not measured, "
          + "and it may repeat what it learned from.")
    }
    if facts?.numbers.isEmpty ?? true {
      lines.append("- Nothing is known of its quality: measure it before it is used.")
    }
    lines.append("- Further uses that its makers intend or exclude are not recorded.")
    return lines + [""]
  }

  /// Whether anything that it takes is numbered by classes.
  private var takesClasses: Bool {
    let kinds = plan.conditions.map(\.kind)
    return kinds.contains { kind in
      switch kind {
      case .label, .field(.label), .field(.labelMap), .field(.labels): true
      default: false
      }
    } || plan.ability(LatentDecoding.self)?.classes != nil
  }

  private static func size(_ kind: FieldKind) -> String {
    switch kind {
    case .image(let channels, let height, let width, _):
      ", images of \(width) × \(height) in \(channels) channel\(channels == 1 ? "" : "s") as trained"
    case .video(let frames, _, let height, let width, _): ", \(frames) frames of \(width) × \(height)"
    case .audio(let channels, let samples, let rate):
      ", \(samples) samples at \(rate) Hz, \(channels) channel(s)"
    default: ""
    }
  }
}

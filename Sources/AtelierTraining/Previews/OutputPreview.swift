public import AtelierCore
import AtelierData
import AtelierMedia
import Torch

/// What a system draws, each output written by its kind: `samples/step-….png`, `.wav`, `.mp4` or `.txt`.
///
/// Conditions that a request must have, or that come from the data, are taken from held-out examples where a
/// field has their name; classes come in turn; everything else is left to the system. Nothing is drawn in a stage
/// whose examples lack a condition that must be there.
public struct OutputPreview: Preview {
  /// `outputs`
  public static let id = "outputs"
  /// More columns than this cannot be told apart on a screen.
  private static let mostColumns = 20

  /// The preview.
  public init() {}

  /// Systems that do not turn images or captions into images, or sounds, voices or videos into others, play no videos
  /// and give texts no classes, which have sheets of their own.
  public func applies(to plan: SystemPlan) -> Bool {
    plan.ability(ImageTranslation.self) == nil && plan.ability(CaptionedDrawing.self) == nil
      && plan.ability(SoundTranslation.self) == nil && plan.ability(VoiceConversion.self) == nil
      && plan.ability(ImageAnimation.self) == nil && plan.ability(VideoPlaying.self) == nil
      && plan.ability(FrameTranslation.self) == nil && plan.ability(TextClassification.self) == nil
  }

  /// None where the system needs no condition of a field; a page of texts, or eight of anything larger.
  public func exampleCount(for plan: SystemPlan) -> Int {
    Self.conditions(plan).isEmpty ? 0 : Self.writesText(plan) ? 20 : 8
  }

  /// The conditions that are taken from examples.
  private static func conditions(_ plan: SystemPlan) -> [Condition] {
    let fields = Set(plan.stages.flatMap { $0.data?.fields.map(\.name) ?? [] })
    return plan.conditions.filter { condition in
      switch condition.kind {
      case .field, .tensor:
        condition.isRequired || (condition.origin == .data && fields.contains(condition.name))
      case .label, .text: false
      }
    }
  }

  private static func writesText(_ plan: SystemPlan) -> Bool {
    !plan.outputs.isEmpty
      && plan.outputs.allSatisfy { output in
        switch output.kind {
        case .text, .sequence, .tokens, .labels, .label: true
        case .image, .labelMap, .labelMaps, .audio, .video, .features, .spectrogram: false
        }
      }
  }

  /// Draws and writes.
  public func paint(_ context: PreviewContext) throws {
    let plan = context.plan
    let rows = context.options.previewRows
    let classes = classCount(of: plan).map { min($0, Self.mostColumns) }
    let columns = classes ?? rows
    // A page of words is enough.
    var request = Request(
      count: Self.writesText(plan) ? min(4, rows) : rows * columns, draws: context.draws)
    let examples = context.examples(exampleCount(for: plan))
    for condition in Self.conditions(plan) {
      if let value = examples?.batch.tensors[condition.name] {
        request.conditions[condition.name] = .tensor(value)
      } else if condition.isRequired {
        return
      }
    }
    var sheet = Sheet(columns: columns)
    if let examples, !request.conditions.isEmpty {
      request.count = examples.count
      sheet = Sheet(columns: min(columns, examples.count), titles: examples.titles)
    } else {
      sheet.columnTitles = classes.map { (0..<$0).map { classTitle($0, context) } } ?? []
    }
    var groups: [Int]?
    if let classes, request.conditions.isEmpty || plan.conditions.contains(where: \.isLabel) {
      let labels = (0..<request.count).map { $0 % classes }
      request.conditions[plan.conditions.first(where: \.isLabel)?.name ?? "label"] = .labels(labels)
      groups = labels
    }
    // A page of text is enough, too.
    if plan.ability(TextContinuation.self) != nil {
      request.sampling = try plan.sampling(changing: ["length": 200], for: "the system")
    }
    for (index, output) in try draw(request, context).enumerated() {
      let suffix = index == 0 ? "" : "-" + output.field.name
      switch output.value {
      case .text(let text):
        try context.write(.text(sheet.titled(text)), suffix: suffix, tag: "samples" + suffix)
      case .tensor(let tensor):
        try write(tensor, of: output.field, on: sheet, suffix: suffix, context)
        if index == 0, tensor.dtype.isFloatingPoint {
          context.observe(tensor, groups: groups ?? [Int](repeating: 0, count: tensor.shape[0]))
        }
      }
    }
  }

  /// How outputs lie side by side.
  private struct Sheet {
    var columns: Int
    var columnTitles: [String] = []
    /// What the example is called that each output belongs to; empty where they have no names.
    var titles: [String] = []

    /// Lines after the titles of the examples that they belong to.
    func titled(_ text: String) -> String {
      let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      guard !titles.isEmpty, lines.count == titles.count + 1, lines.last?.isEmpty == true else { return text }
      return zip(titles, lines).map { "\($0): \($1)\n" }.joined()
    }
  }

  /// What the system gives for a request, each output once.
  private func draw(
    _ request: Request, _ context: PreviewContext
  ) throws -> [(field: Field, value: Output.Value)] {
    var pieces: [String: [Tensor]] = [:]
    var texts: [String: String] = [:]
    try context.system.draw(request) { output in
      switch output.value {
      case .tensor(let tensor): pieces[output.field, default: []].append(tensor)
      case .text(let piece): texts[output.field, default: ""] += piece
      }
    }
    return context.plan.outputs.compactMap { field in
      if let drawn = pieces[field.name] { return (field, .tensor(.concatenated(drawn, dim: 0))) }
      return texts[field.name].map { (field, .text($0)) }
    }
  }

  private func classTitle(_ index: Int, _ context: PreviewContext) -> String {
    FieldNames(classes: context.classNames).name(ofClass: index)
  }

  private func write(
    _ tensor: Tensor, of field: Field, on sheet: Sheet, suffix: String, _ context: PreviewContext
  ) throws {
    let tag = "samples" + suffix
    let shown = try context.codec(field).shown(.tensor(tensor.to(.cpu).contiguous().host()))
    var images: [Image] = []
    var sounds: [Audio] = []
    var films: [[Image]] = []
    var rate: FrameRate?
    var texts: [String] = []
    for example in shown {
      switch example {
      case .image(let image): images.append(image)
      case .audio(let audio): sounds.append(audio)
      case .video(let frames, let frameRate):
        films.append(frames)
        rate = frameRate
      case .text(let text): texts.append(text)
      }
    }
    let grid = ImageGrid(columns: sheet.columns, columnTitles: sheet.columnTitles)
    if !images.isEmpty { try context.write(.image(grid.render(images)), suffix: suffix, tag: tag) }
    for (index, sound) in sounds.enumerated() {
      let number = sounds.count == 1 ? "" : "-\(index + 1)"
      try context.write(.audio(sound), suffix: suffix + number, tag: tag + number)
    }
    if let rate {
      // All clips play at once, side by side; one that has ended stands still.
      let frames = try (0..<(films.map(\.count).max() ?? 0)).map { time in
        try grid.render(films.map { $0[min(time, $0.count - 1)] })
      }
      try context.write(.video(frames, rate), suffix: suffix, tag: tag)
    }
    if !texts.isEmpty {
      try context.write(
        .text(sheet.titled(texts.map { $0 + "\n" }.joined())), suffix: suffix, tag: tag)
    }
  }
}

extension Condition {
  fileprivate var isLabel: Bool {
    if case .label = kind { true } else { false }
  }
}

/// The number of classes a system answers to; nil where it has none.
package func classCount(of system: any GenerativeSystem) -> Int? { classCount(of: system.plan) }

/// The number of classes that systems of a plan answer to; nil where they have none.
func classCount(of plan: SystemPlan) -> Int? {
  if let latent = plan.ability(LatentDecoding.self) { return latent.classes }
  for case .label(let classes) in plan.fields.map(\.kind) { return classes }
  return nil
}

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

  /// Systems that do not turn images into images, which have a sheet of their own.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(ImageTranslation.self) == nil }

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
        case .image, .labelMap, .audio, .video, .features: false
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
    var request = GenerationRequest(
      count: Self.writesText(plan) ? min(4, rows) : rows * columns, draws: context.draws)
    let examples = context.examples(exampleCount(for: plan))
    for condition in Self.conditions(plan) {
      if let value = examples?.batch.tensors[condition.name] {
        request.inputs[condition.name] = value
      } else if condition.isRequired {
        return
      }
    }
    var sheet = Sheet(columns: columns)
    if let examples, !request.inputs.isEmpty {
      request.count = examples.count
      sheet = Sheet(columns: min(columns, examples.count), titles: examples.titles)
    } else {
      sheet.columnTitles = classes.map { (0..<$0).map { classTitle($0, context) } } ?? []
    }
    if request.inputs.isEmpty || plan.conditions.contains(where: \.isLabel) {
      request.labels = classes.map { classes in (0..<request.count).map { $0 % classes } }
    }
    for (index, output) in try draw(request, context).enumerated() {
      let suffix = index == 0 ? "" : "-" + output.field.name
      switch output.value {
      case .text(let text):
        try context.write(.text(sheet.titled(text)), suffix: suffix, tag: "samples" + suffix)
      case .tensor(let tensor):
        try write(tensor, of: output.field, on: sheet, suffix: suffix, context)
        if index == 0, tensor.dtype.isFloatingPoint {
          context.observe(tensor, groups: request.labels ?? [Int](repeating: 0, count: tensor.shape[0]))
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
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      guard !titles.isEmpty, lines.count == titles.count + 1, lines.last?.isEmpty == true else { return text }
      return zip(titles, lines).map { "\($0): \($1)\n" }.joined()
    }
  }

  private enum Value {
    case tensor(Tensor)
    case text(String)
  }

  /// What the system gives for a request, each output once.
  private func draw(
    _ request: GenerationRequest, _ context: PreviewContext
  ) throws -> [(field: Field, value: Value)] {
    var pieces: [Tensor] = []
    var text = ""
    try context.system.draw(request) { value in
      switch value {
      case .images(let tensor): pieces.append(tensor)
      case .text(let piece): text += piece
      }
    }
    var drawn: [(field: Field, value: Value)] = []
    if !pieces.isEmpty {
      let tensor = Tensor.concatenated(pieces, dim: 0)
      var field = context.plan.outputs.first { $0.kind != .text } ?? Field("image", .text)
      switch field.kind {
      case .image, .text:
        // Drawn images are in -1 … 1, whatever the range of the data.
        field = Field(
          field.name,
          .image(channels: tensor.shape[1], height: tensor.shape[2], width: tensor.shape[3], range: .signed))
      default: break
      }
      drawn.append((field, .tensor(tensor)))
    }
    if !text.isEmpty { drawn.append((Field("text", .text), .text(text))) }
    return drawn
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

package import AtelierCore
import AtelierData
import AtelierMedia
import Foundation
import Torch
import TorchNN

/// What a preview drew.
struct Preview {
  /// The files, relative names with content.
  var files: [URL] = []
  /// The samples `[count, channels, height, width]` in -1 … 1, if they are images.
  var pictures: Tensor?
  /// The condition of each sample.
  var groups: [Int] = []
}

/// Draws what a system makes of fixed conditions: the same random numbers and classes at every step, so
/// that a row of previews shows training and nothing else.
struct PreviewPainter {
  let run: RunDirectory
  let options: TrainingOptions
  let classNames: [String]
  /// The classes' colours, where maps of labels are drawn in some.
  let classColours: [[UInt8]]
  /// Images to be reconstructed or translated, where the system can; in the ranges of its fields.
  let examples: Batch?
  /// What a preview in words says of each example.
  var exampleTexts: [String] = []

  /// More columns than this cannot be told apart on a screen.
  private static let mostColumns = 20

  /// Draws and writes `samples/step-…`.
  ///
  /// Networks are in evaluation mode meanwhile, and afterwards each part is in its own mode again.
  func paint(_ system: any GenerativeSystem, step: Int, board: EventFileWriter?) throws -> Preview {
    let stream = RandomStream(seed: UInt64(options.seed), purpose: "preview")
    let draws = StreamDraws(stream, device: options.device)
    return try inEvaluationMode(system.networks[...]) {
      try withTensorErrors {
        try withoutGradients { try withDraws(draws) { try paint(system, draws, step: step, board: board) } }
      }
    }
  }

  private func paint(
    _ system: any GenerativeSystem, _ draws: StreamDraws, step: Int, board: EventFileWriter?
  ) throws -> Preview {
    var preview = Preview()
    let name = RunDirectory.stepName(step)
    try RunDirectory.makeFolder(run.samples)
    if let system = system as? any ReconstructingSystem, let examples {
      let file = run.samples.appendingPathComponent(name + "-reconstruction.png")
      try paintPairs(system, examples, draws, to: file, step: step, board: board)
      preview.files.append(file)
    }
    if let system = system as? any TranslatingSystem {
      guard let examples,
        let drawn = try TranslationPreview.draw(system, examples, draws: draws, colours: classColours)
      else { return preview }
      let file = run.samples.appendingPathComponent(name + ".png")
      try write(drawn.sheet, to: file, tag: "samples", step: step, board: board)
      preview.files.append(file)
      // Different sources that all give one image are a collapse like any other.
      preview.pictures = drawn.outputs
      preview.groups = [Int](repeating: 0, count: drawn.outputs.shape[0])
      return preview
    }
    if let system = system as? any TaggingSystem {
      // Without examples there is nothing to tag.
      guard let features = examples?.tensors.values.first else { return preview }
      let found = try system.tags(for: features, count: 10, draws: draws)
      let lines = zip(exampleTexts, found).map { text, tags in
        "\(text): \(tags.map { system.tagNames[$0] }.joined(separator: ", "))\n"
      }
      let file = run.samples.appendingPathComponent(name + ".txt")
      try AtomicFile.write(Data(lines.joined().utf8), to: file)
      preview.files.append(file)
      return preview
    }
    let classes = classCount(of: system).map { min($0, Self.mostColumns) }
    let columns = classes ?? options.previewRows
    // Words take long to write, and a page of them is enough.
    let count = system is any LanguageSystem ? min(4, options.previewRows) : options.previewRows * columns
    let labels = classes.map { classes in (0..<count).map { $0 % classes } }
    var pieces: [Tensor] = []
    var text = ""
    var request = Request(count: count, draws: draws)
    if let labels { request.conditions["label"] = .labels(labels) }
    // A page of text is enough, too.
    if system.plan.ability(TextContinuation.self) != nil { request.sampling = TextSampling(length: 200) }
    try system.draw(request) { output in
      switch output.value {
      case .tensor(let tensor): pieces.append(tensor)
      case .text(let piece): text += piece
      }
    }
    if !pieces.isEmpty {
      let pictures = Tensor.concatenated(pieces, dim: 0)
      let titles = classes.map {
        (0..<$0).map { classNames.indices.contains($0) ? classNames[$0] : String($0) }
      }
      let file = run.samples.appendingPathComponent(name + ".png")
      try write(
        ImageGrid(columns: columns, columnTitles: titles ?? []), Image.images(of: pictures.to(.cpu).host()),
        to: file, tag: "samples", step: step, board: board)
      preview.files.append(file)
      preview.pictures = pictures
      preview.groups = labels ?? [Int](repeating: 0, count: pictures.shape[0])
    }
    if !text.isEmpty {
      let file = run.samples.appendingPathComponent(name + ".txt")
      try AtomicFile.write(Data(text.utf8), to: file)
      preview.files.append(file)
    }
    return preview
  }

  /// Images in the rows above, what became of them beneath.
  private func paintPairs(
    _ system: any ReconstructingSystem, _ examples: Batch, _ draws: any Draws, to file: URL, step: Int,
    board: EventFileWriter?
  ) throws {
    guard let (name, range) = imageField(of: system) else { return }
    let originals = examples[name]
    let rebuilt = try system.reconstruct(examples, draws: draws)
    let columns = min(originals.shape[0], 10)
    let bounds: ClosedRange<Float> = range == .signed ? -1...1 : 0...1
    let above = try Image.images(of: originals.to(.cpu).contiguous().host(), range: bounds)
    let beneath = try Image.images(
      of: rebuilt.reshaped(originals.shape).to(.cpu).contiguous().host(), range: bounds)
    var pictures: [Image] = []
    for start in stride(from: 0, to: above.count - above.count % columns, by: columns) {
      pictures += above[start..<(start + columns)] + beneath[start..<(start + columns)]
    }
    try write(
      ImageGrid(columns: columns), pictures, to: file, tag: "reconstruction", step: step, board: board)
  }

  private func write(
    _ grid: ImageGrid, _ pictures: [Image], to file: URL, tag: String, step: Int, board: EventFileWriter?
  ) throws {
    try write(grid.render(pictures), to: file, tag: tag, step: step, board: board)
  }

  private func write(
    _ sheet: Image, to file: URL, tag: String, step: Int, board: EventFileWriter?
  ) throws {
    let png = try ImageCodec().encode(sheet, as: .png)
    try AtomicFile.write(Data(png), to: file)
    try board?.write(
      picture: png, width: sheet.width, height: sheet.height, channels: sheet.channels, name: tag, step: step)
  }

  private func inEvaluationMode<Result>(_ networks: ArraySlice<Network>, _ body: () throws -> Result) rethrows
    -> Result
  {
    guard let first = networks.first else { return try body() }
    return try first.module.evaluating { try inEvaluationMode(networks.dropFirst(), body) }
  }
}

/// The number of classes a system answers to; nil where it has none.
package func classCount(of system: any GenerativeSystem) -> Int? {
  if let latent = system.plan.ability(LatentDecoding.self) { return latent.classes }
  for case .label(let classes) in system.plan.fields.map(\.kind) { return classes }
  return nil
}

/// The first image field of a system and its range.
func imageField(of system: any GenerativeSystem) -> (name: String, range: ImageRange)? {
  for field in system.plan.fields {
    if case .image(_, _, _, let range) = field.kind { return (field.name, range) }
  }
  return nil
}

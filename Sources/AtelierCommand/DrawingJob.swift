import Atelier
import Foundation

/// What `generate` does with a system that starts from a request alone: draws, and writes each output by its
/// kind.
struct DrawingJob: GenerateJob {
  private let generator: Generator
  /// What stands above the columns of a grid of classes.
  private let classNames: [String]
  private let request: Request
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool { context.command.inputs.isEmpty }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope(
      "what is drawn from a request alone",
      options: [
        "--sampling", "--no-label", "--class", "--count", "--candidates", "--actions", "--interpolate",
        "--traverse", "--truncation", "--instance", "--prompt", "--temperature", "--length",
      ])
  }

  init(_ context: GenerateContext) throws {
    var conditions = try context.choices.conditions()
    let sampling = try context.choices.sampling()
    let command = context.command
    let count = command.drawing.count ?? Self.count(context, sampling, conditions)
    if !command.drawing.instance.isEmpty {
      guard conditions["features"] == nil else {
        throw Refusal.usage("--instance and --condition both give 'features'; choose one")
      }
      conditions["features"] = .tensor(
        try instanceFeatures(of: command.drawing.instance, context.plan, context.generator.description))
    }
    if case .text(let prompt)? = conditions["prompt"],
      let system = context.generator.system as? any PromptedSystem,
      let unknown = try system.unknownPieces(ofPrompt: prompt)
    {
      sayUnknown(unknown, of: "the prompt")
    }
    (generator, classNames, results) = (context.generator, context.classNames, context.results)
    request = Request(
      count: count, conditions: conditions, sampling: sampling,
      draws: StreamDraws(
        RandomStream(seed: command.seed, purpose: "generate"), device: context.generator.system.device))
  }

  /// How many outputs where the command does not say it: a grid of images, a few paths, or one of anything else.
  private static func count(
    _ context: GenerateContext, _ sampling: any Settings, _ conditions: [String: ConditionValue]
  ) -> Int {
    guard case .image? = context.plan.outputs.first?.kind else { return 1 }
    if let latent = sampling as? LatentSampling, latent.path != .random { return 4 }
    if let candidates = context.command.drawing.candidates { return min(4, candidates) }
    guard !context.classNames.isEmpty else { return 64 }
    if case .labels(let labels)? = conditions["label"] { return 8 * labels.count }
    return 8 * context.classNames.count
  }

  /// The outputs of a field.
  private struct Drawn {
    let field: Field
    let pieces: [HostTensor]
  }

  func run() throws {
    let place = self.place
    if let place { try refuseExisting(place, force: results.force) }
    let plan = generator.plan
    if let folder = results.folder, plan.outputs.allSatisfy({ $0.kind == .text }) {
      return try writeTexts(into: folder)
    }
    var pieces: [String: [HostTensor]] = [:]
    var text = ""
    try generator.draw(request) { output in
      switch output.value {
      case .tensor(let tensor):
        pieces[output.field, default: []].append(tensor.to(.cpu).contiguous().host())
      case .text(let piece):
        text += piece
        if results.output == nil {
          SignsOfLife.heard()
          print(piece, terminator: "")
          fflush(nil)
        }
      }
    }
    let drawn = plan.outputs.compactMap { field in
      pieces[field.name].map { Drawn(field: field, pieces: $0) }
    }
    if let only = drawn.first, drawn.count == 1, case .image(_, _, _, let range) = only.field.kind {
      let scale = generator.description.data.scale
      // A sheet of several is for the eyes; files hold the numbers of the model's data.
      let isSheet = results.folder == nil && only.pieces.reduce(0) { $0 + ($1.shape.first ?? 0) } > 1
      let depth = isSheet ? 8 : scale?.depth ?? 8
      try write(
        try only.pieces.flatMap { try Image.images(of: $0, range: range.bounds, depth: depth) },
        isSheet ? nil : scale)
    } else if !drawn.isEmpty {
      try write(drawn)
    } else if let place {
      try AtomicFile.write(Data(text.utf8), to: place)
    } else if results.output == "-" {
      print(text, terminator: "")
    } else {
      print()
    }
    results.marking.report()
  }

  /// The file that one output goes to, as far as it is known before anything is drawn.
  private var place: URL? {
    if let output = results.output { return output == "-" ? nil : URL(fileURLWithPath: output) }
    guard results.folder == nil, case .image? = generator.plan.outputs.first?.kind,
      generator.plan.outputs.count == 1
    else {
      return nil
    }
    return URL(fileURLWithPath: "samples.png")
  }

  // MARK: Images

  private func write(_ images: [Image], _ scale: SampleScale?) throws {
    let codec = ImageCodec(scale: scale)
    if let folder = results.folder {
      let files = try self.files(images.map { $0.depth == 32 ? "tif" : "png" }, of: nil, in: folder)
      for (image, file) in zip(images, files) {
        try codec.write(results.marking(image), to: file, metadata: results.origin?.packet)
      }
      print("\(counted(images.count, "image")) in \(URL(fileURLWithPath: folder).path)")
      return
    }
    let (columns, titles) = layout(images.count)
    let only = images.count == 1 && scale != nil ? images.first : nil
    let sheet = results.marking(try only ?? ImageGrid(columns: columns, columnTitles: titles).render(images))
    guard let file = place else {
      let bytes = try codec.encode(sheet, as: .png, metadata: results.origin?.packet)
      FileHandle.standardOutput.write(Data(bytes))
      return
    }
    try codec.write(sheet, to: file, metadata: results.origin?.packet)
    print("\(counted(images.count, "image")) in \(file.path)")
  }

  /// Columns of a grid, and what stands above them: the steps of a path, or the classes.
  private func layout(_ count: Int) -> (columns: Int, titles: [String]) {
    switch (request.sampling as? LatentSampling)?.path {
    case .interpolation(let steps)?, .traversal(_, _, _, let steps)?: return (steps, [])
    case .random?, nil:
      let shown = request.labels("label") ?? Array(classNames.indices)
      if shown.count > 1, count % shown.count == 0 {
        return (shown.count, shown.map { FieldNames(classes: classNames).name(ofClass: $0) })
      }
      return (Int(Double(count).squareRoot().rounded(.up)), [])
    }
  }

  // MARK: Other outputs

  /// Each text in a file of its own.
  private func writeTexts(into folder: String) throws {
    let files = try self.files(Array(repeating: "txt", count: request.count), of: nil, in: folder)
    // One after the other from the same draws, so that they are the texts that one request gives.
    var one = request
    one.count = 1
    for file in files {
      var text = ""
      try generator.draw(one) { text += $0.text ?? "" }
      try AtomicFile.write(Data((text + "\n").utf8), to: file)
    }
    print("\(counted(files.count, "text")) in \(URL(fileURLWithPath: folder).path)")
  }

  private func write(_ drawn: [Drawn]) throws {
    let encoded = try drawn.map { drawn in
      let codec = try generator.codec(drawn.field)
      return try drawn.pieces.flatMap {
        try codec.encoded(.tensor($0), metadata: results.origin?.packet, tags: results.origin?.tags ?? [:]) {
          try results.marking($0)
        }
      }
    }
    if let folder = results.folder {
      var count = 0
      for (drawn, made) in zip(drawn, encoded) {
        let prefix = encoded.count > 1 ? drawn.field.name : nil
        let files = try self.files(made.map(\.fileExtension), of: prefix, in: folder)
        for (result, file) in zip(made, files) {
          try result.write(to: result.fileExtension.isEmpty ? file : file.deletingPathExtension())
        }
        count += made.count
      }
      print("\(counted(count, "file")) in \(URL(fileURLWithPath: folder).path)")
      return
    }
    let made = encoded.flatMap { $0 }
    guard made.count == 1, let result = made.first else {
      throw Refusal.usage("there are \(made.count) results; name a folder for them with --files")
    }
    if results.output == "-" || (results.output == nil && result.fileExtension == "txt") {
      guard case .bytes(let bytes) = result.content else {
        throw Refusal.usage("frames are a folder of files; name one with --files")
      }
      FileHandle.standardOutput.write(Data(bytes))
      if results.output == nil { print() }
      return
    }
    let stem: URL
    if let place {
      guard place.pathExtension.lowercased() == result.fileExtension else {
        let ending = result.fileExtension.isEmpty ? "a folder, without an ending" : ".\(result.fileExtension)"
        throw Refusal.usage("the result is written as \(ending); name it so, not \(place.lastPathComponent)")
      }
      stem = place.deletingPathExtension()
      // Another case of letters in the ending is another file.
      let written = result.fileExtension.isEmpty ? stem : stem.appendingPathExtension(result.fileExtension)
      if written.path != place.path { try refuseExisting(written, force: results.force) }
    } else {
      stem = URL(fileURLWithPath: drawn[0].field.name)
      try refuseExisting(
        result.fileExtension.isEmpty ? stem : stem.appendingPathExtension(result.fileExtension),
        force: results.force)
    }
    print(try result.write(to: stem).path)
  }

  /// The files of a folder for results of these endings, numbered; none of them is there, but for `--force`.
  private func files(_ endings: [String], of prefix: String?, in folder: String) throws -> [URL] {
    let place = URL(fileURLWithPath: folder)
    let files = endings.enumerated().map { index, ending in
      let stem = (prefix.map { $0 + "-" } ?? "") + String(format: "%05d", index)
      return place.appendingPathComponent(ending.isEmpty ? stem : "\(stem).\(ending)")
    }
    for file in files { try refuseExisting(file, force: results.force) }
    try RunDirectory.makeFolder(place, withParents: true)
    return files
  }
}

/// The features of images by the network that an instance-conditioned model was trained with.
///
/// - Parameter paths: image files, or folders of them.
func instanceFeatures(
  of paths: [String], _ plan: SystemPlan, _ description: ModelDescription
) throws -> Tensor {
  let artefacts = description.artefacts
  let codec = ImageCodec(scale: description.data.scale)
  let network = try InstanceFeatures(artefacts)
  guard
    case .image(let channels, let height, let width, _)? = plan.fields.map(\.kind).first(where: {
      if case .image = $0 { true } else { false }
    })
  else { throw Refusal.usage("this system has no images; leave --instance out") }
  let preparation = ImagePreparation(height: height, width: width, channels: channels)
  let files = try imageFiles(named: paths, for: "--instance")
  return .concatenated(
    try files.map { file in
      let bytes = Tensor(try preparation(try codec.decode(file)).hostTensor())
      return network((bytes.asType(.float32) / 127.5 - 1).unsqueezed(0))
    }, dim: 0)
}

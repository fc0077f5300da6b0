import ArgumentParser
import Atelier
import Foundation

/// `atelier generate`: pictures or text from a trained model.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Generates pictures or text with a trained model.",
    discussion: """
      RUN is a run's folder, a checkpoint's folder or a model.safetensors. Pictures go into one grid (--output \
      samples.png) or into a folder of files (--files DIR); text goes to standard output.

        atelier generate runs/cgan-fashion-001 --class Sneaker --count 16
        atelier generate runs/vae-001 --interpolate 10 --count 4
        atelier generate runs/rnn-001 --prompt "To be" --temperature 0.8
      """)

  @Argument(help: ArgumentHelp("A run, a checkpoint or a model file.", valueName: "run"), completion: .file())
  var trained: String

  @Option(
    name: .customLong("class"), parsing: .upToNextOption,
    help: "Classes by name or index; default: all in turn.")
  var classes: [String] = []

  @Option(help: "How many outputs (with --interpolate or --traverse: how many sequences).")
  var count: Int?

  @Option(help: "What the random numbers follow from.")
  var seed: UInt64 = 0

  @Option(help: "The grid to write, or the text file.", completion: .file())
  var output: String?

  @Option(help: "A folder to write one PNG an output into, instead of a grid.", completion: .directory)
  var files: String?

  @Option(help: "Pictures from one latent vector to the next.")
  var interpolate: Int?

  @Option(help: "A latent entry to move, as INDEX or INDEX:FROM:TO (default -3 … 3), ten pictures.")
  var traverse: String?

  @Option(help: "Latent entries beyond this many standard deviations are drawn again.")
  var truncation: Double?

  @Option(help: "A picture, or a folder of pictures, for systems that start from one.", completion: .file())
  var source: String?

  @Option(help: "Text to go on from.")
  var prompt: String?

  @Option(help: "Divides the logits: below 1 plays safe, above 1 dares.")
  var temperature: Double = 1

  @Option(help: "Tokens to generate.")
  var length: Int = 400

  func validate() throws {
    if let count, count < 1 { throw ValidationError("--count must be at least 1.") }
    if interpolate != nil && traverse != nil { throw ValidationError("Choose --interpolate or --traverse.") }
    if files != nil && output != nil { throw ValidationError("Choose --output or --files.") }
    if let truncation, !(truncation > 0) { throw ValidationError("--truncation must be above 0.") }
    if !(temperature > 0) { throw ValidationError("--temperature must be above 0.") }
    if length < 1 { throw ValidationError("--length must be at least 1.") }
  }

  func run() throws {
    let model = try loadSystem(from: URL(fileURLWithPath: trained), registry: .standard)
    // Data may have classes that the system does not know; its outputs then have no names.
    let names = classCount(of: model.system) == nil ? [] : model.description.classNames
    let labels = try classes.isEmpty ? nil : classes.map { try label($0, names) }
    let path = try latentPath()
    let shown = labels?.count ?? max(1, names.count)
    let draws = StreamDraws(RandomStream(seed: seed, purpose: "generate"))
    var request = GenerationRequest(
      count: count ?? (path == .random ? (names.isEmpty ? 64 : 8 * shown) : 4), labels: labels,
      prompt: prompt,
      latentPath: path, truncation: truncation, temperature: temperature, length: length, draws: draws)
    if let source { request.inputs["image"] = try pictures(source, for: model.system) }
    var images: [Image] = []
    var text = ""
    try withTensorErrors {
      try model.system.generate(request) { value in
        switch value {
        case .images(let tensor):
          images += try Image.images(of: tensor.host())
        case .text(let piece):
          text += piece
          if output == nil {
            print(piece, terminator: "")
            fflush(nil)
          }
        }
      }
    }
    if images.isEmpty {
      if let output {
        try Data(text.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
      } else {
        print()
      }
    } else {
      try write(images, path: path, labels: labels, names: names)
    }
  }

  private func write(_ images: [Image], path: LatentPath, labels: [Int]?, names: [String]) throws {
    if let files {
      let folder = URL(fileURLWithPath: files)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for (index, image) in images.enumerated() {
        let number = String(format: "%05d", index)
        try image.write(to: folder.appendingPathComponent("\(number).png"))
      }
      print("\(images.count) pictures in \(folder.path)")
      return
    }
    var columns = Int(Double(images.count).squareRoot().rounded(.up))
    var titles: [String] = []
    switch path {
    case .interpolation(let steps): columns = steps
    case .traversal(_, _, _, let steps): columns = steps
    case .random:
      let shown = labels ?? Array(names.indices)
      if shown.count > 1, images.count % shown.count == 0 {
        columns = shown.count
        titles = shown.map { $0 < names.count ? names[$0] : String($0) }
      }
    }
    let grid = ImageGrid(columns: columns, columnTitles: titles)
    let file = URL(fileURLWithPath: output ?? "samples.png")
    try grid.render(images).write(to: file)
    print("\(images.count) pictures in \(file.path)")
  }

  private func label(_ text: String, _ names: [String]) throws -> Int {
    if let index = names.firstIndex(where: { $0.caseInsensitiveCompare(text) == .orderedSame }) {
      return index
    }
    if let index = Int(text) { return index }
    let hint =
      names.isEmpty
      ? "the model has no class names; give an index" : "the classes are \(names.joined(separator: ", "))"
    throw Refusal.usage("there is no class '\(text)'; \(hint)")
  }

  private func latentPath() throws -> LatentPath {
    if let interpolate { return .interpolation(steps: interpolate) }
    guard let traverse else { return .random }
    let parts = traverse.split(separator: ":").map(String.init)
    guard let dimension = parts.first.flatMap({ Int($0) }), parts.count == 1 || parts.count == 3 else {
      throw Refusal.usage("--traverse takes INDEX or INDEX:FROM:TO, not '\(traverse)'")
    }
    guard parts.count == 3 else { return .traversal(dimension: dimension, from: -3, to: 3, steps: 10) }
    guard let from = Double(parts[1]), let to = Double(parts[2]) else {
      throw Refusal.usage("the range of --traverse is not two numbers: '\(traverse)'")
    }
    return .traversal(dimension: dimension, from: from, to: to, steps: 10)
  }

  /// Pictures in -1 … 1 of the size that the system's batches have.
  private func pictures(_ path: String, for system: any GenerativeSystem) throws -> Tensor {
    let url = URL(fileURLWithPath: path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw Refusal.input("\(path) does not exist; --source takes a picture or a folder of pictures")
    }
    let files =
      isFolder.boolValue
      ? try FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil).filter {
        ImageFormat(fileExtension: $0.pathExtension) != nil
      }.sorted { $0.path < $1.path } : [url]
    guard !files.isEmpty else { throw Refusal.data("there is no picture in \(path)") }
    let field = fields(of: system).first { if case .image = $0.kind { true } else { false } }
    guard case .image(let channels, let height, let width, _)? = field?.kind else {
      throw Refusal.usage("this system does not start from pictures; leave --source out")
    }
    let preparation = ImagePreparation(height: height, width: width, channels: channels)
    let tensors = try files.prefix(count ?? 64).map { file in
      Tensor(try preparation(try Image(contentsOf: file)).hostTensor()).asType(.float32) / 127.5 - 1
    }
    return .stacked(Array(tensors))
  }
}

/// What a batch of a system of any type holds.
func fields(of system: any GenerativeSystem) -> [Field] {
  func open<System: GenerativeSystem>(_ system: System) -> [Field] { System.fields(system.configuration) }
  return open(system)
}

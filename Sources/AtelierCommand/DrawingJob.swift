import Atelier
import Foundation

/// What `generate` does with a system that starts from random vectors, classes or words.
struct DrawingJob {
  let system: any GenerativeSystem
  let artefacts: Artefacts
  let names: [String]
  let drawing: Generate.DrawingOptions
  let writing: Generate.WritingOptions
  let seed: UInt64
  let output: String?
  let folder: String?
  let provenance: PictureOrigin?

  func run() throws {
    let labels = try drawing.classes.isEmpty ? nil : drawing.classes.map { try label($0) }
    let path = try latentPath()
    let shown = labels?.count ?? max(1, names.count)
    let draws = StreamDraws(RandomStream(seed: seed, purpose: "generate"))
    var request = GenerationRequest(
      count: drawing.count ?? (path == .random ? (names.isEmpty ? 64 : 8 * shown) : 4), labels: labels,
      prompt: writing.prompt, latentPath: path, truncation: drawing.truncation,
      temperature: writing.temperature ?? 1, length: writing.length ?? 400, draws: draws)
    if !drawing.instance.isEmpty { request.inputs["features"] = try instanceFeatures() }
    var images: [Image] = []
    var text = ""
    try withTensorErrors {
      try system.draw(request) { value in
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
    if !images.isEmpty {
      try write(images, path: path, labels: labels)
    } else if let output {
      try Data(text.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
    } else {
      print()
    }
  }

  /// The features of the given images by the network that the model was trained with.
  private func instanceFeatures() throws -> Tensor {
    let network = try InstanceFeatures(artefacts)
    guard
      case .image(let channels, let height, let width, _)? = system.plan.fields.map(\.kind).first(where: {
        if case .image = $0 { true } else { false }
      })
    else { throw Refusal.usage("this system has no pictures; leave --instance out") }
    let preparation = ImagePreparation(height: height, width: width, channels: channels)
    let files = try drawing.instance.flatMap { try pictures(at: $0) }
    return .concatenated(
      try files.map { file in
        let bytes = Tensor(try preparation(try Image(contentsOf: file)).hostTensor())
        return network((bytes.asType(.float32) / 127.5 - 1).unsqueezed(0))
      }, dim: 0)
  }

  /// The file itself, or the images of a folder in the order of their names.
  private func pictures(at path: String) throws -> [URL] {
    let url = URL(fileURLWithPath: path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw Refusal.input("\(path) does not exist; --instance takes pictures or folders of pictures")
    }
    guard isFolder.boolValue else { return [url] }
    let files = pictureFiles(below: url).map { url.appendingPathComponent($0) }
    guard !files.isEmpty else { throw Refusal.data("there is no picture in \(path)") }
    return files
  }

  private func write(_ images: [Image], path: LatentPath, labels: [Int]?) throws {
    let codec = ImageCodec()
    if let folder {
      let place = URL(fileURLWithPath: folder)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for (index, image) in images.enumerated() {
        let file = place.appendingPathComponent(String(format: "%05d.png", index))
        try codec.write(image, to: file, metadata: provenance?.packet)
      }
      print("\(images.count) pictures in \(place.path)")
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
    let sheet = try ImageGrid(columns: columns, columnTitles: titles).render(images)
    if output == "-" {
      let bytes = try codec.encode(sheet, as: .png, metadata: provenance?.packet)
      FileHandle.standardOutput.write(Data(bytes))
      return
    }
    let file = URL(fileURLWithPath: output ?? "samples.png")
    try codec.write(sheet, to: file, metadata: provenance?.packet)
    print("\(images.count) pictures in \(file.path)")
  }

  private func label(_ text: String) throws -> Int {
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
    if let interpolate = drawing.interpolate { return .interpolation(steps: interpolate) }
    guard let traverse = drawing.traverse else { return .random }
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
}

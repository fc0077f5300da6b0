import ArgumentParser
import Atelier
import Foundation

/// `atelier inspect`: what a file or a run is, without loading weights into a network.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Shows what a run, a checkpoint, a safetensors file, a PyTorch file, an image, a sound or a video holds.",
    discussion:
      "Nothing from the file is executed; classes in a PyTorch file that are not data are shown as names. Of an image, "
      + "a sound or a video it says what its metadata tell of its origin, and whether it carries the mark of one that a model made."
  )

  @Argument(
    help:
      "A run's folder, a checkpoint's folder, a .safetensors or a .pth file, an image, a sound or a video.",
    completion: .file())
  var file: String

  @Flag(help: "Print a JSON document.")
  var json = false

  private struct Row: Encodable {
    let name: String
    let type: String
    let shape: [Int]
  }

  private struct Document: Encodable {
    var file: String
    var system: String?
    var step: Int?
    var configuration: [String: ConfigurationValue]?
    var classes: [String]?
    /// What is to be known about the data, or about weights that were imported: their licence.
    var notes: [String]?
    /// Who agreed to being learned.
    var consent: ConsentRecord?
    /// Which numbers of image files are black and white.
    var range: String?
    var metadata: [String: String]?
    var tensors: [Row] = []
    var parameters: Int { tensors.reduce(0) { $0 + $1.shape.reduce(1, *) } }
    var other: [String] = []
  }

  func run() throws {
    let url = URL(fileURLWithPath: file)
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw Refusal.input("\(file) does not exist; check the path")
    }
    if ImageFormat(fileExtension: url.pathExtension) != nil {
      let image = try InspectedImage(url)
      if json { try printJSON(image) } else { image.show() }
      return
    }
    if MediaReport.Medium.sounds.fileExtensions.contains(url.pathExtension.lowercased()) {
      let sound = try InspectedSound(url)
      if json { try printJSON(sound) } else { sound.show() }
      return
    }
    if MediaReport.Medium.videos.fileExtensions.contains(url.pathExtension.lowercased()) {
      let video = try InspectedVideo(url)
      if json { try printJSON(video) } else { video.show() }
      return
    }
    let document =
      ["pth", "pt", "bin", "ckpt", "tar"].contains(url.pathExtension)
      ? try torchFile(url) : try safetensors(url)
    if json {
      try printJSON(document)
    } else {
      show(document)
    }
  }

  private func safetensors(_ url: URL) throws -> Document {
    let model = try modelFile(at: url)
    let header = try Safetensors.header(of: model)
    var document = Document(file: model.path)
    document.tensors = header.entries.map { Row(name: $0.name, type: $0.dtype.rawValue, shape: $0.shape) }
    // Weights of other programs say nothing of themselves; a damaged description is an error.
    if header.metadata["atelier.format"] != nil {
      let description = try ModelFile.describe(model)
      document.system = description.system
      document.step = description.step
      document.configuration = description.configuration
      document.classes = description.classNames
      document.notes = description.data.notes
      document.consent = description.data.consent
      document.range = description.data.scale?.description
    } else {
      document.metadata = header.metadata
    }
    return document
  }

  private func torchFile(_ url: URL) throws -> Document {
    let value = try TorchFile.read(url)
    var document = Document(file: url.path)
    collect(value, [], into: &document, depth: 0)
    return document
  }

  private func collect(_ value: PickleValue, _ path: [String], into document: inout Document, depth: Int) {
    let name = path.isEmpty ? "(the file itself)" : path.joined(separator: ".")
    if let tensor = value.tensorValue {
      document.tensors.append(Row(name: name, type: tensor.dtype.rawValue, shape: tensor.shape))
    } else if let pairs = value.pairs, depth < 32 {
      for (key, value) in pairs {
        collect(value, path + [key.stringValue ?? key.description], into: &document, depth: depth + 1)
      }
    } else {
      document.other.append("\(name): \(String(value.description.prefix(120)))")
    }
  }

  private func show(_ document: Document) {
    print(document.file)
    if let system = document.system {
      print("system \(system), step \(document.step ?? 0)")
      if let classes = document.classes, !classes.isEmpty {
        print("classes " + classes.joined(separator: ", "))
      }
      if let range = document.range { print("range \(range)") }
      for note in document.notes ?? [] { print(note) }
      for sentence in document.consent?.sentences ?? [] { print(sentence) }
      let rows = (document.configuration ?? [:]).sorted { $0.key < $1.key }.map {
        ($0.key, $0.value.description)
      }
      print("\nConfiguration\n" + columns(rows))
    }
    for (key, value) in (document.metadata ?? [:]).sorted(by: { $0.key < $1.key }) {
      print("\(key): \(value.prefix(200))")
    }
    print("\nTensors")
    print(columns(document.tensors.map { ($0.name, "\($0.type) \($0.shape)") }))
    print("\(document.tensors.count) tensors, \(document.parameters) numbers")
    if !document.other.isEmpty { print("\nNot tensors\n  " + document.other.joined(separator: "\n  ")) }
  }
}

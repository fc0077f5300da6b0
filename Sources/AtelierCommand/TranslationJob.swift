import ArgumentParser
import Atelier
import Foundation

/// What `generate` does with a system that starts from pictures: reads each, translates it, and writes the
/// result in the image's own format and depth. An image that fails is named, and the others go on.
struct TranslationJob {
  /// One for each result of an image: as many as there are styles.
  let translations: [ImageTranslator]
  let inputs: [String]
  let output: String?
  let folder: String?
  /// Whether files that are there are written over.
  let force: Bool
  let format: ImageFormat?
  let quality: Int
  let provenance: ImageOrigin?
  let marking: OutputMarking
  /// What lies on the images, in folders.
  let beside: BesideImages

  /// How images are read and written: in the numbers of the model's data.
  private var codec: ImageCodec { ImageCodec(scale: translations.first?.scale) }

  /// An image to be translated.
  private struct Item {
    /// Nil: standard input.
    let file: URL?
    /// Its path below the folder that was named, else its name.
    let name: String

    var shown: String { file?.path ?? "standard input" }
  }

  func run() throws {
    let items = try self.items()
    let results = items.count * translations.count
    guard results == 1 || folder != nil else {
      throw Refusal.usage("there are \(results) results; name a folder for them with --files")
    }
    if let output, output != "-" {
      let target = URL(fileURLWithPath: output)
      try guardInputs(target, items)
      try refuseExisting(target, force: force)
    }
    var written: Set<String> = []
    var failures = 0
    for item in items {
      do {
        try translate(item, among: items, &written)
      } catch {
        // One sentence, and the exit code of its kind, where there is nothing to go on with.
        guard items.count > 1, let sentence = Self.sentence(error) else { throw error }
        standardError("atelier: \(sentence)\n")
        failures += 1
      }
    }
    marking.report()
    if let folder { print("\(written.count) images in \(URL(fileURLWithPath: folder).path)") }
    if failures > 0 { throw ExitCode(65) }
  }

  // MARK: What there is to do

  private func items() throws -> [Item] {
    guard !inputs.isEmpty else {
      throw Refusal.usage(
        "this system starts from images; name files or folders after the run, or - for standard input")
    }
    var items: [Item] = []
    for input in inputs {
      if input == "-" {
        items.append(Item(file: nil, name: "picture"))
        continue
      }
      let url = try DataArchive.folder(at: URL(fileURLWithPath: input)) { standardError("\($0)\n") }
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
        throw Refusal.input("\(input) does not exist; check the path")
      }
      if isFolder.boolValue {
        let names = imageFiles(below: url)
        guard !names.isEmpty else { throw Refusal.data("there is no image in \(input)") }
        items += names.map { Item(file: url.appendingPathComponent($0), name: $0) }
      } else {
        items.append(Item(file: url, name: url.lastPathComponent))
      }
    }
    guard items.count(where: { $0.file == nil }) <= 1 else {
      throw Refusal.usage("standard input can be read once; name - once")
    }
    return items
  }

  // MARK: One image

  private func translate(_ item: Item, among items: [Item], _ written: inout Set<String>) throws {
    let codec = self.codec
    let bytes = try read(item, codec)
    let information = try codec.information(of: bytes, named: item.shown)
    if information.frames > 1 {
      standardError("\(item.shown) has \(information.frames) frames; its first is used.\n")
    }
    if let file = item.file, let named = ImageFormat(fileExtension: file.pathExtension),
      named != information.format
    {
      standardError("\(item.shown) is a \(information.format.rawValue.uppercased()) by its contents.\n")
    }
    let lying = try beside.conditions(of: item.name)
    for (number, chosen) in translations.enumerated() {
      var translation = chosen
      translation.conditions.merge(lying) { $1 }
      let result: Image
      do {
        result = try translated(bytes, item, information.format, codec, by: translation)
      } catch ImageError.invalid(let reason) {
        throw Refusal.data("\(item.shown) cannot be translated: \(reason)")
      }
      try keep(result, number, of: item, information.format, among: items, &written)
    }
  }

  /// Writes a result where it belongs.
  private func keep(
    _ result: Image, _ number: Int, of item: Item, _ found: ImageFormat, among items: [Item],
    _ written: inout Set<String>
  ) throws {
    let codec = self.codec
    let target = destination(of: item, number, found)
    let chosen =
      format ?? target.flatMap { ImageFormat(fileExtension: $0.pathExtension) } ?? found
    if provenance != nil && !chosen.carriesMetadata {
      standardError("\(item.shown): a \(chosen.rawValue.uppercased()) file cannot say where it comes from.\n")
    }
    let encoded = try codec.encode(
      marking(result), as: chosen, quality: quality, metadata: provenance?.packet)
    guard let target else {
      FileHandle.standardOutput.write(Data(encoded))
      return
    }
    try guardInputs(target, items)
    guard written.insert(target.standardizedFileURL.path).inserted else {
      throw Refusal.usage(
        "\(item.shown) would be written over another result, \(target.path); translate it separately")
    }
    try refuseExisting(target, force: force)
    try write(encoded, to: target)
    if folder == nil { print(target.path) }
  }

  /// The format that is asked for; nil: that of each image.
  private var wanted: ImageFormat? {
    format ?? output.flatMap { ImageFormat(fileExtension: URL(fileURLWithPath: $0).pathExtension) }
  }

  private func read(_ item: Item, _ codec: ImageCodec) throws -> [UInt8] {
    if let file = item.file { return try codec.bytes(of: file) }
    let data = try FileHandle.standardInput.read(upToCount: codec.maximumFileBytes + 1) ?? Data()
    guard data.count <= codec.maximumFileBytes else {
      throw Refusal.data("standard input is larger than \(codec.maximumFileBytes) bytes")
    }
    return [UInt8](data)
  }

  private func translated(
    _ bytes: [UInt8], _ item: Item, _ found: ImageFormat, _ codec: ImageCodec, by translation: ImageTranslator
  ) throws -> Image {
    if translation.takesLabels {
      do {
        let map = try codec.decodeLabels(bytes, named: item.shown, colours: translation.classColours)
        try sayUnlabelled(map, item, translation)
        return try translation(map)
      } catch ImageError.unsupported(let file, let reason) {
        // Labels that are drawn in colours are an image like any other, as in training.
        if translation.needsLabels { throw ImageError.unsupported(file: file, reason: reason) }
      }
    }
    let image = try codec.decode(bytes, named: item.shown)
    // A TIFF that is asked for of another kind of file holds the numbers of the model's data.
    let holdsNumbers = codec.scale?.coversBytes == false && found != .tiff && wanted == .tiff
    return try translation(holdsNumbers ? image.withFloats() : image)
  }

  /// Says what 255, which stands for no class, becomes where training never met it.
  private func sayUnlabelled(_ map: LabelMap, _ item: Item, _ translation: ImageTranslator) throws {
    guard translation.needsLabels, let last = translation.classNames.last, last != "unlabelled",
      translation.classNames.count < 256, map.values.contains(255), map.values.contains(where: { $0 != 255 })
    else { return }
    standardError(
      "\(item.shown) holds 255, which stands for no class, and training met none such; it is drawn as \(last).\n"
    )
  }

  /// Where a result goes; nil: standard output.
  private func destination(of item: Item, _ number: Int, _ found: ImageFormat) -> URL? {
    if let output { return output == "-" ? nil : URL(fileURLWithPath: output) }
    let ending = (format ?? found).fileExtension
    let stem = (item.name as NSString).deletingPathExtension
    // An image keeps its own ending (.jpeg, .TIF) where that is true.
    let own = (item.name as NSString).pathExtension
    let kept = ImageFormat(fileExtension: own) == (format ?? found) ? own : ending
    if let folder {
      let suffix = translations.count > 1 ? "-\(number + 1)" : ""
      return URL(fileURLWithPath: folder).appendingPathComponent("\(stem)\(suffix).\(kept)")
    }
    guard item.file != nil, let translation = translations.first else { return nil }
    let system = type(of: translation.system).identity.name
    return URL(fileURLWithPath: "\((stem as NSString).lastPathComponent)-\(system).\(kept)")
  }

  private func guardInputs(_ target: URL, _ items: [Item]) throws {
    guard let identity = Self.identity(of: target) else { return }
    if let same = items.compactMap(\.file).first(where: { Self.identity(of: $0) == identity }) {
      throw Refusal.usage(
        "the result would be written over the input \(same.path); choose another --output or --files")
    }
  }

  /// Which file a path stands for, links followed; nil where there is none.
  private static func identity(of url: URL) -> [UInt64]? {
    let path = url.resolvingSymlinksInPath().path
    guard let facts = try? FileManager.default.attributesOfItem(atPath: path),
      let device = facts[.systemNumber] as? NSNumber, let file = facts[.systemFileNumber] as? NSNumber
    else { return nil }
    return [device.uint64Value, file.uint64Value]
  }

  private func write(_ bytes: [UInt8], to target: URL) throws {
    try RunDirectory.makeFolder(target.deletingLastPathComponent(), withParents: true)
    try AtomicFile.write(Data(bytes), to: target)
  }

  /// The text of an error that concerns one image; nil for any other.
  private static func sentence(_ error: any Error) -> String? {
    switch error {
    case let error as ImageError: error.description
    case let error as Refusal: error.description
    default: nil
    }
  }
}

/// Folders of what lies on the images that are translated, such as masks: of each image the file of its name.
struct BesideImages {
  /// The folders by the names of conditions.
  let folders: [String: URL]
  /// Reads the file of a condition.
  let read: (_ name: String, _ file: URL) throws -> ConditionValue

  /// The conditions of an image.
  ///
  /// - Parameter name: its path below the folder that was named, else its name.
  func conditions(of name: String) throws -> [String: ConditionValue] {
    let stem = (name as NSString).deletingPathExtension
    var found: [String: ConditionValue] = [:]
    for (condition, folder) in folders {
      guard
        let file = imageFiles(below: folder).first(where: { ($0 as NSString).deletingPathExtension == stem })
      else {
        throw Refusal.data(
          "\(folder.path) has no image named \(stem), as the condition '\(condition)' of \(name)")
      }
      found[condition] = try read(condition, folder.appendingPathComponent(file))
    }
    return found
  }
}

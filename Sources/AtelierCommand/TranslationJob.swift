import ArgumentParser
import Atelier
import Foundation

/// What `generate` does with a system that starts from pictures: reads each, translates it, and writes the
/// result in the image's own format and depth. An image that fails is named, and the others go on.
struct TranslationJob: GenerateJob {
  /// One for each result of an image: as many as there are styles.
  private let translations: [ImageTranslator]
  private let inputs: [String]
  private let results: ResultOptions
  private let format: ImageFormat?
  /// 1…100; nil: the usual one.
  private let quality: Int?
  /// What lies on the images, in folders.
  private let beside: BesideImages
  /// Whether the images are to be known again by a passcode, which takes every pixel as it is.
  private let isRecovered: Bool

  static func applies(to context: GenerateContext) -> Bool { context.plan.startsFromImages }

  static func scope(_ plan: SystemPlan) -> JobScope {
    let options: Set<String> = [
      "--direction", "--to", "--given", "--style", "--variations", "--style-map", "--region", "--vary",
      "--tile", "--overlap", "--alpha", "--format", "--quality", "--class", "--anonymise", "--recover",
      "--passcode",
    ]
    // The settings of swapped faces belong to videos.
    return plan.ability(FaceSwapping.self) != nil
      ? JobScope("aligned faces that are swapped", options: options)
      : JobScope("images made of images", options: options.union(["--sampling"]))
  }

  init(_ context: GenerateContext) throws {
    let choices = try TranslationChoices(context)
    translations = try choices.translations()
    beside = BesideImages(folders: choices.beside) { try context.generator.condition($0, from: $1.path) }
    (inputs, results) = (context.command.inputs, context.results)
    (format, quality) = (context.command.translating.format, context.command.translating.quality)
    isRecovered =
      context.plan.ability(PasscodeTransformation.self) != nil && !context.command.passcodes.recover
  }

  /// How images are read and written: in the numbers of the model's data.
  private var codec: ImageCodec { ImageCodec(scale: translations.first?.scale) }

  /// An image to be translated.
  private struct Item {
    /// Nil: standard input.
    let file: URL?
    /// Its path below the folder that was named, else its name.
    let name: String
    /// What standard input gave.
    var piped: [UInt8]?

    var shown: String { file?.path ?? "standard input" }
  }

  /// Where a result goes, and how it is written.
  private struct Destination {
    /// Nil: standard output.
    let file: URL?
    let format: ImageFormat
  }

  func run() throws {
    let items = try self.items()
    let count = items.count * translations.count
    guard count == 1 || results.folder != nil else {
      throw Refusal.usage("there are \(count) results; name a folder for them with --files")
    }
    let destinations = try items.map { try self.destinations(of: $0) }
    let places = zip(items, destinations).flatMap { item, all in
      all.compactMap { one in one.file.map { (file: $0, source: item.shown) } }
    }
    try ResultFiles.check(
      places.map(\.file), of: places.map(\.source), inputs: items.compactMap(\.file?.path),
      force: results.force)
    try saySpoiling(Set(destinations.joined().map(\.format)))
    var (written, failures) = (0, 0)
    for (item, destinations) in zip(items, destinations) {
      do {
        written += try translate(item, to: destinations)
      } catch {
        // One sentence, and the exit code of its kind, where there is nothing to go on with.
        guard items.count > 1, let sentence = Self.sentence(error) else { throw error }
        standardError("atelier: \(sentence)\n")
        failures += 1
      }
    }
    results.marking.report()
    if let folder = results.folder {
      print("\(counted(written, "image")) in \(URL(fileURLWithPath: folder).path)")
    }
    if failures > 0 { throw ExitCode(65) }
  }

  /// Refuses a quality that no result has, and warns where what is written spoils the way back by the passcode.
  private func saySpoiling(_ formats: Set<ImageFormat>) throws {
    let lossy: Set<ImageFormat> = [.jpeg, .webp, .heic, .avif]
    if let quality, let format = formats.first, formats.isDisjoint(with: lossy) {
      throw Refusal.usage(
        "--quality \(quality) is of use to JPEG, WebP, HEIC and AVIF, and the result is written as "
          + "\(format.rawValue.uppercased()); leave it out, or choose another --format")
    }
    guard isRecovered else { return }
    let spoiling = formats.intersection(lossy.union([.gif])).map { $0.rawValue.uppercased() }.sorted()
    let causes = (results.marking.marks ? ["the invisible mark"] : []) + spoiling
    guard !causes.isEmpty else { return }
    standardError(
      "\(listed(causes)) \(causes.count == 1 ? "changes" : "change") pixels, so that --recover gives back less of the faces; "
        + "write PNG with --format png --no-mark.\n")
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
        guard !items.contains(where: { $0.file == nil }) else {
          throw Refusal.usage("standard input can be read once; name - once")
        }
        items.append(Item(file: nil, name: "picture", piped: try standardInput()))
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
    return items
  }

  /// Where the results of an image go; where its header cannot be read, by its name's ending.
  private func destinations(of item: Item) throws -> [Destination] {
    let codec = self.codec
    let named = item.file.flatMap { ImageFormat(fileExtension: $0.pathExtension) }
    // Only for the format of the result: an image that cannot be read is refused, with its reason, when it is decoded.
    let information =
      try? item.piped.map { try codec.information(of: $0, named: item.shown) }
      ?? item.file.map { try codec.information(of: $0) }
    let found = information?.format ?? named ?? .png
    return translations.indices.map { number in
      let file = destination(of: item, number, found)
      let chosen = format ?? file.flatMap { ImageFormat(fileExtension: $0.pathExtension) } ?? found
      return Destination(file: file, format: chosen)
    }
  }

  // MARK: One image

  /// Writes the results of an image; returns how many.
  private func translate(_ item: Item, to destinations: [Destination]) throws -> Int {
    let codec = self.codec
    let bytes = try item.file.map { try codec.bytes(of: $0) } ?? item.piped ?? []
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
    for (chosen, destination) in zip(translations, destinations) {
      var translation = chosen
      translation.conditions.merge(lying) { $1 }
      let result: Image
      do {
        result = try translated(bytes, item, information.format, codec, by: translation)
      } catch ImageError.invalid(let reason) {
        throw Refusal.data("\(item.shown) cannot be translated: \(reason)")
      }
      try keep(result, of: item, destination)
    }
    return destinations.count
  }

  /// Writes a result where it belongs.
  private func keep(_ result: Image, of item: Item, _ destination: Destination) throws {
    let chosen = destination.format
    if results.origin != nil && !chosen.carriesMetadata {
      standardError("\(item.shown): a \(chosen.rawValue.uppercased()) file cannot say where it comes from.\n")
    }
    let encoded = try codec.encode(
      results.marking(result), as: chosen, quality: quality ?? 92, metadata: results.origin?.packet)
    guard let target = destination.file else {
      FileHandle.standardOutput.write(Data(encoded))
      return
    }
    try write(encoded, to: target)
    if results.folder == nil { print(target.path) }
  }

  /// The format that is asked for; nil: that of each image.
  private var wanted: ImageFormat? {
    format ?? results.output.flatMap { ImageFormat(fileExtension: URL(fileURLWithPath: $0).pathExtension) }
  }

  private func standardInput() throws -> [UInt8] {
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
    if let output = results.output { return output == "-" ? nil : URL(fileURLWithPath: output) }
    let ending = (format ?? found).fileExtension
    let stem = (item.name as NSString).deletingPathExtension
    // An image keeps its own ending (.jpeg, .TIF) where that is true.
    let own = (item.name as NSString).pathExtension
    let kept = ImageFormat(fileExtension: own) == (format ?? found) ? own : ending
    if let folder = results.folder {
      let suffix = translations.count > 1 ? "-\(number + 1)" : ""
      return URL(fileURLWithPath: folder).appendingPathComponent("\(stem)\(suffix).\(kept)")
    }
    guard item.file != nil, let translation = translations.first else { return nil }
    let system = type(of: translation.system).identity.name
    return URL(fileURLWithPath: "\((stem as NSString).lastPathComponent)-\(system).\(kept)")
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

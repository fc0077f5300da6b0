import ArgumentParser
import Atelier
import Foundation

/// `atelier generate`: images or text from a trained model.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Generates pictures or text with a trained model.",
    discussion: """
      RUN is a run's folder, a checkpoint's folder or a model.safetensors.

      A system that starts from pictures takes them after RUN: files, folders, or - for standard input. Each result \
      has its picture's size, format and depth, and goes to --output (one picture), into --files, or beside \
      nothing else into the present folder. Inputs are never written over.

      Other systems draw --count pictures into one grid (--output samples.png) or into a folder of files (--files \
      DIR), or write text to standard output.

        atelier generate runs/pix2pix-facades-001 plan.png --output house.png
        atelier generate runs/cyclegan-001 photographs --files paintings --direction BtoA
        atelier generate runs/munit-001 cat.jpg --files dogs --variations 5
        atelier generate runs/funit-001 cat.jpg --style foxes --output fox.jpg
        atelier generate runs/sean-001 map.png --style a.jpg b.jpg --style-map a.png b.png --region sky=2
        atelier generate runs/oasis-001 map.png --vary sky --variations 4 --files skies
        atelier generate runs/cgan-fashion-001 --class Sneaker --count 16
        atelier generate runs/ic-gan-001 --instance cat.png --count 16
        atelier generate runs/vae-001 --interpolate 10 --count 4
        atelier generate runs/rnn-001 --prompt "To be" --temperature 0.8
      """)

  @Argument(help: ArgumentHelp("A run, a checkpoint or a model file.", valueName: "run"), completion: .file())
  var trained: String

  @Argument(
    help: ArgumentHelp("Pictures to start from: files, folders, or -.", valueName: "picture"),
    completion: .file())
  var inputs: [String] = []

  @Option(help: "The file to write; - is standard output.", completion: .file())
  var output: String?

  @Option(help: "A folder to write one file an output into.", completion: .directory)
  var files: String?

  @Option(help: "What the random numbers follow from.")
  var seed: UInt64 = 0

  @Flag(
    inversion: .prefixedNo,
    help: "Write into each picture's metadata that a model made it, and which.")
  var provenance = true

  @OptionGroup(title: "Pictures from pictures") var translating: TranslationOptions
  @OptionGroup(title: "Drawing") var drawing: DrawingOptions
  @OptionGroup(title: "Writing text") var writing: WritingOptions

  /// What systems that start from images take.
  struct TranslationOptions: ParsableArguments {
    @Option(help: "A direction by name, or AtoB or BtoA.")
    var direction: String?
    @Option(
      parsing: .upToNextOption,
      help: "Pictures, or folders of them, that show the style or the class to translate into.",
      completion: .file())
    var style: [String] = []
    @Option(help: "How many drawn styles, or drawn noises, of each picture; default: 1.")
    var variations: Int?
    @Option(
      parsing: .upToNextOption, help: "The label maps of the --style pictures, for styles by region.",
      completion: .file())
    var styleMap: [String] = []
    @Option(
      parsing: .upToNextOption,
      help: "Whose style a region has: CLASS=PICTURE, counted from 1, or CLASS=PICTURE:SHARE,PICTURE:SHARE.")
    var region: [String] = []
    @Option(parsing: .upToNextOption, help: "Classes whose noise differs between --variations.")
    var vary: [String] = []
    @Option(
      help: "Translate in tiles of this side; default: 512 for pictures above a million pixels.")
    var tile: Int?
    @Option(help: "How far --tile's tiles overlap; results fade into each other; default: 64.")
    var overlap: Int?
    @Option(help: "Alpha: keep it, or lay the picture over white or black; default: keep.")
    var alpha: AlphaTreatment?
    @Option(help: "png, jpeg, webp, tiff, gif, heic or avif, instead of the input's format.")
    var format: ImageFormat?
    @Option(help: "1 to 100, for JPEG, WebP, HEIC and AVIF; default: 92.")
    var quality: Int?
  }

  /// What systems that draw from random vectors take.
  struct DrawingOptions: ParsableArguments {
    @Option(
      name: .customLong("class"), parsing: .upToNextOption,
      help: "Classes by name or index; default: all in turn.")
    var classes: [String] = []
    @Option(help: "How many outputs (with --interpolate or --traverse: how many sequences).")
    var count: Int?
    @Option(help: "Pictures from one latent vector to the next.")
    var interpolate: Int?
    @Option(help: "A latent entry to move, as INDEX or INDEX:FROM:TO (default -3 … 3), ten pictures.")
    var traverse: String?
    @Option(help: "Latent entries beyond this many standard deviations are drawn again.")
    var truncation: Double?
    @Option(
      parsing: .upToNextOption,
      help: "Pictures, or folders of them, that a system conditioned on instances draws the like of.",
      completion: .file())
    var instance: [String] = []
  }

  /// What language models take.
  struct WritingOptions: ParsableArguments {
    @Option(help: "Text to go on from.")
    var prompt: String?
    @Option(help: "Divides the logits: below 1 sharper, above 1 more random; default: 1.")
    var temperature: Double?
    @Option(help: "Tokens to generate; default: 400.")
    var length: Int?
  }

  func validate() throws {
    if let count = drawing.count, count < 1 { throw ValidationError("--count must be at least 1.") }
    if drawing.interpolate != nil && drawing.traverse != nil {
      throw ValidationError("Choose --interpolate or --traverse.")
    }
    if files != nil && output != nil { throw ValidationError("Choose --output or --files.") }
    if let truncation = drawing.truncation, !(truncation > 0) {
      throw ValidationError("--truncation must be above 0.")
    }
    if let temperature = writing.temperature, !(temperature > 0) {
      throw ValidationError("--temperature must be above 0.")
    }
    if let length = writing.length, length < 1 { throw ValidationError("--length must be at least 1.") }
    if let variations = translating.variations {
      if variations < 1 { throw ValidationError("--variations must be at least 1.") }
      if variations > 1 && !translating.style.isEmpty {
        throw ValidationError("Choose --style or --variations.")
      }
    }
    if translating.overlap != nil && translating.tile == nil {
      throw ValidationError("--overlap says how far the tiles of --tile overlap; give both.")
    }
    if let quality = translating.quality, !(1...100).contains(quality) {
      throw ValidationError("--quality must be 1 to 100.")
    }
  }

  func run() throws {
    let url = URL(fileURLWithPath: trained)
    let model = try loadSystem(from: url, registry: .standard, for: .drawing)
    try GenerateOption.check(self, model.system.plan, of: model.description.system)
    let origin = provenance ? try self.origin(of: url, model.description) : nil
    if model.system is any TranslatingSystem {
      let translation = try PictureTranslation(
        model.system, model.description, direction: translating.direction, tiling: tiling(),
        alpha: translating.alpha ?? .keep, seed: seed)
      try TranslationJob(
        translations: styled(translation, model.description.classNames), inputs: inputs, output: output,
        folder: files,
        format: translating.format,
        quality: translating.quality ?? 92, provenance: origin
      ).run()
    } else if let tagging = model.system as? any TaggingSystem {
      try TaggingJob(tagger: PictureTagger(tagging, seed: seed), inputs: inputs, output: output).run()
    } else if let first = inputs.first {
      throw Refusal.usage("\(model.description.system) does not start from pictures; leave '\(first)' out")
    } else {
      // Data may have classes that the system does not know; its outputs then have no names.
      let names = classCount(of: model.system) == nil ? [] : model.description.classNames
      try DrawingJob(
        system: model.system, artefacts: model.description.artefacts, names: names, drawing: drawing,
        writing: writing,
        seed: seed, output: output, folder: files, provenance: origin
      ).run()
    }
  }

  /// The translation once for each style.
  private func styled(_ translation: PictureTranslation, _ names: [String]) throws -> [PictureTranslation] {
    let variations = translating.variations ?? 1
    if let system = translation.system as? any RegionalVariationSystem, !translating.vary.isEmpty {
      return try VariedRegions(classes: translating.vary, variations: variations, names: names)
        .applied(to: translation, system)
    }
    if let system = translation.system as? any RegionalStyleSystem,
      !(translating.style.isEmpty && translating.styleMap.isEmpty && translating.region.isEmpty)
    {
      let regions = StyledRegions(
        styles: try pictureFiles(named: translating.style, for: "--style"),
        styleMaps: try pictureFiles(named: translating.styleMap, for: "--style-map"),
        regions: translating.region, names: names)
      return [try regions.applied(to: translation, system)]
    }
    if translating.style.isEmpty {
      return (0..<UInt64(variations)).map { number in
        var one = translation
        one.seed = seed &+ number
        return one
      }
    }
    let pictures = try pictureFiles(named: translating.style, for: "--style").map {
      try Image(contentsOf: $0)
    }
    return try translation.styles(of: pictures).map { style in
      var one = translation
      one.style = style
      return one
    }
  }

  private func tiling() throws -> Tiling? {
    guard let tile = translating.tile else { return nil }
    let tiling = Tiling(tile: tile, overlap: translating.overlap ?? 64)
    try tiling.validate()
    return tiling
  }

  /// Names the run and the step, and the weights by their fingerprint.
  private func origin(of url: URL, _ description: ModelDescription) throws -> PictureOrigin {
    let file = try modelFile(at: url)
    let fingerprint = try contentFingerprint(of: [(file.lastPathComponent, file)])
    return PictureOrigin(
      software: "Atelier \(AtelierVersion.current)", system: description.system,
      checkpoint: "\(url.standardizedFileURL.lastPathComponent), step \(description.step), \(fingerprint)")
  }
}

/// The images that paths stand for: files, and what lies in folders.
///
/// - Parameter option: what an error names.
func pictureFiles(named paths: [String], for option: String) throws -> [URL] {
  try paths.flatMap { path -> [URL] in
    let url = URL(fileURLWithPath: path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw Refusal.input("\(path) does not exist; \(option) takes pictures and folders of pictures")
    }
    guard isFolder.boolValue else { return [url] }
    let names = pictureFiles(below: url)
    guard !names.isEmpty else { throw Refusal.data("there is no picture in \(path)") }
    return names.map { url.appendingPathComponent($0) }
  }
}

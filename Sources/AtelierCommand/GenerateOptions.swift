import ArgumentParser
import Atelier

/// The options of `generate` in the groups of its help, and what can be said of them before a model is read.
extension Generate {
  /// What systems that start from images take.
  struct TranslationOptions: ParsableArguments {
    @Option(help: "A direction by name, or AtoB or BtoA.")
    var direction: String?
    @Flag(
      help:
        "The images are conditions already, such as outlines: derive nothing from them, where training did.")
    var given = false
    @Option(
      parsing: .upToNextOption,
      help: "Images, or folders of them, that show the style or the class to translate into.",
      completion: .file())
    var style: [String] = []
    @Option(help: "How many drawn styles, or drawn noises, of each image; default: 1.")
    var variations: Int?
    @Option(
      parsing: .upToNextOption, help: "The label maps of the --style images, for styles by region.",
      completion: .file())
    var styleMap: [String] = []
    @Option(
      parsing: .upToNextOption,
      help: "Whose style a region has: CLASS=PICTURE, counted from 1, or CLASS=PICTURE:SHARE,PICTURE:SHARE.")
    var region: [String] = []
    @Option(parsing: .upToNextOption, help: "Classes whose noise differs between --variations.")
    var vary: [String] = []
    @Option(
      help: "Translate in tiles of this side; default: 512 for images above a million pixels.")
    var tile: Int?
    @Option(help: "How far --tile's tiles overlap; results fade into each other; default: 64.")
    var overlap: Int?
    @Option(help: "Alpha: keep it, or lay the image over white or black; default: keep.")
    var alpha: AlphaTreatment?
    @Option(help: "png, jpeg, webp, tiff, gif, heic, avif, bmp or pnm, instead of the input's format.")
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
    @Option(
      help:
        "How many images are drawn for the prompt, of which a scorer keeps the --count that fit it best (default then: 4)."
    )
    var candidates: Int?
    @Option(
      help:
        "The actions of a video that is played by name or number, with counts as in \"left*12 jump\", or a file that holds them."
    )
    var actions: String?
    @Option(help: "Images from one latent vector to the next.")
    var interpolate: Int?
    @Option(help: "A latent entry to move, as INDEX or INDEX:FROM:TO (default -3 … 3), ten images.")
    var traverse: String?
    @Option(help: "Latent entries beyond this many standard deviations are drawn again.")
    var truncation: Double?
    @Option(
      parsing: .upToNextOption,
      help: "Images, or folders of them, that a system conditioned on instances draws the like of.",
      completion: .file())
    var instance: [String] = []
  }

  /// What language models take.
  struct WritingOptions: ParsableArguments {
    @Option(help: "Text to go on from.")
    var prompt: String?
    @Option(parsing: .upToNextOption, help: "Sentences to translate; files of them are named after the run.")
    var text: [String] = []
    @Option(
      help: "A PNG that shows where the translation of the first sentence looked in it.", completion: .file())
    var alignment: String?
    @Option(help: "Divides the logits: below 1 sharper, above 1 more random; default: 1.")
    var temperature: Double?
    @Option(help: "Tokens to generate; default: 400.")
    var length: Int?
  }

  /// What systems that convert voices take.
  struct VoiceOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Whose voice it becomes: a speaker of the training, or the file of a recording where the system takes any voice; of images which side, such as the other person.",
        valueName: "speaker|file|side"))
    var to: String?
    @Option(help: ArgumentHelp("The training's speaker who is heard.", valueName: "speaker"))
    var from: String?
    @Option(
      help: ArgumentHelp(
        "A run of a vocoder, which makes the sound in place of Griffin and Lim's algorithm.", valueName: "run"
      ),
      completion: .file())
    var vocoder: String?
  }

  /// What systems take that make faces unknown by a passcode.
  struct PasscodeOptions: ParsableArguments {
    @Flag(help: "Make faces unknown by a passcode, which makes them known again.")
    var anonymise = false
    @Flag(help: "Make faces known again that were made unknown by the passcode.")
    var recover = false
    @Option(
      help: ArgumentHelp(
        "Where the passcode comes from: terminal, env:NAME or fd:NUMBER; zeros and ones, or a phrase (default: terminal).",
        valueName: "place"))
    var passcode: String?
  }

  func validate() throws {
    if passcodes.anonymise && passcodes.recover { throw ValidationError("Choose --anonymise or --recover.") }
    if let actions = drawing.actions, actions.allSatisfy(\.isWhitespace) {
      throw ValidationError("--actions names no action; give some, as in --actions \"left*12 jump\".")
    }
    if let count = drawing.count, count < 1 { throw ValidationError("--count must be at least 1.") }
    let bounded = [
      ("--count", drawing.count), ("--candidates", drawing.candidates),
      ("--interpolate", drawing.interpolate),
      ("--variations", translating.variations), ("--length", writing.length),
    ]
    for (name, value) in bounded where value ?? 0 > 1_000_000 {
      throw ValidationError("\(name) must be at most 1000000; draw several times, each with its own --seed.")
    }
    if let candidates = drawing.candidates, candidates < drawing.count ?? 1 {
      throw ValidationError("--candidates must be at least --count, the number of them that is kept.")
    }
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
}

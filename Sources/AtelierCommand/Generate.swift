import ArgumentParser
import Atelier
import Foundation

/// `atelier generate`: images or text from a trained model.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Generates images or text with a trained model.",
    discussion: """
      RUN is a run's folder, a checkpoint's folder or a model.safetensors.

      A system that starts from images takes them after RUN: files, folders, or - for standard input. Each result \
      has its image's size, format and depth, and goes to --output (one image), into --files, or beside \
      nothing else into the present folder. Inputs are never written over.

      Other systems draw --count images into one grid (--output samples.png) or into a folder of files (--files \
      DIR), sounds as WAV, videos as MP4, or write text to standard output. Nothing that is there is written over \
      without --force.

      Every system takes its conditions by --condition NAME=VALUE and its settings of drawing by --sampling \
      KEY=VALUE; `atelier systems NAME` lists them. Most options below are another spelling of one of them.

        atelier generate runs/pix2pix-facades-001 plan.png --output house.png
        atelier generate runs/cyclegan-001 photographs --files paintings --direction BtoA
        atelier generate runs/munit-001 cat.jpg --files dogs --variations 5
        atelier generate runs/funit-001 cat.jpg --style foxes --output fox.jpg
        atelier generate runs/sean-001 map.png --style a.jpg b.jpg --style-map a.png b.png --region sky=2
        atelier generate runs/oasis-001 map.png --vary sky --variations 4 --files skies
        atelier generate runs/cgan-fashion-001 --class Sneaker --count 16
        atelier generate runs/ic-gan-001 --instance cat.png --count 16
        atelier generate runs/playable-video-001 first.png --actions "left*12 jump" --output played.mp4
        atelier generate runs/vae-001 --interpolate 10 --count 4
        atelier generate runs/dall-e-001 --prompt "red heart" --candidates 64 --count 8
        atelier generate runs/rnn-001 --prompt "To be" --temperature 0.8
        atelier generate runs/transformer-001 --text "Select the cell." --sampling beams=4
        atelier generate runs/transformer-001 sentences.txt --output translations.txt
        atelier generate runs/face-identity-transformer-001 face.png --anonymise --output unknown.png
        atelier generate runs/stargan-vc-001 speech.wav --to anna --output converted.wav
        atelier generate runs/autovc-001 speech.wav --to stranger.wav --vocoder runs/vocoder-001 --files converted
        atelier generate runs/deepfake-detection-001 clip.mp4 --sampling every=5 --output clip.jsonl
        atelier generate runs/first-order-motion-001 face.jpg --condition driving=talk.mp4 --output moving.mp4
        atelier generate runs/vid2vid-001 label-maps --output street.mp4
        atelier generate runs/wav2lip-001 face.mp4 --condition mels=speech.wav --output dubbed.mp4
        atelier generate runs/ic-gan-001 --condition features=cats.safetensors --sampling truncation=0.7
      """)

  @Argument(help: ArgumentHelp("A run, a checkpoint or a model file.", valueName: "run"), completion: .file())
  var trained: String

  @Argument(
    help: ArgumentHelp(
      "Images, sounds, videos or sentences to start from: files, folders, or - where standard input is taken.",
      valueName: "input"),
    completion: .file())
  var inputs: [String] = []

  @Option(help: "The file to write; - is standard output.", completion: .file())
  var output: String?

  @Option(help: "A folder to write one file an output into.", completion: .directory)
  var files: String?

  @Flag(help: "Draw from the checkpoint that was best on the validation part, and not from the newest.")
  var best = false

  @Flag(help: "Write over files that are there.")
  var force = false

  @Option(
    help: ArgumentHelp(
      "A condition by its name: a class, a text, or the file of an image, a label map, a sound, features or a tensor.",
      valueName: "name=value"))
  var condition: [String] = []

  @Option(help: ArgumentHelp("A setting of drawing by its name.", valueName: "key=value"))
  var sampling: [String] = []

  @Option(help: "What the random numbers follow from.")
  var seed: UInt64 = 0

  @Flag(
    inversion: .prefixedNo,
    help: "Write into the metadata of each image and sound that a model made it, and which.")
  var provenance = true

  @Flag(
    inversion: .prefixedNo,
    help: "Put an invisible mark into each image, an inaudible one into each sound; see 'atelier inspect'.")
  var mark = true

  @Flag(
    inversion: .prefixedNo,
    help: "Write 'AI-generated' visibly into a corner of each frame of a video.")
  var label = true

  @OptionGroup(title: "Computing") var machine: MachineOptions
  @OptionGroup(title: "Images from images") var translating: TranslationOptions
  @OptionGroup(title: "Drawing") var drawing: DrawingOptions
  @OptionGroup(title: "Writing text") var writing: WritingOptions
  @OptionGroup(title: "Voices") var voices: VoiceOptions
  @OptionGroup(title: "Passcodes") var passcodes: PasscodeOptions

  /// The conditions as they are typed, also those that have an option of their own.
  var givenConditions: [String] { condition + (drawing.actions.map { ["actions=\($0)"] } ?? []) }

  func run() throws {
    let device = try machine.applied()
    let generator = try Generator(
      contentsOf: modelPlace(trained, best: best), registry: AtelierTool.systems, on: device,
      say: { standardError("\($0)\n") })
    let (plan, model) = (generator.plan, generator.description)
    try GenerateOption.check(self, plan, of: model.system)
    let origin = provenance ? try generator.origin() : nil
    try draw(generator, device, origin)
    standardError(drawnFrom(generator))
  }

  /// From which step, and whether there will be later ones.
  private func drawnFrom(_ generator: Generator) -> String {
    let (folder, step) = (URL(fileURLWithPath: trained), generator.description.step)
    // What was imported has no steps, and is trained.
    let isCheckpoint =
      generator.file.deletingLastPathComponent().lastPathComponent == RunDirectory.stepName(0)
    guard step > 0 || isCheckpoint else { return "Drawn from \(folder.lastPathComponent).\n" }
    let stand = step == 0 ? "step 0, before any training" : "step \(step)"
    let isInTraining = RunDirectory(url: folder).isInTraining
    return "Drawn from \(stand) of \(folder.lastPathComponent)"
      + (isInTraining ? ", its newest checkpoint; the run is in training.\n" : ".\n")
  }

  private func draw(_ generator: Generator, _ device: Device, _ origin: ImageOrigin?) throws {
    let (plan, model) = (generator.plan, generator.description)
    let results = ResultOptions(
      output: output, folder: files, force: force, origin: origin, marking: OutputMarking(mark, labels: label)
    )
    // Data may have classes that the system does not know; its outputs then have no names.
    let known =
      classCount(of: generator.system) == nil && !plan.startsFromImages ? [] : model.classNames
    let choices = DrawingChoices(command: self, generator: generator)
    func job(_ job: GenerateJob) throws { try job.check(self, plan, of: model.system) }
    if let animation = plan.ability(ImageAnimation.self) {
      try job(.animation)
      // Frames are read one by one, and the video is no condition in memory.
      return try AnimationJob(
        generator: generator, ability: animation, conditions: choices.paths(),
        sampling: choices.sampling(), inputs: inputs, results: results
      ).run()
    }
    if let dubbing = plan.ability(FaceDubbing.self) {
      try job(.dubbing)
      return try DubbingJob(
        generator: generator, ability: dubbing, conditions: choices.paths(), sampling: choices.sampling(),
        inputs: inputs, results: results
      ).run()
    }
    if plan.ability(VideoPlaying.self) != nil {
      try job(.play)
      let player = try VideoPlayer(generator)
      return try PlayJob(
        player: player, events: PlayJob.events(player, choices.paths(), inputs: inputs), inputs: inputs,
        results: results
      ).run()
    }
    var conditions = try choices.conditions()
    if let passcode = plan.ability(PasscodeTransformation.self) {
      try add(passcode, to: &conditions, of: model.system)
    }
    let sampling = try choices.sampling()
    if plan.startsFromImages {
      let isSwapping = plan.ability(FaceSwapping.self) != nil
      let areVideos = try isSwapping && SwappedVideo.areVideos(inputs)
      try job(areVideos ? .swappedVideo : isSwapping ? .swappedFaces : .images)
      let beside = try choices.foldersBeside()
      try refuseMissing(plan, Set(conditions.keys).union(beside.keys), of: model.system)
      var translation = try ImageTranslator(
        generator.system, model, direction: direction(plan, model), tiling: tiling(),
        alpha: translating.alpha ?? .keep, seed: seed)
      translation.conditions = conditions
      // Those of styles say how many results there are, and those of swapped faces belong to videos.
      if !isSwapping, !(sampling is TranslationSampling) { translation.sampling = sampling }
      if areVideos {
        let settings = sampling as? FaceSwapDrawing ?? FaceSwapDrawing()
        let swapping = translation
        return try SwappedVideo(
          swapper: {
            FaceSwapper(
              swapping, settings, detect: try FaceNetworks.installed(for: model.system, on: device).detect)
          }, inputs: inputs, results: results
        ).run()
      }
      if translating.given {
        guard translation.derivation != nil else {
          throw Refusal.usage(
            "\(model.system) was not trained with a derived condition here, so that images are taken as they are; leave "
              + "--given out")
        }
        translation.derivation = nil
      }
      if let derivation = translation.derivation {
        standardError(
          "The condition is derived from each image as in training (\(derivation)); --given takes images as they are.\n"
        )
      }
      let variations = translating.variations ?? (sampling as? TranslationSampling)?.variations ?? 1
      try TranslationJob(
        translations: styled(translation, variations, conditions, known), inputs: inputs,
        results: results, format: translating.format, quality: translating.quality,
        beside: BesideImages(folders: beside) { try generator.condition($0, from: $1.path) },
        isRecovered: plan.ability(PasscodeTransformation.self) != nil && !passcodes.recover
      ).run()
    } else if plan.ability(Tagging.self) != nil, conditions.isEmpty || !inputs.isEmpty {
      guard conditions.isEmpty else {
        throw Refusal.usage("name images after the run or give --condition feature, not both")
      }
      try job(.tags)
      try TaggingJob(
        tagger: ImageTagger(generator.system, seed: seed), inputs: inputs, results: results
      ).run()
    } else if plan.ability(FakeDetection.self) != nil, conditions.isEmpty || !inputs.isEmpty {
      guard conditions.isEmpty else {
        throw Refusal.usage("name images and videos after the run or give one by --condition, not both")
      }
      try job(.detection)
      let settings = sampling as? FakeDetectionSettings ?? FakeDetectionSettings()
      try DetectionJob(
        detector: FakeDetector(generator, settings: settings), scale: model.data.scale, inputs: inputs,
        results: results
      ).run()
    } else if plan.ability(SentenceTranslation.self) != nil,
      conditions.isEmpty || !writing.text.isEmpty || !inputs.isEmpty || writing.alignment != nil
    {
      guard conditions.isEmpty else {
        throw Refusal.usage("give sentences by --text, by files after the run or by --condition; choose one")
      }
      try job(.sentences)
      try SentenceJob(
        generator: generator, sampling: sampling, texts: writing.text, inputs: inputs, results: results,
        alignment: writing.alignment
      ).run()
    } else if let translation = plan.ability(SoundTranslation.self), conditions.isEmpty || !inputs.isEmpty {
      guard conditions.isEmpty else {
        throw Refusal.usage("name sounds after the run or give them by --condition, not both")
      }
      try job(.sounds)
      let translated = TranslatedSounds(generator: generator, ability: translation, sampling: sampling)
      try soundJob(results, try translated.sampleRate(), grid: translated.grid, mixes: false) {
        try translated($0)
      }
    } else if let conversion = plan.ability(VoiceConversion.self),
      conditions["signal"] == nil || !inputs.isEmpty
    {
      guard conditions["signal"] == nil else {
        throw Refusal.usage("name sounds after the run or give them by --condition, not both")
      }
      try job(.voices)
      let converted = try ConvertedVoices(
        generator, conversion, voices, conditions: conditions, sampling: sampling, seed: seed)
      let form = conversion.frontEnd.spectrogram
      try soundJob(results, conversion.frontEnd.sampleRate, grid: form.hop, mixes: true) {
        try converted($0)
      }
    } else if let frames = plan.ability(FrameTranslation.self), !inputs.isEmpty {
      try job(.frames)
      try FrameJob(
        generator: generator, ability: frames, conditions: conditions, beside: choices.foldersBeside(),
        inputs: inputs, results: results,
        seed: seed
      ).run()
    } else if let first = inputs.first {
      throw Refusal.usage("\(model.system) does not start from images; leave '\(first)' out")
    } else {
      try job(.drawing)
      var request = Request(
        count: count(plan, sampling, conditions, known), conditions: conditions, sampling: sampling,
        draws: StreamDraws(RandomStream(seed: seed, purpose: "generate"), device: device))
      if !drawing.instance.isEmpty {
        guard conditions["features"] == nil else {
          throw Refusal.usage("--instance and --condition both give 'features'; choose one")
        }
        request.conditions["features"] = .tensor(
          try instanceFeatures(of: drawing.instance, plan, model))
      }
      try DrawingJob(
        generator: generator, classNames: known, request: request, results: results
      ).run()
    }
  }

  /// The passcode as the condition that a system takes, turned over where it is to undo itself.
  private func add(
    _ ability: PasscodeTransformation, to conditions: inout [String: ConditionValue], of system: String
  ) throws {
    guard passcodes.anonymise || passcodes.recover else {
      guard passcodes.passcode == nil else {
        throw Refusal.usage("--passcode is used by --anonymise or by --recover; choose one")
      }
      guard conditions[ability.condition] == nil else { return }
      throw Refusal.usage(
        "\(system) needs --anonymise, which makes faces unknown, or --recover, which undoes it")
    }
    guard conditions[ability.condition] == nil else {
      throw Refusal.usage("the passcode and --condition both give '\(ability.condition)'; choose one")
    }
    let input = try passcodes.passcode.map { try PasscodeInput(parsing: $0) } ?? .terminal
    let passcode = try Passcode(
      parsing: input.text(repeated: passcodes.anonymise), length: ability.length)
    conditions[ability.condition] = passcodes.recover ? passcode.undoing.condition : passcode.condition
  }

  /// The direction that --direction names, or --to by what an image becomes.
  private func direction(_ plan: SystemPlan, _ model: ModelDescription) throws -> String? {
    guard let to = voices.to else { return translating.direction }
    guard translating.direction == nil else {
      throw Refusal.usage("--to and --direction both say what an image becomes; choose one")
    }
    let directions = plan.ability(ImageTranslation.self)?.directions ?? []
    let sides = plan.fields.map(\.name)
    let names = model.data.sideNames ?? sides
    let side = names.firstIndex(of: to) ?? sides.firstIndex(of: to)
    guard let side, sides.indices.contains(side),
      let found = directions.first(where: { $0.target == sides[side] })
    else {
      throw Refusal.usage(
        "there is no side '\(to)'; did you mean '\(nearest(to: to, in: names))'? The sides are \(listed(names))"
      )
    }
    return found.name
  }

  /// Makes a sound of each sound that the command names.
  private func soundJob(
    _ results: ResultOptions, _ sampleRate: Int, grid: Int, mixes: Bool,
    _ make: @escaping (Audio) throws -> Audio
  ) throws {
    try SoundJob(
      inputs: inputs, results: results,
      sampleRate: sampleRate, grid: grid, mixes: mixes, make: make
    ).run()
  }

  /// Refuses pictures to start from where something else is missing.
  private func refuseMissing(
    _ plan: SystemPlan, _ conditions: Set<String>, of system: String
  ) throws {
    let sources = plan.ability(ImageTranslation.self)?.directions.map(\.source) ?? []
    for condition in plan.conditions where condition.isRequired && !sources.contains(condition.name) {
      let isStyle = condition.name == "style"
      guard !conditions.contains(condition.name), !(isStyle && !translating.style.isEmpty) else { continue }
      throw Refusal.usage(
        "\(system) needs \(isStyle ? "--style" : "--condition \(condition.name)=FILE"): \(condition.help)")
    }
  }

  /// How many outputs: those that were asked for, else a grid of images, a few paths, or one of anything else.
  private func count(
    _ plan: SystemPlan, _ sampling: any Settings, _ conditions: [String: ConditionValue],
    _ classNames: [String]
  ) -> Int {
    if let count = drawing.count { return count }
    guard case .image? = plan.outputs.first?.kind else { return 1 }
    if let latent = sampling as? LatentSampling, latent.path != .random { return 4 }
    if let candidates = drawing.candidates { return min(4, candidates) }
    guard !classNames.isEmpty else { return 64 }
    if case .labels(let labels)? = conditions["label"] { return 8 * labels.count }
    return 8 * classNames.count
  }

  /// Refuses conditions and settings that the options for styles and regions decide themselves.
  private func refuseContradictions(_ conditions: [String: ConditionValue], _ variations: Int) throws {
    let hasStyles =
      !translating.style.isEmpty || !translating.styleMap.isEmpty || !translating.region.isEmpty
    let styles = ["style", "styleLabel", "styleWeights", "styleCodes"]
    if hasStyles, let name = styles.first(where: { conditions[$0] != nil }) {
      throw Refusal.usage("the options for styles and --condition both give '\(name)'; choose one")
    }
    if !translating.vary.isEmpty, let name = ["noise", "regions"].first(where: { conditions[$0] != nil }) {
      throw Refusal.usage("--vary decides the noise of regions; leave --condition \(name) out")
    }
    if variations > 1, hasStyles || conditions["style"] != nil {
      throw Refusal.usage("the style images decide how many results there are; leave variations out")
    }
  }

  /// The translation once for each style.
  private func styled(
    _ translation: ImageTranslator, _ variations: Int, _ conditions: [String: ConditionValue],
    _ names: [String]
  ) throws -> [ImageTranslator] {
    try refuseContradictions(conditions, variations)
    if let system = translation.system as? any RegionalVariationSystem, !translating.vary.isEmpty {
      return try VariedRegions(classes: translating.vary, variations: variations, names: names)
        .applied(to: translation, system)
    }
    if let system = translation.system as? any RegionalStyleSystem,
      !(translating.style.isEmpty && translating.styleMap.isEmpty && translating.region.isEmpty)
    {
      let regions = StyledRegions(
        styles: try imageFiles(named: translating.style, for: "--style"),
        styleMaps: try imageFiles(named: translating.styleMap, for: "--style-map"),
        regions: translating.region, names: names)
      return [try regions.applied(to: translation, system)]
    }
    if translation.takesStyles, case .tensor(let images)? = conditions["style"] {
      guard translating.style.isEmpty else {
        throw Refusal.usage("--style and --condition both give 'style'; choose one")
      }
      return translation.styles(of: images).map { style in
        var one = translation
        one.style = style
        return one
      }
    }
    if translating.style.isEmpty {
      return (0..<UInt64(variations)).map { number in
        var one = translation
        one.seed = seed &+ number
        return one
      }
    }
    let pictures = try imageFiles(named: translating.style, for: "--style").map {
      try ImageCodec(scale: translation.scale).decode($0)
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
}

import ArgumentParser
import Atelier
import Foundation

/// `atelier benchmark`: times a recipe's own training step; `make bench` races it against PyTorch.
struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Times training steps of a recipe and prints a line of JSON.",
    discussion: """
      The step is the one that `atelier train` runs, on images in memory, from the weights that \
      Benchmarks/python exported. With --check it repeats the recorded steps instead and prints their losses, so \
      that both sides can be seen to compute the same.
      """)

  /// The recipes of Benchmarks/python.
  enum Recipe: String, CaseIterable, ExpressibleByArgument {
    case cgan, dcgan, biggan, spade, oasis, autoencoder, pix2pix, cyclegan, srresnet, neighbours, product,
      reading
    case gpt, transformer, seq2seq, vocoder, autovc
    case audioSuperResolution = "audio-super-resolution"
    case fastStyle = "fast-style"
    case deepfakeAutoencoder = "deepfake-autoencoder"
    case firstOrderMotion = "first-order-motion"
    case vid2vid
    case playableVideo = "playable-video"
  }

  @Argument(help: ArgumentHelp(Recipe.allCases.map(\.rawValue).joined(separator: ", ") + "."))
  var recipe: Recipe

  @Option(
    name: .customLong("import"), help: "A folder that Benchmarks/python/*.py --export wrote.",
    completion: .directory)
  var folder: String?

  @Option(help: "Timed steps.")
  var steps = 100

  @Option(help: "Steps before the clock starts.")
  var warmup = 10

  @Option(help: "Threads of one operation.")
  var threads = 2

  @Option(help: "float32 or bfloat16.")
  var precision: TrainingPrecision = .float32

  @Flag(help: "Only repeat the recorded steps and print their losses.")
  var check = false

  @Option(
    help: """
      Of neighbours and product, which take no --import: rows of the feature matrix (100,000), or of the square \
      matrices whose shortest product is timed (1,024).
      """)
  var rows: Int?

  @Option(
    help:
      "Of reading, which takes no --import: the images that are opened and read, 64 × 64 and in batches of 64.",
    completion: .file())
  var data: String?

  @Flag(help: "Only draw from random weights, 16 samples or one image: what a start costs.")
  var firstSample = false

  @Option(
    parsing: .upToNextOption,
    help: """
      Only time the generation of one image of this many pixels a side, or of so many tokens, seconds or frames, from \
      random weights.
      """)
  var latency: [Int] = []

  @Option(
    parsing: .upToNextOption,
    help: "Only time translations with so many beams, from the weights and of the sentences of --import.")
  var translate: [Int] = []

  func run() throws {
    try TrainingOptions.validate(threads: threads)
    Engine.threadCount = threads
    switch recipe {
    case .cgan: try run(ConditionalGAN.self, Self.conditional, withoutDropout: ["dropout": 0.0])
    case .dcgan: try run(DCGAN.self, Self.convolutional)
    case .biggan: try run(BigGAN.self, Self.large)
    case .spade: try run(SPADE.self, Self.modulated)
    case .oasis: try run(OASIS.self, Self.segmented)
    case .gpt: try run(GPT.self, Self.text)
    case .transformer: try run(Transformer.self, Self.attending, withoutDropout: ["dropout": 0.0])
    case .seq2seq: try run(Seq2Seq.self, Self.recurrent, withoutDropout: ["dropout": 0.0])
    case .vocoder: try run(Vocoder.self, Self.resynthesising)
    case .autovc: try run(AutoVC.self, Self.converting)
    case .audioSuperResolution:
      try run(AudioSuperResolution.self, Self.refining, withoutDropout: ["dropout": 0.0])
    case .neighbours: try raceNeighbours()
    case .reading: try readImages()
    case .product: print("{\"seconds\": \(Engine.productSeconds(rows: rows ?? 1024))}")
    case .autoencoder: try run(Autoencoder.self, Self.autoencoder)
    // The authors' options as they come are the presets' defaults.
    case .pix2pix: try run(Pix2Pix.self, [:], withoutDropout: ["dropout": false])
    case .cyclegan: try run(CycleGAN.self, [:])
    case .srresnet: try run(SRResNet.self, Self.enlarging)
    case .deepfakeAutoencoder: try run(DeepfakeAutoencoder.self, Self.swapping)
    case .firstOrderMotion: try run(FirstOrderMotion.self, Self.moving)
    case .fastStyle: try run(FastStyleTransfer.self, [:])
    case .vid2vid: try run(Vid2Vid.self, Self.following)
    case .playableVideo: try run(PlayableVideo.self, Self.played)
    }
  }

  private static let conditional: [String: ConfigurationValue] = [
    "imageSize": 28, "imageChannels": 1, "classes": 10, "latentSize": 100,
    "generatorHidden": [128, 256, 512, 1024],
    "discriminatorHidden": [512], "batchSize": 64,
  ]
  private static let convolutional: [String: ConfigurationValue] = [
    "imageSize": 64, "imageChannels": 3, "latentSize": 100, "generatorChannels": 64,
    "discriminatorChannels": 64,
    "batchSize": 64,
  ]
  private static let large: [String: ConfigurationValue] = [
    "imageSize": 32, "imageChannels": 3, "classes": 10, "latentSize": 64, "generatorChannels": 16,
    "discriminatorChannels": 16, "sharedEmbeddingSize": 32, "generatorAttention": [16],
    "discriminatorAttention": [], "generatorLearningRate": 2e-4, "discriminatorLearningRate": 2e-4,
    "batchSize": 32, "gradientAccumulation": 1, "averageDecay": 0.999, "averageStart": 0,
  ]
  /// What the recipes from label maps share; the rest are the authors' options.
  private static let maps: [String: ConfigurationValue] = [
    "classes": 35, "imageWidth": 128, "imageHeight": 128, "width": 16, "spadeHidden": 32,
    "discriminatorWidth": 16, "norm": "batch", "batchSize": 2,
  ]
  private static let modulated = maps.merging(["weights": .table(["perceptual": 10.0])]) { $1 }
  private static let segmented = maps
  private static let autoencoder: [String: ConfigurationValue] = [
    "imageSize": 28, "imageChannels": 1, "hidden": [128, 64, 12], "latentSize": 3, "batchSize": 128,
  ]

  /// nanoGPT's sizes for a processor, over bytes.
  private static let text: [String: ConfigurationValue] = [
    "tokenUnit": "byte", "vocabularySize": 256, "contextLength": 64, "layers": 4, "heads": 4,
    "embeddingSize": 128, "bias": false, "batchSize": 12, "gradientAccumulation": 1, "learningRate": 1e-3,
    "minimumLearningRate": 1e-4, "warmupSteps": 100, "decaySteps": 2000, "beta2": 0.99,
  ]
  /// HiFi-GAN's third version with half of its channels and narrow discriminators.
  private static let resynthesising: [String: ConfigurationValue] = [
    "sampleRate": 16_000, "residualBlock": 2, "upsampleRates": [8, 8, 4], "upsampleKernels": [16, 16, 8],
    "initialChannels": 128, "residualKernels": [3, 5, 7],
    "residualDilations": .list([[1, 2], [2, 6], [3, 12]]), "periodChannels": [8, 16, 32, 64],
    "scaleChannels": [16, 32, 64, 64], "learningRate": 1e-3, "batchSize": 8, "segment": 4096,
  ]
  /// The authors' sizes with embeddings that need no weights.
  private static let converting: [String: ConfigurationValue] = [
    "embedding": "one-hot", "embeddingSize": 4, "speakers": 4, "batchSize": 2,
  ]
  /// Narrower than the paper, whose step takes a minute on a processor.
  private static let refining: [String: ConfigurationValue] = [
    "filters": [48, 96, 128, 128], "kernelSizes": [65, 33, 17, 9], "length": 4096, "learningRate": 1e-3,
    "batchSize": 8,
  ]
  /// The losses of the preset `paper`.
  private static let swapping: [String: ConfigurationValue] = [
    "loss": "ssim", "furtherLosses": .table(["meanSquared": 1.0]),
  ]
  /// The preset `small` without what varies its frames, whose draws the two sides do not share.
  private static let moving: [String: ConfigurationValue] = [
    "imageSize": 64, "keypoints": 6, "scaleFactor": 0.5,
    "detector": .table(["width": 12, "maximumWidth": 64, "blocks": 3]),
    "denseMotion": .table(["width": 12, "maximumWidth": 64, "blocks": 3]),
    "generator": .table(["width": 24, "maximumWidth": 64, "downsamplings": 2, "blocks": 2]),
    "discriminator": .table(["width": 8, "blocks": 3, "spectralNorm": true, "keypoints": false]),
    "pyramid": [1, 0.5, 0.25],
    "lossWeights": .table([
      "adversarial": 0, "featureMatching": [10, 10, 10], "perceptual": [0, 0, 0, 0, 0], "reconstruction": 30,
    ]),
    "flips": false, "colourJitter": 0, "learningRate": 5e-4, "batchSize": 8,
  ]
  private static let enlarging: [String: ConfigurationValue] = [
    "width": 64, "blocks": 16, "scale": 4, "imageSize": 128, "batchSize": 16, "averageDecay": 0.999,
  ]

  /// A narrow vid2vid whose reference flow comes with the data, at a tenth of the authors' learning rate: rounding then grows
  /// less over the updates whose losses are compared.
  private static let following: [String: ConfigurationValue] = [
    "semanticChannels": 11, "imageWidth": 128, "imageHeight": 64, "framesPerInput": 2, "framesPerStep": 2,
    "width": 16, "downsamplings": 2, "blocks": 4, "discriminatorWidth": 16, "layers": 2, "temporalFrames": 2,
    "sequenceLength": 4, "longestSequence": 4, "flips": false, "decayEpochs": 0, "batchSize": 2,
    "learningRate": 2e-5,
  ]
  /// The preset `small` behind its pretraining, at one temperature.
  private static let played: [String: ConfigurationValue] = [
    "imageSize": 64, "frames": 6, "groundTruthFrames": 3, "actions": 3, "representationChannels": [8, 16],
    "stateFeatures": 24, "hiddenSize": 32, "pretrainingSteps": 0, "batchSize": 4,
  ]

  /// - Parameter changes: keys that take dropout away, whose draws the two sides do not share.
  private func run<System: GenerativeSystem>(
    _ type: System.Type, _ sizes: [String: ConfigurationValue],
    withoutDropout changes: [String: ConfigurationValue] = [:]
  ) throws {
    let values = try System.Configuration().overlaid(with: check ? sizes.merging(changes) { $1 } : sizes)
    let system = try System(values, artefacts: Artefacts(), using: RandomStream(seed: 1))
    if firstSample {
      print("{\"sample\": \(try sampleShape(of: system))}")
      return
    }
    if !latency.isEmpty {
      print("{\"milliseconds\": \(try latency.map { try milliseconds(system, size: $0) })}")
      return
    }
    guard let folder else { throw Refusal.usage("--import is needed; Benchmarks/run makes such a folder") }
    let url = URL(fileURLWithPath: folder)
    let inputs = Dictionary(
      uniqueKeysWithValues: try TorchFile.stateDictionary(of: url.appendingPathComponent("inputs.pth")).map {
        ($0.name, $0.tensor)
      })
    try load(system, url)
    if check {
      let (losses, tokens) = try firstLosses(system, inputs)
      let counted = tokens.isEmpty ? "" : ", \"tokens\": \(tokens)"
      print("{\"losses\": \(losses)\(counted)}")
      return
    }
    if !translate.isEmpty {
      print(String(decoding: try JSONEncoder().encode(translations(system, inputs)), as: UTF8.self))
      return
    }
    let rate = try time(system, inputs)
    let line = Line(stepsPerSecond: rate, peakBytes: Engine.memory()?.peak ?? 0)
    print(String(decoding: try JSONEncoder().encode(line), as: UTF8.self))
  }

  private func sampleShape(of system: some GenerativeSystem) throws -> [Int] {
    if let sentence = try firstSentence(of: system) { return sentence }
    if let language = system as? any LanguageSystem {
      return try language.continuation(
        of: Tensor([10], shape: [1, 1]), length: 400, temperature: 1,
        draws: StreamDraws(RandomStream(seed: 1))
      ).shape
    }
    if let sound = Self.sound(of: system) { return try sound(1).shape }
    if let video = Self.video(of: system) { return try video(4).shape }
    var shape: [Int] = []
    let inputs = pictures(for: system, count: 1)
    let request = Request(
      count: inputs.isEmpty ? 16 : 1, conditions: inputs.mapValues { .tensor($0) },
      draws: StreamDraws(RandomStream(seed: 1)))
    try system.draw(request) { if let images = $0.tensor { shape = images.shape } }
    return shape
  }

  /// The table of neighbours of random features beside the plain float32 product of all pairs, which no exact
  /// search by products can do without.
  private func raceNeighbours() throws {
    let (rows, width, k) = (rows ?? 100_000, 512, 50)
    guard rows > k else { throw Refusal.usage("--rows must be above \(k), the number of neighbours") }
    let features = InstanceTable.unit(RandomStream(seed: 1).normal([rows, width]))
    func seconds(_ body: () throws -> Void) rethrows -> Double {
      let start = ContinuousClock.now
      try body()
      let parts = (ContinuousClock.now - start).components
      return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    }
    let product = withoutGradients {
      seconds {
        for start in stride(from: 0, to: rows, by: 512) {
          _ = features.slice(0, start, min(rows, start + 512)).matmul(features.transposed(0, 1))
        }
      }
    }
    var found: Tensor?
    let table = try seconds { found = try instanceNeighbours(features, k: k).indices }
    let peak = Engine.memory()?.peak ?? 0
    // The table is made from rows that are brought to length 1 once more.
    let unit = InstanceTable.unit(features)
    let sample = Array(stride(from: 0, to: rows, by: max(1, rows / 20)))
    let equal = sample.filter { row in
      found?.selected(dim: 0, index: row).integers() == bruteForce(row, unit, k)
    }
    let line = Neighbourhoods(
      rows: rows, features: width, neighbours: k, productSeconds: product, tableSeconds: table,
      ratio: table / product, peakBytes: peak, checkedRows: sample.count, equalRows: equal.count)
    print(String(decoding: try JSONEncoder().encode(line), as: UTF8.self))
  }

  /// The neighbours of one row by all distances in float64, equal ones by number.
  private func bruteForce(_ row: Int, _ unit: Tensor, _ k: Int) -> [Int] {
    withoutGradients {
      let point = unit.selected(dim: 0, index: row).asType(.float64)
      let count = unit.shape[0]
      let distances = stride(from: 0, to: count, by: 8192).flatMap { start in
        let block = unit.slice(0, start, min(count, start + 8192)).asType(.float64)
        return (block - point).square().sum(dims: [1]).sqrt().doubles()
      }
      return distances.indices.filter { $0 != row }
        .sorted { (distances[$0], $0) < (distances[$1], $1) }.prefix(k).map { $0 }
    }
  }

  /// Random images for a system that starts from some, of the size it trains on or so that its outputs have
  /// a size.
  private func pictures<System: GenerativeSystem>(
    for system: System, count: Int, size: Int? = nil
  ) -> [String: Tensor] {
    guard let translating = system as? any TranslatingSystem,
      let direction = try? translating.direction(named: nil)
    else { return [:] }
    for field in system.plan.fields where field.name == direction.source {
      if case .labelMap(_, let height, let width) = field.kind {
        return [field.name: .zeros([count, size ?? height, size ?? width], dtype: .int64)]
      }
      guard case .image(let channels, let height, let width, _) = field.kind else { continue }
      let side = size.map { $0 / direction.scale }
      let drawn = RandomStream(seed: 1).uniform([count, channels, side ?? height, side ?? width])
      return [field.name: drawn * 2 - 1]
    }
    return [:]
  }

  /// The median time of five generations after one to warm up.
  private func milliseconds(_ system: some GenerativeSystem, size: Int) throws -> Double {
    let inputs = pictures(for: system, count: 1, size: size)
    let language = system as? any LanguageSystem
    let sound = Self.sound(of: system) ?? Self.video(of: system)
    guard !inputs.isEmpty || language != nil || sound != nil else {
      throw Refusal.usage("--latency is for systems that start from an image")
    }
    var times: [Double] = []
    for _ in 0..<6 {
      let start = ContinuousClock.now
      let draws = StreamDraws(RandomStream(seed: 1))
      if let language {
        _ = try language.continuation(
          of: Tensor([10], shape: [1, 1]), length: size, temperature: 1, draws: draws)
      } else if let sound {
        _ = try sound(size)
      } else {
        try system.draw(Request(conditions: inputs.mapValues { .tensor($0) }, draws: draws)) { _ in }
      }
      let elapsed = (ContinuousClock.now - start).components
      times.append(Double(elapsed.seconds) * 1000 + Double(elapsed.attoseconds) * 1e-15)
    }
    return times.dropFirst().sorted()[2]
  }

  /// What a system makes of so many seconds of silence; nil for one that takes no sounds.
  private static func sound(of system: some GenerativeSystem) -> ((_ seconds: Int) throws -> Tensor)? {
    func silence(_ form: MelSpectrogram, _ seconds: Int) -> Tensor {
      .zeros([1, form.filters.bands, seconds * form.filters.sampleRate / form.hop])
    }
    func drawn(_ body: @escaping (Int) throws -> Tensor) -> (Int) throws -> Tensor {
      { seconds in try system.drawing { try withoutGradients { try body(seconds) } } }
    }
    let plan = system.plan
    switch system {
    case let vocoder as any SoundResynthesizingSystem:
      guard let form = plan.ability(SoundResynthesis.self)?.spectrogram else { return nil }
      return drawn { try vocoder.waveform(ofMel: silence(form, $0)) }
    case let converter as any VoiceConvertingSystem:
      guard let form = plan.ability(VoiceConversion.self)?.frontEnd.spectrogram else { return nil }
      return drawn { try converter.converted(silence(form, $0), from: .speaker(0), to: .speaker(1)) }
    case let translator as any SoundTranslatingSystem:
      guard let field = plan.ability(SoundTranslation.self)?.source,
        case .audio(let channels, _, let rate)? = plan.field(field)?.kind
      else { return nil }
      return drawn { try translator.translated(.zeros([1, channels, $0 * rate])) }
    default: return nil
    }
  }

  /// So many frames that a system makes, of empty maps, by one action or of an image that moves; nil for one that makes no
  /// videos.
  private static func video(of system: some GenerativeSystem) -> ((_ frames: Int) throws -> Tensor)? {
    let plan = system.plan
    if let playable = system as? any PlayableSystem, let ability = plan.ability(VideoPlaying.self),
      case .field(.image(let channels, let height, let width, _))? = plan.condition(ability.first)?.kind
    {
      return { count in
        var made: [Tensor] = []
        try system.drawing {
          try withoutGradients {
            try playable.play(
              .zeros([1, channels, height, width]), actions: [Int](repeating: 0, count: count)
            ) { made.append($0) }
          }
        }
        return .stacked(made, dim: 1)
      }
    }
    if let ability = plan.ability(ImageAnimation.self),
      case .field(.image(let channels, let height, let width, _))? = plan.condition(ability.source)?.kind
    {
      let stream = RandomStream(seed: 1)
      return { count in
        var drawing = AnimationDrawing()
        drawing.adaptScale = false
        var made = Tensor.zeros([0])
        let request = Request(
          conditions: [
            ability.source: .tensor(stream.uniform([1, channels, height, width])),
            ability.driving: .tensor(stream.uniform([1, count, channels, height, width])),
          ], sampling: drawing, draws: StreamDraws(stream))
        try system.draw(request) { if let video = $0.tensor { made = video } }
        return made
      }
    }
    guard let streaming = system as? any StreamingSystem, let ability = plan.ability(FrameTranslation.self),
      case .labelMaps(_, _, let height, let width)? = plan.field(ability.source)?.kind
    else { return nil }
    return { count in
      try system.drawing {
        try withoutGradients {
          try streaming.frames(
            following: .zeros([1, count, height, width], dtype: .int64),
            first: .zeros([1, 3, height, width]),
            draws: StreamDraws(RandomStream(seed: 1)))
        }
      }
    }
  }

  private func load(_ system: some GenerativeSystem, _ folder: URL) throws {
    for network in system.networks {
      let file = folder.appendingPathComponent("\(network.name).pth")
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      let weights = try TorchFile.stateDictionary(of: file)
      if let frozen = network.module as? PerceptionNetwork {
        try frozen.fill(with: weights, from: file.path)
      } else {
        try network.loadAuthorsWeights(weights, from: file.path)
      }
    }
  }

  private func firstLosses<System: GenerativeSystem>(
    _ system: System, _ inputs: [String: HostTensor]
  ) throws -> (losses: [[Double]], tokens: [Int]) {
    let part = inputs["checkedPart"]?.integers().first ?? 1
    let source = try ImagesInMemory(inputs, of: system, order: nil, part: part)
    let prefix = "draws."
    let recorded = Dictionary(
      uniqueKeysWithValues: inputs.filter { $0.key.hasPrefix(prefix) }.map {
        (String($0.key.dropFirst(prefix.count)), Tensor($0.value))
      })
    let count = inputs["checkedSteps"]?.integers().first ?? 5
    let losses = try (0..<count).map { index in
      let draws = ReshapedDraws(recorded.mapValues { $0.selected(dim: 0, index: index) })
      let step = TrainingStep(index: index, draws: draws, source: source, isObserved: false)
      try step.run(system.step)
      let table = Dictionary(step.logged.map { ($0.name, $0.value.item()) }) { first, _ in first }
      return ["generator", "discriminator", "total"].compactMap { table[$0] }
    }
    return (losses, source.tokens)
  }

  private func time<System: GenerativeSystem>(_ system: System, _ inputs: [String: HostTensor]) throws
    -> Double
  {
    let source = try ImagesInMemory(
      inputs, of: system, order: RandomStream(seed: 2, purpose: "order"))
    func run(_ range: Range<Int>) throws {
      for index in range {
        let draws = StreamDraws(RandomStream(seed: 3, purpose: "draws", step: index))
        let step = TrainingStep(
          index: index, draws: draws, source: source, isObserved: false,
          precision: precision == .bfloat16 ? .bfloat16 : nil)
        try step.run(system.step)
        // The losses are read at every step, as the other side does.
        for entry in step.logged { _ = entry.value.item() }
      }
    }
    try run(0..<warmup)
    let start = ContinuousClock.now
    try run(warmup..<(warmup + steps))
    let elapsed = ContinuousClock.now - start
    return Double(steps)
      / (Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18)
  }
}

/// Images and labels in memory, gathered by a random order, as Benchmarks/python does it.
private final class ImagesInMemory: BatchSource {
  private let columns: [(field: Field, values: Tensor)]
  /// What comes with videos beside their fields: the reference flow of each update, and how sure it is.
  private let flows: [String: Tensor]
  /// A style's image, which all batches share.
  private let style: Tensor?
  private let count: Int
  private let batchSize: Int
  private let stream: RandomStream?
  private var order: Tensor
  private var position = 0
  /// The tokens of sentences, without padding, in each batch of the stored order.
  private(set) var tokens: [Int] = []

  /// - Parameter part: what the sides of the images are divided by; only their corner is given out.
  init<System: GenerativeSystem>(
    _ inputs: [String: HostTensor], of system: System, order stream: RandomStream?, part: Int = 1
  ) throws {
    // What a step varies lies there as it was before and as it is afterwards.
    let fields = system.plan.fields.flatMap { field in
      let sides = ["source\(field.name)", "target\(field.name)"]
      return sides.allSatisfy { inputs[$0] != nil } ? sides.map { Field($0, field.kind) } : [field]
    }
    columns = try fields.map { field in
      guard let values = inputs[field.name] else {
        throw Refusal.data("inputs.pth lacks '\(field.name)'; export it anew with Benchmarks/python")
      }
      let all = Tensor(values)
      guard part > 1, all.rank == 4 else { return (field, all) }
      return (field, all.slice(2, 0, all.shape[2] / part).slice(3, 0, all.shape[3] / part).contiguous())
    }
    flows = inputs.filter { ["flowReference", "confidence"].contains($0.key) }.mapValues { Tensor($0) }
    style = inputs["style"].map { Self.floats(Tensor($0), .unit) }
    count = columns.first?.values.shape[0] ?? 0
    batchSize = system.configuration.batchSize
    self.stream = stream
    order = stream?.permutation(count) ?? .arange(count)
  }

  func next() -> Batch {
    if position + batchSize > count {
      position = 0
      if let stream { order = stream.permutation(count) }
    }
    let indices = order.slice(0, position, position + batchSize)
    position += batchSize
    var tensors: [String: Tensor] = [:]
    for (field, values) in columns {
      let picked = values.indexSelected(0, indices)
      tensors[field.name] =
        switch field.kind {
        case .image(_, _, _, let range), .video(_, _, _, _, let range): Self.floats(picked, range)
        case .labelMap, .labelMaps: picked.asType(.int64)
        // Streams of text have time first.
        case .tokens: picked.transposed(0, 1)
        default: picked
        }
    }
    // Updates come first.
    for (name, values) in flows { tensors[name] = values.indexSelected(0, indices).transposed(0, 1) }
    tensors["style"] = style
    if stream == nil { countTokens(tensors) }
    return Batch(tensors)
  }

  private func countTokens(_ tensors: [String: Tensor]) {
    let counts = columns.compactMap { field, _ -> Int? in
      guard case .sequence(_, _, let padding) = field.kind, let tensor = tensors[field.name] else {
        return nil
      }
      return Int(tensor.notEqual(Double(padding)).asType(.int64).sum().item())
    }
    if !counts.isEmpty { tokens.append(counts.reduce(0, +)) }
  }

  private static func floats(_ bytes: Tensor, _ range: ImageRange) -> Tensor {
    let values = bytes.asType(.float32)
    return range == .signed ? values / 127.5 - 1 : values / 255
  }
}

/// Recorded draws for systems that want the same numbers in another shape.
private final class ReshapedDraws: Draws {
  private let recorded: [String: Tensor]

  init(_ recorded: [String: Tensor]) { self.recorded = recorded }

  func normal(_ name: String, _ shape: [Int]) -> Tensor { take(name, shape) }
  func uniform(_ name: String, _ shape: [Int]) -> Tensor { take(name, shape) }
  func integers(_ name: String, below: Int, _ shape: [Int]) -> Tensor { take(name, shape) }
  func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor { take(name, shape) }

  private func take(_ name: String, _ shape: [Int]) -> Tensor {
    guard let tensor = recorded[name] else {
      check(false, "the benchmark recorded no draw '\(name)'")
      return .zeros(shape)
    }
    return tensor.reshaped(shape)
  }
}

/// What the search for neighbours took.
private struct Neighbourhoods: Encodable {
  let rows: Int
  let features: Int
  let neighbours: Int
  let productSeconds: Double
  let tableSeconds: Double
  let ratio: Double
  let peakBytes: Int
  /// Rows that were compared with brute force in float64, and those that agree with it.
  let checkedRows: Int
  let equalRows: Int
}

/// The line that `Benchmarks/run` reads.
private struct Line: Encodable {
  let stepsPerSecond: Double
  let peakBytes: Int

  enum CodingKeys: String, CodingKey {
    case stepsPerSecond = "steps_per_second"
    case peakBytes = "peak_rss_bytes"
  }
}

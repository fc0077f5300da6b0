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

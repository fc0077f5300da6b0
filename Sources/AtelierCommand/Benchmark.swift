import ArgumentParser
import Atelier
import Foundation

/// `atelier benchmark`: times a recipe's own training step; `make bench` races it against PyTorch.
struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Times training steps of a recipe and prints a line of JSON.",
    discussion: """
      The step is the one that `atelier train` runs, on pictures in memory. With --import it first repeats the \
      recorded steps of Benchmarks/python from equal weights and prints their losses, so that both sides can be \
      seen to compute the same.
      """)

  /// The recipes of Benchmarks/python.
  enum Recipe: String, CaseIterable, ExpressibleByArgument {
    case cgan, dcgan, autoencoder
  }

  @Argument(help: "cgan, dcgan or autoencoder.")
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

  @Flag(help: "Only draw one batch of 16 from random weights: what a start costs.")
  var firstSample = false

  func run() throws {
    Engine.threadCount = threads
    switch recipe {
    case .cgan: try run(ConditionalGAN.self, Self.conditional, dropout: 0.4)
    case .dcgan: try run(DCGAN.self, Self.convolutional, dropout: nil)
    case .autoencoder: try run(Autoencoder.self, Self.autoencoder, dropout: nil)
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
  private static let autoencoder: [String: ConfigurationValue] = [
    "imageSize": 28, "imageChannels": 1, "hidden": [128, 64, 12], "latentSize": 3, "batchSize": 128,
  ]

  private func run<System: GenerativeSystem>(
    _ type: System.Type, _ sizes: [String: ConfigurationValue], dropout: Double?
  ) throws {
    func make(dropout: Double?) throws -> System {
      var changes = sizes
      if let dropout { changes["dropout"] = .number(dropout) }
      let values = try System.Configuration().overlaid(with: changes)
      return try System(values, artefacts: Artefacts(), using: RandomStream(seed: 1))
    }
    if firstSample {
      let system = try make(dropout: dropout)
      var shape: [Int] = []
      let draws = StreamDraws(RandomStream(seed: 1))
      try system.generate(GenerationRequest(count: 16, draws: draws)) {
        if case .images(let images) = $0 { shape = images.shape }
      }
      print("{\"sample\": \(shape)}")
      return
    }
    guard let folder else { throw Refusal.usage("--import is needed; Benchmarks/run makes such a folder") }
    let url = URL(fileURLWithPath: folder)
    let inputs = Dictionary(
      uniqueKeysWithValues: try TorchFile.stateDictionary(of: url.appendingPathComponent("inputs.pth")).map {
        ($0.name, $0.tensor)
      })
    let checked = try make(dropout: dropout.map { _ in 0 })
    try load(checked, url)
    let losses = try firstLosses(checked, inputs)
    let system = try make(dropout: dropout)
    try load(system, url)
    let rate = try time(system, inputs)
    let line = Line(stepsPerSecond: rate, peakBytes: Engine.memory()?.peak ?? 0, losses: losses)
    print(String(decoding: try JSONEncoder().encode(line), as: UTF8.self))
  }

  private func load(_ system: some GenerativeSystem, _ folder: URL) throws {
    for network in system.networks {
      let file = folder.appendingPathComponent("\(network.name).pth")
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      let weights = try TorchFile.stateDictionary(of: file)
      try network.module.load(network.authorsNames.translate(weights, toOurs: true, source: file.path))
    }
  }

  private func firstLosses<System: GenerativeSystem>(
    _ system: System, _ inputs: [String: HostTensor]
  ) throws -> [[Double]] {
    let source = try PicturesInMemory(inputs, batchSize: system.configuration.batchSize, order: nil)
    let recorded = inputs.filter { $0.key != "image" && $0.key != "label" }.mapValues { Tensor($0) }
    let count = recorded.values.first?.shape[0] ?? 5
    return try (0..<count).map { index in
      let draws = ReshapedDraws(recorded.mapValues { $0.selected(dim: 0, index: index) })
      let step = TrainingStep(index: index, draws: draws, source: source, isObserved: false)
      try step.run(system.step)
      let table = Dictionary(step.logged.map { ($0.name, $0.value.item()) }) { first, _ in first }
      return ["generator", "discriminator", "total"].compactMap { table[$0] }
    }
  }

  private func time<System: GenerativeSystem>(_ system: System, _ inputs: [String: HostTensor]) throws
    -> Double
  {
    let source = try PicturesInMemory(
      inputs, batchSize: system.configuration.batchSize, order: RandomStream(seed: 2, purpose: "order"))
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

/// Pictures and labels in memory, gathered by a random order, as Benchmarks/python does it.
private final class PicturesInMemory: BatchSource {
  private let image: Tensor
  private let label: Tensor
  private let batchSize: Int
  private let stream: RandomStream?
  private var order: Tensor
  private var position = 0

  init(_ inputs: [String: HostTensor], batchSize: Int, order stream: RandomStream?) throws {
    guard let image = inputs["image"], let label = inputs["label"] else {
      throw Refusal.data("inputs.pth lacks image or label; export it anew with Benchmarks/python")
    }
    self.image = Tensor(image)
    self.label = Tensor(label)
    self.batchSize = batchSize
    self.stream = stream
    order = stream?.permutation(image.shape[0]) ?? .arange(image.shape[0])
  }

  func next() -> Batch {
    if position + batchSize > image.shape[0] {
      position = 0
      if let stream { order = stream.permutation(image.shape[0]) }
    }
    let indices = order.slice(0, position, position + batchSize)
    position += batchSize
    let picked = image.indexSelected(0, indices).asType(.float32) / 127.5 - 1
    return Batch(["image": picked, "label": label.indexSelected(0, indices)])
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

/// The line that `Benchmarks/run` reads.
private struct Line: Encodable {
  let stepsPerSecond: Double
  let peakBytes: Int
  let losses: [[Double]]

  enum CodingKeys: String, CodingKey {
    case stepsPerSecond = "steps_per_second"
    case peakBytes = "peak_rss_bytes"
    case losses
  }
}

import Atelier
import Foundation
import TestSupport
import Testing

/// Steps in several parts, each with examples and draws that are rows of a whole batch's.
enum Parts {
  /// What the part that is computed now draws of what the whole batch would.
  private final class Rows: Draws {
    weak var step: TrainingStep?
    private let parts: [any Draws]

    init(_ seed: UInt64, index: Int, count: Int, size: Int) {
      parts = (0..<count).map { number in
        let whole = StreamDraws(RandomStream(seed: seed, purpose: "draws", step: index))
        guard count > 1 else { return whole }
        return SharedDraws(whole) { BatchPart(lower: number * size, count: size, total: count * size) }
      }
    }

    private var own: any Draws { parts[step?.accumulatedPart ?? 0] }
    func normal(_ name: String, _ shape: [Int]) -> Tensor { own.normal(name, shape) }
    func uniform(_ name: String, _ shape: [Int]) -> Tensor { own.uniform(name, shape) }
    func gumbel(_ name: String, _ shape: [Int]) -> Tensor { own.gumbel(name, shape) }
    func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor {
      own.integers(name, below: bound, shape)
    }
    func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor {
      own.bernoulli(name, probability: probability, shape)
    }
  }

  /// Serves each part its rows of the batches.
  private final class RowSource: BatchSource {
    weak var step: TrainingStep?
    private let (batches, size): ([Batch], Int)
    private var served: [Int: Int] = [:]

    init(_ batches: [Batch], size: Int) { (self.batches, self.size) = (batches, size) }

    func next() throws -> Batch {
      let part = step?.accumulatedPart ?? 0
      let batch = batches[served[part, default: 0] % batches.count]
      served[part, default: 0] += 1
      return Batch(batch.tensors.mapValues { $0.slice(0, part * size, (part + 1) * size) })
    }
  }

  /// All weights after steps on batches of `examples`, in evaluation mode: batch statistics are a part's own.
  static func weights(
    after steps: Int, of system: any GenerativeSystem, _ batches: [Batch], examples: Int, parts: Int,
    order: AccumulationOrder = .eachUpdate
  ) throws -> [Float] {
    let size = examples / parts
    for index in 0..<steps {
      let (draws, source) = (
        Rows(5, index: index, count: parts, size: size), RowSource(batches, size: size)
      )
      let step = TrainingStep(index: index, draws: draws, source: source)
      (draws.step, source.step) = (step, step)
      try evaluating(system.networks.map(\.module)[...]) {
        try step.run(parts: parts, order: order) { try system.step($0) }
      }
    }
    return system.networks.flatMap { $0.module.parameters().flatMap { $0.floats() } }
  }

  private static func evaluating(_ modules: ArraySlice<Module>, _ body: () throws -> Void) rethrows {
    guard let first = modules.first else { return try body() }
    try first.evaluating { try evaluating(modules.dropFirst(), body) }
  }

  /// The largest difference between numbers.
  static func distance(_ one: [Float], _ other: [Float]) -> Float {
    zip(one, other).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}

@Suite struct AccumulationTests {
  private static let adversarial: [String: ConfigurationValue] = [
    "imageSize": 8, "latentSize": 3, "updateRule": "sgd", "batchSize": 5,
  ]

  /// Systems that update a network several times a step, or judge it by one that was just updated; the batches of a step.
  private static let systems:
    [(type: any GenerativeSystem.Type, keys: [String: ConfigurationValue], batches: Int)] =
      [
        (
          WGANGP.self,
          [
            "generatorHidden": [4], "discriminatorHidden": [4], "discriminatorSteps": 1, "learningRate": 0.02,
          ], 1
        ),
        (
          ConditionalGAN.self,
          [
            "model": "convolutional", "classes": 3, "generatorHidden": [4, 3], "discriminatorHidden": [3, 4],
            "discriminatorSteps": 3, "learningRate": 0.001, "dropout": 0,
            "loss": "hinge",
          ], 3
        ),
        (
          BigGAN.self,
          [
            "bottomWidth": 1, "generatorChannels": 2, "discriminatorChannels": 2, "sharedEmbeddingSize": 3,
            "generatorAttention": [4], "discriminatorAttention": [4], "discriminatorSteps": 2, "classes": 3,
            "gradientAccumulation": 1,
            "imageChannels": 1, "latentSize": 8, "generatorLearningRate": 0.02,
            "discriminatorLearningRate": 0.02,
          ], 2
        ),
      ]

  private static func make<System: GenerativeSystem>(
    _ type: System.Type, _ keys: [String: ConfigurationValue]
  ) throws -> System {
    try System(
      System.Configuration().overlaid(with: adversarial.merging(keys) { $1 }), artefacts: Artefacts(),
      using: RandomStream(seed: 1))
  }

  private static func weights(
    _ place: Int, parts: Int, steps: Int = 3, order: AccumulationOrder = .eachUpdate
  ) throws -> [Float] {
    let form = systems[place]
    let keys = form.keys.merging(["batchSize": .integer(10 / parts)]) { $1 }
    let batches = (0..<form.batches).map { number in
      Batch([
        "image": RandomStream(seed: UInt64(20 + number)).uniform([10, 1, 8, 8]) * 2 - 1,
        "label": Tensor((0..<10).map { ($0 + number) % 3 }),
      ])
    }
    return try Parts.weights(
      after: steps, of: make(form.type, keys), batches, examples: 10, parts: parts, order: order)
  }

  @Test(arguments: systems.indices) func partsOfAStepLearnWhatTheWholeDoes(_ place: Int) throws {
    let whole = try Self.weights(place, parts: 1)
    // It has learned something.
    #expect(Parts.distance(try Self.weights(place, parts: 1, steps: 0), whole) > 1e-3)
    // Weights grow where spectral norms, which are not iterated here, divide by little.
    let largest = whole.reduce(1) { max($0, abs($1)) }
    for parts in [2, 5] {
      let distance = Parts.distance(try Self.weights(place, parts: parts), whole)
      #expect(distance < 1e-5 * largest, "\(parts) parts")
    }
  }

  @Test func updatesAtTheEndOfAStepHaveGradientsOfEarlierWeights() throws {
    let whole = try Self.weights(0, parts: 1)
    let near = Parts.distance(try Self.weights(0, parts: 2), whole)
    #expect(Parts.distance(try Self.weights(0, parts: 2, order: .wholeStep), whole) > 10 * max(near, 1e-7))
  }

  // MARK: The machinery

  /// Steps here ask for no batch.
  private final class NoBatches: BatchSource {
    func next() throws -> Batch { throw ConfigurationError("there are no batches") }
  }

  private struct Mishap: Error {}

  private func weight() -> (optimizer: SGD, module: Linear) {
    let module = Linear(inputFeatures: 1, outputFeatures: 1, using: RandomStream(seed: 1))
    return (SGD(module, learningRate: 0.1), module)
  }

  private var step: TrainingStep {
    TrainingStep(index: 0, draws: StreamDraws(RandomStream(seed: 5)), source: NoBatches())
  }

  @Test func everyPartSeesWhatTheUpdatesBeforeMade() throws {
    let value = Tensor([1] as [Float])
    value.requiresGradient = true
    let optimizer = SGD([("w", value)], learningRate: 0.25)
    let step = step
    var seen: [String] = []
    try step.run(parts: 2) { step in
      let part = step.accumulatedPart
      for _ in 0..<2 {
        seen.append("\(part): \(value.item())")
        try step.update("w", optimizer) { $0.add((value.square() * Double(part + 1)).sum()) }
      }
      seen.append("\(part): \(value.item())")
    }
    // 1 - 0.25 · (2 + 4) / 2 = 0.25, and a fourth of that again.
    #expect(seen == ["0: 1.0", "1: 1.0", "0: 0.25", "1: 0.25", "0: 0.0625", "1: 0.0625"])
    #expect(!step.isAccumulating && step.accumulatedPart == 0)
  }

  @Test func anUpdateOfSomePartsHasTheMeanOfThese() throws {
    let value = Tensor([1] as [Float])
    value.requiresGradient = true
    let optimizer = SGD([("w", value)], learningRate: 0.5)
    try step.run(parts: 3) { step in
      guard step.accumulatedPart != 1 else { return }
      try step.update("w", optimizer) { $0.add((value * Double(step.accumulatedPart)).sum()) }
    }
    // 1 less half the mean of 0 and 2.
    #expect(value.item() == 0.5)
  }

  @Test func aFailedPartEndsTheOthersWhereTheyWait() throws {
    let (optimizer, module) = weight()
    let (_, frozen) = weight()
    let before = module.weight.floats()
    var (begun, ended) = (0, 0)
    #expect(throws: Mishap.self) {
      try step.run(parts: 4) { step in
        begun += 1
        defer { ended += 1 }
        try step.update("w", optimizer, freezing: [frozen]) { loss in
          if step.accumulatedPart == 2 { throw Mishap() }
          loss.add(module(.ones([1, 1])).sum())
        }
        Issue.record("a part went on without the update that it waits for")
      }
    }
    #expect(begun == 3 && ended == 3 && module.weight.floats() == before && frozen.requiresGradients)
  }

  @Test func anOptimiserThatEvaluatesSeveralTimesIsRefused() throws {
    let module = weight().module
    let optimizer = LBFGS(module.parameters().enumerated().map { ("\($0.offset)", $0.element) })
    let error = #expect(throws: ConfigurationError.self) {
      try step.run(parts: 2) { step in
        try step.update("image", optimizer) { $0.add(module(.ones([1, 1])).sum()) }
      }
    }
    #expect(error?.description.contains("'image' is updated by an optimiser that evaluates its loss") == true)
  }

  @Test func aTextGoesOnFromOnePartToTheNext() throws {
    func state(parts: Int) throws -> [HostTensor] {
      let configuration = try RNNLanguageModel.Configuration().overlaid(
        with: ["vocabularySize": 5, "embeddingSize": 3, "hiddenSize": 3, "layers": 1, "dropout": 0])
      let system = try RNNLanguageModel(
        configuration, artefacts: Artefacts(), using: RandomStream(seed: 1))
      // Without learning, the order alone decides.
      system.optimizers[0].optimizer.learningRate = 0
      let source = Trial.Source(
        (0..<2).map { number in
          let tokens = Tensor((0..<6).map { ($0 * $0 + number) % 5 }, shape: [3, 2])
          return Batch(["token": tokens, "target": tokens], isFirst: number == 0)
        })
      for index in 0..<2 / parts {
        let step = TrainingStep(index: index, draws: StreamDraws(RandomStream(seed: 5)), source: source)
        try step.run(parts: parts) { try system.step($0) }
      }
      return system.carriedState().filter { $0.name == "hidden" }.map(\.tensor)
    }
    let whole = try state(parts: 1)
    #expect(try whole.count == 1 && state(parts: 2) == whole)
  }

  // MARK: Runs

  @Test(arguments: [AccumulationOrder.eachUpdate, .wholeStep])
  func runsInPartsResumeToTheByte(_ order: AccumulationOrder) throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeIDX(to: data)
    let harness = try SystemHarness(
      ConditionalGAN.self,
      [
        "model": "convolutional", "imageSize": 8, "latentSize": 3, "generatorHidden": [4, 3],
        "dropout": 0, "discriminatorHidden": [3, 4], "discriminatorSteps": order == .eachUpdate ? 2 : 1,
        "batchSize": 4,
      ], data: data)
    var options = SystemHarness.options(steps: 4)
    (options.accumulate, options.accumulationOrder) = (3, order)
    let whole = try harness.train(in: folder.url, options: options)
    options.steps = 2
    let resumed = try harness.train(in: folder.url, options: options)
    if order == .wholeStep {
      // A run from before says nothing of an order.
      let text = try String(contentsOf: resumed.configuration, encoding: .utf8)
      let old = text.split(separator: "\n").filter { !$0.hasPrefix("accumulationOrder") }
      #expect(old.count == text.split(separator: "\n").count - 1)
      try Data(old.joined(separator: "\n").utf8).write(to: resumed.configuration)
    }
    try Training.resume(resumed.url, registry: SystemRegistry([harness.system]), weights: .drawn()) {
      $0.steps = 4
    }
    #expect(try SystemHarness.bytes(of: whole) == SystemHarness.bytes(of: resumed))
    // The two orders learn differently.
    options.steps = 4
    options.accumulationOrder = order == .eachUpdate ? .wholeStep : .eachUpdate
    guard order == .wholeStep else { return }
    let other = try harness.train(in: folder.url, options: options)
    #expect(try SystemHarness.bytes(of: whole) != SystemHarness.bytes(of: other))
  }

  @Test func aSystemWithoutBatchesHasNothingToAccumulate() throws {
    let folder = try TemporaryFolder()
    var artefacts = Artefacts()
    for name in ["content", "style"] {
      let file = folder("\(name).png")
      try TinyData.coloured(number: 1, width: 40, height: 30).write(to: file)
      try artefacts.add(GivenImage(name, ""), from: file)
    }
    let harness = try SystemHarness(
      NeuralStyle.self, ["optimizer": "adam", "imageSize": 28], data: nil, artefacts: artefacts)
    var options = SystemHarness.options(steps: 1)
    options.accumulate = 2
    let error = #expect(throws: TrainingError.self) { try harness.train(in: folder.url, options: options) }
    #expect(error?.description.contains("neural-style learns from no batches") == true)
  }
}

import Atelier
import Foundation
import TestSupport
import Testing

/// Terms that stabilise adversarial training, choice of optimiser, and gradients of several batches.
@Suite struct StabilizationTests {
  private let keys: [String: Double] = [
    "r1Weight": 10, "draganWeight": 10, "lecamWeight": 0.3, "pathLengthWeight": 2,
  ]

  /// What a few steps of a small dcgan log.
  private func logged(_ changes: [String: ConfigurationValue], steps: Int = 2) throws -> [[String: Double]] {
    let system = try small(changes)
    return try (0..<steps).map { index in
      let step = try run(system, index)
      return Dictionary(step.logged.map { ($0.name, $0.value.item()) }, uniquingKeysWith: { _, last in last })
    }
  }

  private let sizes: [String: ConfigurationValue] = [
    "imageSize": .integer(8), "generatorHidden": .list([.integer(4)]),
    "discriminatorHidden": .list([.integer(4)]),
    "latentSize": .integer(3), "batchSize": .integer(4),
  ]

  private func small(_ changes: [String: ConfigurationValue]) throws -> GAN {
    let configuration = try GAN.Configuration().overlaid(with: sizes.merging(changes) { $1 })
    try configuration.validate()
    return try GAN(configuration, artefacts: Artefacts(), using: RandomStream(seed: 1))
  }

  private final class Source: BatchSource {
    let images: Tensor
    init(images: Tensor) { self.images = images }
    func next() throws -> Batch { Batch(["image": images, "label": Tensor([0, 0, 0, 0])], isFirst: true) }
  }

  @discardableResult
  private func run(_ system: GAN, _ index: Int, parts: Int = 1, images: Tensor? = nil) throws -> TrainingStep
  {
    let images = images ?? RandomStream(seed: 9).uniform([4, 1, 8, 8]) * 2 - 1
    let step = TrainingStep(
      index: index, draws: StreamDraws(RandomStream(seed: 5, purpose: "draws", step: index)),
      source: Source(images: images))
    try step.run(parts: parts) { try system.step($0) }
    return step
  }

  @Test(arguments: ["r1Weight", "draganWeight", "lecamWeight", "pathLengthWeight"])
  func eachTermIsAddedByItsKeyAndCarriedByCheckpoints(_ key: String) throws {
    let name = ["r1Weight": "r1", "draganWeight": "dragan", "lecamWeight": "lecam"][key] ?? "pathLength"
    #expect(try logged([:]).allSatisfy { $0[name] == nil })
    let weight = keys[key] ?? 1
    let values = try logged([key: .number(weight)])
    #expect(values.allSatisfy { ($0[name] ?? .nan).isFinite })
    // In every second step with twice the weight.
    let rare = try logged([key: .number(weight), "regularizationInterval": .integer(2)])
    if key != "lecamWeight" {
      #expect(rare[1][name] == nil)
      #expect(
        abs((rare[0][name] ?? 0) - 2 * (values[0][name] ?? 0)) < 1e-4 * abs(values[0][name] ?? 0) + 1e-9)
    }
    let system = try small([key: .number(weight)])
    try run(system, 0)
    let carried = system.carriedState()
    #expect(carried.isEmpty == (key == "r1Weight" || key == "draganWeight"))
    let other = try small([key: .number(weight)])
    try other.restoreCarriedState(carried)
    #expect(other.carriedState().map(\.tensor) == carried.map(\.tensor))
  }

  @Test func aSystemWithoutAPlaceForATermRefusesItsKey() throws {
    let changes: [String: ConfigurationValue] = ["pathLengthWeight": .number(2)]
    let error = #expect(throws: ConfigurationError.self) {
      try Pix2Pix.Configuration().overlaid(with: changes).validate()
    }
    #expect(error?.description.contains("pathLengthWeight is 0 in this system") == true)
    #expect(throws: ConfigurationError.self) {
      try OASIS.Configuration().overlaid(with: ["r1Weight": .number(1)]).validate()
    }
    try Pix2Pix.Configuration().overlaid(with: ["r1Weight": .number(1)]).validate()
  }

  @Test(arguments: UpdateRule.allCases) func everyUpdateRuleTrains(_ rule: UpdateRule) throws {
    let values = try logged(["updateRule": .string(rule.rawValue)])
    #expect(values.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    #expect(
      try small(["updateRule": .string(rule.rawValue)]).optimizers[0].optimizer is Adam
        == (rule == .adam || rule == .adamW))
  }

  @Test func anUpdateRuleWithoutAPlaceIsRefused() {
    var maxout = GAN.Configuration()
    (maxout.model, maxout.updateRule) = (.maxout, .sgd)
    var text = RNNLanguageModel.Configuration()
    text.updateRule = .rmsprop
    for configuration in [maxout, text] as [any SystemConfiguration] {
      let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
      #expect(error?.description.contains("leave updateRule out") == true)
    }
  }

  @Test func theMeanOfTwoPartsIsAStepOfTwiceTheBatch() throws {
    // A linear autoencoder has no norm, so that halves of a batch add up exactly.
    let changes: [String: ConfigurationValue] = ["batchSize": .integer(2)]
    let configuration = try Autoencoder.Configuration().overlaid(with: changes)
    func weights(parts: Int, rows: [Range<Int>]) throws -> [Float] {
      let system = try Autoencoder(configuration, artefacts: Artefacts(), using: RandomStream(seed: 1))
      let shape = try #require(
        system.plan.fields.first.map { field -> [Int] in
          if case .image(let channels, let height, let width, _) = field.kind {
            [channels, height, width]
          } else {
            []
          }
        })
      let images = RandomStream(seed: 3).uniform([4] + shape)
      final class Halves: BatchSource {
        var left: [Tensor]
        init(_ left: [Tensor]) { self.left = left }
        func next() throws -> Batch { Batch(["image": left.removeFirst()], isFirst: true) }
      }
      let source = Halves(rows.map { images.slice(0, $0.lowerBound, $0.upperBound) })
      let step = TrainingStep(index: 0, draws: StreamDraws(RandomStream(seed: 5)), source: source)
      try step.run(parts: parts) { try system.step($0) }
      return system.networks[0].module.parameters().flatMap { $0.floats() }
    }
    let whole = try weights(parts: 1, rows: [0..<4])
    let halves = try weights(parts: 2, rows: [0..<2, 2..<4])
    // Adam divides a gradient by its own size, so that roundings of gradients near zero may show.
    let far = zip(whole, halves).count { abs($0 - $1) > 1e-5 }
    #expect(Double(far) < 0.01 * Double(whole.count))
  }
}

import AtelierCore
import AtelierData
import AtelierModels
import Testing
import Torch
import TorchNN

/// Serves random examples of all of a system's fields, pictures that fit their label maps in size.
private final class RandomSource: BatchSource {
  private let fields: [Field]
  private let count: Int
  private let stream = RandomStream(seed: 8)

  init(_ fields: [Field], count: Int) {
    self.fields = fields
    self.count = count
  }

  func next() -> Batch {
    var tensors: [String: Tensor] = [:]
    for field in fields {
      switch field.kind {
      case .image(let channels, let height, let width, _):
        tensors[field.name] = stream.uniform([count, channels, height, width]) * 2 - 1
      case .labelMap(let classes, let height, let width):
        tensors[field.name] = stream.integers(below: min(classes, 4), [count, height, width])
      case .label(let classes): tensors[field.name] = stream.integers(below: classes, [count])
      case .features(let size): tensors[field.name] = stream.normal([count, size])
      default: break
      }
    }
    return Batch(tensors)
  }
}

/// What two steps log, and all networks' weights and buffers and the averages after them.
private struct Outcome: Equatable {
  var logged: [[String: HostTensor]] = []
  var state: [HostTensor] = []

  /// The largest difference of two numbers, relative to those above 1; infinity for other shapes.
  func distance(to other: Outcome) -> Double {
    guard state.map(\.shape) == other.state.map(\.shape) else { return .infinity }
    return zip(state, other.state).map { a, b in
      let (x, y) = (Tensor(a).asType(.float64), Tensor(b).asType(.float64))
      return x.count == 0 ? 0 : ((x - y).abs() / x.abs().clamped(min: 1)).max().item()
    }.max() ?? .infinity
  }
}

private func twoSteps<System: GenerativeSystem>(
  _ type: System.Type, _ changes: [String: ConfigurationValue], isCheckpointed: Bool
) throws -> Outcome {
  // So large an epsilon keeps Adam from making whole steps of derivatives that are nothing but rounding.
  let common: [String: ConfigurationValue] = [
    "adamEpsilon": .number(1), "gradientCheckpointing": .boolean(isCheckpointed),
  ]
  let small = try preset(type, "small")
  let configuration = try small.overlaid(with: changes.merging(common) { old, _ in old })
  let system = try make(type, configuration)
  let source = RandomSource(configuration.plan.fields, count: configuration.batchSize)
  var outcome = Outcome()
  for index in 0..<2 {
    let draws = StreamDraws(RandomStream(seed: 5, purpose: "draws", step: index))
    let step = TrainingStep(index: index, draws: draws, source: source)
    try step.run { try system.step($0) }
    outcome.logged.append(Dictionary(step.logged.map { ($0.name, $0.value.host()) }) { _, last in last })
  }
  outcome.state = system.networks.flatMap { $0.module.hostState().map(\.tensor) }
  outcome.state += system.averages.flatMap { $0.average.state().map(\.tensor) }
  return outcome
}

/// Label maps of 32×32 pixels and narrow networks, at a learning rate that shows a lost gradient.
private func tinyMaps(_ more: [String: ConfigurationValue] = [:]) -> [String: ConfigurationValue] {
  let tiny: [String: ConfigurationValue] = [
    "classes": .integer(4), "imageWidth": .integer(32), "imageHeight": .integer(32), "width": .integer(2),
    "discriminatorWidth": .integer(2), "batchSize": .integer(2), "learningRate": .number(0.1),
  ]
  return tiny.merging(more) { _, new in new }
}

private func tinyPictures(_ more: [String: ConfigurationValue] = [:]) -> [String: ConfigurationValue] {
  let tiny: [String: ConfigurationValue] = [
    "imageSize": .integer(8), "bottomWidth": .integer(1), "generatorChannels": .integer(4),
    "discriminatorChannels": .integer(4), "latentSize": .integer(9), "classes": .integer(4),
    "batchSize": .integer(4), "generatorAttention": .list([.integer(4)]),
    "generatorLearningRate": .number(0.1), "discriminatorLearningRate": .number(0.1),
  ]
  return tiny.merging(more) { _, new in new }
}

@Suite struct SystemCheckpointingTests {
  private func outcomes<System: GenerativeSystem>(
    _ type: System.Type, _ changes: [String: ConfigurationValue]
  ) throws -> (with: Outcome, without: Outcome) {
    let with = try twoSteps(type, changes, isCheckpointed: true)
    let without = try twoSteps(type, changes, isCheckpointed: false)
    for tensor in without.logged.flatMap(\.values) + without.state {
      #expect(Tensor(tensor).asType(.float64).isFinite())
    }
    return (with, without)
  }

  @Test func spadeLearnsTheSame() throws {
    let hidden: [String: ConfigurationValue] = ["spadeHidden": .integer(3)]
    for more in [
      ["norm": .string("batch")],
      ["encoder": .string("convolutional"), "encoderSize": .integer(16), "latent": .integer(3)],
      ["generator": .string("global"), "downsamplings": .integer(1), "blocks": .integer(2)],
    ] as [[String: ConfigurationValue]] {
      let (with, without) = try outcomes(SPADE.self, tinyMaps(hidden.merging(more) { _, new in new }))
      #expect(with == without)
    }
  }

  @Test func oasisLearnsTheSame() throws {
    var changes = tinyMaps([
      "spadeHidden": .integer(3), "blocks": .integer(4), "latent": .integer(3),
      "generatorLearningRate": .number(0.1), "discriminatorLearningRate": .number(0.1),
    ])
    changes["learningRate"] = nil
    let (with, without) = try outcomes(OASIS.self, changes)
    #expect(with == without)
  }

  @Test func pix2pixHDLearnsTheSame() throws {
    for generator in ["global", "local"] {
      let changes = tinyMaps([
        "generator": .string(generator), "downsamplings": .integer(1), "blocks": .integer(2),
        "localBlocks": .integer(1), "layers": .integer(1),
      ])
      let (with, without) = try outcomes(Pix2PixHD.self, changes)
      #expect(with == without)
    }
  }

  @Test func bigGANLearnsTheSame() throws {
    let (with, without) = try outcomes(BigGAN.self, tinyPictures())
    #expect(with == without)
  }

  @Test func icGANLearnsTheSame() throws {
    let changes = tinyPictures(["featureSize": .integer(5), "sharedFeatureSize": .integer(4)])
    let (with, without) = try outcomes(ICGAN.self, changes)
    #expect(with == without)
  }

  /// Every block looks at the same styles or at the same condition, and the sum of their gradients is grouped
  /// by blocks, so that the last bits differ.
  @Test func seanAndBigGANDeepLearnTheSameUpToRounding() throws {
    let styles = tinyMaps([
      "spadeHidden": .integer(3), "styleLength": .integer(4), "encoderWidth": .integer(2),
    ])
    let sean = try outcomes(SEAN.self, styles)
    #expect(sean.with.distance(to: sean.without) < 3e-5)
    let deep = try outcomes(
      BigGAN.self, tinyPictures(["model": .string("biggan-deep"), "latentSize": .integer(8)]))
    #expect(deep.with.distance(to: deep.without) < 3e-5)
  }
}

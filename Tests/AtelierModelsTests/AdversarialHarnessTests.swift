import AtelierModels
import Foundation
import TestSupport
import Testing

/// Every adversarial system through the harness that all systems share, on pictures of 8×8.
@Suite struct AdversarialHarnessTests {
  private static let widths: [String: ConfigurationValue] = [
    "imageSize": .integer(8), "batchSize": .integer(4), "latentSize": .integer(5),
    "generatorHidden": .list([.integer(6), .integer(6)]),
    "discriminatorHidden": .list([.integer(6), .integer(6)]),
  ]

  private static let channels: [String: ConfigurationValue] = [
    "imageSize": .integer(8), "batchSize": .integer(4), "latentSize": .integer(5),
    "generatorChannels": .integer(2), "discriminatorChannels": .integer(2),
  ]

  private static func overlay(
    _ changes: [String: ConfigurationValue], _ more: [String: ConfigurationValue]
  ) -> [String: ConfigurationValue] { changes.merging(more) { _, new in new } }

  /// Every system with every form it has.
  private static var cases: [(type: any GenerativeSystem.Type, changes: [String: ConfigurationValue])] {
    [
      (GAN.self, widths),
      (
        GAN.self,
        overlay(
          widths,
          [
            "model": .string("maxout"), "dropout": .number(0.5), "inputDropout": .number(0.2),
            "learningRate": .number(0.1),
          ])
      ),
      (ConditionalGAN.self, widths),
      (
        ConditionalGAN.self,
        overlay(
          widths,
          [
            "model": .string("maxout"), "loss": .string("binaryCrossEntropy"),
            "generatorHidden": .list([.integer(4), .integer(5), .integer(6)]),
            "discriminatorHidden": .list([.integer(4), .integer(5), .integer(6)]),
          ])
      ),
      (
        ConditionalGAN.self,
        overlay(
          widths,
          [
            "model": .string("convolutional"), "dropout": .integer(0), "loss": .string("hinge"),
            "averageDecay": .number(0.9), "decaySteps": .integer(10), "featureSize": .integer(6),
          ])
      ),
      (DCGAN.self, channels),
      (DCGAN.self, overlay(channels, ["model": .string("theano"), "weightDecay": .number(1e-5)])),
      (LSGAN.self, widths),
      (WGANGP.self, overlay(widths, ["discriminatorSteps": .integer(2)])),
      (ACGAN.self, widths),
    ]
  }

  private func harness(_ index: Int, in folder: TemporaryFolder) throws -> SystemHarness {
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeIDX(to: data)
    return try SystemHarness(Self.cases[index].type, Self.cases[index].changes, data: data)
  }

  @Test(arguments: cases.indices) func twoStepsChangeTheNetworks(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).takesTwoSteps())
  }

  @Test(arguments: cases.indices) func aSeedDecidesEveryByte(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).isDeterministic())
  }

  @Test(arguments: cases.indices) func resumingEqualsNotStopping(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).resumesExactly())
  }

  @Test(arguments: cases.indices) func aSeedDecidesWhatIsDrawn(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).generatesDeterministically())
  }
}

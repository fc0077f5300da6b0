import AtelierCore
import AtelierModels
import Foundation
import TestSupport
import Testing

/// A system in one of its forms.
private struct Form {
  let type: any GenerativeSystem.Type
  let changes: [String: ConfigurationValue]

  init(
    _ type: any GenerativeSystem.Type, _ base: [String: ConfigurationValue],
    _ more: [String: ConfigurationValue] = [:]
  ) {
    self.type = type
    changes = base.merging(more) { _, new in new }
  }
}

private func list(_ widths: Int...) -> ConfigurationValue { .list(widths.map { .integer($0) }) }

/// Every adversarial system in every form it has, for pictures of 8×8.
///
/// The tables have types of their own, because the compiler takes minutes over them otherwise.
private func makeForms() -> [Form] {
  let tiny: [String: ConfigurationValue] = [
    "imageSize": .integer(8), "batchSize": .integer(4), "latentSize": .integer(5),
  ]
  let widths: [String: ConfigurationValue] = [
    "generatorHidden": list(6, 6), "discriminatorHidden": list(6, 6),
  ]
  let channels: [String: ConfigurationValue] = [
    "generatorChannels": .integer(2), "discriminatorChannels": .integer(2),
  ]
  let maxoutGAN: [String: ConfigurationValue] = [
    "model": .string("maxout"), "dropout": .number(0.5), "inputDropout": .number(0.2),
    "learningRate": .number(0.1),
  ]
  let maxoutCGAN: [String: ConfigurationValue] = [
    "model": .string("maxout"), "loss": .string("binaryCrossEntropy"), "generatorHidden": list(4, 5, 6),
    "discriminatorHidden": list(4, 5, 6),
  ]
  let convolutional: [String: ConfigurationValue] = [
    "model": .string("convolutional"), "dropout": .integer(0), "loss": .string("hinge"),
    "averageDecay": .number(0.9),
    "decaySteps": .integer(10), "featureSize": .integer(6),
  ]
  let theano: [String: ConfigurationValue] = ["model": .string("theano"), "weightDecay": .number(1e-5)]
  let dense = tiny.merging(widths) { _, new in new }
  let deep = tiny.merging(channels) { _, new in new }
  var forms: [Form] = []
  forms.append(Form(GAN.self, dense))
  forms.append(Form(GAN.self, dense, maxoutGAN))
  forms.append(Form(ConditionalGAN.self, dense))
  forms.append(Form(ConditionalGAN.self, dense, maxoutCGAN))
  forms.append(Form(ConditionalGAN.self, dense, convolutional))
  forms.append(Form(DCGAN.self, deep))
  forms.append(Form(DCGAN.self, deep, theano))
  forms.append(Form(LSGAN.self, dense))
  forms.append(Form(WGANGP.self, dense, ["discriminatorSteps": .integer(2)]))
  forms.append(Form(ACGAN.self, dense))
  return forms + makeBigForms()
}

/// BigGAN and IC-GAN; a bottom of one pixel makes the networks of 32 pixels serve 8.
private func makeBigForms() -> [Form] {
  let base: [String: ConfigurationValue] = [
    "imageSize": .integer(8), "bottomWidth": .integer(1), "batchSize": .integer(4), "latentSize": .integer(8),
    "generatorChannels": .integer(2), "discriminatorChannels": .integer(2),
    "sharedEmbeddingSize": .integer(3), "generatorAttention": list(4), "discriminatorAttention": list(4),
    "standingStatistics": .integer(2),
  ]
  let rounds: [String: ConfigurationValue] = [
    "discriminatorSteps": .integer(2), "gradientAccumulation": .integer(2),
    "splitDiscriminatorBatch": .boolean(true), "generatorOrthogonal": .number(1e-3),
    "discriminatorOrthogonal": .number(1e-3), "diffAugment": .list([.string("color"), .string("cutout")]),
    "augmentationTarget": .number(0.1), "augmentationRamp": .number(100),
  ]
  let features: [String: ConfigurationValue] = [
    "featureSize": .integer(6), "featureEpochs": .number(1),
  ]
  let clusters: [String: ConfigurationValue] = [
    "classSource": .string("clusters"), "classes": .integer(3), "hierarchicalLatent": .boolean(false),
    "sharedEmbedding": .boolean(false),
  ]
  let instances: [String: ConfigurationValue] = [
    "neighbours": .integer(3), "sharedFeatureSize": .integer(4), "selectedInstances": .integer(5),
  ]
  let classes: [String: ConfigurationValue] = [
    "classConditional": .boolean(true), "featureSource": .string("classifier"), "sharedFeatureSize": .null,
  ]
  func joined(_ tables: [String: ConfigurationValue]...) -> [String: ConfigurationValue] {
    tables.reduce(base) { $0.merging($1) { _, new in new } }
  }
  return [
    Form(BigGAN.self, base),
    Form(BigGAN.self, joined(rounds, ["model": .string("biggan-deep")])),
    Form(BigGAN.self, joined(features, clusters)),
    Form(ICGAN.self, joined(features, instances)),
    Form(ICGAN.self, joined(features, instances, classes)),
  ]
}

/// Every adversarial system through the harness that all systems share.
@Suite struct AdversarialHarnessTests {
  private func harness(_ index: Int, in folder: TemporaryFolder) throws -> SystemHarness {
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeIDX(to: data)
    let form = makeForms()[index]
    return try SystemHarness(form.type, form.changes, data: data)
  }

  @Test(arguments: makeForms().indices) func twoStepsChangeTheNetworks(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).takesTwoSteps())
  }

  @Test(arguments: makeForms().indices) func aSeedDecidesEveryByte(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).isDeterministic())
  }

  @Test(arguments: makeForms().indices) func resumingEqualsNotStopping(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).resumesExactly())
  }

  @Test(arguments: makeForms().indices) func aSeedDecidesWhatIsDrawn(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).generatesDeterministically())
  }
}

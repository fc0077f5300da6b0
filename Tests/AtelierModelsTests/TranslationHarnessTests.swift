import AtelierCore
import AtelierModels
import Foundation
import TestSupport
import Testing

/// A system that turns pictures into pictures, in one of its forms, and what it learns from.
private struct Form {
  let type: any GenerativeSystem.Type
  let write: (URL) throws -> Void
  let changes: [String: ConfigurationValue]
}

private func makeForms() -> [Form] {
  func pairs(_ folder: URL) throws { try TinyData.writePairs(to: folder, count: 4, size: 18) }
  func unpaired(_ folder: URL) throws { try TinyData.writeUnpaired(to: folder, count: 4, size: 18) }
  func labelled(_ folder: URL) throws { try TinyData.writeLabelled(to: folder, count: 4, size: 16) }
  let tiny: [String: ConfigurationValue] = [
    "width": .integer(2), "discriminatorWidth": .integer(2), "layers": .integer(1), "batchSize": .integer(2),
  ]
  let small: [String: ConfigurationValue] = tiny.merging(["imageSize": .integer(16)]) { _, new in new }
  let wide: [String: ConfigurationValue] = tiny.merging([
    "imageWidth": .integer(16), "imageHeight": .integer(16), "downsamplings": .integer(1),
    "blocks": .integer(1),
  ]) { _, new in new }
  func form(
    _ type: any GenerativeSystem.Type, _ write: @escaping (URL) throws -> Void,
    _ base: [String: ConfigurationValue], _ more: [String: ConfigurationValue]
  ) -> Form {
    Form(type: type, write: write, changes: base.merging(more) { _, new in new })
  }
  return [
    form(Pix2Pix.self, pairs, small, ["downsamplings": .integer(4)]),
    form(
      Pix2Pix.self, pairs, small,
      [
        "generator": .string("resnet"), "downsamplings": .integer(1), "blocks": .integer(1),
        "discriminator": .string("pixel"), "adversarialLoss": .string("lsgan"), "norm": .string("instance"),
        "diffAugment": .list([.string("color"), .string("translation"), .string("cutout")]),
      ]),
    form(
      CycleGAN.self, unpaired, small,
      ["blocks": .integer(1), "downsamplings": .integer(1), "poolSize": .integer(3)]),
    form(Pix2PixHD.self, pairs, wide, [:]),
    form(Pix2PixHD.self, labelled, wide, ["classes": .integer(2), "generator": .string("local")]),
  ]
}

/// The systems of pictures through the harness that all systems share.
@Suite struct TranslationHarnessTests {
  private func harness(_ index: Int, in folder: TemporaryFolder) throws -> SystemHarness {
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    let form = makeForms()[index]
    try form.write(data)
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
    // Long enough for CycleGAN's pool to fill before, and to exchange pictures after resumption.
    #expect(try harness(index, in: folder).resumesExactly(half: 3))
  }

  @Test(arguments: makeForms().indices) func oneBatchIsLearned(_ index: Int) throws {
    let folder = try TemporaryFolder()
    let (first, last) = try harness(index, in: folder).overfitsOneBatch(steps: 25)
    #expect(last < first)
  }
}

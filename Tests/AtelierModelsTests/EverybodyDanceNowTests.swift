import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct EverybodyDanceNowTests {
  private static let tinyKeys: [String: ConfigurationValue] = [
    "imageWidth": 16, "imageHeight": 16, "width": 2, "downsamplings": 1, "blocks": 1, "discriminatorWidth": 2,
    "layers": 1, "scales": 1, "faceWidth": 2, "faceDownsamplings": 1, "faceBlocks": 1,
    "faceBox": [2, 10, 4, 12], "batchSize": 2, "weights": .table(["perceptual": 0]),
  ]

  private func tiny(
    _ changes: [String: ConfigurationValue] = [:]
  ) throws -> EverybodyDanceNow.Configuration {
    try EverybodyDanceNow.Configuration().overlaid(with: Self.tinyKeys).overlaid(with: changes)
  }

  private func batch() -> Batch {
    let stream = RandomStream(seed: 2)
    return Batch([
      "pose": stream.uniform([2, 2, 3, 16, 16]) * 2 - 1, "frames": stream.uniform([2, 2, 3, 16, 16]) * 2 - 1,
    ])
  }

  private func weights(_ system: EverybodyDanceNow, _ name: String) -> [HostTensor]? {
    system.network(name)?.module.hostState().map(\.tensor)
  }

  @Test func theNetworksHaveTheAuthorsSizes() throws {
    // A quarter of the authors' width; at full width 182,452,675, 182,715,939 and 26,724,291 parameters.
    var configuration = EverybodyDanceNow.Configuration()
    (configuration.width, configuration.faceWidth, configuration.faceGenerator) = (16, 16, .global)
    configuration.weights.perceptual = 0
    let coarse = try Trial.make(EverybodyDanceNow.self, configuration)
    func count(_ system: EverybodyDanceNow, _ name: String) -> Int? {
      system.network(name)?.module.parameterCount
    }
    #expect(count(coarse, "generator") == 11_412_595 && count(coarse, "faceGenerator") == 1_676_787)
    #expect(count(coarse, "discriminator") == 2 * 2_773_953)
    (configuration.generator, configuration.width, configuration.faceWidth) = (.local, 8, 64)
    let fine = try Trial.make(EverybodyDanceNow.self, configuration)
    #expect(count(fine, "generator") == 11_430_027 && count(fine, "faceDiscriminator") == 2_769_601)
  }

  @Test func theFacesDiscriminatorHasTheAuthorsNames() throws {
    let system = try Trial.make(EverybodyDanceNow.self, tiny(["faceGenerator": "global"]))
    let network = try #require(system.network("faceDiscriminator"))
    let names = network.module.hostState().map { network.authorsNames.authorsName(for: $0.name) }
    #expect(
      names.filter { $0.hasSuffix("weight") } == [
        "facemodel.0.weight", "facemodel.2.weight", "facemodel.3.weight", "facemodel.5.weight",
      ])
  }

  @Test(arguments: EverybodyDanceNow.Configuration.presets.map(\.name))
  func presetsAreValid(_ name: String) throws {
    let preset = try #require(EverybodyDanceNow.Configuration.presets.first { $0.name == name })
    try preset.configuration.validate()
  }

  @Test(arguments: [false, true]) func aFaceIsTrueOrFalseToo(_ isOn: Bool) throws {
    let configuration = try tiny(["faceGenerator": .boolean(isOn)])
    #expect(configuration.faceGenerator == (isOn ? .global : .none))
    #expect(throws: ConfigurationError.self) { try tiny(["faceGenerator": "unet"]) }
  }

  @Test func withAFaceTheMainGeneratorStays() throws {
    let system = try Trial.make(
      EverybodyDanceNow.self, tiny(["faceGenerator": "global", "fixMainEpochs": 1]))
    let names = ["generator", "discriminator", "faceGenerator", "faceDiscriminator"]
    func changed(_ epoch: Double) throws -> [Bool] {
      let before = names.map { weights(system, $0) }
      let logged = try Trial.step(system, batch(), epoch: epoch)
      #expect(logged.values.allSatisfy(\.isFinite) && logged["faceAdversarial"] != nil)
      return zip(names, before).map { weights(system, $0) != $1 }
    }
    #expect(try changed(0) == [false, false, true, true])
    #expect(try changed(1) == [false, true, true, true])
  }

  @Test func onlyTheBoxIsCorrected() throws {
    let keys: [String: ConfigurationValue] = ["faceGenerator": "global"]
    let (with, without) = (
      try Trial.make(EverybodyDanceNow.self, tiny(keys)), try Trial.make(EverybodyDanceNow.self, tiny())
    )
    let state = try #require(with.network("generator")).module.hostState()
    try without.network("generator")?.module.load(state)
    let pose = batch()["pose"].slice(1, 0, 1)
    func frame(_ system: EverybodyDanceNow) throws -> Tensor {
      try system.drawing {
        try system.frames(following: pose, draws: StreamDraws(RandomStream(seed: 1)))
      }.squeezed(1)
    }
    let difference = (try frame(with) - frame(without)).abs().sum(dims: [0, 1])
    let inside = difference.slice(0, 2, 10).slice(1, 4, 12)
    #expect(inside.min().item() > 0)
    let around = [
      difference.slice(0, 0, 2), difference.slice(0, 10, 16), difference.slice(1, 0, 4),
      difference.slice(1, 12, 16),
    ]
    #expect(around.allSatisfy { $0.max().item() == 0 })
  }

  @Test func theBoxFollowsTheHead() throws {
    let keys: [String: ConfigurationValue] = ["faceGenerator": "global", "faceFollowsPose": true]
    let (with, without) = (
      try Trial.make(EverybodyDanceNow.self, tiny(keys)), try Trial.make(EverybodyDanceNow.self, tiny())
    )
    try without.network("generator")?.module.load(
      try #require(with.network("generator")).module.hostState())
    // Black, with white points in rows 10 and 11, columns 1 and 2 of one picture, and nowhere in the other.
    func pose(_ isHead: Bool) -> [Float] {
      (0..<(3 * 256)).map {
        let (row, column) = ($0 % 256 / 16, $0 % 16)
        return isHead && (10...11).contains(row) && (1...2).contains(column) ? 1 : -1
      }
    }
    let poses = Tensor(pose(true) + pose(false), shape: [2, 1, 3, 16, 16])
    func frame(_ system: EverybodyDanceNow) throws -> Tensor {
      try system.drawing {
        try system.frames(following: poses, draws: StreamDraws(RandomStream(seed: 1)))
      }.squeezed(1)
    }
    let difference = (try frame(with) - frame(without)).abs().sum(dims: [1])
    func touched(_ picture: Int) -> [Bool] {
      difference.selected(dim: 0, index: picture).contiguous().floats().map { $0 > 0 }
    }
    func box(_ rows: Range<Int>, _ columns: Range<Int>) -> [Bool] {
      (0..<256).map { rows.contains($0 / 16) && columns.contains($0 % 16) }
    }
    // Around row 11 and column 2, as far as the picture goes; else where faceBox lies.
    #expect(touched(0) == box(7..<15, 0..<8))
    #expect(touched(1) == box(2..<10, 4..<12))
    #expect(try Trial.step(with, batch()).values.allSatisfy(\.isFinite))
    #expect(throws: ConfigurationError.self) { try tiny(["faceFollowsPose": true]).validate() }
  }

  @Test func peopleHaveToAgree() throws {
    let likeness = try #require(try tiny().plan.ability(Likeness.self))
    #expect(likeness.kind == .face)
    #expect(try tiny(["faces": false]).plan.ability(Likeness.self) == nil)
  }

  @Test(
    arguments: [[:], ["generator": "local", "localBlocks": 1, "fixGlobalEpochs": 1]]
      as [[String: ConfigurationValue]])
  func everyFormTrainsAndDraws(_ changes: [String: ConfigurationValue]) throws {
    let system = try Trial.make(EverybodyDanceNow.self, tiny(changes))
    let before = weights(system, "generator")
    #expect(try Trial.step(system, batch()).values.allSatisfy(\.isFinite))
    #expect(before != weights(system, "generator"))
    let made = try system.drawing {
      try system.frames(following: batch()["pose"], draws: StreamDraws(RandomStream(seed: 1)))
    }
    #expect(made.shape == [2, 2, 3, 16, 16] && made.floats().allSatisfy { abs($0) <= 1 })
  }

  @Test func aRunResumesToTheByte() throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeVideos(to: data, count: 2, frames: 6, size: 16)
    let harness = try SystemHarness(
      EverybodyDanceNow.self, Self.tinyKeys.merging(["faceGenerator": "global"]) { $1 }, data: data)
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func valuesThatDoNotFitAreRefused() throws {
    let wrong: [[String: ConfigurationValue]] = [
      ["imageWidth": 15], ["faceGenerator": true, "faceBox": [0, 8]],
      ["faceGenerator": true, "faceBox": [0, 9, 0, 8]],
      ["fixMainEpochs": 1], ["layers": 0], ["learningRate": 0], ["weights": .table(["featureMatching": -1])],
    ]
    for change in wrong {
      #expect(throws: ConfigurationError.self, "\(change)") { try tiny(change).validate() }
    }
    try tiny().validate()
  }
}

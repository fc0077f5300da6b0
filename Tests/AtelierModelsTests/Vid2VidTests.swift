import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct Vid2VidTests {
  private static let tinyKeys: [String: ConfigurationValue] = [
    "semanticChannels": 2, "imageWidth": 16, "imageHeight": 16, "framesPerInput": 2, "framesPerStep": 2,
    "width": 2, "downsamplings": 1, "blocks": 1, "discriminatorWidth": 2, "layers": 1, "scales": 1,
    "temporalFrames": 2, "sequenceLength": 4, "longestSequence": 6, "lengthenEpochs": 1, "batchSize": 2,
  ]

  private func tiny(_ changes: [String: ConfigurationValue] = [:]) throws -> Vid2Vid.Configuration {
    try Vid2Vid.Configuration().overlaid(with: Self.tinyKeys.merging(changes) { $1 })
  }

  /// A bright square that moves over a dark ramp, and its map.
  private func clips(_ configuration: Vid2Vid.Configuration, frames: Int) -> Batch {
    let side = 16
    var (labels, pixels) = ([Int](), [Float]())
    for example in 0..<2 {
      for frame in 0..<frames {
        func isSquare(_ x: Int, _ y: Int) -> Bool {
          (frame + 2 * example..<frame + 2 * example + 5).contains(x) && (6..<11).contains(y)
        }
        for y in 0..<side { for x in 0..<side { labels.append(isSquare(x, y) ? 1 : 0) } }
        for channel in 0..<3 {
          for y in 0..<side {
            for x in 0..<side {
              pixels.append(isSquare(x, y) ? 0.8 : Float(x + y * channel) / 40 - 0.9)
            }
          }
        }
      }
    }
    return Batch([
      "label": Tensor(labels, shape: [2, frames, side, side]),
      "frames": Tensor(pixels, shape: [2, frames, 3, side, side]),
    ])
  }

  @Test func theNetworksHaveTheAuthorsSizes() throws {
    // An eighth of the authors' width; at full width the generator has 411,307,017 parameters, the finer one 2,866,377.
    var configuration = Vid2Vid.Configuration()
    configuration.width = 16
    configuration.spatialScales = 2
    configuration.foregroundChannels = [26]
    configuration.scales = 2
    let system = try Trial.make(Vid2Vid.self, configuration)
    func count(_ name: String) -> Int? { system.network(name)?.module.parameterCount }
    #expect(count("generator0") == 6_561_417 && count("generator1") == 104_289)
    #expect(count("discriminator") == 5_604_738 && count("temporalDiscriminator") == 5_553_538)
  }

  @Test(arguments: Vid2Vid.Configuration.presets.map(\.name)) func presetsAreValid(_ name: String) throws {
    let preset = try #require(Vid2Vid.Configuration.presets.first { $0.name == name })
    try preset.configuration.validate()
    let plan = preset.configuration.plan
    #expect(plan.ability(FrameTranslation.self)?.target == "frames" && plan.data?.arrangement is Videos)
  }

  @Test func groupsOfFramesEndWithTheNewOnes() throws {
    // Numbers stand for frames; groups of 2 lie 1 and 2 apart.
    var memory = FrameMemory(length: 2, scales: 2)
    func numbers(_ groups: [Tensor?]) -> [[Float]?] { groups.map { $0?.floats() } }
    func frames(_ values: [Float]) -> Tensor { Tensor(values, shape: [1, values.count]) }
    #expect(numbers(memory.add(frames([1]))) == [nil, nil])
    #expect(numbers(memory.add(frames([2]))) == [[1, 2], nil])
    #expect(numbers(memory.add(frames([3, 4, 5]))) == [[4, 5, 2, 3], [3, 5, 1, 3]])
  }

  @Test func sequencesBecomeLonger() throws {
    let configuration = try tiny()
    #expect([0, 0.9, 1, 2, 50].map { configuration.length(atEpoch: $0) } == [4, 4, 6, 6, 6])
    #expect(try tiny(["lengthenEpochs": 0]).length(atEpoch: 9) == 4)
    let system = try Trial.make(Vid2Vid.self, configuration)
    let batch = clips(configuration, frames: configuration.clipFrames)
    for (epoch, updates) in [(0.0, 2), (1, 3)] {
      let step = TrainingStep(
        index: 0, epoch: epoch, draws: StreamDraws(RandomStream(seed: 1)), source: Repeating(batch))
      try step.run(system.step)
      #expect(step.logged.filter { $0.name == "generator" }.count == updates)
    }
  }

  private final class Repeating: BatchSource {
    private let batch: Batch
    init(_ batch: Batch) { self.batch = batch }
    func next() -> Batch { batch }
  }

  @Test(
    arguments: [
      [:], ["firstFrame": "zeros", "norm": "instance", "spatialScales": 2, "localBlocks": 1],
      ["flow": false, "temporalScales": 0],
      ["foregroundChannels": [1], "temporalScales": 2, "framesPerStep": 1],
      ["weights": .table(["featureMatching": 0]), "fixGlobalEpochs": 1, "spatialScales": 2],
    ] as [[String: ConfigurationValue]])
  func everyFormTrainsAndDraws(_ changes: [String: ConfigurationValue]) throws {
    let configuration = try tiny(changes)
    let system = try Trial.make(Vid2Vid.self, configuration)
    let batch = clips(configuration, frames: configuration.clipFrames)
    let finest = "generator\(configuration.spatialScales - 1)"
    let before = system.network(finest)?.module.hostState().map(\.tensor)
    let logged = try Trial.step(system, batch)
    #expect(logged.values.allSatisfy(\.isFinite) && logged["generator"] != nil)
    let after = system.network(finest)?.module.hostState().map(\.tensor)
    #expect((before == after) == false)
    let first = batch["frames"].selected(dim: 1, index: 0)
    let made = try system.drawing {
      try system.frames(
        following: batch["label"], first: first, draws: StreamDraws(RandomStream(seed: 1)))
    }
    #expect(made.shape == batch["frames"].shape && made.floats().allSatisfy { abs($0) <= 1 })
    // The first frame is the given one.
    #expect(made.selected(dim: 1, index: 0).floats() == first.floats())
  }

  @Test func framesDependOnThoseBeforeAlone() throws {
    let system = try Trial.make(Vid2Vid.self, tiny(["firstFrame": "zeros"]))
    let batch = clips(system.configuration, frames: 6)
    let draws = StreamDraws(RandomStream(seed: 1))
    let (whole, part) = try system.drawing {
      (
        try system.frames(following: batch["label"], draws: draws),
        try system.frames(following: batch["label"].slice(1, 0, 3), draws: draws)
      )
    }
    #expect(whole.slice(1, 0, 3).floats() == part.floats())
  }

  @Test func itLearnsAMovingSquare() throws {
    let system = try Trial.make(
      Vid2Vid.self,
      tiny([
        "firstFrame": "zeros", "norm": "instance", "width": 6, "flips": false, "learningRate": 0.002,
        "decayEpochs": 0, "lengthenEpochs": 0,
      ]))
    Engine.threadCount = 1
    let batch = clips(system.configuration, frames: 7)
    func distance() throws -> Double {
      let made = try system.drawing {
        try system.frames(following: batch["label"], draws: StreamDraws(RandomStream(seed: 1)))
      }
      return (made - batch["frames"]).abs().mean().item()
    }
    let untrained = try distance()
    for index in 0..<40 { try Trial.step(system, batch, index: index) }
    #expect(try distance() < untrained / 2)
  }

  @Test func aRunResumesToTheByte() throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeVideos(to: data, count: 3, frames: 8, size: 16)
    let harness = try SystemHarness(
      Vid2Vid.self, Self.tinyKeys.merging(["temporalScales": 2]) { $1 }, data: data)
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func runsAreShownAndMeasured() throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeVideos(to: data, count: 2, frames: 8, size: 16)
    let harness = try SystemHarness(
      Vid2Vid.self, Self.tinyKeys.merging(["firstFrame": "zeros"]) { $1 }, data: data)
    var options = SystemHarness.options(steps: 2)
    options.previewEvery = 2
    let run = try harness.train(in: folder.url, options: options)
    let samples = try FileManager.default.contentsOfDirectory(atPath: run.samples.path)
    #expect(samples.contains { $0.hasSuffix(".png") })
    let system = try loadSystem(from: run.url, registry: .standard).system
    let bound = try Training.openData(of: run.url, registry: .standard)
    var measuring = EvaluationOptions(samples: 2)
    measuring.segmenterFolders = [folder.url]
    let numbers = try Evaluation(system, data: bound, options: measuring).run()
    #expect(
      numbers.map(\.id) == [
        "frame-psnr", "frame-ssim", "warp-error", "temporal-difference", "late-psnr", "late-ssim",
        "video-intersection-over-union", "video-pixel-accuracy",
      ])
    for number in numbers {
      #expect(
        number.value.isFinite
          && number.baselines?.map(\.name) == ["the first frame repeated", "the nearest training frames"])
    }
    // Real frames change as real ones do.
    #expect(numbers.first { $0.id == "temporal-difference" }?.realAgainstReal == 0)
  }

  @Test(
    arguments: [
      ["norm": "instance", "blocks": 3], ["flow": false, "downsamplings": 2],
      ["spatialScales": 2, "localBlocks": 2, "width": 4, "framesPerInput": 3, "foregroundChannels": [1]],
    ] as [[String: ConfigurationValue]])
  func filesOfTheAuthorsAreToldByNamesAndShapes(_ changes: [String: ConfigurationValue]) throws {
    let system = try Trial.make(Vid2Vid.self, tiny(changes))
    let files = try (0..<system.configuration.spatialScales).map { scale in
      let network = try #require(system.network("generator\(scale)"))
      return ForeignWeights(
        url: URL(fileURLWithPath: "latest_net_G\(scale).pth"),
        tensors: try network.authorsNames.translate(network.module.hostState(), toOurs: false))
    }
    let keys = ["imageWidth", "imageHeight", "sequenceLength", "longestSequence"]
    let (imported, _) = try Vid2Vid.importing(
      files, changes: Self.tinyKeys.filter { keys.contains($0.key) }, using: RandomStream(seed: 9))
    for scale in 0..<system.configuration.spatialScales {
      #expect(
        imported.network("generator\(scale)")?.module.hostState().map(\.tensor)
          == system.network("generator\(scale)")?.module.hostState().map(\.tensor))
    }
    let own: Vid2Vid.Configuration = system.configuration
    let other: Vid2Vid.Configuration = imported.configuration
    #expect(own.norm == other.norm)
    #expect(own.blocks == other.blocks)
    #expect(own.foregroundChannels == other.foregroundChannels)
  }

  @Test func requestsThatDoNotFitAreRefused() throws {
    func sentence(_ body: () throws -> Void) -> String {
      do {
        try body()
        return ""
      } catch { return "\(error)" }
    }
    let given = try Trial.make(Vid2Vid.self, tiny())
    let draws = StreamDraws(RandomStream(seed: 1))
    #expect(sentence { _ = try given.open(Request(draws: draws)) }.contains("'first' of vid2vid is missing"))
    let system = try Trial.make(Vid2Vid.self, tiny(["firstFrame": "zeros"]))
    func advance(_ map: Tensor, _ first: Tensor? = nil) -> String {
      sentence {
        let session = try system.open(
          Request(conditions: first.map { ["first": .tensor($0)] } ?? [:], draws: draws))
        _ = try session.advance(["label": .tensor(map)])
      }
    }
    #expect(advance(.full([1, 16, 16], 2).asType(.int64)).contains("holds the label 2"))
    #expect(advance(.zeros([1, 15, 16], dtype: .int64)).contains("multiples of 2"))
    #expect(advance(.zeros([1, 16, 16], dtype: .int64), .zeros([1, 3, 8, 8])).contains("16 × 16"))
    #expect(advance(.zeros([1, 16, 16], dtype: .int64)) == "")
  }

  @Test func valuesThatDoNotFitAreRefused() throws {
    let wrong: [[String: ConfigurationValue]] = [
      ["framesPerInput": 1], ["temporalFrames": 1], ["foregroundChannels": [2]], ["imageWidth": 15],
      ["sequenceLength": 8], ["framesPerStep": 5], ["width": 1, "spatialScales": 2], ["layers": 9],
      ["weights": .table(["flow": -1])], ["learningRate": 0], ["semanticChannels": 0],
    ]
    for change in wrong {
      #expect(throws: ConfigurationError.self, "\(change)") { try tiny(change).validate() }
    }
    try tiny().validate()
  }
}

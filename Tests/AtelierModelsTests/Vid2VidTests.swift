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
    let maps = Tensor(labels, shape: [2, frames, side, side])
    // The square in white on black, as pictures of poses draw the nose.
    let poses = (maps.asType(.float32) * 2 - 1).unsqueezed(2).expanded([2, frames, 3, side, side])
    return Batch([
      "label": maps, "instance": (maps * 200 + 7).asType(.int64), "pose": poses,
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
      ["instanceEdges": true, "spatialScales": 2, "foregroundChannels": [1]],
      ["semantics": "continuous", "semanticChannels": 3, "faceDiscriminator": "pose-drawing", "scales": 3],
      [
        "semantics": "continuous", "semanticChannels": 3, "faceDiscriminator": "densepose",
        "instanceEdges": true,
      ],
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
        following: batch[configuration.semantics == .oneHot ? "label" : "pose"],
        beside: configuration.instanceEdges ? ["instance": batch["instance"]] : [:], first: first,
        draws: StreamDraws(RandomStream(seed: 1)))
    }
    #expect((logged["faceAdversarial"] != nil) == (configuration.faceDiscriminator != .none))
    #expect(made.shape == batch["frames"].shape && made.floats().allSatisfy { abs($0) <= 1 })
    // The first frame is the given one.
    #expect(made.selected(dim: 1, index: 0).floats() == first.floats())
  }

  @Test func edgesBetweenInstancesAreTheAuthors() throws {
    let system = try Trial.make(Vid2Vid.self, tiny(["instanceEdges": true]))
    // Two frames of 2 × 4: an object of two classes, and two objects of one class.
    let labels = Tensor([0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], shape: [1, 2, 2, 4])
    let ids = Tensor([5, 5, 5, 5, 5, 5, 5, 5, 8, 8, 8, 9, 8, 8, 8, 8], shape: [1, 2, 2, 4])
    let maps = system.semantics(of: Batch(["label": labels, "instance": ids, "frames": .zeros([1])]))
    #expect(maps.shape == [1, 2, 3, 2, 4])
    // Recorded from `get_edges` of models/base_model.py in PyTorch 2.13.
    let edges: [Float] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1]
    #expect(maps.selected(dim: 2, index: 2).floats() == edges)
    #expect(maps.selected(dim: 2, index: 1).floats() == labels.integers().map { Float($0) })
    // Of a request without them each class is one.
    #expect(system.semantics(labels, nil).selected(dim: 2, index: 2).floats().prefix(4) == [0, 1, 1, 0])
  }

  /// Recorded from `get_face_region` of models/vid2vid_model_D.py in PyTorch 2.13, with `fineSize` 64: squares of 16.
  @Test(
    arguments: [
      // First and last row, first and last column of what marks the face; the square's first row and column.
      ([20, 25, 30, 40], [14, 27]), ([0, 2, 0, 0], [0, 0]), ([39, 39, 63, 63], [23, 47]),
      ([5, 34, 10, 53], [11, 23]),
    ]) func facesAreFoundAsTheAuthorsFindThem(_ marked: [Int], _ expected: [Int]) throws
  {
    let square = FaceSquare(mark: .densepose, side: 16)
    func frames(_ colour: [Float], _ ground: Float = -1) -> Tensor {
      var values = [Float](repeating: ground, count: 2 * 3 * 40 * 64)
      // The corners lie in one frame each.
      for (time, corner) in [(0, (marked[0], marked[2])), (1, (marked[1], marked[3]))] {
        for channel in 0..<3 {
          values[((time * 3 + channel) * 40 + corner.0) * 64 + corner.1] = colour[channel]
        }
      }
      return Tensor(values, shape: [2, 3, 40, 64])
    }
    func place(_ square: FaceSquare, _ frames: Tensor) -> [Int]? {
      square.place(in: frames).map { [$0.row, $0.column] }
    }
    #expect(place(square, frames([-1, 0.3, 0.91])) == expected)
    #expect(place(square, frames([1, 1, 0.9])) == nil)
    let openpose = FaceSquare(mark: .openpose, side: 16)
    #expect(place(openpose, frames([0.2, -1, -0.6])) == expected)
    #expect(place(openpose, frames([0.2, -0.9, -0.6])) == nil)
    #expect(place(FaceSquare(mark: .poseDrawing, side: 16), frames([1, 1, 1])) == expected)
  }

  @Test func aFaceDiscriminatorLearnsWhereThereIsAFace() throws {
    let configuration = try tiny([
      "semantics": "continuous", "semanticChannels": 3, "faceDiscriminator": "pose-drawing",
    ])
    let system = try Trial.make(Vid2Vid.self, configuration)
    func weights() -> [HostTensor]? {
      system.network("faceDiscriminator")?.module.parameters().map { $0.host() }
    }
    let batch = clips(configuration, frames: configuration.clipFrames)
    var without = batch.tensors
    without["pose"] = .full(batch["pose"].shape, -1)
    let before = weights()
    let nothing = try Trial.step(system, Batch(without))
    #expect(nothing["faceAdversarial"] == 0 && nothing["faceDiscriminatorReal"] == 0 && weights() == before)
    let something = try Trial.step(system, batch, index: 1)
    #expect((something["faceAdversarial"] ?? 0) > 0 && (something["faceFeatureMatching"] ?? 0) > 0)
    #expect(weights() != before)
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

  @Test func aRunWithEdgesAndFacesResumesToTheByte() throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeVideos(to: data, count: 2, frames: 8, size: 16, withInstances: true)
    let harness = try SystemHarness(
      Vid2Vid.self,
      Self.tinyKeys.merging([
        "semantics": "continuous", "semanticChannels": 3, "instanceEdges": true,
        "faceDiscriminator": "pose-drawing",
      ]) { $1 }, data: data)
    #expect(try harness.resumesExactly())
  }

  @Test func runsAreShownAndMeasured() throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeVideos(to: data, count: 2, frames: 8, size: 16, withInstances: true)
    let harness = try SystemHarness(
      Vid2Vid.self, Self.tinyKeys.merging(["firstFrame": "zeros", "instanceEdges": true]) { $1 }, data: data)
    var options = SystemHarness.options(steps: 2)
    options.previewEvery = 2
    let run = try harness.train(in: folder.url, options: options)
    let samples = try FileManager.default.contentsOfDirectory(atPath: run.samples.path)
    #expect(samples.contains { $0.hasSuffix(".png") })
    let system = try loadSystem(from: run.url, registry: .standard).system
    let bound = try Training.openData(of: run.url, registry: .standard)
    var measuring = EvaluationOptions(samples: 2)
    measuring.segmenterFolders = [folder.url]
    // Whatever another model made of the same maps: here the real frames.
    measuring.videosBeside = [VideosBeside(name: "real", folder: data.appendingPathComponent("test/frames"))]
    let numbers = try Evaluation(system, data: bound, options: measuring).run()
    #expect(
      numbers.map(\.id) == [
        "frame-psnr", "frame-ssim", "warp-error", "temporal-difference", "late-psnr", "late-ssim",
        "video-intersection-over-union", "video-pixel-accuracy",
      ])
    for number in numbers {
      #expect(
        number.value.isFinite
          && number.baselines?.map(\.name) == [
            "the first frame repeated", "the nearest training frames", "real",
          ])
      if let real = number.realAgainstReal { #expect(number.baselines?.last?.value == real) }
    }
    let noise = try #require(numbers.first { $0.id == "frame-psnr" }?.baselines?.last?.value)
    #expect(noise > 79, "real frames beside themselves: \(noise) dB")
    // Real frames change as real ones do.
    #expect(numbers.first { $0.id == "temporal-difference" }?.realAgainstReal == 0)
    // A video that ends before the others do.
    let one = folder("made")
    try FileManager.default.copyItem(at: data.appendingPathComponent("test/frames/0"), to: one)
    try FileManager.default.removeItem(at: one.appendingPathComponent("007.png"))
    measuring.videosBeside = [VideosBeside(name: "made", folder: one)]
    let error = #expect(throws: (any Error).self) {
      try Evaluation(system, data: bound, options: measuring).run()
    }
    #expect(error.map { "\($0)".contains("its video 0 has 7 frames, and 8 are compared") } == true)
  }

  @Test(
    arguments: [
      ["norm": "instance", "blocks": 3], ["flow": false, "downsamplings": 2],
      ["spatialScales": 2, "localBlocks": 2, "width": 4, "framesPerInput": 3, "foregroundChannels": [1]],
      ["semanticChannels": 35, "instanceEdges": true],
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
    #expect(own.semanticChannels == other.semanticChannels && own.instanceEdges == other.instanceEdges)
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
    let edges = try Trial.make(Vid2Vid.self, tiny(["firstFrame": "zeros", "instanceEdges": true]))
    let maps = Tensor.zeros([1, 3, 16, 16], dtype: .int64)
    func follow(_ instances: Tensor) -> String {
      sentence { _ = try edges.frames(following: maps, beside: ["instance": instances], draws: draws) }
    }
    #expect(
      follow(.zeros([1, 2, 16, 16], dtype: .int64)).contains("'instance' has 2 frames, and 'label' has 3"))
    #expect(follow(.zeros([1, 3, 8, 16], dtype: .int64)).contains("'instance' is 16 × 8"))
    #expect(follow(maps) == "")
  }

  @Test func valuesThatDoNotFitAreRefused() throws {
    let wrong: [[String: ConfigurationValue]] = [
      ["framesPerInput": 1], ["temporalFrames": 1], ["foregroundChannels": [2]], ["imageWidth": 15],
      ["sequenceLength": 8], ["framesPerStep": 5], ["width": 1, "spatialScales": 2], ["layers": 9],
      ["weights": .table(["flow": -1])], ["learningRate": 0], ["semanticChannels": 0], ["faceSide": 8],
      ["faceDiscriminator": "openpose"], ["weights": .table(["face": -1])],
      ["faceDiscriminator": "openpose", "semanticChannels": 3, "faceSide": 9],
      ["faceDiscriminator": "openpose", "semanticChannels": 3, "faceSide": 16],
    ]
    for change in wrong {
      #expect(throws: ConfigurationError.self, "\(change)") { try tiny(change).validate() }
    }
    try tiny().validate()
  }
}

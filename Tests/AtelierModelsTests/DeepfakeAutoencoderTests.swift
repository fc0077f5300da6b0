import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct DeepfakeAutoencoderTests {
  private static let tiny: [String: ConfigurationValue] = [
    "imageSize": 16, "encoderChannels": .list([3, 4]), "innerChannels": 4, "latentSize": 6,
    "decoderChannels": .list([4, 3]), "batchSize": 2, "loss": "meanAbsolute", "furtherLosses": .table([:]),
  ]

  private func configuration(
    _ changes: [String: ConfigurationValue] = [:]
  ) throws -> DeepfakeAutoencoder.Configuration {
    try DeepfakeAutoencoder.Configuration().overlaid(with: Self.tiny.merging(changes) { _, new in new })
  }

  // MARK: Networks

  @Test func theAuthorsModelHasTheAuthorsParameters() throws {
    let system = try DeepfakeAutoencoder(
      DeepfakeAutoencoder.Configuration(), artefacts: Artefacts(), using: RandomStream(seed: 0))
    let counts = system.networks.map { network in
      network.module.parameters().map { $0.shape.reduce(1, *) }.reduce(0, +)
    }
    // Keras's summary of the original model.
    #expect(counts == [69_662_976, 6_199_747, 6_199_747])
  }

  @Test func facesOfOddSidesAreHalvedAsByKeras() throws {
    // 8 pixels are halved four times: 4, 2, 1 and 1 again.
    let configuration = try configuration([
      "imageSize": 8, "encoderChannels": .list([2, 2, 2, 3]), "decoderChannels": .list([4]),
    ])
    #expect(configuration.plan.fields.count == 2)
    let system = try Trial.make(DeepfakeAutoencoder.self, configuration)
    let faces = RandomStream(seed: 1).uniform([2, 3, 8, 8])
    let made = try #require(try system.network("encoder")?.forward(nil, ["image": faces]))
    #expect(made["latent"]?.shape == [2, 4, 8, 8] && made["imageB"]?.shape == [2, 3, 8, 8])
  }

  @Test func masksAreLearnedFromAlpha() throws {
    let configuration = try configuration(["learnMask": true])
    let system = try Trial.make(DeepfakeAutoencoder.self, configuration)
    #expect(configuration.plan.field("A")?.kind.imageShape == [4, 16, 16])
    let faces = RandomStream(seed: 1).uniform([2, 4, 16, 16])
    let logged = try Trial.step(system, Batch(["A": faces, "B": faces.flipped([0])]))
    #expect(logged.keys.sorted() == ["A", "B", "maskA", "maskB", "total"])
    #expect(try swapped(system, faces, "A-to-B").shape == [2, 4, 16, 16])
  }

  // MARK: Generation

  private func swapped(_ system: DeepfakeAutoencoder, _ faces: Tensor, _ direction: String) throws -> Tensor {
    var outputs: [Tensor] = []
    let direction = try system.direction(named: direction)
    let request = Request(
      conditions: [direction.source: .tensor(faces)], draws: StreamDraws(RandomStream(seed: 0)))
    try system.draw(request) { if let tensor = $0.tensor { outputs.append(tensor) } }
    return .concatenated(outputs, dim: 0)
  }

  @Test func aFaceOfAnySizeComesBackInItsSize() throws {
    let system = try Trial.make(DeepfakeAutoencoder.self, configuration())
    for side in [16, 9, 40] {
      let made = try swapped(system, RandomStream(seed: 2).uniform([1, 3, side, side]), "B-to-A")
      #expect(made.shape == [1, 3, side, side])
      #expect(made.floats().allSatisfy { (0...1).contains($0) })
    }
    #expect(throws: ConfigurationError.self) { try swapped(system, .zeros([1, 3, 16, 20]), "A-to-B") }
    let direction = system.directions[0]
    #expect(throws: ConfigurationError.self) {
      try system.translateWhole(
        .zeros([1, 3, 16, 16]), direction: direction, draws: StreamDraws(RandomStream(seed: 0)),
        tiling: Tiling(tile: 16, overlap: 4))
    }
  }

  @Test func eachDirectionHasItsDecoder() throws {
    let system = try Trial.make(DeepfakeAutoencoder.self, configuration())
    let faces = RandomStream(seed: 2).uniform([1, 3, 16, 16])
    let made = try #require(try system.network("encoder")?.forward(nil, ["image": faces]))
    #expect(try swapped(system, faces, "A-to-B").floats() == made["imageB"]?.floats())
    #expect(try swapped(system, faces, "B-to-A").floats() == made["imageA"]?.floats())
  }

  // MARK: Training

  private func harness(_ folder: TemporaryFolder, _ more: [String: ConfigurationValue] = [:]) throws
    -> SystemHarness
  {
    let data = try TinyLayout.unpaired.write(in: folder.url)
    return try SystemHarness(
      DeepfakeAutoencoder.self,
      Self.tiny.merging(["learningRate": 1e-3]) { _, new in new }.merging(more) { $1 },
      data: data)
  }

  @Test func aRunLearnsRepeatsAndResumesToTheByte() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(folder, ["learnMask": true, "furtherLosses": .table(["gmsd": 0.5])])
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic(steps: 2))
    #expect(try harness.resumesExactly(half: 1))
    let (first, last) = try harness.overfitsOneBatch(steps: 40)
    #expect(last < 0.95 * first, "\(first) \(last)")
  }

  @Test func thePersonsAreTheSidesOfTheData() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder("faces"), classes: ["alice", "bob"], size: 16)
    let data = try DataBinding.open(
      folder("faces"), for: DeepfakeAutoencoder.self,
      configuration: SystemHarness(DeepfakeAutoencoder.self, Self.tiny, data: nil).configuration)
    let plan = try DeepfakeAutoencoder.plan(data.configuration)
    let likeness = try #require(plan.ability(Likeness.self))
    #expect(likeness.kind == .face && data.facts.description.sideNames == ["alice", "bob"])
    let text = "persons: [{name: alice, purpose: a test, until: 9999-12-31}]"
    #expect {
      try Consent.record(try Consent(Data(text.utf8), named: "consent"), for: data)
    } throws: { error in
      "\(error)".contains("the consent names no 'bob', whose face is in the data")
    }
    // Other systems on the same data record no names, as before.
    let other = try DataBinding.open(
      folder("faces"), for: CycleGAN.self, configuration: ["imageSize": 16, "layers": 1])
    #expect(other.facts.description.sideNames == nil)
  }

  @Test(
    arguments: [
      (["imageSize": 24], "imageSize"), (["encoderChannels": .list([])], "encoderChannels"),
      (["furtherLosses": .table(["ssm": 1])], "did you mean 'ssim'?"),
      (["loss": "ssim", "imageSize": 8, "decoderChannels": .list([4])], "at least 11 pixels"),
      (["furtherLosses": .table(["ssim": -1])], "furtherLosses.ssim"), (["flip": 2], "flip"),
      (["zoom": 1], "zoom"), (["imageChannels": 4], "imageChannels"), (["leakySlope": -1], "leakySlope"),
    ] as [([String: ConfigurationValue], String)])
  func whatCannotWorkIsRefused(_ changes: [String: ConfigurationValue], _ word: String) throws {
    #expect {
      try configuration(changes).validate()
    } throws: { error in
      "\(error)".contains(word)
    }
  }
}

/// The random changes of training faces.
@Suite struct FaceAugmentationTests {
  private let ramp = Tensor(
    (0..<192).map { Float($0 % 8 + 10 * ($0 / 8 % 8)) / 100 }, shape: [1, 3, 8, 8])

  private func quiet() -> FaceAugmentation {
    var none = FaceAugmentation()
    (none.warp, none.rotation, none.zoom, none.shift, none.flip) = (0, 0, 0, 0, 0)
    (none.lightness, none.colour) = (0, 0)
    return none
  }

  private func isClose(_ x: Tensor, _ y: Tensor, _ bound: Double = 1e-5) -> Bool {
    (x - y).abs().max().item() < bound
  }

  @Test func nothingIsDrawnWhereNothingVaries() {
    let (source, target) = quiet()(ramp, side: "A", draws: RecordedDraws([String: Tensor]()))
    #expect(source.floats() == ramp.floats() && target.floats() == ramp.floats())
  }

  @Test func pointsThatStayMoveTheImageByHalfAPixel() {
    var augmentation = quiet()
    augmentation.warp = 5
    let draws = RecordedDraws(["A.warp": .zeros([1, 2, 5, 5])])
    let (source, target) = augmentation(ramp, side: "A", draws: draws)
    #expect(target.floats() == ramp.floats())
    // A plane between the pixels: half a step to the right and down.
    let inner = source.narrow(2, from: 0, length: 7).narrow(3, from: 0, length: 7)
    #expect(isClose(inner, ramp.narrow(2, from: 0, length: 7).narrow(3, from: 0, length: 7) + 0.055))
    // Black beyond the border.
    #expect(abs(source.contiguous().floats()[63] - 0.25 * 0.77) < 1e-5)
  }

  @Test func facesAreMovedTurnedAndFlipped() {
    var moving = quiet()
    moving.shift = 0.25
    // The largest shift right, none down.
    let moved = moving.moved(
      ramp, "A",
      RecordedDraws([
        "A.rotation": .zeros([1, 1, 1]) + 0.5, "A.zoom": .zeros([1, 1, 1]) + 0.5,
        "A.shift": Tensor([1, 0.5] as [Float], shape: [1, 2, 1, 1]),
      ]))
    #expect(isClose(moved.narrow(3, from: 2, length: 6), ramp.narrow(3, from: 0, length: 6)))
    #expect(isClose(moved.narrow(3, from: 0, length: 1), ramp.narrow(3, from: 0, length: 1)))

    var turning = quiet()
    turning.rotation = 90
    let turned = turning.moved(
      ramp, "A",
      RecordedDraws([
        "A.rotation": .ones([1, 1, 1]), "A.zoom": .zeros([1, 1, 1]) + 0.5,
        "A.shift": .zeros([1, 2, 1, 1]) + 0.5,
      ]))
    // Anticlockwise around the pixel (4, 4): what is below it comes to its right.
    func value(_ x: Tensor, _ row: Int, _ column: Int) -> Float { x.contiguous().floats()[row * 8 + column] }
    #expect(abs(value(turned, 4, 5) - value(ramp, 5, 4)) < 1e-5)
    #expect(abs(value(turned, 3, 4) - value(ramp, 4, 5)) < 1e-5)

    var flipping = quiet()
    flipping.flip = 0.5
    let two = Tensor.concatenated([ramp, ramp], dim: 0)
    let flipped = flipping.flipped(
      two, "A", RecordedDraws(["A.flip": Tensor([0.4, 0.6] as [Float], shape: [2, 1, 1, 1])]))
    #expect(flipped.floats() == Tensor.concatenated([ramp.flipped([3]), ramp], dim: 0).floats())
  }

  @Test func zoomEnlargesAroundTheCentre() {
    var zooming = quiet()
    zooming.zoom = 0.5
    let zoomed = zooming.moved(
      ramp, "A",
      RecordedDraws([
        "A.rotation": .zeros([1, 1, 1]) + 0.5, "A.zoom": .ones([1, 1, 1]),
        "A.shift": .zeros([1, 2, 1, 1]) + 0.5,
      ]))
    // Three columns from the centre stands what stood two columns from it.
    #expect(abs(zoomed.contiguous().floats()[4 * 8 + 7] - ramp.contiguous().floats()[4 * 8 + 6]) < 1e-5)
  }

  @Test func lightnessGoesAShareOfItsRoom() {
    var colouring = quiet()
    colouring.lightness = 0.3
    let grey = Tensor.full([1, 3, 4, 4], 0.5)
    func lightness(_ draw: Float) -> Double {
      let draws = RecordedDraws(["A.colour": Tensor([draw, 0.5, 0.5], shape: [1, 3, 1, 1])])
      return LabColour.lab(of: colouring.coloured(grey, "A", draws)).narrow(1, from: 0, length: 1).mean()
        .item()
    }
    let own = LabColour.lab(of: grey).narrow(1, from: 0, length: 1).mean().item()
    #expect(abs(lightness(1) - (own + 0.3 * (100 - own))) < 0.05)
    #expect(abs(lightness(0) - 0.7 * own) < 0.05)
    #expect(abs(lightness(0.5) - own) < 0.05)
  }

  @Test func masksKeepTheirValues() {
    var colouring = quiet()
    colouring.lightness = 0.3
    let faces = Tensor.concatenated([ramp, .full([1, 1, 8, 8], 0.75)], dim: 1)
    let draws = RecordedDraws(["A.colour": Tensor([0.9, 0.5, 0.5] as [Float], shape: [1, 3, 1, 1])])
    #expect(
      isClose(colouring.coloured(faces, "A", draws).narrow(1, from: 3, length: 1), .full([1, 1, 8, 8], 0.75)))
  }
}

/// Losses of faces by name.
@Suite struct FaceLossTests {
  private func plain(_ value: Double) -> Tensor { .full([2, 3, 32, 32], value) }

  @Test(arguments: FaceLoss.allCases) func equalFacesCostNothing(_ loss: FaceLoss) {
    let faces = RandomStream(seed: 1).uniform([2, 3, 32, 32])
    #expect(loss(faces, faces).item() < 2e-3)
    let changed = loss(faces, faces.flipped([3]))
    #expect(changed.item() > 1e-4 && changed.shape.isEmpty)
  }

  @Test func plainFacesHaveKnownLosses() {
    func value(_ loss: FaceLoss) -> Double { loss(plain(0.6), plain(0.4)).item() }
    let similarity = (2 * 0.24 + 1e-4) / (0.36 + 0.16 + 1e-4)
    #expect(abs(value(.ssim) - (1 - similarity) / 2) < 5e-5)
    #expect(abs(value(.laplacianPyramid) - 0.2 / 1024) < 1e-6)
    #expect(abs(value(.logCosh) - 0.019868) < 1e-5)
    #expect(abs(value(.meanAbsolute) - 0.2) < 1e-6 && abs(value(.meanSquared) - 0.04) < 1e-6)
    #expect(value(.gmsd) < 1e-5)
  }

  @Test(arguments: FaceLoss.allCases) func gradientsAreFinite(_ loss: FaceLoss) {
    let faces = RandomStream(seed: 1).uniform([1, 3, 32, 32])
    for start in [faces, RandomStream(seed: 2).uniform([1, 3, 32, 32])] {
      let made = start.detached()
      made.requiresGradient = true
      loss(made, faces).backward()
      #expect(made.gradient?.isFinite() == true)
    }
  }
}

import Atelier
import Foundation
import TestSupport
import Testing

/// Takes for fake what is red.
private final class RedDetector: FakeDetectingSystem {
  struct Configuration: SystemConfiguration {
    var batchSize = 2

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      let image = Field("image", .image(channels: 3, height: 8, width: 8, range: .signed))
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan([image, Field("label", .label(classes: 2))], LabelledFrames()),
            batchSize: batchSize)
        ], conditions: [Condition("image", .field(image.kind), isRequired: true, help: "an image")],
        outputs: [Field("probability", .features(size: 1))], sampling: FakeDetectionSettings(),
        abilities: [FakeDetection(image: "image", label: "label")])
    }
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(name: "toy-red", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let scale: Linear

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    scale = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
  }

  var networks: [Network] { [Network("scale", scale) { _, inputs in inputs }] }
  var optimizers: [(name: String, optimizer: Optimizer)] { [] }
  func step(_ step: TrainingStep) throws {}

  /// Four times the mean of the red channel.
  func logOdds(of images: Tensor) throws -> Tensor { images.slice(1, 0, 1).mean(dims: [1, 2, 3]) * 4 }
  func heatMaps(of images: Tensor) throws -> Tensor {
    .zeros([images.shape[0], images.shape[2], images.shape[3]])
  }
  func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    try emit(Output("probability", logOdds(of: request.required("image")).sigmoid().reshaped([-1, 1])))
  }
}

@Suite(.serialized) struct FakeDetectionMeasureTests {
  private func write(_ reds: [(video: String, frames: [UInt8])], _ place: URL) throws {
    for (video, frames) in reds {
      let folder = place.appendingPathComponent(video)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for (number, red) in frames.enumerated() {
        try Image(width: 8, height: 8, channels: 3, bytes: (0..<64).flatMap { _ in [red, 40, 90] })
          .write(to: folder.appendingPathComponent("\(number).png"))
      }
    }
  }

  /// All fakes are redder than all real videos, and most of them not red enough for one half.
  private func data(in folder: TemporaryFolder) throws -> URL {
    let place = folder("faces")
    try write(
      [
        ("train/real/a", [10, 20]), ("train/swap/b", [200, 210]), ("val/real/c", [50, 60]),
        ("val/swap/d", [100, 110]), ("test/real/e", [50, 60]), ("test/real/f", [60, 70]),
        ("test/swap/g", [100, 110]), ("test/draw/h", [150, 200]),
      ], place)
    return place
  }

  private func numbers(
    _ place: URL, _ choice: String = "fake-detection", other: Bool = false,
    parts: [DatasetSplit] = [.test, .validation], say: @escaping (String) -> Void = { _ in }
  ) throws -> [String: MeasuredNumber] {
    Engine.threadCount = 1
    let binding = try DataBinding.open(place, for: RedDetector.self, configuration: [:])
    let system = try RedDetector(.init(), artefacts: Artefacts(), using: RandomStream(seed: 1))
    let options = EvaluationOptions(samples: 4, hasOtherData: other, shownExamples: 0, parts: parts)
    let found = try Evaluation(
      system, data: binding, options: options, measures: MeasureList.standard.only([choice]), say: say
    ).run()
    return Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0) })
  }

  @Test func numbersAreThoseOfVideosAndOfFrames() throws {
    let folder = try TemporaryFolder()
    let found = try numbers(data(in: folder))
    func value(_ id: String) throws -> Double { try #require(found[id], "\(id)").value }
    #expect(try value("video-auc") == 1 && value("frame-auc") == 1)
    #expect(try value("video-accuracy") == 0.75 && value("frame-accuracy") == 0.75)
    // The validation part's fakes begin above a red of 60, as those of the test part begin above 70.
    #expect(try value("video-accuracy-chosen") == 1)
    #expect(try value("video-eer") == 0 && value("frame-eer") == 0)
    #expect(try value("video-recall-swap") == 0 && value("video-recall-draw") == 1)
    #expect(try value("video-auc-swap") == 1)
    let ece = try #require(found["video-ece"])
    #expect(ece.protocolText.contains("15 bins") && ece.interval != nil)
    #expect(found["video-auc"]?.protocolText.contains("4 videos, 2 of them fake, 8 frames") == true)
    #expect(found["video-accuracy"]?.baselines?.first?.value == 0.5)
  }

  @Test func aVideosScoreAndFramesAreChosen() throws {
    let folder = try TemporaryFolder()
    let found = try numbers(data(in: folder), "fake-detection:frames=1,videoScore=share")
    // One frame a video leaves nothing to join.
    #expect(found["video-auc"] == nil && found["frame-auc"]?.protocolText.contains("4 frames") == true)
  }

  @Test func scoresAreTakenAgainOfDamagedImages() throws {
    let folder = try TemporaryFolder()
    let found = try numbers(data(in: folder), "fake-detection:robustness=true")
    for damage in ["jpeg-75", "jpeg-50", "halved", "noise"] {
      #expect(found["video-auc-\(damage)"]?.value == 1, "\(damage)")
      #expect(found["video-accuracy-\(damage)"] != nil)
    }
  }

  @Test func theValidationPartChoosesNoThresholdForItself() throws {
    let folder = try TemporaryFolder()
    let found = try numbers(data(in: folder), parts: [.validation])
    #expect(found["video-auc"]?.value == 1 && found["video-accuracy-chosen"] == nil)
    #expect(found["video-auc"]?.name.contains("validation") == true)
  }

  @Test func framesThatCannotBeReadCountAsNothing() throws {
    let folder = try TemporaryFolder()
    let place = try data(in: folder)
    try Data("no image".utf8).write(to: place.appendingPathComponent("test/real/e/2.png"))
    var said: [String] = []
    let found = try numbers(place) { said.append($0) }
    #expect(found["frame-accuracy"]?.protocolText.contains("8 frames") == true)
    #expect(said.contains { $0.hasPrefix("1 frames could not be read") })
  }

  @Test func otherDataAreMeasuredWhole() throws {
    let folder = try TemporaryFolder()
    let place = folder("others")
    try write([("real/a", [10, 20]), ("fake/b", [200, 210])], place)
    let accuracy = try numbers(place, other: true)["video-accuracy"]
    #expect(accuracy?.value == 1 && accuracy?.protocolText.hasPrefix("whole part") == true)
    #expect(try numbers(place).isEmpty)
  }
}

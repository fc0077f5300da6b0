import Atelier
import Foundation
import TestSupport
import Testing

/// Leaves faces as they are, or replaces them by grey.
private final class ToyAnonymiser: TranslatingSystem {
  struct Configuration: SystemConfiguration {
    var batchSize = 4
    var hides = true

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      func image(_ channels: Int) -> FieldKind {
        .image(channels: channels, height: 48, width: 48, range: .unit)
      }
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan([Field("image", image(3)), Field("mask", image(1))], Faces(mask: .replaced)),
            batchSize: batchSize)
        ], conditions: [Condition("image", .field(image(3)), isRequired: true, help: "a face")],
        outputs: [Field("image", image(3))],
        abilities: [
          ImageTranslation([TranslationDirection("anonymise", source: "image", target: "image")]),
          FaceAnonymization(image: "image", mask: "mask"),
        ])
    }
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(name: "toy-grey", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let scale: Linear

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    scale = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
  }

  var networks: [Network] { [Network("scale", scale) { _, inputs in inputs }] }
  var optimizers: [(name: String, optimizer: Optimizer)] { [] }
  func step(_ step: TrainingStep) throws {}
  func translate(_ pictures: Tensor, direction: TranslationDirection, draws: any Draws) throws -> Tensor {
    pictures
  }
  func translate(_ examples: Batch, direction: TranslationDirection, draws: any Draws) throws -> Tensor {
    configuration.hides
      ? examples["image"] * (1 - examples["mask"]) + examples["mask"] * 0.5 : examples["image"]
  }
}

@Suite(.serialized) struct FacePrivacyMeasureTests {
  private func data(in folder: TemporaryFolder) throws -> URL {
    var options = RenderedFaceOptions()
    (options.identities, options.clips, options.frames, options.size) = (3, 4, 6, 48)
    options.seed = 5
    let place = folder("faces")
    _ = try RenderedFaceSet.prepare(to: place, options: options)
    return place
  }

  private func numbers(
    _ place: URL, hides: Bool, _ choice: String = "face-privacy", in folder: TemporaryFolder,
    say: @escaping (String) -> Void = { _ in }
  ) throws -> [String: MeasuredNumber] {
    Engine.threadCount = 1
    let binding = try DataBinding.open(place, for: ToyAnonymiser.self, configuration: [:])
    var configuration = ToyAnonymiser.Configuration()
    configuration.hides = hides
    let system = try ToyAnonymiser(configuration, artefacts: Artefacts(), using: RandomStream(seed: 1))
    let options = EvaluationOptions(
      samples: 4, classifierSeconds: 60, classifierFile: folder("classifier.safetensors"),
      weights: WeightStore(folder("no-weights")), shownExamples: 0)
    let found = try Evaluation(
      system, data: binding, options: options, measures: MeasureList.standard.only([choice]), say: say
    ).run()
    return Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0) })
  }

  @Test func whatHidesNothingIsRecognisedAndGreyIsNot() throws {
    let folder = try TemporaryFolder()
    let place = try data(in: folder)
    var said: [String] = []
    let shown = try numbers(place, hides: false, in: folder) { said.append($0) }
    #expect(
      Set(shown.keys)
        == [
          "anonymised-rank-1", "anonymised-tar", "anonymised-identity", "anonymised-variance",
          "anonymised-eer",
        ])
    // One sentence says what is missing and how to get it.
    #expect(said.count { $0.contains("`atelier weights install mtcnn sface`") } == 1)
    for number in shown.values {
      #expect(number.name.hasSuffix("(Atelier's classifier)") && number.interval != nil)
      #expect(number.protocolText.contains("18 held-out faces of 3 people"))
      let names = number.baselines?.map(\.name) ?? []
      #expect(names.prefix(3) == ["real faces", "blurred faces", "pixelated faces"])
      // What is left as it is measures as the real faces do.
      #expect(number.baselines?.first.map { abs($0.value - number.value) < 1e-9 } == true, "\(number)")
    }
    #expect(try #require(shown["anonymised-rank-1"]).value == 1)
    #expect(abs(try #require(shown["anonymised-identity"]).value - 1) < 1e-6)
    let hidden = try numbers(place, hides: true, in: folder)
    // All are alike, so that nobody is nearer to himself than to others.
    #expect(try #require(hidden["anonymised-rank-1"]).value < 0.7)
    #expect(try #require(hidden["anonymised-identity"]).value < 0.7)
    #expect(try #require(hidden["anonymised-variance"]).value < 0.05)
    #expect(try #require(hidden["anonymised-eer"]).value > 0.25)
    #expect(hidden["anonymised-rank-1"]?.better == .smaller && hidden["anonymised-eer"]?.better == .larger)
    // The baselines do not depend on the system.
    #expect(hidden["anonymised-tar"]?.baselines == shown["anonymised-tar"]?.baselines)
  }

  @Test func withoutARecogniserThereIsNoNumber() throws {
    let folder = try TemporaryFolder()
    let found = try numbers(data(in: folder), hides: true, "face-privacy:trainingFaces=0,faces=4", in: folder)
    #expect(found.isEmpty)
  }
}

import Atelier
import Foundation

/// Sounds beside sounds: `train/source/a.wav` and `train/target/a.wav`, served as clips from random places.
struct SoundPairs: DataArrangement {
  let id = "sound-pairs"
  var source: String
  var target: String

  func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let part = place.appendingPathComponent(split.rawValue)
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: part.path + "/source").sorted()
    else {
      throw DatasetError.missingSplit(
        path: place.path, split: split, reason: "there is no \(split.rawValue)/source")
    }
    guard let field = opening.fields.first(where: { $0.name == source }),
      case .audio(let channels, let samples, _) = field.kind
    else { throw DatasetError.invalid(reason: "'\(source)' must be a sound") }
    let codec = FieldCodec(field.kind)
    func sound(_ folder: String, _ name: String) throws -> [Float] {
      guard case .tensor(let tensor) = try codec.read(part.appendingPathComponent("\(folder)/\(name)")) else {
        return []
      }
      return tensor.floats()
    }
    let pairs = try names.map { name in
      let pair = (source: try sound("source", name), target: try sound("target", name))
      guard pair.source.count == pair.target.count, pair.source.count >= channels * samples else {
        throw DatasetError.corruptFile(
          path: part.appendingPathComponent("target/\(name)").path,
          reason: "it is not as long as its source, or shorter than a clip")
      }
      return pair
    }
    return .examples(
      SoundPairDataset(
        pairs: pairs, titles: names, names: (source, target), channels: channels, samples: samples,
        description: DatasetDescription(
          layout: .pairedFolders, name: place.lastPathComponent, split: split, count: pairs.count,
          fingerprint: contentFingerprint(of: pairs.flatMap { HostTensor($0.source + $0.target).bytes }))))
  }
}

/// Pairs of sounds, channel after channel.
struct SoundPairDataset: Dataset {
  let pairs: [(source: [Float], target: [Float])]
  let titles: [String]
  let names: (source: String, target: String)
  let channels: Int
  let samples: Int
  let description: DatasetDescription

  var count: Int { pairs.count }
  let isRandom = true

  func example(at index: Int) -> Example { clip(index, at: 0) }

  func example(at index: Int, using generator: inout SeededGenerator) -> Example {
    clip(index, at: generator.integer(below: pairs[index].source.count / channels - samples + 1))
  }

  func title(of index: Int) -> String? { titles[index] }

  private func clip(_ index: Int, at start: Int) -> Example {
    func cut(_ sound: [Float]) -> HostTensor {
      let frames = sound.count / channels
      let kept = (0..<channels).flatMap { sound[($0 * frames + start)..<($0 * frames + start + samples)] }
      return HostTensor(Array(kept), shape: [channels, samples])
    }
    return Example([names.source: cut(pairs[index].source), names.target: cut(pairs[index].target)])
  }
}

/// Sounds into sounds, by two convolutions along time.
final class ToySoundFilter: GenerativeSystem {
  struct Configuration: SystemConfiguration {
    var batchSize = 2
    var channels = 1
    var samples = 64
    var sampleRate = 8000
    var features = 4

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      let sound = FieldKind.audio(channels: channels, samples: samples, sampleRate: sampleRate)
      let (source, target) = (Field("source", sound), Field("target", sound))
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan([source, target], SoundPairs(source: "source", target: "target")),
            batchSize: batchSize)
        ],
        conditions: [Condition("source", .field(sound), isRequired: true, help: "the sound to start from")],
        outputs: [target])
    }
    func validate() throws(ConfigurationError) {}
  }

  private final class Filter: Module {
    let input: Conv1d
    let output: Conv1d

    init(_ configuration: Configuration, using stream: RandomStream) {
      input = Conv1d(
        inputChannels: configuration.channels, outputChannels: configuration.features, kernelSize: 5,
        padding: 2,
        using: stream)
      output = Conv1d(
        inputChannels: configuration.features, outputChannels: configuration.channels, kernelSize: 5,
        padding: 2,
        using: stream)
    }

    func callAsFunction(_ sound: Tensor) -> Tensor { output(input(sound).leakyRelu(0.2)) }
  }

  static let identity = SystemIdentity(
    name: "toy-sound-filter", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let filter: Filter
  private let optimizer: Adam

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    filter = Filter(configuration, using: stream)
    optimizer = Adam(filter, learningRate: 0.02)
  }

  var networks: [Network] {
    [
      Network("filter", filter) { [filter] _, inputs in
        ["target": filter(try inputs.required("source"))]
      }
    ]
  }
  var optimizers: [(name: String, optimizer: Optimizer)] { [("filter", optimizer)] }

  func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    try step.update("filter", optimizer) { loss in
      loss.add("total", (filter(batch["source"]) - batch["target"]).abs().mean())
    }
  }

  func generate(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws {
    let sound = try withoutGradients {
      filter(try request.inputs.required("source")).clamped(min: -1, max: 1)
    }
    try emit(.images(sound))
  }
}

extension ToySoundFilter: ReferenceAnswering {
  /// The signal-to-noise ratio of given sounds in decibels.
  static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "signal-to-noise" else { return nil }
    try check.refuseSettings()
    let sounds = try inputs.tensors()
    return [
      "decibels": .tensor(
        Tensor(
          scalar: SignalToNoise.decibels(
            of: try sounds.required("output"), against: try sounds.required("target"))))
    ]
  }
}

/// How much louder a target is than what an output lacks of it.
struct SignalToNoise: Measure {
  static let id = "signal-to-noise"

  static func decibels(of output: Tensor, against target: Tensor) -> Double {
    10 * log10(target.square().sum().item() / (output - target).square().sum().item())
  }

  func applies(to plan: SystemPlan) -> Bool {
    if case .audio? = plan.outputs.first?.kind { true } else { false }
  }

  func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let batches = try context.data.batches(of: .test), let network = context.system.network("filter")
    else { return [] }
    let ratios = try batches.map(context.data.batch).map { batch in
      let output = try network.forward(nil, ["source": batch["source"]])
      return Self.decibels(of: try output.required("target"), against: batch["target"])
    }
    return [
      MeasuredNumber(
        id: Self.id, name: "signal to noise", value: ratios.reduce(0, +) / Double(ratios.count),
        better: .larger, provenance: context.provenance(part: "test"), protocolText: "dB, mean of batches")
    ]
  }
}

public import AtelierCore
import AtelierData
public import Torch
import TorchNN

extension StarGANVC {
  /// The networks with the names of the reference cases.
  static func describe(_ generator: VoiceGenerator, _ discriminator: VoiceDiscriminator) -> [Network] {
    [
      Network("generator", generator, authorsNames: VoiceGenerator.authorsNames) { _, inputs in
        func speaker(_ name: String) throws -> Int {
          try inputs.required(name).to(.cpu).integers().first ?? 0
        }
        return [
          "mel": generator(
            try inputs.required("mel"), to: try speaker("target"),
            from: try inputs["source"] == nil ? 0 : speaker("source"))
        ]
      },
      Network(
        "discriminator", discriminator, authorsNames: VoiceDiscriminator.authorsNames, isForTraining: true
      ) { _, inputs in
        // Strided convolutions need full groups of four frames.
        let mel = try inputs.required("mel")
        let judged = discriminator(mel.narrow(2, from: 0, length: mel.shape[2] / 4 * 4))
        return ["scores": judged.scores, "logits": judged.logits]
      },
    ]
  }

  /// The generator between two speakers, with the last frame repeated up to a multiple of four.
  public func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue]
  ) throws -> [String: CaseValue]? {
    guard check.kind == "forward", check.network == "generator", check.part == nil else { return nil }
    try check.refuseSettings(knowing: ["parameters"])
    guard case .table(let parameters)? = check.settings["parameters"],
      case .integer(let target)? = parameters["target"],
      case .integer(let source) = parameters["source"] ?? .integer(0),
      (0..<configuration.speakers).contains(target), (0..<configuration.speakers).contains(source)
    else { throw ConfigurationError("the check '\(check.name)' names no speakers as 'target' and 'source'") }
    let mel = try inputs.tensors().required("mel")
    return ["mel": .tensor(withoutGradients { padded(mel, to: target, from: source) })]
  }

  /// A step for each batch index: a batch of every speaker, and the draws of every pair.
  public static func recordedSteps(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> [RecordedStep]? {
    let mixing = try inputs.required("mix")
    let speakers = try (0..<configuration.speakers).map { try inputs.required("speaker\($0)") }
    return (0..<mixing.shape[0]).map { index in
      let mixes = mixing.selected(dim: 0, index: index)
      return RecordedStep(
        batches: speakers.enumerated().map { speaker, mels in
          let mel = mels.selected(dim: 0, index: index)
          return Batch(["mel": mel, "speaker": Tensor([Int](repeating: speaker, count: mel.shape[0]))])
        },
        draws: [
          "mix": (0..<mixes.shape[0]).flatMap { pair in
            (0..<2).map { mixes.selected(dim: 0, index: pair).selected(dim: 0, index: $0) }
          }
        ])
    }
  }
}

extension StarGANVC: ImportingSystem {
  /// What the author's program saves.
  public static var foreignFiles: String { "N.gen.pt of kamepong/StarGAN-VC, also with N.dis.pt beside it" }

  /// Tells both networks by names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = try ForeignModel(files.map { ForeignTensors($0) }, of: Self.self) { file in
      if file.has("le_adv.weight") { return "discriminator" }
      return file.has("eb1.weight") ? "generator" : nil
    }
    try model.tell(from: "generator") { file in
      let isRecurrent = file.hasName(beginningWith: "rnn0.")
      let embedding = try file.required("eb1.weight", axes: 2)
      let hasSource = file.has("eb0.weight")
      var keys: [String: ConfigurationValue] = [
        "generator": .string(isRecurrent ? "recurrent" : "convolutional"), "speakers": .integer(embedding[0]),
        "embeddingSize": .integer(embedding[1]), "sourceConditioning": .boolean(hasSource),
      ]
      if isRecurrent {
        keys["mels"] = .integer(try file.side("linear3.linear_layer.weight_v", 0))
        keys["generatorChannels"] = .integer(try file.side("linear0.linear_layer.weight_v", 0))
        keys["bottleneckSize"] = .integer(try file.side("linear1.linear_layer.weight_v", 0))
        keys["layers"] = .integer(file.count("rnn0.weight_ih_l", "_reverse"))
      } else {
        keys["mels"] = .integer(try file.side("le10.weight", 0))
        keys["generatorChannels"] = .integer(try file.side("le1.conv1.weight_v", 0) / 2)
        keys["bottleneckSize"] = .integer(try file.side("le5.conv1.weight_v", 0) / 2)
        keys["norm"] = .string(Self.norm(file))
      }
      return keys
    }
    try model.tell(from: "discriminator") { file in
      [
        "speakers": .integer(try file.side("le_cls.weight", 0)),
        "discriminatorChannels": .integer(try file.side("le_cls.weight", 1)),
        "mels": .integer(try file.side("le1.conv1.weight_v", 1)), "norm": .string(Self.norm(file)),
      ]
    }
    return model
  }

  private static func norm(_ file: ForeignTensors) -> String {
    if file.has("le1.norm1.running_mean") { return "batch" }
    return file.has("le1.norm1.weight") ? "layer" : "instance"
  }
}

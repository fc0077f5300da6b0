public import AtelierCore
public import AtelierData
import Perception
public import Torch
import TorchNN

extension AutoVC {
  /// The networks with the names of the reference cases; spectrograms are `[batch, frames, bands]`, outputs have an axis of
  /// one behind the batch, as the authors' have.
  static func describe(_ generator: VoiceAutoencoder, _ configuration: Configuration) -> [Network] {
    var networks = [
      Network("generator", generator, authorsNames: VoiceAutoencoder.authorsNames) { part, inputs in
        let (mel, source) = (try inputs.required("mel"), try inputs.required("source"))
        if part == "codes" { return ["codes": generator.codes(mel, source)] }
        let output = generator(mel, from: source, to: try inputs.required("target"))
        return [
          "mel": output.mel.unsqueezed(1), "melPostnet": output.postnet.unsqueezed(1), "codes": output.codes,
        ]
      }
    ]
    guard configuration.embedding == .dVector else { return networks }
    let encoder = DVectorNetwork(
      bands: configuration.mels, hiddenSize: configuration.speakerEncoderHidden,
      embeddingSize: configuration.embeddingSize, layers: configuration.speakerEncoderLayers)
    networks.append(
      Network("speakerEncoder", encoder, frozenFrom: "d-vector") { _, inputs in
        ["embedding": encoder(try inputs.required("mel"))]
      })
    return networks
  }

  /// Recorded crops with their embeddings in place of the speakers' numbers.
  public static func recordedSteps(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> [RecordedStep]? {
    let (mels, voices) = (try inputs.required("mel"), try inputs.required("embedding"))
    return (0..<mels.shape[0]).map { index in
      RecordedStep(batches: [
        Batch([
          "mel": mels.selected(dim: 0, index: index).transposed(1, 2),
          "embedding": voices.selected(dim: 0, index: index),
        ])
      ])
    }
  }
}

extension AutoVC: ImportingSystem {
  /// What the authors' program saves.
  public static var foreignFiles: String { "autovc.ckpt of auspicious3000/autovc" }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("MIT (auspicious3000/autovc)", allowsCommercialUse: true)
  }

  /// Tells the generator's sizes from shapes; frames of a code are not among them, and are those of the published weights
  /// where a code has their size.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = try ForeignModel(files, of: Self.self, beginningWith: ["generator": "decoder.lstm1."])
    try model.tell(from: "generator") { file in
      let mels = try file.side("decoder.linear_projection.linear_layer.weight", 0)
      let neck = try file.side("encoder.lstm.weight_hh_l0", 1)
      var keys: [String: ConfigurationValue] = [
        "mels": .integer(mels),
        "encoderChannels": .integer(try file.side("encoder.convolutions.0.0.conv.weight", 0)),
        "bottleneckSize": .integer(neck),
        "embeddingSize": .integer(try file.side("encoder.convolutions.0.0.conv.weight", 1) - mels),
        "decoderInputChannels": .integer(try file.side("decoder.lstm1.weight_hh_l0", 1)),
        "decoderChannels": .integer(try file.side("decoder.lstm2.weight_hh_l0", 1)),
        "postnetChannels": .integer(try file.side("postnet.convolutions.0.0.conv.weight", 0)),
      ]
      if neck == 32 { keys["codeDownsampling"] = .integer(32) }
      return keys
    }
    return model
  }
}

import Atelier
import Foundation
import TestSupport

/// Spectrograms of a small form.
struct ToyFrontEnd: VoiceFrontEnd {
  var spectrogram: MelSpectrogram {
    .starGAN(sampleRate: 16_000, transformSize: 1024, hop: 256, bands: 80)
  }

  func callAsFunction(_ samples: [Float]) throws -> HostTensor {
    try spectrogram(Tensor(samples).unsqueezed(0)).squeezed(0).asType(.float32).contiguous().host()
  }
}

/// Leaves every voice as it is, or plays it backwards.
final class ToyParrot: VoiceConvertingSystem {
  struct Configuration: SystemConfiguration {
    var speakers = 2
    var frames = 64
    var batchSize = 2
    var reverses = false

    static let presets = [Preset("small", "a toy", Configuration())]
    var conversion: VoiceConversion {
      VoiceConversion(frontEnd: ToyFrontEnd(), speakers: speakers, source: .any, takesRecordings: false)
    }
    var plan: SystemPlan {
      SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [
                Field("mel", .spectrogram(bands: 80, frames: frames)),
                Field("speaker", .label(classes: speakers)),
              ], Voices(utterance: "mel", speaker: "speaker", serving: .crops, features: ToyFrontEnd())),
            batchSize: batchSize)
        ],
        conditions: conversion.conditions, outputs: conversion.outputs(frames: frames),
        sampling: VoiceDrawing(), abilities: [conversion, Likeness(.voice, of: "speaker")])
    }
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(name: "toy-parrot", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let scale: Linear
  private let optimizer: Adam

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    scale = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
    optimizer = Adam(scale, learningRate: 0.01)
  }

  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    adapted.speakers = data.description.classNames.count
    return adapted
  }

  var networks: [Network] {
    [Network("scale", scale) { [scale] _, inputs in ["mel": scale(try inputs.required("mel"))] }]
  }
  var optimizers: [(name: String, optimizer: Optimizer)] { [("scale", optimizer)] }

  func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    try step.update("scale", optimizer) { loss in
      let mel = batch["mel"].mean().reshaped([1, 1])
      loss.add("total", (scale(mel) - mel).square().mean())
    }
  }

  func converted(_ mel: Tensor, from source: Voice?, to target: Voice) throws -> Tensor {
    configuration.reverses ? mel.flipped([2]) : mel
  }
}

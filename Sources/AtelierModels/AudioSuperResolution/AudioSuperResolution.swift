public import AtelierCore
public import AtelierData
import AtelierMedia
import Foundation
public import Torch
public import TorchNN

/// Audio super-resolution: a sound's higher frequencies from its lower ones.
///
/// Papers: Kuleshov, Enam and Ermon 2017, "Audio Super-Resolution using Neural Nets"; Birnbaum et al. 2019, "Temporal FiLM:
/// Capturing Long-Range Sequence Dependencies with Feature-Wise Modulations". Reference implementation, by the authors:
/// kuleshov/audio-super-res `models/audiounet.py`, `models/audiotfilm.py`, `models/model.py`, `data/vctk/prep_vctk.py`, MIT.
///
/// A sound is low-passed, every `factor`-th sample is kept, and a cubic spline brings it back to its length: that is the
/// input, and the network adds what is missing. The loss is the mean over sounds of √(mean squared error + 1e-6).
///
/// Deviations are on the system's page.
public final class AudioSuperResolution: SoundTranslatingSystem, ReferenceAnswering {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "audio-super-resolution", summary: "a sound's higher frequencies from its lower ones",
    paper: "Kuleshov et al., Audio Super-Resolution using Neural Nets, 2017; "
      + "Birnbaum et al., Temporal FiLM, 2019",
    reference: "kuleshov/audio-super-res", suits: [.sounds])

  /// The choices this system was built from.
  public let configuration: Configuration
  private let generator: AudioUNet
  private let optimizer: Optimizer

  /// Builds the network with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    generator = AudioUNet(configuration, using: stream)
    let adam = configuration.adam
    optimizer =
      adam.updateRule == .adam
      ? TensorFlowAdam(
        generator, learningRate: configuration.learningRate, beta1: adam.beta1, beta2: adam.beta2,
        epsilon: adam.adamEpsilon)
      : adam.optimizer(generator, learningRate: configuration.learningRate)
  }

  /// `generator` answers `signal` `[batch, 1, samples]` with `signal`, and beside a `target` with `loss` and `snr`.
  public var networks: [Network] {
    [
      Network("generator", generator) { [generator] part, inputs in
        let signal = try inputs.required("signal")
        if part == "subpixel" { return ["signal": AudioUNet.subpixel(signal, factor: 2)] }
        let output = generator(signal)
        guard let target = inputs["target"] else { return ["signal": output] }
        let error = Self.error(output, target)
        return ["signal": output, "loss": error.mean(), "snr": Self.signalToNoise(target, error).mean()]
      }
    ]
  }

  /// The generator's optimiser.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("generator", optimizer)] }

  /// One step on clips: what the network adds against what was there.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let target = batch["target"]
    let error = try step.update("generator", optimizer) { loss in
      let error = Self.error(generator(batch["signal"]).asType(.float32), target)
      loss.add("total", error.mean())
      return error.detached()
    }.result
    step.log("snr", Self.signalToNoise(target, error).mean())
  }

  /// √(mean squared error + 1e-6) of each sound.
  private static func error(_ output: Tensor, _ target: Tensor) -> Tensor {
    ((output - target).square() + 1e-6).mean(dims: [1, 2]).sqrt()
  }

  /// Decibels of each sound over its error, as the authors log them.
  private static func signalToNoise(_ target: Tensor, _ error: Tensor) -> Tensor {
    (target.square().mean(dims: [1, 2]).sqrt() / error + 1e-8).log() * (20 / log(10))
  }

  /// Windows with their higher frequencies.
  public func translated(_ windows: Tensor) throws -> Tensor { generator(windows).asType(.float32) }

  /// The spline of given samples, which needs no networks.
  public static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "upsample" else { return nil }
    try check.refuseSettings(knowing: ["factor"])
    let signal = try inputs.tensors().required("signal").asType(.float64).host()
    let length = signal.shape.last ?? 1
    let values = signal.doubles()
    let made = stride(from: 0, to: values.count, by: max(1, length)).flatMap {
      splineUpsampled(Array(values[$0..<($0 + length)]), by: configuration.factor)
    }
    let shape = signal.shape.dropLast() + [length * configuration.factor]
    return ["signal": .tensor(Tensor(HostTensor(made, shape: Array(shape))))]
  }
}

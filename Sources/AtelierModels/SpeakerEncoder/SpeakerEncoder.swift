public import AtelierCore
public import AtelierData
import Perception
public import Torch
public import TorchNN

/// A speaker encoder: a vector of unit length for a piece of speech, near to the vectors of the same speaker.
///
/// Paper: Wan, Wang, Papir and Lopez Moreno 2018, "Generalized End-to-End Loss for Speaker Verification". Reference
/// implementation: resemble-ai/Resemblyzer 0.1.4, Apache-2.0, which uses a trained network and trains none.
///
/// Deviations: Documentation/systems/speaker-encoder.md.
public final class SpeakerEncoder: SpeakerRecognizingSystem, ReferenceAnswering {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "speaker-encoder", summary: "a vector for the voice of a speaker",
    paper: "Wan et al., Generalized End-to-End Loss for Speaker Verification, 2018",
    reference: "resemble-ai/Resemblyzer", suits: [.sounds])

  /// The choices this system was built from.
  public let configuration: Configuration
  private let encoder: SpeakerEncoderNetwork
  private let contrast: SpeakerContrast
  private let optimizer: Optimizer

  /// Builds the network with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    encoder = SpeakerEncoderNetwork(
      bands: SpeakerEncoderFeatures().bands, hiddenSize: configuration.hiddenSize,
      embeddingSize: configuration.embeddingSize, layers: configuration.layers, using: stream)
    contrast = SpeakerContrast()
    optimizer = configuration.adam.optimizer(
      encoder.namedParameters() + contrast.namedParameters(), learningRate: configuration.learningRate)
  }

  /// `speakerEncoder` answers `mel` `[batch, frames, bands]` with `embedding` `[batch, size]`; `contrast` has the scale and
  /// the offset of similarities.
  public var networks: [Network] {
    [
      Network("speakerEncoder", encoder) { [encoder] part, inputs in
        if let part { throw ConfigurationError("the speaker encoder has no part '\(part)'") }
        return ["embedding": encoder(try inputs.required("mel"))]
      },
      Network("contrast", contrast, isForTraining: true) { [contrast] _, inputs in
        [
          "similarity": contrast.similarities(
            try inputs.required("embedding"), try inputs.required("membership"))
        ]
      },
    ]
  }

  /// The one optimiser.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("speakerEncoder", optimizer)] }

  /// One step on several pieces of each of some speakers. Logs `total` and the share of pieces that are nearest to their own
  /// speaker, `accuracy`.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    // Pieces are compared with those of all processes.
    let (mel, labels) = (
      batch["mel"].transposed(1, 2), batch["speaker"].gatheredOverProcesses().integers()
    )
    let speakers = Array(Set(labels)).sorted()
    let numbers = Dictionary(uniqueKeysWithValues: speakers.enumerated().map { ($1, $0) })
    let target = Tensor(labels.map { numbers[$0] ?? 0 }, device: mel.device)
    let membership = Tensor(
      labels.flatMap { label in speakers.map { $0 == label ? Float(1) : 0 } },
      shape: [labels.count, speakers.count],
      device: mel.device)
    let clip = configuration.gradientClip
    let logits = try step.update("speakerEncoder", optimizer, clip: clip > 0 ? clip : nil) { loss in
      let embeddings = encoder(mel).asType(.float32).gatheredOverProcesses()
      let logits = contrast.similarities(embeddings, membership, share: configuration.similarityShare)
      loss.add("total", crossEntropy(logits, target))
      return logits.detached()
    }.result
    step.observe("accuracy") { logits.argmax(dim: 1).equal(target).asType(.float32).mean() }
  }

  // MARK: - Utterances

  /// Embeddings `[batch, size]` of spectrograms `[batch, bands, frames]`.
  public func embeddings(of utterances: Tensor) throws -> Tensor {
    encoder(utterances.transposed(1, 2)).asType(.float32)
  }

  /// Embeddings of the spectrograms of a request.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    try emit(Output("embedding", embeddings(of: request.required("mel"))))
  }

  /// The pieces of utterances, their means, and that of the speaker.
  public func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue]
  ) throws -> [String: CaseValue]? {
    guard check.part == "utterance" else { return nil }
    try check.refuseSettings(knowing: ["parameters"])
    let network: SpeakerEncoderNetwork
    switch check.network {
    case "speakerEncoder": network = encoder
    // The package's weights are used where the user has installed them.
    case "packaged":
      network = SpeakerEncoderNetwork()
      try WeightStore.standard.fill(network, with: "resemblyzer", for: "the reference case")
    default: return nil
    }
    var pieces = SpeechPieces()
    if case .table(let table)? = check.settings["parameters"] {
      for (key, value) in table {
        let number: Double? =
          switch value {
          case .number(let number): number
          case .integer(let number): Double(number)
          default: nil
          }
        switch (key, number) {
        case ("rate", let number?): pieces.rate = number
        case ("minimumCoverage", let number?): pieces.minimumCoverage = number
        default: throw ConfigurationError("the parameter '\(key)' of '\(check.name)' is not understood")
        }
      }
    }
    let waveforms = try inputs.tensors()
    let names = (0..<waveforms.count).map { "waveform\($0)" }
    var (answer, embeddings) = ([String: CaseValue](), [Tensor]())
    for (index, name) in names.enumerated() {
      let utterance = try SpokenUtterance(waveforms.required(name), pieces)
      let partials = withoutGradients { network(utterance.pieces) }
      let embedding = SpokenUtterance.mean(of: partials)
      answer["partials\(index)"] = .tensor(partials)
      answer["embedding\(index)"] = .tensor(embedding)
      embeddings.append(embedding)
    }
    answer["speaker"] = .tensor(SpokenUtterance.mean(of: Tensor.stacked(embeddings)))
    if embeddings.count > 1 {
      answer["similarity"] = .tensor((embeddings[0] * embeddings[1]).sum().reshaped([1]))
    }
    return answer
  }
}

public import AtelierCore
public import AtelierData
import Perception
public import Torch
public import TorchNN

/// AutoVC: an auto-encoder of speech whose code is so narrow that the speaker is lost in it, and is given to the decoder as
/// an embedding; with another one, another speaker says the words.
///
/// Paper: Qian et al. 2019, "AutoVC: Zero-Shot Voice Style Transfer with Only Autoencoder Loss". Reference implementation,
/// by the authors: auspicious3000/autovc `model_vc.py`, `model_bl.py`, `solver_encoder.py`, `make_spect.py`, MIT.
///
/// The losses are the squared differences of the decoder's output, and of the postnet's, from the spectrogram, and the
/// absolute difference of the code from the code of the postnet's output.
///
/// Deviations are on the system's page.
public final class AutoVC: VoiceConvertingSystem, ReferenceAnswering {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "autovc", summary: "speech in another voice, also that of a short recording",
    paper: "Qian et al., AutoVC: Zero-Shot Voice Style Transfer with Only Autoencoder Loss, 2019",
    reference: "auspicious3000/autovc", suits: [.voices])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator, and the authors' speaker encoder where that one makes the embeddings.
  public let networks: [Network]
  private let generator: VoiceAutoencoder
  private let optimizer: Optimizer
  /// The speakers' embeddings `[speakers, size]`; nil where there was no training yet.
  private let embeddings: Tensor?
  /// The recordings that were heard last with their embeddings: one voice is often the target of many files.
  private var recordings: [(samples: [Float], vector: [Float])] = []

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = VoiceAutoencoder(configuration, using: stream)
    self.generator = generator
    optimizer = configuration.adam.optimizer(generator, learningRate: configuration.learningRate)
    networks = Self.describe(generator, configuration)
    embeddings = try Self.embeddings(configuration, artefacts)
  }

  private static func embeddings(_ configuration: Configuration, _ artefacts: Artefacts) throws -> Tensor? {
    if configuration.embedding == .oneHot { return .eye(configuration.embeddingSize) }
    guard artefacts.contents[SpeakerEmbeddings.name] != nil else { return nil }
    let found = try artefacts.decode(SpeakerEmbeddings.self, SpeakerEmbeddings.name)
    let size = configuration.embeddingSize
    try Checks.require(
      !found.vectors.isEmpty && found.vectors.allSatisfy { $0.count == size },
      "the model's speaker embeddings have \(found.vectors.first?.count ?? 0) numbers, and embeddingSize is \(size)"
    )
    return Tensor(found.vectors.flatMap { $0 }, shape: [found.vectors.count, size])
  }

  /// The generator's optimiser.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("generator", optimizer)] }

  /// Takes over the number of speakers, which is also the length of one-hot embeddings.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    let speakers = data.description.classNames.count
    guard speakers > 0 else { return configuration }
    configuration.speakers = speakers
    if configuration.embedding == .oneHot { configuration.embeddingSize = speakers }
    return configuration
  }

  /// One step on crops: each said again in the own voice.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    // [batch, frames, mels]
    let mel = batch["mel"].transposed(1, 2)
    let voice = try batch.tensors["embedding"] ?? embedding(of: batch["speaker"])
    let terms = try step.update("generator", optimizer) { loss in
      let output = generator(mel, from: voice, to: voice)
      loss.add("identity", difference(mel, output.mel))
      loss.add("identityPostnet", difference(mel, output.postnet))
      let codes = generator.codes(output.postnet, voice)
      loss.add(
        "code", meanAbsoluteError(output.codes, codes), weight: configuration.lossWeights.code,
        logsWeighted: false)
    }
    step.log("total", terms.total)
  }

  /// The mean squared difference of each item from itself, or, as the authors' program computes it, of all pairs of items.
  private func difference(_ mel: Tensor, _ output: Tensor) -> Tensor {
    switch configuration.reconstruction {
    case .paired: (mel - output).square().mean()
    case .pairwise:
      (mel.gatheredOverProcesses().unsqueezed(0) - output.unsqueezed(1)).square().mean()
    }
  }

  /// The embeddings `[n, size]` of speakers `[n]`.
  private func embedding(of speakers: Tensor) throws -> Tensor {
    guard let embeddings else {
      throw ConfigurationError("this autovc has no speaker embeddings; train it on speakers first")
    }
    return embeddings.to(speakers.device).indexSelected(0, speakers)
  }

  /// The embedding of a voice, `[1, size]`.
  private func embedding(of voice: Voice) throws -> Tensor {
    switch voice {
    case .speaker(let speaker):
      guard (embeddings?.shape[0]).map({ (0..<$0).contains(speaker) }) ?? true else {
        throw ConfigurationError("this autovc has no embedding of speaker \(speaker); the training had fewer")
      }
      return try embedding(of: Tensor([speaker], device: device))
    case .recording(let samples):
      guard let embedder = configuration.embedder else {
        throw ConfigurationError(
          "this autovc has one-hot embeddings, which know the training's speakers only; name a speaker, and who is heard "
            + "as 'source'")
      }
      let vector =
        try recordings.first { $0.samples == samples }?.vector ?? embedder(of: 1) { _ in [samples] }[0]
      recordings = recordings.filter { $0.samples != samples }.suffix(1) + [(samples, vector)]
      return Tensor(vector, shape: [1, vector.count], device: device)
    }
  }

  /// Spectrograms in another voice: zeros are appended up to whole codes, and cut off again.
  public func converted(_ mel: Tensor, from source: Voice?, to target: Voice) throws -> Tensor {
    guard let source else {
      throw ConfigurationError("autovc needs to know who is heard; name it as 'source'")
    }
    let frames = mel.shape[2]
    let group = configuration.codeDownsampling
    let padded = mel.padded([0, (group - frames % group) % group]).transposed(1, 2)
    func expanded(_ voice: Voice) throws -> Tensor {
      let vector = try embedding(of: voice)
      return vector.expanded([mel.shape[0], vector.shape[1]])
    }
    let output = generator(padded, from: try expanded(source), to: try expanded(target))
    return output.postnet.transposed(1, 2).narrow(2, from: 0, length: frames).asType(.float32)
  }
}

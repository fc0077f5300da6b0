import AtelierCore
import AtelierData
import Foundation
import Perception
import Torch
import TorchNN

/// AutoVC's spectrograms of 0 … 1.
struct AutoVCFeatures: VoiceFrontEnd {
  private let front: AutoVCFrontEnd
  /// Whether long silences are cut out before; never where speech is converted, whose length stays.
  private let trimsSilence: Bool

  init(bands: Int, trimsSilence: Bool = false) {
    (front, self.trimsSilence) = (AutoVCFrontEnd(bands: bands), trimsSilence)
  }

  var spectrogram: MelSpectrogram { front.spectrogram }

  func callAsFunction(_ samples: [Float]) throws -> HostTensor {
    let samples = trimsSilence ? Self.trimmed(samples, shortest: shortest) : samples
    return try withTensorErrors {
      try withoutGradients {
        try front.mel(filtered: front.filtered(samples.map(Double.init))).asType(.float32).contiguous().host()
      }
    }
  }

  /// Samples without their long silences.
  static func trimmed(_ samples: [Float], shortest: Int = 1) -> [Float] {
    SilenceTrimming()(samples, by: EnergyVoiceDetector(), shortest: shortest)
  }

  static func == (one: AutoVCFeatures, other: AutoVCFeatures) -> Bool {
    one.spectrogram == other.spectrogram && one.trimsSilence == other.trimsSilence
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(spectrogram)
    hasher.combine(trimsSilence)
  }
}

/// Embeddings of speakers by networks whose weights lie in the user's store.
struct AutoVCEmbedder: SpeakerEmbedding {
  let kind: AutoVC.Configuration.Embedding
  let bands: Int
  let hiddenSize: Int
  let size: Int
  let layers: Int
  let trimsSilence: Bool

  var sampleRate: Int { 16_000 }
  var utterances: Int { 10 }

  /// Frames of a crop that the authors' encoder reads.
  private static let crop = 128

  func callAsFunction(of speakers: Int, utterances: (Int) throws -> [[Float]]) throws -> [[Float]] {
    try withTensorErrors {
      try withoutGradients {
        kind == .resemblyzer ? try resemblyzer(speakers, utterances) : try dVectors(speakers, utterances)
      }
    }
  }

  /// The mean over utterances of the vectors of crops, which is not brought to unit length, as the authors have it.
  private func dVectors(_ speakers: Int, _ utterances: (Int) throws -> [[Float]]) throws -> [[Float]] {
    let network = DVectorNetwork(bands: bands, hiddenSize: hiddenSize, embeddingSize: size, layers: layers)
    try WeightStore.standard.fill(network, with: "d-vector", for: AutoVC.identity.name)
    let features = AutoVCFeatures(bands: bands, trimsSilence: trimsSilence)
    return try (0..<speakers).map { speaker in
      let vectors = try utterances(speaker).map { samples -> Tensor in
        let mel = Tensor(try features(samples)).transposed(0, 1)
        // The middle, where the authors take any place; a shorter utterance whole.
        let count = min(Self.crop, mel.shape[0])
        return network(mel.narrow(0, from: (mel.shape[0] - count) / 2, length: count).unsqueezed(0))
      }
      return Tensor.concatenated(vectors, dim: 0).mean(dims: [0]).host().floats()
    }
  }

  /// The mean over utterances, at unit length again; an utterance's is that of its pieces.
  private func resemblyzer(_ speakers: Int, _ utterances: (Int) throws -> [[Float]]) throws -> [[Float]] {
    let network = SpeakerEncoderNetwork()
    try WeightStore.standard.fill(network, with: "resemblyzer", for: AutoVC.identity.name)
    return try (0..<speakers).map { speaker in
      let vectors = try utterances(speaker).map { samples -> Tensor in
        let volume = normalizedVolume(samples.map(Double.init)).map(Float.init)
        return try network.embedding(of: Tensor(trimsSilence ? AutoVCFeatures.trimmed(volume) : volume))
      }
      return SpokenUtterance.mean(of: .stacked(vectors)).host().floats()
    }
  }
}

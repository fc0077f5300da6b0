public import Torch
public import TorchNN

/// The speaker encoder of Wan et al. 2018, "Generalized End-to-End Loss for Speaker Verification", as resemblyzer has it: an
/// LSTM over the frames of a mel spectrogram, whose last hidden state becomes a vector of unit length.
///
/// The spectrogram is ``MelSpectrogram/speakerEncoder``; ``PretrainedWeights`` `resemblyzer` are weights for it. Names of the
/// weights are resemblyzer's: `lstm.weight_ih_l0`, …, `linear.weight`, `linear.bias`.
public final class SpeakerEncoderNetwork: PerceptionNetwork {
  /// The bands of a frame.
  public let bands: Int
  private let lstm: Recurrent
  private let linear: Linear

  /// The network with random weights; resemblyzer's sizes by default.
  public init(
    bands: Int = 40, hiddenSize: Int = 256, embeddingSize: Int = 256, layers: Int = 3,
    using stream: RandomStream = RandomStream(seed: 0)
  ) {
    self.bands = bands
    lstm = Recurrent(cell: .lstm, inputSize: bands, hiddenSize: hiddenSize, layers: layers, using: stream)
    linear = Linear(inputFeatures: hiddenSize, outputFeatures: embeddingSize, using: stream)
    super.init(architecture: "resemblyzer")
  }

  /// Embeddings `[batch, embedding]` of spectrograms `[batch, frames, bands]`: not negative, of length 1.
  public func callAsFunction(_ mel: Tensor) -> Tensor {
    let time = mel.transposed(0, 1)
    let state = lstm(time).state.hidden
    let embedding = linear(state.selected(dim: 0, index: state.shape[0] - 1)).relu()
    return embedding / embedding.square().sum(dims: [1], keepDim: true).sqrt()
  }

  /// `lstm`, then `linear`.
  public override func members() -> [Member] {
    [.child(name: "lstm", module: lstm), .child(name: "linear", module: linear)]
  }
}

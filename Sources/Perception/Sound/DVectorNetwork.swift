public import Torch
public import TorchNN

/// AutoVC's speaker encoder: an LSTM over the frames of AutoVC's own mel spectrogram, whose last output becomes a vector of
/// unit length. Trained by its authors with the loss of Wan et al. 2018, "Generalized End-to-End Loss for Speaker
/// Verification".
///
/// The spectrogram is ``MelSpectrogram/autoVC(bands:)``; ``PretrainedWeights`` `d-vector` are weights for it. Names of the
/// weights are the authors': `lstm.weight_ih_l0`, …, `embedding.weight`, `embedding.bias`. Source: auspicious3000/autovc
/// `model_bl.py`.
public final class DVectorNetwork: PerceptionNetwork {
  private let lstm: Recurrent
  private let embedding: Linear

  /// The network with random weights; the authors' sizes by default.
  public init(
    bands: Int = 80, hiddenSize: Int = 768, embeddingSize: Int = 256, layers: Int = 3,
    using stream: RandomStream = RandomStream(seed: 0)
  ) {
    lstm = Recurrent(cell: .lstm, inputSize: bands, hiddenSize: hiddenSize, layers: layers, using: stream)
    embedding = Linear(inputFeatures: hiddenSize, outputFeatures: embeddingSize, using: stream)
    super.init(architecture: "d-vector")
    requiresGradients = false
  }

  /// Embeddings `[batch, embedding]` of unit length for spectrograms `[batch, frames, bands]`.
  public func callAsFunction(_ mel: Tensor) -> Tensor {
    let outputs = lstm(mel.transposed(0, 1).contiguous()).output
    let vectors = embedding(outputs.selected(dim: 0, index: outputs.shape[0] - 1))
    return vectors / vectors.square().sum(dims: [1], keepDim: true).sqrt()
  }

  /// `lstm`, then `embedding`.
  public override func members() -> [Member] {
    [.child(name: "lstm", module: lstm), .child(name: "embedding", module: embedding)]
  }
}

import AtelierMetrics
import AtelierTraining
import Torch
import TorchNN

/// Tells spoken utterances apart by who speaks or by what is said: a small network that learns from real speech only.
///
/// Four convolutions over the frames of a log-mel spectrogram, then the means and the largest values over time, so that an
/// utterance of any length has one answer. It learns from pieces of at most ``frames`` frames in a fixed number of steps, and
/// is the same for a seed, thread count and machine.
struct UtteranceClassifier {
  /// What the classes are.
  enum Subject: Sendable {
    /// Who speaks. Pieces are taken as they are, less the mean of the training.
    case speaker
    /// What is said. The mean of each band is taken away, which leaves out loudness and much of the voice, and pieces differ
    /// in speed, in the place of their formants and in noise, as other voices would.
    case prompt
  }

  /// An utterance that is learned from.
  struct Example {
    /// Logarithms of amplitudes, `[bands, frames]`.
    let mel: Tensor
    /// The class, from 0.
    let label: Int
  }

  /// The most frames of a piece.
  static let frames = 128
  /// Pieces in a step.
  private static let batchSize = 32
  /// The highest learning rate of Adam.
  private static let learningRate = 3e-3
  /// How far the speed of pieces differs from 1.
  private static let speed: Float = 0.15
  /// How far the scale of their bands differs from 1.
  private static let scale: Float = 0.1
  /// How far bands are moved, as a share of half of them.
  private static let shift: Float = 0.06
  /// The largest deviation of their noise, of that of the spectrograms.
  private static let noise: Float = 0.3

  private let network: UtteranceNetwork
  private let subject: Subject
  private let mean: Double
  private let deviation: Double

  /// Learns from examples of all classes; nil where these are fewer than two, or all values are one.
  ///
  /// - Parameter steps: how many are made.
  init?(_ examples: [Example], classes: Int, by subject: Subject, steps: Int, seed: UInt64) {
    guard Set(examples.map(\.label)).count > 1, let bands = examples.first?.mel.shape[0] else { return nil }
    self.subject = subject
    let levelled = examples.map { Self.levelled($0.mel, subject) }
    let all = Tensor.concatenated(levelled, dim: 1)
    mean = subject == .speaker ? all.mean().item() : 0
    deviation = (all - mean).square().mean().item().squareRoot()
    guard deviation > 0 else { return nil }
    let longest = levelled.map { $0.shape[1] }.max() ?? 0
    let length = min(Self.frames, longest)
    // The most frames that a piece can take of an utterance.
    let span = subject == .prompt ? Int(Float(length) * (1 + Self.speed)) + 2 : length
    let (center, scale) = (mean, deviation)
    let utterances = levelled.map { Self.repeated(($0 - center) / scale, to: span) }
    let network = UtteranceNetwork(
      bands: bands, classes: classes,
      using: RandomStream(seed: seed, purpose: "weights of a judge of utterances"))
    let stream = RandomStream(seed: seed, purpose: "pieces of a judge of utterances")
    let optimizer = Adam(network.namedParameters(), learningRate: Self.learningRate)
    network.train()
    var order: [Int] = []
    withGradients {
      for step in 0..<steps {
        while order.count < Self.batchSize { order += stream.permutation(examples.count).integers() }
        let rows = order.prefix(Self.batchSize)
        order.removeFirst(Self.batchSize)
        let pieces = withoutGradients {
          Tensor.stacked(rows.map { Self.piece(of: utterances[$0], length, subject, stream) })
        }
        optimizer.learningRate =
          Self.learningRate * ClassifierTraining.oneCycle(Double(step) / Double(steps))
        optimizer.minimize(crossEntropy(network(pieces), Tensor(rows.map { examples[$0].label })))
        SignsOfLife.heard()
      }
    }
    network.eval()
    self.network = network
  }

  /// The likeliest class of an utterance `[bands, frames]`.
  func label(of mel: Tensor) -> Int {
    withoutGradients {
      network((Self.levelled(mel, subject) - mean).unsqueezed(0) / deviation).argmax(dim: 1).integers()[0]
    }
  }

  /// As float32, for prompts without the mean of each band.
  private static func levelled(_ mel: Tensor, _ subject: Subject) -> Tensor {
    let values = mel.asType(.float32)
    return subject == .prompt ? values - values.mean(dims: [1], keepDim: true) : values
  }

  /// From its beginning again until there are so many frames.
  private static func repeated(_ mel: Tensor, to count: Int) -> Tensor {
    let copies = (count + mel.shape[1] - 1) / mel.shape[1]
    return copies > 1 ? .concatenated([Tensor](repeating: mel, count: copies), dim: 1) : mel
  }

  /// A piece from anywhere, `[bands, length]`.
  private static func piece(
    of mel: Tensor, _ length: Int, _ subject: Subject, _ stream: RandomStream
  ) -> Tensor {
    let (bands, frames) = (mel.shape[0], mel.shape[1])
    let drawn = stream.uniform([5]).floats()
    guard subject == .prompt else {
      let start = min(frames - length, Int(drawn[0] * Float(frames - length + 1)))
      return mel.narrow(1, from: start, length: length)
    }
    let rate = 1 + speed * (2 * drawn[1] - 1)
    let start = drawn[0] * max(0, Float(frames - 1) - rate * Float(length - 1))
    let half = max(1, Float(frames - 1)) / 2
    let times = Tensor((0..<length).map { (start + rate * Float($0)) / half - 1 })
    let (size, place) = (1 + scale * (2 * drawn[2] - 1), shift * (2 * drawn[3] - 1))
    let heights = Tensor(
      (0..<bands).map { band in
        (2 * Float(band) / Float(max(1, bands - 1)) - 1) * size + place
      })
    let grid = Tensor.stacked(
      [
        times.reshaped([1, 1, length]).expanded([1, bands, length]),
        heights.reshaped([1, bands, 1]).expanded([1, bands, length]),
      ], dim: 3)
    let warped = gridSample(
      mel.reshaped([1, 1, bands, frames]), at: grid, padding: .border, alignCorners: true)
    return warped.reshaped([bands, length]) + stream.normal([bands, length]) * Double(noise * drawn[4])
  }
}

/// The network of ``UtteranceClassifier``: logits `[batch, classes]` of `[batch, bands, frames]`.
private final class UtteranceNetwork: Module {
  private let convolutions: [Conv1d]
  private let norms: [BatchNorm1d]
  private let output: Linear

  /// Kernels and dilations of the convolutions; the first halves the frames.
  private static let layers = [(5, 1), (3, 2), (3, 3), (3, 4)]
  private static let channels = 64

  init(bands: Int, classes: Int, using stream: RandomStream) {
    convolutions = Self.layers.enumerated().map { place, layer in
      let (kernel, dilation) = layer
      return Conv1d(
        inputChannels: place == 0 ? bands : Self.channels, outputChannels: Self.channels, kernelSize: kernel,
        stride: place == 0 ? 2 : 1, padding: dilation * (kernel / 2), dilation: dilation, hasBias: false,
        using: stream)
    }
    norms = Self.layers.map { _ in BatchNorm1d(channels: Self.channels) }
    output = Linear(inputFeatures: 2 * Self.channels, outputFeatures: classes, using: stream)
    super.init()
  }

  func callAsFunction(_ mel: Tensor) -> Tensor {
    var x = mel
    for (convolution, norm) in zip(convolutions, norms) { x = norm(convolution(x)).relu() }
    return output(.concatenated([x.mean(dims: [2]), x.max(dim: 2).values], dim: 1))
  }
}

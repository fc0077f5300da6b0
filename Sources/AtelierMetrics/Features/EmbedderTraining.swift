import Foundation
public import Torch
import TorchNN

/// Trains an ``InstanceEmbedder`` on images alone.
///
/// Adam on NT-Xent with a one-cycle learning rate. Deterministic for a seed, thread count and machine, unless
/// the time limit shortens it, which the report records.
public struct EmbedderTraining: Codable, Sendable, Hashable {
  /// The number of passes over the images, with two views of each.
  public var epochs: Double
  /// The batch size.
  public var batchSize: Int
  /// The highest learning rate.
  public var learningRate: Double
  /// The temperature of NT-Xent.
  public var temperature: Double
  /// The smallest fraction of an image's area in a crop.
  public var smallestCrop: Double
  /// Whether views are flipped horizontally with probability 1/2.
  public var mirrors: Bool
  /// The seed of the initial weights, the order and the views.
  public var seed: UInt64
  /// The time limit in seconds.
  public var seconds: Double
  /// Channels of the first stage of the network.
  public var baseChannels: Int
  /// Length of the feature vectors.
  public var featureSize: Int

  /// Settings; the defaults suit thousands of small images on two cores.
  public init(
    epochs: Double = 20, batchSize: Int = 128, learningRate: Double = 2e-3, temperature: Double = 0.2,
    smallestCrop: Double = 0.3, mirrors: Bool = true, seed: UInt64 = 0, seconds: Double = 600,
    baseChannels: Int = 32, featureSize: Int = 128
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.temperature = temperature
    self.smallestCrop = smallestCrop
    self.mirrors = mirrors
    self.seed = seed
    self.seconds = seconds
    self.baseChannels = baseChannels
    self.featureSize = featureSize
  }

  /// Trains an embedder.
  ///
  /// - Parameters:
  ///   - images: bytes `[n, channels, height, width]`, at least two.
  ///   - progress: called after every step with its number, their count and, every few steps, the loss; false
  ///     stops early and throws `CancellationError`.
  /// - Throws: `MetricError` for images or settings that do not fit.
  public func run(
    images: Tensor, progress: (Int, Int, Double?) -> Bool = { _, _, _ in true }
  ) throws -> InstanceEmbedder {
    let start = ContinuousClock.now
    guard images.rank == 4, images.dtype == .uint8, images.shape[0] >= 2 else {
      throw MetricError(
        "the embedder learns from bytes [n, channels, height, width], two or more, not \(images.dtype) "
          + "\(images.shape)")
    }
    guard batchSize >= 2, epochs > 0, epochs < 1e6, learningRate > 0, temperature > 0, seconds > 0,
      smallestCrop > 0, smallestCrop <= 1
    else {
      throw MetricError(
        "the settings of the embedder's training do not fit: it needs batches of two, epochs, seconds, a learning "
          + "rate and a temperature above 0, and a crop in 0 … 1")
    }
    let embedder = try InstanceEmbedder(
      InstanceEmbedder.Configuration(
        channels: images.shape[1], height: images.shape[2], width: images.shape[3],
        baseChannels: baseChannels, featureSize: featureSize),
      using: RandomStream(seed: seed, purpose: "embedder.weights"))
    let stream = RandomStream(seed: seed, purpose: "embedder.batches")
    let size = min(batchSize, images.shape[0])
    var plan = ClassifierTraining.Plan(
      steps: max(1, Int(epochs * Double(images.shape[0]) / Double(size))))
    let optimizer = Adam(embedder, learningRate: learningRate, weightDecay: 1e-6)
    embedder.train()
    var (order, position, step) = (Tensor.arange(images.shape[0]), images.shape[0], 0)
    var losses: [Tensor] = []
    while step < plan.steps {
      if position + size > images.shape[0] { (order, position) = (stream.permutation(images.shape[0]), 0) }
      let batch = images.indexSelected(0, order.narrow(0, from: position, length: size))
      position += size
      let pictures = signedImages(batch)
      // Both views in one pass, so that the norms see them together.
      let views = Tensor.concatenated([view(pictures, stream), view(pictures, stream)], dim: 0)
      let projections = embedder.projected(embedder.embedded(views))
      let loss = InstanceEmbedder.contrastiveLoss(
        projections.narrow(0, from: 0, length: size), projections.narrow(0, from: size, length: size),
        temperature: temperature)
      optimizer.learningRate = learningRate * ClassifierTraining.oneCycle(plan.progress(at: step))
      optimizer.minimize(loss)
      losses.append(loss.detached())
      step += 1
      let value = step % 20 == 0 || step == plan.steps ? loss.item() : nil
      guard progress(step, plan.steps, value) else { throw CancellationError() }
      if step % 20 == 0 { plan.fit(into: seconds * 0.95, elapsed: Self.seconds(since: start), step: step) }
    }
    embedder.eval()
    embedder.report = InstanceEmbedder.Report(
      trainingCount: images.shape[0], steps: step,
      loss: Tensor.stacked(Array(losses.suffix(max(1, step / 10)))).mean().item(),
      wasShortened: plan.wasShortened, fingerprint: fingerprint(images))
    return embedder
  }

  /// The fingerprint of data and settings without the time limit, 16 hexadecimal digits.
  public func fingerprint(_ images: Tensor) -> String {
    var hash = Fingerprint()
    let numbers = [
      epochs, Double(batchSize), learningRate, temperature, smallestCrop, Double(baseChannels),
      Double(featureSize),
    ]
    // The leading number is the version of the network and its training.
    hash.add("simclr 1: \(numbers) \(mirrors) \(seed) \(images.shape)")
    hash.add(images.host().bytes)
    return hash.text
  }

  /// A random view of each image: a resized crop, a flip and colour jitter.
  func view(_ images: Tensor, _ stream: RandomStream) -> Tensor {
    recoloured(cropped(images, stream), stream)
  }

  /// A random resized crop of each image, bilinear: one matrix product for the rows and one for the columns.
  private func cropped(_ images: Tensor, _ stream: RandomStream) -> Tensor {
    let count = images.shape[0]
    let area = stream.uniform([count, 1, 1]) * (1 - smallestCrop) + smallestCrop
    let proportion = ((stream.uniform([count, 1, 1]) * 2 - 1) * 0.2877).exp()
    func weights(_ side: Int, _ share: Tensor, mirrored: Tensor?) -> Tensor {
      let start = stream.uniform([count, 1, 1]) * (1 - share) * Double(side)
      var output = Tensor.arange(side).asType(.float32).reshaped([1, side, 1]) + 0.5
      if let mirrored { output = .select(mirrored, Double(side) - output, output) }
      let position = (start + output * share - 0.5).clamped(min: 0, max: Double(side - 1))
      let distance = (position - Tensor.arange(side).asType(.float32).reshaped([1, 1, side])).abs()
      return (1 - distance).relu().unsqueezed(1)
    }
    let root = area.sqrt()
    let rows = weights(images.shape[2], (root * proportion.sqrt()).clamped(max: 1), mirrored: nil)
    let flips = stream.bernoulli(mirrors ? 0.5 : 0, [count, 1, 1]).greater(0)
    let columns = weights(images.shape[3], (root / proportion.sqrt()).clamped(max: 1), mirrored: flips)
    return rows.matmul(images).matmul(columns.transposed(2, 3))
  }

  /// Jitters brightness, contrast and saturation of most images, and turns a fifth grey.
  private func recoloured(_ images: Tensor, _ stream: RandomStream) -> Tensor {
    let shape = [images.shape[0], 1, 1, 1]
    func factor(_ reach: Double) -> Tensor { 1 + (stream.uniform(shape) * 2 - 1) * reach }
    let unit = (images + 1) / 2
    var x = unit * factor(0.4)
    let mean = x.mean(dims: [1, 2, 3], keepDim: true)
    x = (x - mean) * factor(0.4) + mean
    if images.shape[1] == 3 {
      let grey = x.mean(dims: [1], keepDim: true)
      let kept = stream.bernoulli(0.8, shape)
      x = (x - grey) * (factor(0.4) * kept) + grey
    }
    let changed = stream.bernoulli(0.8, shape).greater(0)
    return Tensor.select(changed, x.clamped(min: 0, max: 1), unit) * 2 - 1
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}

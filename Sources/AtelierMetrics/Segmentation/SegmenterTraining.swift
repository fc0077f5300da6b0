public import Foundation
public import Torch
import TorchNN

/// Trains a ``ImageSegmenter`` on real images and their label maps.
///
/// Adam on the cross-entropy of the pixels with a one-cycle learning rate, with random horizontal flips.
/// Deterministic for a seed, thread count and machine, unless the time limit shortens it.
public struct SegmenterTraining: Codable, Sendable, Hashable {
  /// The number of passes over the images.
  public var epochs: Double
  /// The batch size for images of up to 128×128 pixels; smaller for larger ones.
  public var batchSize: Int
  /// The highest learning rate.
  public var learningRate: Double
  /// The seed of the initial weights, the order and the flips.
  public var seed: UInt64
  /// The time limit in seconds; the schedule is shortened on a machine that is too slow for it.
  public var seconds: Double
  /// Channels of the first stage of the network.
  public var baseChannels: Int

  /// Settings; the defaults suit hundreds of images of 64 to 128 pixels on two cores.
  public init(
    epochs: Double = 30, batchSize: Int = 16, learningRate: Double = 4e-3, seed: UInt64 = 0,
    seconds: Double = 90, baseChannels: Int = 24
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.seed = seed
    self.seconds = seconds
    self.baseChannels = baseChannels
  }

  /// Images with their label maps.
  public struct Examples {
    /// Bytes, `[n, 3, height, width]`.
    public let images: Tensor
    /// The label maps, int64 `[n, height, width]`; converted from the stored type on each access.
    public var labels: Tensor { kept.asType(.int64) }
    /// uint8 where the classes fit, as maps of thousands of images are large.
    private let kept: Tensor

    /// The classes of some of the images, int64 `[rows, height, width]`.
    func labels(_ rows: Tensor) -> Tensor { kept.indexSelected(0, rows).asType(.int64) }

    /// The classes of consecutive images, int64.
    func labels(from start: Int, to end: Int) -> Tensor { kept.slice(0, start, end).asType(.int64) }

    /// The lowest and the highest class.
    var range: (lowest: Int, highest: Int) { (Int(kept.min().item()), Int(kept.max().item())) }

    func add(to hash: inout Fingerprint) {
      for tensor in [images, kept] {
        hash.add("\(tensor.shape)")
        hash.add(tensor.host().bytes)
      }
    }

    /// Images with their label maps, int64 or uint8.
    ///
    /// - Throws: `MetricError` for other types or shapes, or no images.
    public init(images: Tensor, labels: Tensor) throws {
      guard images.rank == 4, images.dtype == .uint8, images.shape[0] >= 1, images.shape[1] == 3 else {
        throw MetricError(
          "the segmenter learns from bytes [n, 3, height, width], not \(images.dtype) \(images.shape)")
      }
      guard [.int64, .uint8].contains(labels.dtype),
        labels.shape == [images.shape[0]] + images.shape.suffix(2)
      else {
        throw MetricError(
          "images of \(images.shape) need int64 label maps [n, height, width], not \(labels.dtype) "
            + "\(labels.shape)")
      }
      self.images = images.to(.cpu).contiguous()
      let fits = labels.dtype == .uint8 || (labels.min().item() >= 0 && labels.max().item() <= 255)
      kept = (fits ? labels.asType(.uint8) : labels).to(.cpu).contiguous()
    }
  }

  /// Trains a segmenter on `train` and measures it on `test`.
  ///
  /// - Parameters:
  ///   - classes: the number of classes; labels are in 0 ..< `classes`.
  ///   - ignore: a class ignored in the loss and in the scores.
  /// - Throws: `MetricError` for examples or settings that do not fit.
  public func run(train: Examples, test: Examples, classes: Int, ignoring ignore: Int?) throws
    -> ImageSegmenter
  {
    guard epochs > 0, batchSize >= 2, learningRate > 0, seconds > 0, train.images.shape[0] >= 2 else {
      throw MetricError(
        "the settings of the segmenter's training do not fit: it needs two images, batches of two, and "
          + "epochs, seconds and a learning rate above 0")
    }
    for examples in [train, test] {
      let (lowest, highest) = examples.range
      guard highest < classes, lowest >= 0 else {
        throw MetricError("label maps hold \(highest), and there are \(classes) classes, counted from 0")
      }
    }
    let start = ContinuousClock.now
    let segmenter = try ImageSegmenter(
      ImageSegmenter.Configuration(classes: classes, baseChannels: baseChannels),
      using: RandomStream(seed: seed, purpose: "segmenter.weights"))
    let (steps, wasShortened) = fit(segmenter, train, ignore, start)
    segmenter.eval()
    let scores = try segmenter.scores(of: test.images, against: test, classes: classes, ignoring: ignore)
    segmenter.report = ImageSegmenter.Report(
      meanIntersectionOverUnion: scores.meanIntersectionOverUnion, pixelAccuracy: scores.pixelAccuracy,
      testCount: test.images.shape[0], trainingCount: train.images.shape[0], steps: steps,
      wasShortened: wasShortened,
      fingerprint: fingerprint(train: train, test: test, classes: classes, ignoring: ignore),
      seconds: seconds)
    return segmenter
  }

  /// Loads the segmenter from a file if it was trained on the same data with the same settings; otherwise
  /// trains one and writes it there.
  ///
  /// - Throws: as ``run(train:test:classes:ignoring:)``; `FileFormatError` when the file cannot be written.
  public func cached(
    at url: URL, train: Examples, test: Examples, classes: Int, ignoring ignore: Int?
  ) throws -> ImageSegmenter {
    let wanted = fingerprint(train: train, test: test, classes: classes, ignoring: ignore)
    if let segmenter = known(at: url, fingerprint: wanted) { return segmenter }
    let segmenter = try run(train: train, test: test, classes: classes, ignoring: ignore)
    try segmenter.save(to: url)
    return segmenter
  }

  /// Loads the segmenter for the same data and settings from one of several folders; otherwise trains one and
  /// writes it into the first folder. Evaluations that share the folders thus use the same network.
  ///
  /// Files are named `segmenter-` plus the fingerprint of data and settings. A shortened training is reused
  /// only if its time limit was at least this one's.
  ///
  /// - Returns: the segmenter, its file, and whether it was loaded.
  /// - Throws: as ``cached(at:train:test:classes:ignoring:)``.
  public func shared(
    in folders: [URL], train: Examples, test: Examples, classes: Int, ignoring ignore: Int?
  ) throws -> (segmenter: ImageSegmenter, file: URL, wasKnown: Bool) {
    guard let first = folders.first else {
      throw MetricError("a segmenter needs a folder to be stored in; give at least one")
    }
    let wanted = fingerprint(train: train, test: test, classes: classes, ignoring: ignore)
    let name = "segmenter-\(wanted).safetensors"
    for folder in folders {
      let file = folder.appendingPathComponent(name)
      if let segmenter = known(at: file, fingerprint: wanted) { return (segmenter, file, true) }
    }
    let segmenter = try run(train: train, test: test, classes: classes, ignoring: ignore)
    let file = first.appendingPathComponent(name)
    try segmenter.save(to: file)
    return (segmenter, file, false)
  }

  /// The segmenter of a file if its fingerprint matches; nil also for an unreadable file, which is
  /// overwritten.
  private func known(at url: URL, fingerprint wanted: String) -> ImageSegmenter? {
    guard let known = try? Safetensors.header(of: url).metadata["fingerprint"], known == wanted,
      let segmenter = try? ImageSegmenter.load(from: url), let report = segmenter.report,
      !report.wasShortened || (report.seconds ?? 0) >= seconds
    else { return nil }
    return segmenter
  }

  private func fingerprint(train: Examples, test: Examples, classes: Int, ignoring ignore: Int?) -> String {
    var hash = Fingerprint()
    // The leading number is the version of the network and its training.
    hash.add(
      "segmenter 2: \(epochs) \(batchSize) \(learningRate) \(seed) \(baseChannels) \(classes) "
        + "\(ignore.map(String.init) ?? "none")")
    for examples in [train, test] {
      examples.add(to: &hash)
    }
    return hash.text
  }

  private func fit(
    _ segmenter: ImageSegmenter, _ train: Examples, _ ignore: Int?, _ start: ContinuousClock.Instant
  ) -> (steps: Int, wasShortened: Bool) {
    let stream = RandomStream(seed: seed, purpose: "segmenter.batches")
    let count = train.images.shape[0]
    // Memory grows with the number of pixels, so larger images get smaller batches.
    let pixels = train.images.shape[2] * train.images.shape[3]
    let size = min(batchSize, count, max(2, batchSize * 128 * 128 / pixels))
    var plan = ClassifierTraining.Plan(steps: max(1, Int(epochs * Double(count) / Double(size))))
    let optimizer = Adam(segmenter, learningRate: learningRate)
    segmenter.train()
    var (order, position, step) = (Tensor.arange(count), count, 0)
    while step < plan.steps {
      if position + size > count { (order, position) = (stream.permutation(count), 0) }
      let rows = order.narrow(0, from: position, length: size)
      position += size
      var images = signedImages(train.images.indexSelected(0, rows))
      var labels = train.labels(rows)
      let mirrored = stream.bernoulli(0.5, [size, 1, 1]).greater(0)
      images = Tensor.select(mirrored.unsqueezed(3), images.flipped([3]), images)
      labels = Tensor.select(mirrored, labels.flipped([2]), labels)
      let loss = crossEntropy(segmenter.logits(images), labels, ignoredIndex: ignore ?? -100)
      optimizer.learningRate = learningRate * ClassifierTraining.oneCycle(plan.progress(at: step))
      // A batch of only ignored pixels has a loss of NaN.
      if loss.isFinite() { optimizer.minimize(loss) }
      step += 1
      if step % 20 == 0 { plan.fit(into: seconds * 0.95, elapsed: Self.seconds(since: start), step: step) }
    }
    return (step, plan.wasShortened)
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}

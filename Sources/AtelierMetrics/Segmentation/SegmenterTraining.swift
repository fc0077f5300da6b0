public import Foundation
public import Torch
import TorchNN

/// Trains a ``PictureSegmenter`` on real images and their label maps.
///
/// Adam on the cross-entropy of the pixels with a one-cycle learning rate, half of the images mirrored.
/// Deterministic for a seed, thread count and machine as long as the time limit does not shorten it.
public struct SegmenterTraining: Codable, Sendable, Hashable {
  /// How often each image is seen.
  public var epochs: Double
  /// Images a step, of up to 128×128 pixels; fewer of larger ones.
  public var batchSize: Int
  /// The highest learning rate.
  public var learningRate: Double
  /// The seed of the initial weights, the order and the mirroring.
  public var seed: UInt64
  /// The upper bound on the time, in seconds; the plan is shortened where the machine is too slow for it.
  public var seconds: Double
  /// Channels of the first stage of the network.
  public var baseChannels: Int

  /// The defaults are made for hundreds of images of 64 to 128 pixels on two cores.
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
    /// Classes, int64 `[n, height, width]`, made anew from what is kept.
    public var labels: Tensor { kept.asType(.int64) }
    /// Bytes where the classes fit into them: maps of thousands of images are large.
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

    /// Images with their maps, int64 or bytes.
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
          "pictures of \(images.shape) need int64 label maps [n, height, width], not \(labels.dtype) "
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
  ///   - classes: how many classes there are; labels are below it.
  ///   - ignore: a class that counts neither in the loss nor in the measures.
  /// - Throws: `MetricError` for examples or settings that do not fit.
  public func run(train: Examples, test: Examples, classes: Int, ignoring ignore: Int?) throws
    -> PictureSegmenter
  {
    guard epochs > 0, batchSize >= 2, learningRate > 0, seconds > 0, train.images.shape[0] >= 2 else {
      throw MetricError(
        "the settings of the segmenter's training do not fit: it needs two pictures, batches of two, and "
          + "epochs, seconds and a learning rate above 0")
    }
    for examples in [train, test] {
      let (lowest, highest) = examples.range
      guard highest < classes, lowest >= 0 else {
        throw MetricError("label maps hold \(highest), and there are \(classes) classes, counted from 0")
      }
    }
    let start = ContinuousClock.now
    let segmenter = try PictureSegmenter(
      PictureSegmenter.Configuration(classes: classes, baseChannels: baseChannels),
      using: RandomStream(seed: seed, purpose: "segmenter.weights"))
    let (steps, wasShortened) = fit(segmenter, train, ignore, start)
    segmenter.eval()
    let scores = try segmenter.scores(of: test.images, against: test, classes: classes, ignoring: ignore)
    segmenter.report = PictureSegmenter.Report(
      meanIntersectionOverUnion: scores.meanIntersectionOverUnion, pixelAccuracy: scores.pixelAccuracy,
      testCount: test.images.shape[0], trainingCount: train.images.shape[0], steps: steps,
      wasShortened: wasShortened,
      fingerprint: fingerprint(train: train, test: test, classes: classes, ignoring: ignore),
      seconds: seconds)
    return segmenter
  }

  /// The segmenter of a file when it was trained on the same data with the same settings, else a new one,
  /// which is written there.
  ///
  /// - Throws: as ``run(train:test:classes:ignoring:)``; `FileFormatError` when the file cannot be written.
  public func cached(
    at url: URL, train: Examples, test: Examples, classes: Int, ignoring ignore: Int?
  ) throws -> PictureSegmenter {
    let wanted = fingerprint(train: train, test: test, classes: classes, ignoring: ignore)
    if let segmenter = known(at: url, fingerprint: wanted) { return segmenter }
    let segmenter = try run(train: train, test: test, classes: classes, ignoring: ignore)
    try segmenter.save(to: url)
    return segmenter
  }

  /// The segmenter that one of several folders holds for the same data and settings, else a new one, which is
  /// written into the first folder. So whoever looks into the same folders judges by the same network.
  ///
  /// Files are called `segmenter-` and the fingerprint of data and settings. One whose training was cut short
  /// counts only where it had as many seconds as this one may take.
  ///
  /// - Returns: the segmenter, its file, and whether it was there.
  /// - Throws: as ``cached(at:train:test:classes:ignoring:)``.
  public func shared(
    in folders: [URL], train: Examples, test: Examples, classes: Int, ignoring ignore: Int?
  ) throws -> (segmenter: PictureSegmenter, file: URL, wasKnown: Bool) {
    guard let first = folders.first else {
      throw MetricError("a segmenter is kept in a folder; name one")
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

  /// The segmenter of a file where it is the wanted one; a file that cannot be read has to be written anew.
  private func known(at url: URL, fingerprint wanted: String) -> PictureSegmenter? {
    guard let known = try? Safetensors.header(of: url).metadata["fingerprint"], known == wanted,
      let segmenter = try? PictureSegmenter.load(from: url), let report = segmenter.report,
      !report.wasShortened || (report.seconds ?? 0) >= seconds
    else { return nil }
    return segmenter
  }

  private func fingerprint(train: Examples, test: Examples, classes: Int, ignoring ignore: Int?) -> String {
    var hash = Fingerprint()
    // The number in front counts versions of the network and its training.
    hash.add(
      "segmenter 2: \(epochs) \(batchSize) \(learningRate) \(seed) \(baseChannels) \(classes) "
        + "\(ignore.map(String.init) ?? "none")")
    for examples in [train, test] {
      examples.add(to: &hash)
    }
    return hash.text
  }

  private func fit(
    _ segmenter: PictureSegmenter, _ train: Examples, _ ignore: Int?, _ start: ContinuousClock.Instant
  ) -> (steps: Int, wasShortened: Bool) {
    let stream = RandomStream(seed: seed, purpose: "segmenter.batches")
    let count = train.images.shape[0]
    // What training keeps of a step grows with its pixels: larger images come in smaller batches.
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
      var images = signedPictures(train.images.indexSelected(0, rows))
      var labels = train.labels(rows)
      let mirrored = stream.bernoulli(0.5, [size, 1, 1]).greater(0)
      images = Tensor.select(mirrored.unsqueezed(3), images.flipped([3]), images)
      labels = Tensor.select(mirrored, labels.flipped([2]), labels)
      let loss = crossEntropy(segmenter.logits(images), labels, ignoredIndex: ignore ?? -100)
      optimizer.learningRate = learningRate * ClassifierTraining.oneCycle(plan.progress(at: step))
      // A batch of nothing but ignored pixels has no mean.
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

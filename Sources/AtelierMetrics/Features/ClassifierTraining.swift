public import Foundation
public import Torch
import TorchNN

/// Trains an ``ImageClassifier`` on labelled images.
///
/// Adam on the cross-entropy with a one-cycle learning rate (Smith and Topin 2018): up over the first
/// quarter, then cosine decay. Deterministic for a seed, thread count and machine, unless the time limit
/// shortens it, which the report records.
public struct ClassifierTraining: Codable, Sendable, Hashable {
  /// The number of passes over the images.
  public var epochs: Double
  /// The batch size.
  public var batchSize: Int
  /// The highest learning rate.
  public var learningRate: Double
  /// Whether images are flipped horizontally with probability 1/2; not for digits and letters.
  public var mirrors: Bool
  /// The largest random translation in pixels, the same for a whole batch.
  public var shift: Int
  /// The seed of the initial weights, the order and the augmentation.
  public var seed: UInt64
  /// The time limit in seconds; the schedule is shortened on a machine that is too slow for it.
  public var seconds: Double
  /// Channels of the first stage of the network.
  public var baseChannels: Int
  /// Length of the feature vectors.
  public var featureSize: Int

  /// Settings; the defaults suit tens of thousands of small images on two cores.
  public init(
    epochs: Double = 3, batchSize: Int = 128, learningRate: Double = 4e-3, mirrors: Bool = true,
    shift: Int = 0, seed: UInt64 = 0, seconds: Double = 90, baseChannels: Int = 32, featureSize: Int = 128
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.mirrors = mirrors
    self.shift = shift
    self.seed = seed
    self.seconds = seconds
    self.baseChannels = baseChannels
    self.featureSize = featureSize
  }

  /// The progress of a training.
  public struct Progress: Sendable, Hashable {
    /// Steps done.
    public let step: Int
    /// Steps planned.
    public let steps: Int
    /// The cross-entropy of the last step in nats; nil except every few steps.
    public let loss: Double?
  }

  /// Labelled images.
  public struct Examples {
    /// Bytes, `[n, channels, height, width]`.
    public let images: Tensor
    /// Classes from 0, int64 `[n]`.
    public let labels: Tensor

    /// - Throws: `MetricError` for other types or shapes, no images, or labels below 0.
    public init(images: Tensor, labels: Tensor) throws {
      guard images.rank == 4, images.dtype == .uint8, images.shape[0] >= 1 else {
        throw MetricError(
          "the classifier learns from bytes [n, channels, height, width], not \(images.dtype) \(images.shape)"
        )
      }
      guard labels.shape == [images.shape[0]], labels.dtype == .int64 else {
        throw MetricError(
          "\(images.shape[0]) images need as many int64 labels, not \(labels.dtype) \(labels.shape)")
      }
      guard labels.min().item() >= 0 else {
        throw MetricError("labels count from 0; one of them is negative")
      }
      self.images = images.to(.cpu).contiguous()
      self.labels = labels.to(.cpu)
    }
  }

  /// Trains a classifier on `train` and measures it on `test`.
  ///
  /// - Parameters:
  ///   - classes: the number of classes; labels are in 0 ..< `classes`.
  ///   - progress: called after every step; false stops early and throws `CancellationError`.
  /// - Throws: `MetricError` for examples or settings that do not fit.
  public func run(
    train: Examples, test: Examples, classes: Int, progress: (Progress) -> Bool = { _ in true }
  ) throws -> ImageClassifier {
    let start = ContinuousClock.now
    try checkFit(train, test, classes)
    let classifier = try ImageClassifier(
      configuration(for: train, classes: classes),
      using: RandomStream(seed: seed, purpose: "classifier.weights"))
    let steps = try fit(classifier, train, start, progress)
    classifier.eval()
    let accuracy = try labelAccuracy(logits: classifier.logits(test.images), labels: test.labels)
    classifier.report = ImageClassifier.Report(
      testAccuracy: accuracy.accuracy, testCount: test.images.shape[0], trainingCount: train.images.shape[0],
      steps: steps.made, wasShortened: steps.wereShortened,
      fingerprint: fingerprint(train: train, test: test, classes: classes))
    return classifier
  }

  /// Loads the classifier from a file if it was trained on the same data with the same settings; otherwise
  /// trains one and writes it there.
  ///
  /// - Throws: as ``run(train:test:classes:progress:)``; `FileFormatError` when the file cannot be written.
  public func cached(
    at url: URL, train: Examples, test: Examples, classes: Int, progress: (Progress) -> Bool = { _ in true }
  ) throws -> ImageClassifier {
    // An unreadable file is overwritten.
    if let known = try? Safetensors.header(of: url).metadata["fingerprint"],
      known == fingerprint(train: train, test: test, classes: classes),
      let classifier = try? ImageClassifier.load(from: url)
    {
      return classifier
    }
    let classifier = try run(train: train, test: test, classes: classes, progress: progress)
    try classifier.save(to: url)
    return classifier
  }

  /// The fingerprint of data and settings without the time limit, 16 hexadecimal digits.
  public func fingerprint(train: Examples, test: Examples, classes: Int) -> String {
    var hash = Fingerprint()
    // The leading number is the version of the network and its training.
    let numbers = [
      epochs, Double(batchSize), learningRate, Double(shift), Double(baseChannels), Double(featureSize),
    ]
    hash.add("classifier 1: \(numbers) \(mirrors) \(seed) \(classes)")
    for examples in [train, test] {
      for tensor in [examples.images, examples.labels] {
        hash.add("\(tensor.shape)")
        hash.add(tensor.host().bytes)
      }
    }
    return hash.text
  }

  private func configuration(for examples: Examples, classes: Int) -> ImageClassifier.Configuration {
    let shape = examples.images.shape
    return ImageClassifier.Configuration(
      classes: classes, channels: shape[1], height: shape[2], width: shape[3], baseChannels: baseChannels,
      featureSize: featureSize)
  }

  private func checkFit(_ train: Examples, _ test: Examples, _ classes: Int) throws {
    guard train.images.shape.dropFirst() == test.images.shape.dropFirst() else {
      throw MetricError(
        "images to train on are \(train.images.shape) and to test on \(test.images.shape); "
          + "give both the same size")
    }
    let largest = Int(max(train.labels.max().item(), test.labels.max().item()))
    guard largest < classes else {
      throw MetricError("a label is \(largest), but there are \(classes) classes, counted from 0")
    }
    guard batchSize >= 2, train.images.shape[0] >= 2, epochs > 0, epochs < 1e6, seconds > 0, learningRate > 0,
      shift >= 0, shift < min(train.images.shape[2], train.images.shape[3])
    else {
      throw MetricError(
        "the settings of the classifier's training do not fit: it needs two images, batches of two, epochs, "
          + "seconds and a learning rate above 0, and a shift below the images' size")
    }
  }

  // MARK: The loop

  private func fit(
    _ classifier: ImageClassifier, _ train: Examples, _ start: ContinuousClock.Instant,
    _ progress: (Progress) -> Bool
  ) throws -> (made: Int, wereShortened: Bool) {
    let stream = RandomStream(seed: seed, purpose: "classifier.batches")
    let count = train.images.shape[0]
    let size = min(batchSize, count)
    var plan = Plan(steps: max(1, Int(epochs * Double(count) / Double(size))))
    let optimizer = Adam(classifier, learningRate: learningRate)
    classifier.train()
    var (order, position, step) = (Tensor.arange(count), count, 0)
    while step < plan.steps {
      if position + size > count { (order, position) = (stream.permutation(count), 0) }
      let rows = order.narrow(0, from: position, length: size)
      position += size
      let images = augmented(train.images.indexSelected(0, rows), stream)
      let logits = classifier.logitsOfHidden(classifier.hiddenFeatures(images))
      let loss = crossEntropy(logits, train.labels.indexSelected(0, rows))
      optimizer.learningRate = learningRate * Self.oneCycle(plan.progress(at: step))
      optimizer.minimize(loss)
      step += 1
      // Reading the loss synchronises with the device, so only every few steps.
      let value = step % 50 == 0 || step == plan.steps ? loss.item() : nil
      guard progress(Progress(step: step, steps: plan.steps, loss: value)) else { throw CancellationError() }
      if step % 20 == 0 { plan.fit(into: seconds * 0.95, elapsed: seconds(since: start), step: step) }
    }
    return (step, plan.wasShortened)
  }

  private func augmented(_ bytes: Tensor, _ stream: RandomStream) -> Tensor {
    var images = signedImages(bytes)
    let (height, width) = (images.shape[2], images.shape[3])
    if mirrors {
      let mask = stream.bernoulli(0.5, [images.shape[0], 1, 1, 1]).greater(0)
      images = Tensor.select(mask, images.flipped([3]), images)
    }
    if shift > 0 {
      let places = stream.integers(below: 2 * shift + 1, [2]).integers()
      images = images.replicationPadded([shift, shift, shift, shift])
        .narrow(2, from: places[0], length: height).narrow(3, from: places[1], length: width)
    }
    return images
  }

  /// The factor of the learning rate at a progress of 0 … 1.
  package static func oneCycle(_ progress: Double) -> Double {
    let rise = 0.25
    if progress < rise { return 0.04 + 0.96 * 0.5 * (1 - cos(.pi * progress / rise)) }
    return 1e-4 + (1 - 1e-4) * 0.5 * (1 + cos(.pi * min(1, (progress - rise) / (1 - rise))))
  }

  private func seconds(since start: ContinuousClock.Instant) -> Double {
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }

  /// The number of steps, and the schedule's progress at each.
  ///
  /// Where time runs short, fewer steps remain and the schedule advances faster, so that the learning rate
  /// still decays; otherwise the clock has no influence.
  package struct Plan {
    private let wanted: Int
    package private(set) var steps: Int
    package private(set) var wasShortened = false
    private var anchorStep = 0
    private var anchorProgress = 0.0

    package init(steps: Int) {
      wanted = steps
      self.steps = steps
    }

    package func progress(at step: Int) -> Double {
      guard steps > anchorStep else { return 1 }
      return anchorProgress + (1 - anchorProgress) * Double(step - anchorStep) / Double(steps - anchorStep)
    }

    /// Plans as many of the wanted steps as fit at the mean pace so far; a shortened plan may grow again.
    /// Waits for a tenth of the time limit before it estimates the pace.
    package mutating func fit(into limit: Double, elapsed: Double, step: Int) {
      guard step > 0, elapsed > limit / 10 else { return }
      let affordable = Int(min(1e9, max(0, (limit - elapsed) / (elapsed / Double(step)))))
      let total = min(wanted, step + affordable)
      guard wasShortened || total < steps else { return }
      (anchorProgress, anchorStep) = (progress(at: step), step)
      steps = total
      wasShortened = true
    }
  }
}

/// A non-cryptographic hash that identifies data (FNV-1a over words, then SplitMix64's finaliser).
struct Fingerprint {
  private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ text: String) { add(Array(text.utf8)) }

  mutating func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }

  mutating func add(_ bytes: Data) { bytes.withUnsafeBytes { add($0) } }

  private mutating func add(_ buffer: UnsafeRawBufferPointer) {
    mix(UInt64(buffer.count))
    let words = buffer.count / 8
    for index in 0..<words { mix(buffer.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)) }
    for index in (words * 8)..<buffer.count { mix(UInt64(buffer[index])) }
  }

  private mutating func mix(_ word: UInt64) {
    hash = (hash ^ word) &* 0x100_0000_01B3
    hash ^= hash >> 29
  }

  var text: String {
    var value = hash
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    value ^= value >> 31
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

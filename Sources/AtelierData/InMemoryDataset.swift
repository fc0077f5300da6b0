internal import AtelierMedia
internal import Foundation
internal import Synchronization
public import Torch

/// Images of one size with labels, decoded in memory.
public struct InMemoryDataset: Dataset {
  /// The description of the data.
  public let description: DatasetDescription
  /// `[channels, height, width]` of every image.
  public let imageShape: [Int]
  private let pixels: [UInt8]
  let labels: [Int]
  /// The contents of images that were brought to another shape, as they were before; empty: the images are as given.
  private let originals: [[Int]]

  /// A data set of the given arrays.
  ///
  /// - Parameters:
  ///   - images: uint8 `[count, channels, height, width]`.
  ///   - labels: a class index per image; empty makes every label 0.
  ///   - classNames: a name per class; empty uses numbers.
  ///   - preparation: the size and channels; nil keeps the images unchanged.
  public init(
    images: HostTensor, labels: [Int] = [], classNames: [String] = [], name: String = "pictures in memory",
    preparation: ImagePreparation? = nil
  ) throws(DatasetError) {
    guard images.dtype == .uint8, images.shape.count == 4 else {
      throw .invalid(
        reason: "\(name): images must be uint8 [count, channels, height, width], not \(images.shape)")
    }
    var description = DatasetDescription(
      layout: .memory, name: name, split: .train, count: images.shape[0], bitDepth: 8,
      classNames: classNames,
      fingerprint: contentFingerprint(of: images.bytes + labels.map { UInt8(truncatingIfNeeded: $0) }))
    if labels.isEmpty { description.notes.append("There are no labels; every label is 0.") }
    try self.init(
      description: description, shape: Array(images.shape[1...]), pixels: images.bytes,
      labels: labels.isEmpty ? [Int](repeating: 0, count: images.shape[0]) : labels,
      source: name, preparation: preparation)
  }

  /// Completes the description (classes, histogram, shape) and prepares every image once.
  init(
    description: DatasetDescription, shape: [Int], pixels: [UInt8], labels: [Int], source: String,
    preparation: ImagePreparation?
  ) throws(DatasetError) {
    let count = labels.count
    guard count > 0, pixels.count == count * shape.reduce(1, *) else {
      throw .corruptFile(
        path: source,
        reason: "it has \(pixels.count / max(1, shape.reduce(1, *))) images and \(count) labels")
    }
    var description = description
    let highest = labels.max() ?? 0
    if description.classNames.isEmpty { description.classNames = (0...max(0, highest)).map(String.init) }
    guard let lowest = labels.min(), lowest >= 0, highest < description.classNames.count else {
      throw .corruptFile(
        path: source,
        reason: "a label is \(highest), but there are only \(description.classNames.count) class names")
    }
    description.labelHistogram = [Int](repeating: 0, count: description.classNames.count)
    for label in labels { description.labelHistogram[label] += 1 }
    description.count = count
    if let preparation, preparation.shape != shape {
      originals = Self.contents(of: pixels, size: shape.reduce(1, *))
      self.pixels = try Self.prepare(pixels, shape: shape, count: count, with: preparation, source: source)
      self.imageShape = preparation.shape
    } else {
      originals = []
      self.pixels = pixels
      self.imageShape = shape
    }
    description.imageShape = imageShape
    self.description = description
    self.labels = labels
  }

  /// The number of examples.
  public var count: Int { labels.count }

  /// Always true.
  public var isInMemory: Bool { true }

  /// The image and its label.
  public func example(at index: Int) throws(DatasetError) -> Example {
    guard labels.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(labels.count)")
    }
    let size = imageShape.reduce(1, *)
    return Example([
      "image": HostTensor(
        shape: imageShape, dtype: .uint8, bytes: Array(pixels[(index * size)..<((index + 1) * size)])),
      "label": HostTensor([labels[index]], shape: []),
    ])
  }

  /// The images and labels at `indices`, gathered directly.
  public func batch(at indices: [Int]) throws(DatasetError) -> [String: HostTensor] {
    guard indices.allSatisfy({ labels.indices.contains($0) }) else {
      throw .invalid(reason: "an index is not in 0..<\(labels.count)")
    }
    let size = imageShape.reduce(1, *)
    let bytes = [UInt8](unsafeUninitializedCapacity: indices.count * size) { output, initialized in
      pixels.withUnsafeBytes { input in
        let raw = UnsafeMutableRawBufferPointer(output)
        for (row, index) in indices.enumerated() {
          UnsafeMutableRawBufferPointer(rebasing: raw[(row * size)..<((row + 1) * size)])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: input[(index * size)..<((index + 1) * size)]))
        }
      }
      initialized = indices.count * size
    }
    return [
      "image": HostTensor(shape: [indices.count] + imageShape, dtype: .uint8, bytes: bytes),
      "label": HostTensor(indices.map { labels[$0] }),
    ]
  }

  /// Values that are equal for images that were equal as they were given; they hold for this process only.
  func contents() -> [[Int]] {
    originals.isEmpty ? Self.contents(of: pixels, size: imageShape.reduce(1, *)) : originals
  }

  private static func contents(of pixels: [UInt8], size: Int) -> [[Int]] {
    pixels.withUnsafeBytes { all in
      stride(from: 0, to: all.count, by: max(1, size)).map { start in
        let image = UnsafeRawBufferPointer(rebasing: all[start..<min(all.count, start + size)])
        // Two hashes of 64 bits each, so that different images are not taken for copies.
        return (0..<2).map { round in
          var hasher = Hasher()
          hasher.combine(round)
          hasher.combine(bytes: image)
          return hasher.finalize()
        }
      }
    }
  }

  /// All labels, in order.
  public var allLabels: [Int] { labels }

  private static func prepare(
    _ pixels: [UInt8], shape: [Int], count: Int, with preparation: ImagePreparation, source: String
  ) throws(DatasetError) -> [UInt8] {
    let size = shape.reduce(1, *)
    let chunk = 96
    let pieces = inParallel((count + chunk - 1) / chunk) { piece -> Result<[UInt8], ImageError> in
      let range = (piece * chunk)..<min(count, (piece + 1) * chunk)
      let source = Array(pixels[(range.lowerBound * size)..<(range.upperBound * size)])
      do throws(ImageError) {
        return .success(try preparation.planar(source, count: range.count, shape: shape))
      } catch { return .failure(error) }
    }
    var result: [UInt8] = []
    result.reserveCapacity(count * preparation.shape.reduce(1, *))
    for piece in pieces {
      switch piece {
      case .success(let bytes): result.append(contentsOf: bytes)
      case .failure(let error): throw .invalid(reason: "\(source): \(error)")
      }
    }
    return result
  }
}

/// Maps 0..<count through `body` on all cores; results are in order.
package func inParallel<Result: Sendable>(_ count: Int, _ body: @Sendable (Int) -> Result) -> [Result] {
  let results = Mutex<[Int: Result]>([:])
  DispatchQueue.concurrentPerform(iterations: count) { index in
    let result = body(index)
    results.withLock { $0[index] = result }
  }
  let byIndex = results.withLock { $0 }
  return (0..<count).compactMap { byIndex[$0] }
}

internal import AtelierMedia
internal import Foundation
internal import Synchronization
internal import Torch

/// The frames of a video at a system's size, decoded once and kept in a file that is mapped into memory, so that clips
/// are read at any place in no time and long videos take no memory.
///
/// The file is in the temporary folder and is removed at once; its space is free again when nothing reads it.
struct StoredFrames: Sendable {
  /// What is kept of each frame.
  enum Form: Sendable, Hashable {
    /// Bytes of `[channels, height, width]`.
    case images(ImagePreparation)
    /// A byte a pixel, the number of its class.
    case labels(classes: Int, height: Int, width: Int, ImagePreparation.Fit, colours: [[UInt8]])
    /// Two bytes a pixel, low byte first, the id of its instance.
    case instances(height: Int, width: Int, ImagePreparation.Fit)

    var size: Int {
      switch self {
      case .images(let preparation): preparation.shape.reduce(1, *)
      case .labels(_, let height, let width, _, _): height * width
      case .instances(let height, let width, _): 2 * height * width
      }
    }
  }

  let count: Int
  /// The frames that begin another scene.
  let cuts: [Int]
  /// The highest label.
  let highest: Int
  private let size: Int
  private let bytes: Data

  /// Decodes a sequence.
  ///
  /// - Throws: ``DatasetError/corruptFile(path:reason:)`` that names the file, and
  ///   ``DatasetError/unwritable(path:reason:)`` where the temporary folder is full.
  init(_ sequence: VideoFolder.Sequence, _ form: Form) throws(DatasetError) {
    let folder = FileManager.default.temporaryDirectory
    let file = folder.appendingPathComponent("atelier-frames-\(UUID().uuidString)")
    guard FileManager.default.createFile(atPath: file.path, contents: nil),
      let output = try? FileHandle(forWritingTo: file)
    else { throw .unwritable(path: folder.path, reason: "no file can be made in it") }
    defer { try? FileManager.default.removeItem(at: file) }
    var (count, highest, detector) = (0, 0, CutDetector())
    func append(_ frame: [UInt8]) throws(DatasetError) {
      do { try output.write(contentsOf: frame) } catch {
        throw .unwritable(path: folder.path, reason: writeFailureReason(error))
      }
      count += 1
    }
    do {
      switch form {
      case .images(let preparation):
        let reader = try Self.reader(sequence)
        while let image = try reader() {
          try detector.add(image)
          try append(try preparation(image).planarBytes())
        }
      case .labels(let classes, let height, let width, let fit, let colours):
        for map in try Self.maps(sequence) {
          let indices = try FieldCodec.fitted(
            try ImageCodec().decodeLabels(map, colours: colours).indices, height: height, width: width, fit)
          let values = try LabelMapEncoding.classes(indices, below: classes, file: map).integers()
          guard values.allSatisfy({ $0 < 256 }) else {
            throw DatasetError.corruptFile(path: map.path, reason: "a map of a video holds classes up to 255")
          }
          highest = max(highest, values.max() ?? 0)
          try append(values.map { UInt8($0) })
        }
      case .instances(let height, let width, let fit):
        for map in try Self.maps(sequence) {
          let ids = LabelMap(
            indices: try FieldCodec.fitted(
              try ImageCodec().decodeLabels(map, colours: []).indices, height: height, width: width, fit)
          ).values
          // Images have at most 16 bits.
          try append(ids.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
        }
      }
      try output.close()
    } catch let error as DatasetError {
      throw error
    } catch {
      // The error names the file.
      throw .corruptFile(path: sequence.files[0].path, reason: "\(error)")
    }
    guard count > 0 else { throw .corruptFile(path: sequence.files[0].path, reason: "it holds no frames") }
    (self.count, self.highest, size) = (count, highest, form.size)
    cuts = detector.cuts
    do { bytes = try Data(contentsOf: file, options: .alwaysMapped) } catch {
      throw .unwritable(path: folder.path, reason: writeFailureReason(error))
    }
  }

  /// The files of maps, which a video would blur.
  private static func maps(_ sequence: VideoFolder.Sequence) throws(DatasetError) -> [URL] {
    guard !sequence.isFile else {
      throw .unusable(
        path: sequence.files[0].path,
        reason: "a video's compression changes the numbers of label maps; give them as a folder of PNG")
    }
    return sequence.files
  }

  /// Reads the frames one by one at their own size.
  private static func reader(_ sequence: VideoFolder.Sequence) throws -> () throws -> Image? {
    if sequence.isFile {
      let reader = try Video(contentsOf: sequence.files[0]).frames()
      return { try reader.next() }
    }
    var place = 0
    return {
      guard place < sequence.files.count else { return nil }
      place += 1
      return try ImageCodec().decode(sequence.files[place - 1])
    }
  }

  /// The bytes of frames, one after the other.
  func frames(_ places: [Int]) -> [UInt8] {
    var found: [UInt8] = []
    found.reserveCapacity(places.count * size)
    for place in places {
      let start = bytes.startIndex + place * size
      found.append(contentsOf: bytes[start..<(start + size)])
    }
    return found
  }

  // MARK: Once for all parts

  /// What was decoded last: a training opens its data for each of its parts.
  private static let decoded = Mutex<[(key: String, frames: [StoredFrames])]>([])

  /// The frames of sequences, in order.
  ///
  /// - Parameter key: what the sequences are; equal ones are decoded once.
  /// - Throws: the first error in order.
  static func all(
    of sequences: [VideoFolder.Sequence], _ form: Form, key: String
  ) throws(DatasetError) -> [StoredFrames] {
    let key = "\(key) \(form)"
    if let known = decoded.withLock({ list in list.first { $0.key == key } }) { return known.frames }
    let results = inParallel(sequences.count) { index -> Result<StoredFrames, DatasetError> in
      do throws(DatasetError) { return .success(try StoredFrames(sequences[index], form)) } catch {
        return .failure(error)
      }
    }
    var frames: [StoredFrames] = []
    for result in results { frames.append(try result.get()) }
    decoded.withLock { list in
      list.append((key, frames))
      if list.count > 8 { list.removeFirst() }
    }
    return frames
  }
}

/// Finds the frames that begin another scene: much more differs from the frame before than between the frames around them.
struct CutDetector {
  /// The mean absolute difference from which a frame may be a cut, of 255.
  static let threshold = 30.0
  private var last: [UInt8] = []
  private var differences: [Double] = []

  /// Takes the next frame.
  mutating func add(_ image: Image) throws(ImageError) {
    let small = try image.with8Bits().converted(toChannels: 1).resized(width: 32, height: 32).bytes
    if !last.isEmpty {
      let change = zip(small, last).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      differences.append(Double(change) / Double(small.count))
    }
    last = small
  }

  /// The numbers of these frames, from 0.
  var cuts: [Int] {
    differences.indices.filter { place in
      let around = [place - 1, place + 1].filter(differences.indices.contains).map { differences[$0] }
      return differences[place] >= Self.threshold && around.allSatisfy { differences[place] > 3 * $0 }
    }.map { $0 + 1 }
  }
}

public import Foundation

/// A folder of numbered images as a sequence of frames.
///
/// Images are in natural order (`frame9.png` before `frame10.png`); hidden files, other files and folders are
/// ignored.
public struct FrameFolder: FrameSequence, Hashable {
  /// How missing frame numbers are handled.
  public enum GapRule: String, Sendable, Hashable, Codable, CaseIterable {
    /// Missing numbers are an error, which names the first.
    case refuse
    /// Gaps are closed: the frames around one become neighbours.
    case close
  }

  /// The folder.
  public let folder: URL
  /// The file names of the frames, in order.
  public let names: [String]
  /// The missing numbers between the first and the last; empty where the names are not numbered.
  public let gaps: [ClosedRange<Int>]
  /// Frames per second.
  public let frameRate: FrameRate?
  /// Width of the first frame in pixels.
  public let width: Int
  /// Height of the first frame in pixels.
  public let height: Int
  private let codec: ImageCodec
  private let rate: FrameRate

  /// Lists a folder.
  ///
  /// - Parameters:
  ///   - frameRate: frames per second; 25 by default.
  ///   - rule: how missing numbers are handled.
  public init(
    _ folder: URL, frameRate: FrameRate? = nil, gaps rule: GapRule = .refuse, codec: ImageCodec = ImageCodec()
  ) throws(VideoError) {
    guard let entries = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
      throw .unreadable(file: folder.path, reason: "it is not a readable folder")
    }
    let pictures = entries.filter {
      !$0.hasPrefix(".") && ImageFormat(fileExtension: ($0 as NSString).pathExtension) != nil
    }
    guard !pictures.isEmpty else { throw .unfit(folder: folder.path, reason: "it contains no images") }
    names = pictures.map { (name: $0, key: Self.key($0)) }.sorted { Self.precedes($0.key, $1.key) }.map(
      \.name)
    gaps = try Self.gaps(names, folder)
    if rule == .refuse, let gap = gaps.first {
      let missing = gaps.reduce(0) { $0 + $1.count }
      throw .unfit(
        folder: folder.path,
        reason: "number \(gap.lowerBound) is missing\(missing == 1 ? "" : " and \(missing - 1) others are"); "
          + "add the missing frames, or number the others anew")
    }
    self.folder = folder
    self.codec = codec
    guard let standard = frameRate ?? FrameRate(25) else { throw .invalid(reason: "there is no frame rate") }
    rate = standard
    self.frameRate = standard
    do throws(ImageError) {
      let first = try codec.information(of: folder.appendingPathComponent(names[0]))
      (width, height) = (first.width, first.height)
    } catch {
      throw .frame(error)
    }
  }

  /// The number of frames.
  public var frameCount: Int? { names.count }

  /// The files whose size differs from the first's or whose header cannot be read, with the reason.
  public func misfits() -> [(name: String, reason: String)] {
    names.compactMap { name in
      do throws(ImageError) {
        let found = try codec.information(of: folder.appendingPathComponent(name))
        if found.width == width && found.height == height { return nil }
        return (name, "\(found.width) x \(found.height) pixels instead of \(width) x \(height)")
      } catch {
        return (name, error.description)
      }
    }
  }

  /// Opens a reader. A frame whose size differs from the first's is an error that names it.
  public func frames(_ selection: FrameSelection) throws(VideoError) -> any FrameReader {
    try selection.check()
    // A tolerance of half a millisecond, as in videos.
    let slack = 0.0005 * rate.value
    let first = max(0, Int((selection.start * rate.value - slack).rounded(.up)))
    let last = selection.duration.map { duration in
      min(Double(names.count), ((selection.start + duration) * rate.value - slack).rounded(.up))
    }
    let chosen = Array(
      names[min(first, names.count)..<max(min(first, names.count), Int(last ?? Double(names.count)))])
    var places = Array(chosen.indices)
    if let wanted = selection.frameRate, wanted != rate {
      // As ffmpeg's fps filter: a frame starts at the nearest tick of the new rate and lasts until the next
      // one starts.
      let ratio = wanted.value / rate.value
      let count = Int((Double(chosen.count) * ratio).rounded())
      var current = 0
      places = (0..<(chosen.isEmpty ? 0 : max(1, count))).map { place in
        while current + 1 < chosen.count, Int((Double(current + 1) * ratio).rounded()) <= place {
          current += 1
        }
        return current
      }
    }
    return FrameFolderReader(self, places.map { chosen[$0] }, selection.size)
  }

  // MARK: Order and numbers

  /// A run of text or digits in a name.
  private enum Part: Hashable {
    case text(String)
    case number(digits: String, length: Int)
  }

  private static func key(_ name: String) -> [Part] {
    var parts: [Part] = []
    var rest = Substring(name)
    while let first = rest.first {
      let isDigit = Self.isDigit(first)
      let run = rest.prefix { Self.isDigit($0) == isDigit }
      rest = rest.dropFirst(run.count)
      parts.append(
        isDigit
          ? .number(digits: String(run.drop { $0 == "0" }), length: run.count) : .text(String(run)))
    }
    return parts
  }

  private static func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }

  private static func precedes(_ first: [Part], _ second: [Part]) -> Bool {
    for (left, right) in zip(first, second) where left != right {
      switch (left, right) {
      case (.text(let left), .text(let right)): return left < right
      case (.number(let left, let leftLength), .number(let right, let rightLength)):
        if left.count != right.count { return left.count < right.count }
        return left == right ? leftLength < rightLength : left < right
      case (.number, .text): return true
      case (.text, .number): return false
      }
    }
    return first.count < second.count
  }

  /// The missing numbers, where all names are the same text around one number.
  private static func gaps(_ names: [String], _ folder: URL) throws(VideoError) -> [ClosedRange<Int>] {
    var prefix: String?
    var numbers: [Int] = []
    for name in names {
      let stem = (name as NSString).deletingPathExtension
      let digits = String(stem.reversed().prefix(while: isDigit).reversed())
      guard let number = Int(digits), prefix == nil || prefix == String(stem.dropLast(digits.count)) else {
        return []
      }
      prefix = String(stem.dropLast(digits.count))
      numbers.append(number)
    }
    numbers.sort()
    var result: [ClosedRange<Int>] = []
    for (left, right) in zip(numbers, numbers.dropFirst()) {
      if left == right {
        throw .unfit(folder: folder.path, reason: "two of its images have the number \(left)")
      }
      if right - left > 1 { result.append((left + 1)...(right - 1)) }
    }
    return result
  }

  fileprivate func picture(_ name: String) throws(VideoError) -> Image {
    let image: Image
    do throws(ImageError) { image = try codec.decode(folder.appendingPathComponent(name)) } catch {
      throw .frame(error)
    }
    guard image.width == width, image.height == height else {
      throw .unfit(
        folder: folder.path,
        reason: "\(name) has \(image.width) x \(image.height) pixels instead of \(width) x \(height)")
    }
    return image.with8Bits().rgb()
  }
}

/// Reads the images of a folder in order.
private final class FrameFolderReader: FrameReader {
  private let folder: FrameFolder
  private let names: [String]
  private let size: FrameSelection.Size?
  private var place = 0
  private var last: (name: String, image: Image)?

  init(_ folder: FrameFolder, _ names: [String], _ size: FrameSelection.Size?) {
    (self.folder, self.names, self.size) = (folder, names, size)
  }

  func next() throws(VideoError) -> Image? {
    guard place < names.count else { return nil }
    let name = names[place]
    place += 1
    if let last, last.name == name { return last.image }
    var image = try folder.picture(name)
    if let size {
      do throws(ImageError) { image = try image.resized(width: size.width, height: size.height) } catch {
        throw .frame(error)
      }
    }
    last = (name, image)
    return image
  }
}

/// Writes frames as `000001.png`, `000002.png`, … into a new folder, atomically.
public final class FrameFolderWriter: FrameWriter {
  private let folder: URL
  private let temporary: URL
  private let format: ImageFormat
  private var size: (width: Int, height: Int)?
  private var count = 0
  private var isOpen = true

  /// Creates the folder under a temporary name beside its destination.
  ///
  /// - Parameters:
  ///   - folder: must not exist yet.
  ///   - format: the image format; PNG is lossless.
  public init(_ folder: URL, format: ImageFormat = .png) throws(VideoError) {
    guard !FileManager.default.fileExists(atPath: folder.path) else {
      throw .unwritable(file: folder.path, reason: "it exists already; name a new folder")
    }
    self.folder = folder
    self.format = format
    temporary = folder.deletingLastPathComponent()
      .appendingPathComponent(".\(folder.lastPathComponent).\(UUID().uuidString)")
    do { try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: false) } catch {
      throw .unwritable(file: folder.path, reason: "its parent folder is missing or not writable")
    }
  }

  deinit { if isOpen { try? FileManager.default.removeItem(at: temporary) } }

  /// Appends a frame; all must have the size of the first.
  public func append(_ frame: Image) throws(VideoError) {
    guard isOpen else { throw .invalid(reason: "\(folder.path) is finished and takes no more frames") }
    let size = size ?? (frame.width, frame.height)
    guard frame.width == size.width, frame.height == size.height else {
      throw .invalid(
        reason: "frame \(count) has \(frame.width) x \(frame.height) pixels instead of "
          + "\(size.width) x \(size.height)")
    }
    self.size = size
    let name = String(format: "%06d", count + 1) + "." + format.fileExtension
    do throws(ImageError) { try frame.write(to: temporary.appendingPathComponent(name)) } catch {
      throw .frame(error)
    }
    count += 1
  }

  /// Moves the folder to its destination.
  public func finish() throws(VideoError) {
    guard isOpen else { throw .invalid(reason: "\(folder.path) is finished already") }
    guard count > 0 else { throw .unwritable(file: folder.path, reason: "no frames were appended") }
    do { try FileManager.default.moveItem(at: temporary, to: folder) } catch {
      throw .unwritable(file: folder.path, reason: "it cannot be moved to its destination")
    }
    isOpen = false
  }
}

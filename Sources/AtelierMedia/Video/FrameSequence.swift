/// Frames a second, as a fraction: 30000/1001 is that of NTSC.
public struct FrameRate: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Above the line.
  public let numerator: Int
  /// Below the line.
  public let denominator: Int

  /// A rate in lowest terms; nil where it is not between 1/3600 and 1000 frames a second, or has more digits
  /// than ffmpeg takes.
  public init?(_ numerator: Int, _ denominator: Int = 1) {
    guard numerator > 0, denominator > 0, numerator <= Int(Int32.max), denominator <= Int(Int32.max),
      numerator / denominator <= 1000, denominator / numerator <= 3600
    else { return nil }
    var (divisor, rest) = (numerator, denominator)
    while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
    self.numerator = numerator / divisor
    self.denominator = denominator / divisor
  }

  /// Reads `30`, `29.97` (up to three decimals) or `30000/1001`; nil where the text is none of them.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count == 2, let numerator = Int(parts[0]), let denominator = Int(parts[1]) {
      self.init(numerator, denominator)
    } else if parts.count == 1, let value = Double(text), value > 0, value <= 1000 {
      self.init(Int((value * 1000).rounded()), 1000)
    } else {
      return nil
    }
  }

  /// Frames a second.
  public var value: Double { Double(numerator) / Double(denominator) }

  /// `25` or `30000/1001`.
  public var description: String { denominator == 1 ? "\(numerator)" : "\(numerator)/\(denominator)" }
}

/// Which frames of a sequence are read, and in which form.
public struct FrameSelection: Sendable, Hashable {
  /// Seconds from the beginning; the first frame is the one that begins there or next after (to half a
  /// millisecond).
  public var start: Double
  /// Seconds that are read at most; nil to the end.
  public var duration: Double?
  /// Another frame rate: the nearest frames are repeated or left out. Nil gives every frame as it is stored,
  /// also where they follow each other at varying distances.
  public var frameRate: FrameRate?
  /// Another size, proportions not kept; nil keeps the sequence's own.
  public var size: Size?

  /// Pixels of a frame.
  public struct Size: Sendable, Hashable, Codable {
    /// Pixels in a row.
    public var width: Int
    /// Rows.
    public var height: Int

    /// A size.
    public init(width: Int, height: Int) { (self.width, self.height) = (width, height) }
  }

  /// A selection; all frames as they are unless told otherwise.
  public init(
    start: Double = 0, duration: Double? = nil, frameRate: FrameRate? = nil, size: Size? = nil
  ) {
    self.start = start
    self.duration = duration
    self.frameRate = frameRate
    self.size = size
  }

  func check() throws(VideoError) {
    guard start >= 0, start.isFinite, duration.map({ $0 > 0 && $0.isFinite }) ?? true else {
      throw .invalid(
        reason: "frames from second \(start) on\(duration.map { " for \($0) seconds" } ?? "") do not exist")
    }
    if let size {
      guard (1...32_768).contains(size.width), (1...32_768).contains(size.height) else {
        throw .invalid(reason: "\(size.width) x \(size.height) is no size for a frame")
      }
    }
  }
}

/// Frames in their order, from a video or from a folder, which can be read again and again.
public protocol FrameSequence: Sendable {
  /// Pixels in a row of each frame.
  var width: Int { get }
  /// Rows of each frame.
  var height: Int { get }
  /// Frames a second; of frames at varying distances the average, nil where it is not known.
  var frameRate: FrameRate? { get }
  /// The number of frames; nil where only reading them would tell.
  var frameCount: Int? { get }
  /// Starts reading. Several readers may go through the same sequence, each in its thread.
  func frames(_ selection: FrameSelection) throws(VideoError) -> any FrameReader
}

extension FrameSequence {
  /// Starts reading all frames as they are.
  public func frames() throws(VideoError) -> any FrameReader { try frames(FrameSelection()) }
}

/// Gives one frame after the other; for one thread.
public protocol FrameReader: AnyObject {
  /// The next frame in 8-bit RGB, all of one size; nil after the last.
  func next() throws(VideoError) -> Image?
}

/// Takes one frame after the other; for one thread.
public protocol FrameWriter: AnyObject {
  /// Adds a frame.
  func append(_ frame: Image) throws(VideoError)
  /// Completes what is written. Without it nothing appears.
  func finish() throws(VideoError)
}

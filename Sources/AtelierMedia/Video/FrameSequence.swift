/// A frame rate as a fraction: 30000/1001 is that of NTSC.
public struct FrameRate: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The numerator.
  public let numerator: Int
  /// The denominator.
  public let denominator: Int

  /// A rate in lowest terms; nil where it is not within 1/3600...1000 frames per second, or has more digits
  /// than ffmpeg accepts.
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

  /// Frames per second.
  public var value: Double { Double(numerator) / Double(denominator) }

  /// `25` or `30000/1001`.
  public var description: String { denominator == 1 ? "\(numerator)" : "\(numerator)/\(denominator)" }
}

/// Which frames of a sequence to read, at which rate and size.
public struct FrameSelection: Sendable, Hashable {
  /// Start time in seconds; the first frame is the one that begins there or next (within half a millisecond).
  public var start: Double
  /// Duration in seconds; nil reads to the end.
  public var duration: Double?
  /// The frame rate to resample to, by repeating or dropping frames; nil gives every stored frame, also of a
  /// video with a variable frame rate.
  public var frameRate: FrameRate?
  /// The size to resize to, without keeping the aspect ratio; nil keeps the sequence's own.
  public var size: Size?

  /// A frame size in pixels.
  public struct Size: Sendable, Hashable, Codable {
    /// Width in pixels.
    public var width: Int
    /// Height in pixels.
    public var height: Int

    /// A size.
    public init(width: Int, height: Int) { (self.width, self.height) = (width, height) }
  }

  /// A selection; by default all frames unchanged.
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
        reason: "a selection must start at 0 s or later and last longer than 0 s")
    }
    if let size {
      guard (1...32_768).contains(size.width), (1...32_768).contains(size.height) else {
        throw .invalid(reason: "\(size.width) x \(size.height) is not a valid frame size")
      }
    }
  }
}

/// An ordered sequence of frames, from a video or a folder, that can be read repeatedly.
public protocol FrameSequence: Sendable {
  /// Width of each frame in pixels.
  var width: Int { get }
  /// Height of each frame in pixels.
  var height: Int { get }
  /// Frames per second; the average where it is variable, nil where it is unknown.
  var frameRate: FrameRate? { get }
  /// The number of frames; nil where only reading them all would tell.
  var frameCount: Int? { get }
  /// Opens a reader. Several readers may read the same sequence, each on its own thread.
  func frames(_ selection: FrameSelection) throws(VideoError) -> any FrameReader
}

extension FrameSequence {
  /// Opens a reader of all frames, unchanged.
  public func frames() throws(VideoError) -> any FrameReader { try frames(FrameSelection()) }
}

/// Reads frames in order. Not thread-safe.
public protocol FrameReader: AnyObject {
  /// The next frame in 8-bit RGB, all of one size; nil after the last.
  func next() throws(VideoError) -> Image?
}

/// Writes frames in order. Not thread-safe.
public protocol FrameWriter: AnyObject {
  /// Appends a frame.
  func append(_ frame: Image) throws(VideoError)
  /// Completes the output; without it nothing is left on disk.
  func finish() throws(VideoError)
}

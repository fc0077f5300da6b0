public import Foundation

/// Which numbers of image files are black and white, for all images of a set alike.
///
/// ```swift
/// let codec = ImageCodec(scale: SampleScale(parsing: "-1000:1500"))
/// let image = try codec.decode(scan)      // -1000 has become 0, 1500 has become 1; numbers beyond are clipped
/// ```
public struct SampleScale: Sendable, Hashable, Codable {
  /// The number that is black.
  public let black: Double
  /// The number that is white.
  public let white: Double
  /// Whether files of 8 bits are read by it as well; otherwise theirs are 0...255 as ever, beside deeper files.
  public let coversBytes: Bool

  /// A scale.
  ///
  /// - Precondition: both are finite, and white is above black.
  public init(black: Double, white: Double, coversBytes: Bool = false) {
    precondition(black.isFinite && white.isFinite && black < white, "SampleScale: \(black):\(white) is none")
    self.black = black
    self.white = white
    self.coversBytes = coversBytes
  }

  /// Parses `LOW:HIGH`, such as `0:4095` or `-1:1`, or ``record``; nil for anything else.
  public init?(parsing text: String) {
    let covers = text.hasSuffix(Self.bytesMark)
    let parts = (covers ? String(text.dropLast(Self.bytesMark.count)) : text)
      .split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, let black = Double(parts[0]), let white = Double(parts[1]), black.isFinite,
      white.isFinite, black < white, (white - black).isFinite
    else { return nil }
    self.init(black: black, white: white, coversBytes: covers)
  }

  /// The scale as a run's configuration keeps it: `0:127 bytes` where files of 8 bits are read by it as well.
  public var record: String { description + (coversBytes ? Self.bytesMark : "") }

  private static let bytesMark = " bytes"

  /// Whether all its numbers are values of 16 bits without sign, and are that many that 8 bits would not do.
  public var fitsWords: Bool { black >= 0 && white <= 65535 && white - black > 255 }

  /// The depth that an image needs to be written in these numbers: 8, 16 or 32 bits a sample.
  public var depth: Int { coversBytes ? 8 : fitsWords ? 16 : 32 }

  /// The same scale, for files of 8 bits too or for deeper ones alone.
  public func covering(bytes: Bool) -> SampleScale {
    SampleScale(black: black, white: white, coversBytes: bytes)
  }
}

extension SampleScale: CustomStringConvertible {
  /// `0:4095`
  public var description: String { "\(Self.text(black)):\(Self.text(white))" }

  /// A number without needless digits.
  public static func text(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(Float(number))
  }
}

// MARK: - Applying

extension Image {
  /// An image of a file's own numbers brought to a scale, at the same depth; alpha stays, NaN becomes black.
  func read(by scale: SampleScale) -> Image {
    guard depth > 8 || scale.coversBytes else { return self }
    let largest = Float(largestValue)
    let (black, span) = (Float(scale.black), Float(scale.white - scale.black))
    return mapped { number in
      let level = (number * largest - black) / span
      return level.isFinite ? min(1, max(0, level)) : level == .infinity ? 1 : 0
    }
  }

  /// An image of 0 black to 1 white in a scale's numbers, for a file; as it is where its depth does not hold them.
  func written(by scale: SampleScale) -> Image {
    switch depth {
    case 8 where !scale.coversBytes, 16 where !scale.fitsWords && !scale.coversBytes: return self
    default: break
    }
    let largest = Float(largestValue)
    let (black, span) = (Float(scale.black), Float(scale.white - scale.black))
    return mapped { ($0 * span + black) / largest }
  }

  /// All samples but alpha changed as values of 0...1, at the same depth.
  private func mapped(_ change: (Float) -> Float) -> Image {
    let alpha = hasAlpha ? channels - 1 : channels
    var values = floats
    for index in values.indices where index % channels != alpha { values[index] = change(values[index]) }
    return Image(width: width, height: height, channels: channels, floats: values).withDepth(depth)
      .withMeaning(of: self)
  }
}

// MARK: - Looking

/// The numbers that an image file holds.
public struct SampleFacts: Sendable, Hashable {
  /// How a file stores numbers.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// 8 bits, 0...255.
    case bytes
    /// 16 bits, 0...65535.
    case words
    /// Whole numbers with a sign, or of 32 bits.
    case integers
    /// Floating point.
    case floats
  }

  /// How they are stored.
  public let kind: Kind
  /// The smallest and the largest finite number.
  public let extent: ClosedRange<Double>
  /// Some of the finite numbers, at most 4096, sorted.
  public let some: [Float]
  /// How many finite numbers there are.
  public let count: Int
  /// How many numbers are NaN or infinite.
  public let invalid: Int
  /// How many numbers the scale that was looked for clips.
  public let clipped: Int
}

extension ImageCodec {
  /// How an image file stores its numbers, from its header.
  public func sampleKind(of bytes: [UInt8], named name: String) throws(ImageError) -> SampleFacts.Kind {
    try ErrorGate.shared.alone { () throws(ImageError) in
      try bytes.withUnsafeBufferPointer { buffer throws(ImageError) in
        try open(UnsafeRawBufferPointer(buffer), name).handle.sampleKind
      }
    }
  }

  /// The numbers of an image file as it stores them, alpha left out; nil where they are of 8 bits.
  ///
  /// - Parameter scale: what numbers outside of are counted; nil: none are.
  public func samples(of file: URL, outside scale: SampleScale? = nil) throws(ImageError) -> SampleFacts? {
    let bytes = try bytes(of: file)
    let kind = try sampleKind(of: bytes, named: file.path)
    guard kind != .bytes || scale?.coversBytes == true else { return nil }
    let image = try stored(bytes, named: file.path)
    // Lab and CMYK are colours of 8 bits once they are decoded.
    guard image.depth > 8 || kind == .bytes else { return nil }
    return SampleFacts(image, kind, outside: scale)
  }
}

extension SampleFacts {
  init(_ image: Image, _ kind: Kind, outside scale: SampleScale?) {
    let largest = Float(image.largestValue)
    let alpha = image.hasAlpha ? image.channels - 1 : image.channels
    var (low, high) = (Float.infinity, -Float.infinity)
    var (finite, all, clipped): ([Float], Int, Int) = ([], 0, 0)
    let bounds = scale.map { (Float($0.black), Float($0.white)) }
    let values = image.floats
    finite.reserveCapacity(values.count)
    for index in values.indices where index % image.channels != alpha {
      let value = values[index] * largest
      all += 1
      guard value.isFinite else { continue }
      finite.append(value)
      (low, high) = (min(low, value), max(high, value))
      if let bounds, value < bounds.0 || value > bounds.1 { clipped += 1 }
    }
    self.kind = kind
    extent = finite.isEmpty ? 0...0 : Double(low)...Double(high)
    count = finite.count
    invalid = all - finite.count
    self.clipped = clipped
    let step = max(1, finite.count / 4096)
    some = stride(from: 0, to: finite.count, by: step).prefix(4096).map { finite[$0] }.sorted()
  }
}

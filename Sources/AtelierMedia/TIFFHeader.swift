internal import Foundation

/// What the first directory of a TIFF says about its samples.
///
/// Source: TIFF 6.0 (Adobe 1992), sections 2 and 18; BigTIFF differs in the widths of offsets and counts.
package struct TIFFHeader {
  /// The meaning of the samples beyond the colours: 0 unspecified, 1 associated alpha, 2 alpha.
  let extraSamples: [Int]
  /// Bits of the first sample.
  let bits: Int
  /// 1 whole numbers from 0 on, 2 signed, 3 floating point, 4 undefined.
  let sampleFormat: Int
  /// The offset of each entry of `extraSamples`, two bytes wide.
  private let places: [Int]

  /// Nil for anything but a TIFF.
  package init?(_ bytes: some RandomAccessCollection<UInt8>) {
    let isLittle = bytes.starts(with: Array("II".utf8))
    guard isLittle || bytes.starts(with: Array("MM".utf8)) else { return nil }
    let start = bytes.startIndex
    func number(_ place: Int, _ width: Int) -> Int? {
      guard place >= 0, place <= bytes.count - width else { return nil }
      let from = bytes.index(start, offsetBy: place)
      let digits = bytes[from..<bytes.index(from, offsetBy: width)].map { UInt64($0) }
      let value = (isLittle ? digits.reversed() : digits).reduce(0) { $0 << 8 | $1 }
      return value <= UInt64(bytes.count) || width < 8 ? Int(value) : nil
    }
    guard let version = number(2, 2), version == 42 || version == 43 else { return nil }
    let isBig = version == 43
    guard let directory = isBig ? number(8, 8) : number(4, 4),
      let count = number(directory, isBig ? 8 : 2)
    else { return nil }
    var (extra, offsets): ([Int], [Int]) = ([], [])
    var (bits, format) = (1, 1)
    for entry in 0..<min(count, 4096) {
      let place = directory + (isBig ? 8 + 20 * entry : 2 + 12 * entry)
      guard let tag = number(place, 2), [258, 338, 339].contains(tag),
        let length = number(place + 4, isBig ? 8 : 4), (1...256).contains(length)
      else { continue }
      let field = place + (isBig ? 12 : 8)
      let first = 2 * length <= (isBig ? 8 : 4) ? field : number(field, isBig ? 8 : 4) ?? -1
      let values = (0..<length).compactMap { number(first + 2 * $0, 2) }
      switch tag {
      case 258: bits = values.first ?? 1
      case 339: format = values.first ?? 1
      default: (extra, offsets) = (values, (0..<values.count).map { first + 2 * $0 })
      }
    }
    (extraSamples, places) = (extra, offsets)
    (self.bits, sampleFormat) = (bits, format)
  }

  /// Whether the file says that the one sample beyond the colours is alpha.
  var hasAlpha: Bool { extraSamples == [1] || extraSamples == [2] }

  /// Whether values have no white of their own: signed or wide whole numbers, and floating point.
  var hasOpenScale: Bool { bits > 16 || sampleFormat == 2 || sampleFormat == 3 }

  /// The bytes of a TIFF whose samples beyond the colours are no alpha.
  static func withoutAlpha(_ bytes: [UInt8]) -> [UInt8] {
    guard let header = TIFFHeader(bytes) else { return bytes }
    var result = bytes
    for place in header.places { result.replaceSubrange(place..<(place + 2), with: [0, 0]) }
    return result
  }
}

public import Foundation

/// The form that Unicode text is brought to, so that one word is not written in two ways.
public enum TextNormalization: String, Sendable, Hashable, Codable, CaseIterable {
  /// As it is.
  case none
  /// Letters and their marks composed (NFC).
  case nfc
  /// Composed, and compatibility characters as ordinary ones, such as full-width letters (NFKC).
  case nfkc

  /// A text in this form.
  public func callAsFunction(_ text: String) -> String {
    switch self {
    case .none: text
    case .nfc: text.precomposedStringWithCanonicalMapping
    case .nfkc: text.precomposedStringWithCompatibilityMapping
    }
  }
}

/// Text files in the encodings that are told apart: UTF-8 with or without a byte order mark, and UTF-16.
public enum TextFile {
  /// The text of a file, without a byte order mark.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` that names the byte at which the text is not in its encoding.
  public static func text(of file: URL) throws(DatasetError) -> String {
    guard FileManager.default.fileExists(atPath: file.path) else { throw .notFound(path: file.path) }
    let bytes: [UInt8]
    do { bytes = [UInt8](try Data(contentsOf: file)) } catch {
      throw .corruptFile(path: file.path, reason: "it cannot be read")
    }
    return try text(of: bytes, path: file.path)
  }

  /// The lines of a file without their ends, which are LF or CR LF; an end of line at the end begins no other line.
  public static func lines(of file: URL) throws(DatasetError) -> [String] { lines(of: try text(of: file)) }

  /// The lines of a text.
  public static func lines(of text: String) -> [String] {
    var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map { line in
      String(Substring(line.last == 13 ? line.dropLast() : line))
    }
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  private static func text(of bytes: [UInt8], path: String) throws(DatasetError) -> String {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return try utf8(bytes, from: 3, path) }
    if bytes.starts(with: [0xFF, 0xFE]) { return try utf16(bytes, from: 2, isLittle: true, path) }
    if bytes.starts(with: [0xFE, 0xFF]) { return try utf16(bytes, from: 2, isLittle: false, path) }
    let head = bytes.prefix(4096)
    let zeros = [0, 1].map { parity in
      stride(from: parity, to: head.count, by: 2).reduce(0) { $0 + (head[$1] == 0 ? 1 : 0) }
    }
    // Every other byte of UTF-16 is zero in the scripts of Europe; UTF-8 has none.
    if head.count >= 2, zeros.contains(where: { 4 * $0 > head.count / 2 }) {
      return try utf16(bytes, from: 0, isLittle: zeros[1] > zeros[0], path)
    }
    return try utf8(bytes, from: 0, path)
  }

  private static func utf8(_ bytes: [UInt8], from start: Int, _ path: String) throws(DatasetError) -> String {
    if let text = String(validating: bytes[start...], as: UTF8.self) { return text }
    let offset = firstInvalid(bytes, from: start)
    let line = bytes[..<offset].reduce(1) { $0 + ($1 == 10 ? 1 : 0) }
    throw .unusable(
      path: path,
      reason:
        "it is neither UTF-8 nor UTF-16, first at byte \(offset) in line \(line); convert it to UTF-8 (iconv -t UTF-8)"
    )
  }

  /// The place of the first byte that begins no character of UTF-8.
  private static func firstInvalid(_ bytes: [UInt8], from start: Int) -> Int {
    var (low, high) = (start, start)
    // Most of a large file is valid: whole pieces first, ended between two characters.
    while low < bytes.count {
      high = min(bytes.count, low + 65536)
      while high < bytes.count, high > low, bytes[high] & 0xC0 == 0x80 { high -= 1 }
      guard String(validating: bytes[low..<high], as: UTF8.self) != nil else { break }
      low = high
    }
    while low < high {
      let end = (1...4).first { length in
        low + length <= bytes.count
          && String(validating: bytes[low..<(low + length)], as: UTF8.self) != nil
      }
      guard let end else { return low }
      low += end
    }
    return low
  }

  private static func utf16(
    _ bytes: [UInt8], from start: Int, isLittle: Bool, _ path: String
  ) throws(DatasetError) -> String {
    var units: [UInt16] = []
    units.reserveCapacity(bytes.count / 2)
    for place in stride(from: start, to: bytes.count - 1, by: 2) {
      let (first, second) = (UInt16(bytes[place]), UInt16(bytes[place + 1]))
      units.append(isLittle ? first | second << 8 : first << 8 | second)
    }
    if (bytes.count - start) % 2 == 0, let text = String(validating: units, as: UTF16.self) { return text }
    var wrong = units.count
    var place = 0
    while place < units.count {
      let unit = units[place]
      let isPair =
        (0xD800..<0xDC00).contains(unit) && place + 1 < units.count
        && (0xDC00..<0xE000).contains(units[place + 1])
      if (0xD800..<0xE000).contains(unit), !isPair {
        wrong = place
        break
      }
      place += isPair ? 2 : 1
    }
    throw .unusable(
      path: path,
      reason:
        "it begins like UTF-16 and is none at byte \(start + 2 * wrong); convert it to UTF-8 (iconv -t UTF-8)"
    )
  }
}

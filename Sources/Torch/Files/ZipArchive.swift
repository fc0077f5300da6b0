import Foundation

/// The directory of a zip archive whose entries are stored, as PyTorch writes them since 1.6, or also deflated.
///
/// Format: PKWARE's APPNOTE, sections 4.3 and 4.5.3 (zip64). Sizes are taken from the central directory
/// alone, because PyTorch leaves those in front of the data empty. Like PyTorch, it does not check the
/// checksums, which PyTorch can be told not to compute.
package struct ZipArchive {
  /// One file of it.
  package struct Entry {
    package let name: String
    /// Where its bytes lie in the archive, as they are stored.
    package let range: Range<Int>
    /// How many bytes it has; as many as are stored unless it is deflated.
    package let size: Int
    /// Whether its bytes are deflated (RFC 1951).
    package let isDeflated: Bool
    /// The checksum of its bytes (CRC-32).
    package let checksum: UInt32
    /// Whether it is a link and not a file, by the attributes of Unix.
    package let isLink: Bool
  }

  package let entries: [Entry]
  private let positions: [String: Int]

  /// Limits the memory of the directory; a large checkpoint has a few thousand entries.
  private static let maximumDirectory = 128 << 20

  subscript(name: String) -> Range<Int>? { positions[name].map { entries[$0].range } }

  /// - Parameter deflated: whether deflated entries are accepted.
  package init(_ source: ByteSource, deflated: Bool = false) throws(FileFormatError) {
    let directory = try Self.locateDirectory(source)
    var cursor = ByteCursor(source, range: directory.range)
    var entries: [Entry] = []
    var positions: [String: Int] = [:]
    var occupied: [Range<Int>] = []
    for _ in 0..<directory.count {
      let (entry, whole) = try Self.entry(
        &cursor, source, directoryStart: directory.range.lowerBound, deflated: deflated)
      guard positions.updateValue(entries.count, forKey: entry.name) == nil else {
        throw Self.damaged(source, "the entry \(FileFormatError.quoted(entry.name)) comes twice")
      }
      entries.append(entry)
      occupied.append(whole)
    }
    // Overlapping entries would let a short file declare any number of long storages.
    occupied.sort { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
    for (left, right) in zip(occupied, occupied.dropFirst()) where left.upperBound > right.lowerBound {
      throw Self.damaged(source, "two of its entries overlap")
    }
    self.entries = entries
    self.positions = positions
  }

  private static func damaged(_ source: ByteSource, _ what: String) -> FileFormatError {
    source.failure(what + ", so the archive is damaged or was not copied in full; fetch it again")
  }

  private static func number(_ bytes: [UInt8], _ position: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[position + $1]) << UInt64(8 * $1) }
  }

  private static func locateDirectory(
    _ source: ByteSource
  ) throws(FileFormatError) -> (range: Range<Int>, count: Int) {
    // The end record of 22 bytes may be followed by a comment, and zip64 puts 20 bytes before it.
    let tailLength = min(source.count, 22 + 0xFFFF + 20)
    let tailStart = source.count - tailLength
    let tail = try source.bytes(at: tailStart, count: tailLength)
    var found: Int?
    for position in stride(from: tailLength - 22, through: 0, by: -1) where tail[position] == 0x50 {
      // A comment may contain the signature too, but then its length does not reach the end.
      if number(tail, position, 4) == 0x0605_4B50,
        position + 22 + Int(number(tail, position + 20, 2)) == tailLength
      {
        found = position
        break
      }
    }
    guard let end = found else { throw damaged(source, "its directory is missing") }
    var count = number(tail, end + 10, 2)
    var size = number(tail, end + 12, 4)
    var offset = number(tail, end + 16, 4)
    var limit = tailStart + end
    if end >= 20, number(tail, end - 20, 4) == 0x0706_4B50 {
      guard let record = Int(exactly: number(tail, end - 20 + 8, 8)), record <= limit - 20 - 56 else {
        throw damaged(source, "its directory lies outside it")
      }
      let bytes = try source.bytes(at: record, count: 56)
      guard number(bytes, 0, 4) == 0x0606_4B50 else { throw damaged(source, "its directory is missing") }
      count = number(bytes, 32, 8)
      size = number(bytes, 40, 8)
      offset = number(bytes, 48, 8)
      limit = record
    }
    guard offset <= UInt64(limit), size <= UInt64(limit) - offset, count <= size / 46,
      size <= UInt64(maximumDirectory)
    else { throw damaged(source, "its directory lies outside it") }
    return (Int(offset)..<Int(offset + size), Int(count))
  }

  private static func entry(
    _ cursor: inout ByteCursor, _ source: ByteSource, directoryStart: Int, deflated: Bool
  ) throws(FileFormatError) -> (entry: Entry, whole: Range<Int>) {
    let head = try cursor.take(46)
    guard number(head, 0, 4) == 0x0201_4B50 else { throw damaged(source, "its directory is broken") }
    let nameBytes = try cursor.take(Int(number(head, 28, 2)))
    let extra = try cursor.take(Int(number(head, 30, 2)))
    try cursor.skip(Int(number(head, 32, 2)))
    guard let name = String(validating: nameBytes, as: UTF8.self) else {
      throw damaged(source, "the name of an entry is not a text")
    }
    guard number(head, 8, 2) & 1 == 0 else {
      throw source.failure("it is encrypted; decrypt it first")
    }
    let method = number(head, 10, 2)
    guard method == 0 || deflated else {
      throw source.failure(
        "its entry \(FileFormatError.quoted(name)) is compressed, which PyTorch does not do; "
          + "pack the archive again without compression, or save it again with torch.save")
    }
    guard method == 0 || method == 8 else {
      throw source.failure(
        "its entry \(FileFormatError.quoted(name)) is compressed in way \(method), and only deflate is read; "
          + "pack it again as a plain zip")
    }
    var sizes = [number(head, 24, 4), number(head, 20, 4), number(head, 42, 4)]
    try applyZip64(extra, to: &sizes, source)
    let isDeflated = method == 8
    // Deflate makes at most 1,032 bytes of one.
    guard sizes[0] == sizes[1] || isDeflated && sizes[0] / 1032 <= sizes[1],
      sizes[2] <= UInt64(directoryStart), directoryStart - Int(sizes[2]) >= 30
    else {
      throw damaged(source, "the entry \(FileFormatError.quoted(name)) lies outside it")
    }
    let start = Int(sizes[2])
    let local = try source.bytes(at: start, count: 30)
    guard number(local, 0, 4) == 0x0403_4B50 else {
      throw damaged(source, "the entry \(FileFormatError.quoted(name)) has no head")
    }
    let dataStart = start + 30 + Int(number(local, 26, 2)) + Int(number(local, 28, 2))
    guard dataStart <= directoryStart, sizes[1] <= UInt64(directoryStart - dataStart), sizes[0] <= 1 << 48
    else {
      throw damaged(source, "the entry \(FileFormatError.quoted(name)) lies outside it")
    }
    let range = dataStart..<(dataStart + Int(sizes[1]))
    // Made by Unix: the upper half of the attributes is the mode, and 0xA000 says a link.
    let isLink = number(head, 5, 1) == 3 && number(head, 40, 2) & 0xF000 == 0xA000
    return (
      Entry(
        name: name, range: range, size: Int(sizes[0]), isDeflated: isDeflated,
        checksum: UInt32(number(head, 16, 4)), isLink: isLink), start..<range.upperBound
    )
  }

  /// Replaces the 32-bit fields that are full (size, stored size, position, in this order) by the
  /// 64-bit ones of the extra field 1.
  private static func applyZip64(
    _ extra: [UInt8], to fields: inout [UInt64], _ source: ByteSource
  ) throws(FileFormatError) {
    guard fields.contains(0xFFFF_FFFF) else { return }
    var position = 0
    while position + 4 <= extra.count {
      let kind = number(extra, position, 2)
      let length = Int(number(extra, position + 2, 2))
      guard length <= extra.count - position - 4 else { break }
      if kind == 1 {
        var next = position + 4
        for index in fields.indices where fields[index] == 0xFFFF_FFFF {
          guard next + 8 <= position + 4 + length else { break }
          fields[index] = number(extra, next, 8)
          next += 8
        }
        return
      }
      position += 4 + length
    }
  }
}

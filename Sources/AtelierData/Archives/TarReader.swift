internal import Foundation
internal import Torch

/// The files of a tar archive: ustar with pax's and GNU's long names (POSIX.1-2008, pax).
struct TarReader {
  struct Entry {
    let name: String
    let range: Range<Int>
    /// What the header says it is: `0` a file, `5` a folder, anything else a link or a device.
    let kind: UInt8
  }

  let entries: [Entry]

  private static let block = 512
  static let longestName = 1 << 16

  static func isPresent(in source: ByteSource) -> Bool {
    guard let head = try? source.bytes(at: 0, count: block) else { return false }
    return isSound(head)
  }

  init(_ source: ByteSource, limit: Int) throws {
    func damaged(_ reason: String) -> DatasetError { .corruptFile(path: source.file.path, reason: reason) }
    var entries: [Entry] = []
    var place = 0
    // Of the next file, by a header before it.
    var (name, size): (String?, Int?) = (nil, nil)
    while place + Self.block <= source.count {
      let head = try source.bytes(at: place, count: Self.block)
      if head.allSatisfy({ $0 == 0 }) { break }
      guard Self.isSound(head) else { throw damaged("a header at byte \(place) has a wrong checksum") }
      guard let own = Self.number(head[124..<136]) else { throw damaged("a file of it has no size") }
      let kind = head[156]
      let isHeader = kind == 0x78 || kind == 0x4C || kind == 0x67 || kind == 0x4B
      let length = isHeader ? own : size ?? own
      let start = place + Self.block
      guard length >= 0, length <= source.count - start else { throw damaged("a file of it is cut short") }
      switch kind {
      case 0x78:
        guard length <= Self.longestName else { throw damaged("a header of it has \(length) bytes") }
        let records = try Self.records(try source.bytes(at: start, count: length), damaged)
        name = records["path"] ?? name
        if let text = records["size"] {
          guard let number = Int(text), number >= 0 else { throw damaged("a file of it has no size") }
          size = number
        }
      case 0x4C:
        guard length <= Self.longestName else { throw damaged("a name of it has \(length) bytes") }
        name = String(decoding: try source.bytes(at: start, count: length).prefix { $0 != 0 }, as: UTF8.self)
      case 0x67, 0x4B: break
      default:
        guard entries.count < limit else { throw damaged("it has more than \(limit) files") }
        let isPlain = kind == 0 || kind == 0x30 || kind == 0x37
        let shown = name ?? Self.name(head)
        // An old archive marks a folder by its name alone.
        entries.append(
          Entry(
            name: shown, range: start..<(start + length),
            kind: isPlain ? (shown.hasSuffix("/") ? 0x35 : 0x30) : kind))
        (name, size) = (nil, nil)
      }
      place = start + (length + Self.block - 1) / Self.block * Self.block
    }
    self.entries = entries
  }

  static func isSound(_ head: [UInt8]) -> Bool {
    guard let stated = number(head[148..<156]) else { return false }
    let sum = head.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
    return sum == stated && head[0] != 0
  }

  static func name(_ head: [UInt8]) -> String {
    func text(_ range: Range<Int>) -> String {
      String(decoding: head[range].prefix { $0 != 0 }, as: UTF8.self)
    }
    let isPOSIX = text(257..<262) == "ustar" && head[262] == 0
    let prefix = isPOSIX ? text(345..<500) : ""
    return prefix.isEmpty ? text(0..<100) : prefix + "/" + text(0..<100)
  }

  /// A number in octal digits, or in GNU's bytes.
  static func number(_ field: ArraySlice<UInt8>) -> Int? {
    guard let first = field.first else { return nil }
    if first == 0x80 {
      guard field.dropFirst().dropLast(7).allSatisfy({ $0 == 0 }) else { return nil }
      return field.suffix(7).reduce(0) { $0 << 8 | Int($1) }
    }
    let text = String(decoding: field, as: UTF8.self).trimmingCharacters(
      in: CharacterSet(charactersIn: " \0"))
    return Int(text, radix: 8)
  }

  /// The records `LENGTH KEY=VALUE` of a pax header.
  static func records(
    _ bytes: [UInt8], _ damaged: (String) -> DatasetError
  ) throws -> [String: String] {
    var (records, place): ([String: String], Int) = ([:], 0)
    while place < bytes.count, bytes[place] != 0 {
      guard let blank = bytes[place...].firstIndex(of: 0x20),
        let length = Int(String(decoding: bytes[place..<blank], as: UTF8.self)), length > blank - place,
        length <= bytes.count - place
      else { throw damaged("a header of it is broken") }
      let record = bytes[(blank + 1)..<(place + length)].prefix { $0 != 0x0A }
      if let sign = record.firstIndex(of: 0x3D) {
        let key = String(decoding: record[..<sign], as: UTF8.self)
        records[key] = String(decoding: record[(sign + 1)...], as: UTF8.self)
      }
      place += length
    }
    return records
  }
}

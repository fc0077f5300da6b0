internal import CZlib
internal import Foundation
internal import Torch

/// NumPy's `.npz`: a zip archive of arrays (NEP 1). Arrays of numbers are read; those of Python's objects, which
/// are pickles, are refused.
struct ArrayFile {
  /// An array's header.
  struct Header: Sendable, Hashable {
    let shape: [Int]
    /// The elements: `u`, `i`, `f` or `b`, and their bytes.
    let kind: Character
    let width: Int
    let isBigEndian: Bool
    /// Whether the first dimension changes fastest.
    let isFortran: Bool
    /// Where the elements begin.
    let start: Int

    var count: Int { shape.reduce(1, *) }
  }

  private let source: ByteSource
  private let entries: [String: ZipArchive.Entry]
  /// The arrays' names, without the ending, in the archive's order.
  let names: [String]

  /// Most bytes of one array.
  private static let largest = 16 << 30

  init(_ file: URL) throws {
    source = try ByteSource(file)
    let zip = try ZipArchive(source, deflated: true)
    var (entries, names): ([String: ZipArchive.Entry], [String]) = ([:], [])
    for entry in zip.entries where entry.name.hasSuffix(".npy") {
      let name = String(entry.name.dropLast(4))
      names.append(name)
      entries[name] = entry
    }
    (self.entries, self.names) = (entries, names)
  }

  /// The header of an array and all its bytes, headed by it.
  ///
  /// - Throws: ``DatasetError`` that names the array.
  func read(_ name: String) throws -> (header: Header, bytes: [UInt8]) {
    guard let entry = entries[name] else { throw damaged("there is no array \"\(name)\" in it") }
    guard entry.size <= Self.largest else {
      throw damaged("the array \"\(name)\" has \(entry.size) bytes, more than \(Self.largest)")
    }
    var bytes: [UInt8] = []
    if entry.isDeflated {
      var sum = crc32(0, nil, 0)
      try Inflation.inflate(source, entry.range, .none, limit: entry.size) { piece in
        sum = crc32(sum, piece.bindMemory(to: UInt8.self).baseAddress, uInt(piece.count))
        bytes.append(contentsOf: piece)
      }
      guard bytes.count == entry.size, UInt32(truncatingIfNeeded: sum) == entry.checksum else {
        throw damaged("the array \"\(name)\" does not have the size and checksum of its entry")
      }
    } else {
      bytes = try source.bytes(at: entry.range.lowerBound, count: entry.range.count)
    }
    return (try header(bytes, name), bytes)
  }

  /// The header of an array alone.
  func header(of name: String) throws -> Header {
    guard let entry = entries[name] else { throw damaged("there is no array \"\(name)\" in it") }
    guard entry.isDeflated else {
      let beginning = try source.bytes(at: entry.range.lowerBound, count: min(1 << 16, entry.size))
      return try header(beginning, name, total: entry.size)
    }
    struct Enough: Error {}
    var beginning: [UInt8] = []
    do {
      try Inflation.inflate(source, entry.range, .none, limit: entry.size) { piece in
        beginning.append(contentsOf: piece)
        if beginning.count >= 1 << 16 { throw Enough() }
      }
    } catch is Enough {}
    return try header(beginning, name, total: entry.size)
  }

  private func damaged(_ reason: String) -> DatasetError {
    .corruptFile(path: source.file.path, reason: reason)
  }

  private func header(_ bytes: [UInt8], _ name: String, total: Int? = nil) throws -> Header {
    func wrong(_ reason: String) -> DatasetError { damaged("the array \"\(name)\" \(reason)") }
    guard bytes.count >= 12, bytes.prefix(6).elementsEqual([0x93] + Array("NUMPY".utf8)) else {
      throw wrong("does not begin as NumPy's arrays do")
    }
    let isLong = bytes[6] >= 2
    let length = (0..<(isLong ? 4 : 2)).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    let text = isLong ? 12 : 10
    guard length <= 1 << 15, text + length <= bytes.count else {
      throw wrong("has a header that does not end")
    }
    let head = String(decoding: bytes[text..<(text + length)], as: UTF8.self)
    guard let type = Self.value("descr", head), let order = Self.value("fortran_order", head),
      let dimensions = Self.value("shape", head), dimensions.hasPrefix("("),
      order == "True" || order == "False"
    else { throw wrong("has a header that cannot be read") }
    let code = Array(type.trimmingCharacters(in: CharacterSet(charactersIn: "'\"")))
    guard code.count >= 3, code.count <= 4, "<>|=".contains(code[0]), let width = Int(String(code[2...]))
    else {
      throw wrong("holds fields or other things than numbers")
    }
    guard "uifb".contains(code[1]), [1, 2, 4, 8].contains(width), code[1] != "f" || width > 1 else {
      throw wrong(
        code[1] == "O"
          ? "holds Python's objects, which can run anything; save it as an array of numbers"
          : "holds no numbers, but \(String(code))")
    }
    let shape = dimensions.dropFirst().dropLast().split(separator: ",").map {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    guard shape.count <= 8, shape.allSatisfy({ ($0 ?? -1) >= 0 }) else { throw wrong("has no shape") }
    let header = Header(
      shape: shape.compactMap { $0 }, kind: code[1], width: width, isBigEndian: code[0] == ">",
      isFortran: order == "True", start: text + length)
    var count = width
    for length in header.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: length)
      guard !overflow, product <= Self.largest else { throw wrong("declares the shape \(header.shape)") }
      count = product
    }
    guard (total ?? bytes.count) - header.start == count else {
      throw wrong("declares the shape \(header.shape) and has \((total ?? bytes.count) - header.start) bytes")
    }
    return header
  }

  /// The text of a value in a header, such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
  private static func value(_ key: String, _ head: String) -> String? {
    guard let start = head.range(of: "'\(key)':") else { return nil }
    let rest = head[start.upperBound...].drop { $0 == " " }
    if rest.hasPrefix("(") {
      guard let end = rest.firstIndex(of: ")") else { return nil }
      return String(rest[...end])
    }
    return String(rest.prefix { $0 != "," && $0 != "}" }).trimmingCharacters(in: .whitespaces)
  }

  /// The elements as numbers, in the order of a C array.
  static func numbers(_ header: Header, _ bytes: [UInt8]) -> [Double] {
    let count = header.count
    return bytes.withUnsafeBytes { raw in
      (0..<count).map { index in
        let place = header.start + Self.place(index, header) * header.width
        return number(raw, place, header)
      }
    }
  }

  /// Where an element of a C array lies.
  private static func place(_ index: Int, _ header: Header) -> Int {
    guard header.isFortran, header.shape.count > 1 else { return index }
    var (rest, place, step) = (index, 0, header.count)
    for length in header.shape.reversed() {
      step /= length
      place += rest % length * step
      rest /= length
    }
    return place
  }

  private static func number(_ raw: UnsafeRawBufferPointer, _ place: Int, _ header: Header) -> Double {
    var bits: UInt64 = 0
    for byte in 0..<header.width {
      let shift = header.isBigEndian ? header.width - 1 - byte : byte
      bits |= UInt64(raw[place + byte]) << UInt64(8 * shift)
    }
    switch (header.kind, header.width) {
    case ("b", _): return bits == 0 ? 0 : 1
    case ("u", _): return Double(bits)
    case ("i", let width):
      return Double(Int64(bitPattern: bits << UInt64(64 - 8 * width)) >> (64 - 8 * width))
    case ("f", 2): return half(UInt16(truncatingIfNeeded: bits))
    case ("f", 4): return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    default: return Double(bitPattern: bits)
    }
  }

  /// IEEE 754's binary16; not every platform has the type.
  private static func half(_ bits: UInt16) -> Double {
    let sign: Double = bits >> 15 == 0 ? 1 : -1
    let (exponent, fraction) = (Int(bits >> 10 & 31), Double(bits & 1023))
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default:
      return sign * (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
    }
  }
}

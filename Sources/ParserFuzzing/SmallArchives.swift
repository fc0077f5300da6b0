/// Archives of a few bytes, made by hand: valid inputs to begin with.
enum SmallArchives {
  /// CRC-32 of zip and gzip (polynomial 0xEDB88320).
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = (sum >> 1) ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~sum
  }

  static func little(_ value: some BinaryInteger, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// Little-endian numbers, each of its width.
  static func numbers(_ fields: (value: Int, width: Int)...) -> [UInt8] {
    fields.flatMap { little($0.value, $0.width) }
  }

  /// A deflate stream of one stored block (RFC 1951, 3.2.4).
  static func deflated(_ bytes: [UInt8]) -> [UInt8] {
    numbers((1, 1), (bytes.count, 2), (~bytes.count, 2)) + bytes
  }

  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    let head: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
    return head + deflated(bytes) + numbers((Int(checksum(bytes)), 4), (bytes.count, 4))
  }

  static func zip(_ files: [(name: String, bytes: [UInt8])], deflates: Bool = false) -> [UInt8] {
    var (body, directory): ([UInt8], [UInt8]) = ([], [])
    for (name, bytes) in files {
      let stored = deflates ? deflated(bytes) : bytes
      let common = numbers(
        (20, 2), (0, 2), (deflates ? 8 : 0, 2), (0, 4), (Int(checksum(bytes)), 4), (stored.count, 4),
        (bytes.count, 4), (name.utf8.count, 2), (0, 2))
      directory += numbers((0x0201_4B50, 4), (20, 2))
      directory += common
      directory += numbers((0, 2), (0, 2), (0, 2), (0, 4), (body.count, 4))
      directory += Array(name.utf8)
      body += numbers((0x0403_4B50, 4))
      body += common
      body += Array(name.utf8)
      body += stored
    }
    let end = numbers(
      (0x0605_4B50, 4), (0, 4), (files.count, 2), (files.count, 2), (directory.count, 4), (body.count, 4),
      (0, 2))
    return body + directory + end
  }

  static func tar(_ files: [(name: String, kind: Character, bytes: [UInt8])]) -> [UInt8] {
    var result: [UInt8] = []
    for (name, kind, bytes) in files {
      var head = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, _ place: Int) {
        for (index, byte) in text.utf8.enumerated() { head[place + index] = byte }
      }
      put(name, 0)
      put("0000644\0", 100)
      put("0000000\0", 108)
      put("0000000\0", 116)
      let octal = String(bytes.count, radix: 8)
      put(String(repeating: "0", count: 11 - octal.count) + octal, 124)
      put("00000000000\0", 136)
      put(String(kind), 156)
      put("ustar\0" + "00", 257)
      result += head + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }
    return withHeaderChecksums(result + [UInt8](repeating: 0, count: 1024))
  }

  /// The bytes with a right checksum wherever the headers of a tar archive may stand, so that a changed header is
  /// read at all.
  static func withHeaderChecksums(_ bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    for start in stride(from: 0, to: bytes.count - 511, by: 512) {
      guard result[start..<(start + 512)].contains(where: { $0 != 0 }) else { continue }
      for place in 148..<156 { result[start + place] = 32 }
      let sum = result[start..<(start + 512)].reduce(0) { $0 + Int($1) }
      let octal = String(sum, radix: 8)
      let text = String(repeating: "0", count: 6 - min(6, octal.count)) + octal + "\0 "
      for (index, byte) in text.utf8.prefix(8).enumerated() { result[start + 148 + index] = byte }
    }
    return result
  }

  /// NumPy's `.npy` of bytes or of another type (NEP 1).
  static func npy(_ type: String, _ shape: String, _ elements: [UInt8], fortran: Bool = false) -> [UInt8] {
    var header = "{'descr': '\(type)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }"
    header += String(repeating: " ", count: (64 - (10 + header.utf8.count + 1) % 64) % 64) + "\n"
    var bytes: [UInt8] = [0x93]
    bytes += Array("NUMPY".utf8)
    bytes += numbers((1, 2), (header.utf8.count, 2))
    bytes += Array(header.utf8)
    return bytes + elements
  }
}

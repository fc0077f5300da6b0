internal import Foundation

/// Writes tar archives (POSIX ustar, with pax headers for long names) whose bytes follow from their files alone: no
/// times, owners or modes of the machine are in them.
struct TarWriter {
  private static let block = 512
  private static let longestName = 100

  /// The bytes of a member: its headers, itself, and zeros up to the next block.
  static func member(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    if name.utf8.count > longestName {
      let record = paxRecord("path", name)
      result +=
        header(
          "pax/" + String(decoding: name.utf8.prefix(80), as: Unicode.ASCII.self), record.count, kind: 0x78)
        + padded(record)
    }
    let short = name.utf8.count > longestName ? "long" : name
    result += header(short, bytes.count, kind: 0x30)
    return result + padded(bytes)
  }

  /// The bytes that a member takes.
  static func size(_ name: String, _ count: Int) -> Int {
    let pax = name.utf8.count > longestName ? block + rounded(paxRecord("path", name).count) : 0
    return pax + block + rounded(count)
  }

  /// What an archive ends with.
  static var end: [UInt8] { [UInt8](repeating: 0, count: 2 * block) }

  private static func rounded(_ count: Int) -> Int { (count + block - 1) / block * block }

  private static func padded(_ bytes: [UInt8]) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: rounded(bytes.count) - bytes.count)
  }

  /// `LENGTH KEY=VALUE`, the length of the whole record.
  private static func paxRecord(_ key: String, _ value: String) -> [UInt8] {
    let rest = " \(key)=\(value)\n"
    var length = rest.utf8.count + 1
    while "\(length)\(rest)".utf8.count != length { length = "\(length)\(rest)".utf8.count }
    return Array("\(length)\(rest)".utf8)
  }

  private static func header(_ name: String, _ size: Int, kind: UInt8) -> [UInt8] {
    var head = [UInt8](repeating: 0, count: block)
    func put(_ text: String, _ place: Int) {
      for (index, byte) in text.utf8.enumerated() { head[place + index] = byte }
    }
    func octal(_ number: Int, _ digits: Int) -> String {
      let text = String(number, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    for (index, byte) in name.utf8.prefix(longestName).enumerated() { head[index] = byte }
    put(octal(0o644, 7), 100)
    put(octal(0, 7), 108)
    put(octal(0, 7), 116)
    put(octal(size, 11), 124)
    put(octal(0, 11), 136)
    head[156] = kind
    put("ustar\0" + "00", 257)
    for place in 148..<156 { head[place] = 0x20 }
    let sum = head.reduce(0) { $0 + Int($1) }
    put(octal(sum, 6) + "\0 ", 148)
    return head
  }
}

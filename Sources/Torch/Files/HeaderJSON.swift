import Foundation

/// A value of the JSON text at the head of a safetensors file.
///
/// Foundation's parsers keep neither the order of an object's keys nor a key that comes twice, and a
/// header in which a name comes twice must be refused; hence this small strict parser.
enum HeaderJSON {
  case null, bool(Bool), integer(Int), fraction, string(String)
  case array([HeaderJSON])
  case object([(key: String, value: HeaderJSON)])

  /// - Throws: a description of the place, for the caller to name the file.
  static func parse(_ bytes: [UInt8]) throws(Failure) -> HeaderJSON {
    var parser = Parser(bytes: bytes)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else {
      throw Failure(parser.position, "something follows the header")
    }
    return value
  }

  struct Failure: Error {
    let description: String
    init(_ position: Int, _ what: String) { description = "\(what) at byte \(position)" }
  }

  private struct Parser {
    let bytes: [UInt8]
    var position = 0
    var values = 0

    /// A header needs a depth of three; the limit protects the stack from a malicious one.
    static let maximumDepth = 16
    /// Bounds the memory that a header of short values takes; a tensor needs about eight.
    static let maximumValues = 4_000_000

    init(bytes: [UInt8]) { self.bytes = bytes }

    func failure(_ what: String) -> Failure { Failure(position, what) }

    mutating func skipSpace() {
      while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func expect(_ character: UInt8) throws(Failure) {
      guard next == character else {
        throw failure("“\(Character(UnicodeScalar(character)))” is missing")
      }
      position += 1
    }

    mutating func value(depth: Int) throws(Failure) -> HeaderJSON {
      guard depth < Self.maximumDepth else { throw failure("values are nested too deep") }
      values += 1
      guard values <= Self.maximumValues else { throw failure("there are too many values") }
      skipSpace()
      switch next {
      case UInt8(ascii: "{"): return try object(depth: depth)
      case UInt8(ascii: "["): return try array(depth: depth)
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"): return try word("true", .bool(true))
      case UInt8(ascii: "f"): return try word("false", .bool(false))
      case UInt8(ascii: "n"): return try word("null", .null)
      default: return try number()
      }
    }

    mutating func word(_ text: String, _ value: HeaderJSON) throws(Failure) -> HeaderJSON {
      guard bytes[position...].starts(with: text.utf8) else { throw failure("an unknown word stands") }
      position += text.utf8.count
      return value
    }

    mutating func object(depth: Int) throws(Failure) -> HeaderJSON {
      try expect(UInt8(ascii: "{"))
      var pairs: [(key: String, value: HeaderJSON)] = []
      var seen: Set<String> = []
      skipSpace()
      if next == UInt8(ascii: "}") {
        position += 1
        return .object([])
      }
      while true {
        skipSpace()
        let key = try string()
        guard seen.insert(key).inserted else {
          throw failure("the name \(FileFormatError.quoted(key)) comes twice")
        }
        skipSpace()
        try expect(UInt8(ascii: ":"))
        pairs.append((key, try value(depth: depth + 1)))
        skipSpace()
        if next == UInt8(ascii: ",") {
          position += 1
          continue
        }
        try expect(UInt8(ascii: "}"))
        return .object(pairs)
      }
    }

    mutating func array(depth: Int) throws(Failure) -> HeaderJSON {
      try expect(UInt8(ascii: "["))
      var elements: [HeaderJSON] = []
      skipSpace()
      if next == UInt8(ascii: "]") {
        position += 1
        return .array([])
      }
      while true {
        elements.append(try value(depth: depth + 1))
        skipSpace()
        if next == UInt8(ascii: ",") {
          position += 1
          continue
        }
        try expect(UInt8(ascii: "]"))
        return .array(elements)
      }
    }

    /// Integers are parsed exactly; other numbers are only validated, as a header does not use them.
    mutating func number() throws(Failure) -> HeaderJSON {
      let start = position
      if next == UInt8(ascii: "-") { position += 1 }
      let first = position
      digits()
      guard position > first, position == first + 1 || bytes[first] != UInt8(ascii: "0") else {
        throw failure("a value is missing")
      }
      var isInteger = true
      if next == UInt8(ascii: ".") {
        isInteger = false
        position += 1
        try someDigits()
      }
      if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
        isInteger = false
        position += 1
        if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
        try someDigits()
      }
      guard isInteger else { return .fraction }
      guard let value = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
        throw failure("a number is too large")
      }
      return .integer(value)
    }

    mutating func digits() {
      while let digit = next, (0x30...0x39).contains(digit) { position += 1 }
    }

    mutating func someDigits() throws(Failure) {
      let start = position
      digits()
      guard position > start else { throw failure("a digit is missing") }
    }

    mutating func string() throws(Failure) -> String {
      try expect(UInt8(ascii: "\""))
      var text: [UInt8] = []
      while let byte = next {
        position += 1
        switch byte {
        case UInt8(ascii: "\""):
          guard let string = String(validating: text, as: UTF8.self) else {
            throw failure("a text is not UTF-8")
          }
          return string
        case UInt8(ascii: "\\"): text.append(contentsOf: try escape().utf8)
        case 0..<0x20: throw failure("a control character stands in a text")
        default: text.append(byte)
        }
      }
      throw failure("a text does not end")
    }

    mutating func escape() throws(Failure) -> String {
      guard let kind = next else { throw failure("a text does not end") }
      position += 1
      switch kind {
      case UInt8(ascii: "\""): return "\""
      case UInt8(ascii: "\\"): return "\\"
      case UInt8(ascii: "/"): return "/"
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{C}"
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "t"): return "\t"
      case UInt8(ascii: "u"):
        var units = [try unit()]
        if units[0] & 0xFC00 == 0xD800 {
          try expect(UInt8(ascii: "\\"))
          try expect(UInt8(ascii: "u"))
          units.append(try unit())
        }
        guard let text = String(validating: units, as: UTF16.self) else {
          throw failure("half a character stands in a text")
        }
        return text
      default: throw failure("an unknown escape stands in a text")
      }
    }

    mutating func unit() throws(Failure) -> UInt16 {
      var unit: UInt16 = 0
      for _ in 0..<4 {
        guard let byte = next, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
          throw failure("an unknown escape stands in a text")
        }
        position += 1
        unit = unit << 4 | UInt16(digit)
      }
      return unit
    }
  }

  /// The JSON form of a string with the shortest escapes, so that equal strings give equal bytes on every
  /// platform.
  static func text(of string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      default:
        if scalar.value < 0x20 {
          let digits = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    return text + "\""
  }
}

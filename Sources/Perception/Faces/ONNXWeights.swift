package import Foundation
package import Torch

/// The arrays of an ONNX file, with those that are stored in blocks of 8-bit numbers as float32.
///
/// A foreign file: every length is checked before it is used, and nothing of its graph is run but `DequantizeLinear` and
/// `Reshape` of arrays.
package enum ONNXWeights {
  /// The most bytes of a file, and the most numbers of an array.
  private static let limit = 1 << 28

  private struct Array {
    var shape: [Int]
    /// The values as float32, or as integers in `whole`.
    var values: [Float] = []
    var whole: [Int] = []
  }

  private struct Node {
    var operation = ""
    var inputs: [String] = []
    var outputs: [String] = []
    var integers: [String: Int] = [:]
  }

  /// The floating-point arrays by name, of dequantised and reshaped ones the outputs' names.
  ///
  /// - Throws: ``PerceptionError/unusable(path:reason:)``.
  package static func tensors(of file: URL) throws -> [String: HostTensor] {
    func refuse(_ reason: String) -> PerceptionError { .unusable(path: file.path, reason: reason) }
    let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
    guard let size = attributes?[.size] as? Int, size <= limit, let data = try? Data(contentsOf: file) else {
      throw refuse("it cannot be read, or is larger than \(limit >> 20) MiB")
    }
    do { return try tensors(in: [UInt8](data)) } catch let fault as ProtobufFault {
      throw refuse(fault.reason)
    }
  }

  /// - Throws: ``ProtobufFault``.
  package static func tensors(in bytes: [UInt8]) throws(ProtobufFault) -> [String: HostTensor] {
    var arrays: [String: Array] = [:]
    var nodes: [Node] = []
    var hasGraph = false
    try ProtobufReader(bytes).forEach { field throws(ProtobufFault) in
      guard field.number == 7 else { return }
      hasGraph = true
      try field.message().forEach { inner throws(ProtobufFault) in
        switch inner.number {
        case 1: nodes.append(try node(inner.message()))
        case 5:
          let (name, array) = try array(inner.message())
          if let array { arrays[name] = array }
        default: break
        }
      }
    }
    guard hasGraph else { throw ProtobufFault("it holds no graph of ONNX") }
    for node in nodes {
      guard let output = node.outputs.first, let first = node.inputs.first, let source = arrays[first] else {
        continue
      }
      switch node.operation {
      case "DequantizeLinear": arrays[output] = try dequantised(source, node, arrays)
      case "Reshape":
        guard node.inputs.count == 2, let shape = arrays[node.inputs[1]]?.whole, shape.allSatisfy({ $0 > 0 }),
          product(shape) == product(source.shape)
        else { throw ProtobufFault("the array \(FileFormatError.quoted(first)) cannot be reshaped") }
        arrays[output] = Array(shape: shape, values: source.values, whole: source.whole)
      default: break
      }
    }
    return arrays.compactMapValues { array in
      array.values.isEmpty ? nil : HostTensor(array.values, shape: array.shape)
    }
  }

  /// Each block of one axis has its own scale and zero point.
  private static func dequantised(
    _ source: Array, _ node: Node, _ arrays: [String: Array]
  ) throws(ProtobufFault) -> Array {
    let rank = source.shape.count
    let axis = node.integers["axis"] ?? 1
    guard node.inputs.count == 3, let scales = arrays[node.inputs[1]], let zeros = arrays[node.inputs[2]],
      let block = node.integers["block_size"], (1...limit).contains(block), (0..<rank).contains(axis),
      !source.whole.isEmpty
    else {
      throw ProtobufFault(
        "the array \(FileFormatError.quoted(node.inputs.first ?? "")) is not stored in blocks of 8 bits")
    }
    var shape = source.shape
    shape[axis] = (shape[axis] + block - 1) / block
    // Scales of whole numbers have no values, and zero points of floats no whole ones.
    let count = product(shape)
    guard scales.shape == shape, scales.values.count == count, zeros.shape == shape,
      zeros.whole.count == count
    else {
      throw ProtobufFault(
        "the scales of the array \(FileFormatError.quoted(node.inputs[0])) do not fit its blocks")
    }
    let inner = product(source.shape.suffix(rank - axis - 1)) ?? 0
    let (length, blocks) = (source.shape[axis], shape[axis])
    var values = [Float](repeating: 0, count: source.whole.count)
    for index in values.indices {
      let (outer, rest) = index.quotientAndRemainder(dividingBy: length * inner)
      let (along, within) = rest.quotientAndRemainder(dividingBy: inner)
      let place = (outer * blocks + along / block) * inner + within
      values[index] = Float(source.whole[index] &- zeros.whole[place]) * scales.values[place]
    }
    return Array(shape: source.shape, values: values)
  }

  private static func product(_ shape: some Collection<Int>) -> Int? {
    var count = 1
    for length in shape {
      guard length >= 0 else { return nil }
      let (next, overflow) = count.multipliedReportingOverflow(by: length)
      guard !overflow, next <= limit else { return nil }
      count = next
    }
    return count
  }

  private static func node(_ message: ProtobufReader) throws(ProtobufFault) -> Node {
    var node = Node()
    try message.forEach { field throws(ProtobufFault) in
      switch field.number {
      case 1: node.inputs.append(try field.text())
      case 2: node.outputs.append(try field.text())
      case 4: node.operation = try field.text()
      case 5:
        var (name, value): (String, Int?) = ("", nil)
        try field.message().forEach { part throws(ProtobufFault) in
          if part.number == 1 { name = try part.text() }
          if part.number == 3 { value = try part.integer() }
        }
        if let value { node.integers[name] = value }
      default: break
      }
    }
    return node
  }

  /// An initialiser; nil for a type that no weights have.
  private static func array(_ message: ProtobufReader) throws(ProtobufFault) -> (String, Array?) {
    var (name, shape, type, raw): (String, [Int], Int, ArraySlice<UInt8>?) = ("", [], 0, nil)
    var (floats, integers): ([Float], [Int]) = ([], [])
    try message.forEach { field throws(ProtobufFault) in
      switch field.number {
      case 1: shape += try field.integers()
      case 2: type = try field.integer()
      case 4: floats += try field.floats()
      case 5, 7: integers += try field.integers()
      case 8: name = try field.text()
      case 9: raw = try field.bytes()
      case 13, 14: throw ProtobufFault("its arrays lie in other files")
      default: break
      }
    }
    guard shape.count <= 8, let count = product(shape) else {
      throw ProtobufFault("the array \(FileFormatError.quoted(name)) has the shape \(shape.prefix(8))")
    }
    let width = [1: 4, 2: 1, 3: 1, 6: 4, 7: 8][type]
    guard let width else { return (name, nil) }
    if let raw {
      guard raw.count == count * width else {
        throw ProtobufFault(
          "the array \(FileFormatError.quoted(name)) has \(raw.count) bytes instead of \(count * width)")
      }
      raw.withUnsafeBytes { bytes in
        for index in 0..<count {
          switch type {
          case 1:
            floats.append(Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
          case 2: integers.append(Int(bytes[index]))
          case 3: integers.append(Int(Int8(bitPattern: bytes[index])))
          case 6: integers.append(Int(bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)))
          default: integers.append(Int(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self)))
          }
        }
      }
    }
    guard (type == 1 ? floats.count : integers.count) == count else {
      throw ProtobufFault(
        "the array \(FileFormatError.quoted(name)) does not hold as many numbers as its shape says")
    }
    return (name, Array(shape: shape, values: type == 1 ? floats : [], whole: type == 1 ? [] : integers))
  }
}

/// Why bytes are not the messages that they should be.
package struct ProtobufFault: Error {
  package let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// Reads the fields of a message of Protocol Buffers; every length is checked against the bytes that are there.
struct ProtobufReader {
  private let all: ArraySlice<UInt8>

  init(_ bytes: some Collection<UInt8>) { all = ArraySlice(bytes) }

  /// A field: its number and what it holds.
  struct Field {
    enum Content {
      case number(UInt64)
      case bytes(ArraySlice<UInt8>)
      case word(UInt32)
    }

    let number: Int
    let content: Content

    func bytes() throws(ProtobufFault) -> ArraySlice<UInt8> {
      guard case .bytes(let bytes) = content else {
        throw ProtobufFault("its field \(number) has another type")
      }
      return bytes
    }

    func message() throws(ProtobufFault) -> ProtobufReader { ProtobufReader(try bytes()) }

    func text() throws(ProtobufFault) -> String {
      guard let text = String(validating: try bytes(), as: UTF8.self) else {
        throw ProtobufFault("a name in it is not text in UTF-8")
      }
      return text
    }

    func integer() throws(ProtobufFault) -> Int {
      guard case .number(let value) = content else {
        throw ProtobufFault("its field \(number) has another type")
      }
      return Int(Int64(bitPattern: value))
    }

    /// One integer, or many packed.
    func integers() throws(ProtobufFault) -> [Int] {
      if case .number = content { return [try integer()] }
      var rest = try bytes()
      var values: [Int] = []
      while !rest.isEmpty { values.append(Int(Int64(bitPattern: try ProtobufReader.varint(&rest)))) }
      return values
    }

    /// One float, or many packed.
    func floats() throws(ProtobufFault) -> [Float] {
      if case .word(let bits) = content { return [Float(bitPattern: bits)] }
      let bytes = try bytes()
      guard bytes.count % 4 == 0 else { throw ProtobufFault("its field \(number) is cut short") }
      return bytes.withUnsafeBytes { raw in
        (0..<(raw.count / 4)).map {
          Float(bitPattern: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
        }
      }
    }
  }

  private static func varint(_ rest: inout ArraySlice<UInt8>) throws(ProtobufFault) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else { break }
      value |= UInt64(byte & 0x7F) << min(shift, 63)
      if byte < 0x80 { return value }
    }
    throw ProtobufFault("it is damaged or cut short")
  }

  /// Calls `body` with each field in the order of the bytes.
  func forEach(_ body: (Field) throws(ProtobufFault) -> Void) throws(ProtobufFault) {
    var rest = all
    while !rest.isEmpty {
      let key = try Self.varint(&rest)
      guard let number = Int(exactly: key >> 3), number > 0 else {
        throw ProtobufFault("it is damaged or no message")
      }
      func take(_ count: UInt64) throws(ProtobufFault) -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else { throw ProtobufFault("it is damaged or cut short") }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
      }
      switch key & 7 {
      case 0: try body(Field(number: number, content: .number(try Self.varint(&rest))))
      case 1: _ = try take(8)
      case 2: try body(Field(number: number, content: .bytes(try take(try Self.varint(&rest)))))
      case 5:
        let bytes = try take(4)
        let bits = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        try body(Field(number: number, content: .word(bits)))
      default: throw ProtobufFault("it is damaged or no message")
      }
    }
  }
}

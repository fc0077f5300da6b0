import Foundation

/// A pickle machine that only builds plain values: it imports and calls nothing. Unknown classes become inert
/// records.
///
/// Opcodes: the comments of CPython's `Lib/pickletools.py`, protocols 0 to 5. Values are stored in one array
/// and refer to each other by index, so that recursive or deeply nested values neither form a retain cycle
/// nor exhaust the stack at deinit. A class, to avoid copies of its arrays where an argument is computed by
/// the machine itself.
final class PickleMachine {
  /// The index of a node.
  typealias Reference = Int32

  enum Node {
    case null
    case bool(Bool)
    case int(Int)
    /// Little-endian two's complement.
    case longInt([UInt8])
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case list([Reference])
    case tuple([Reference])
    case set([Reference])
    /// Keys and values in turn.
    case dictionary([Reference])
    indirect case global(module: String, name: String)
    indirect case object(Instance)
    indirect case storage(TorchStorage)
    indirect case tensor(TorchView)
  }

  /// An instance of a class that is not known here.
  struct Instance {
    var callable: Reference
    var arguments: Reference
    var state: Reference?
    var elements: [Reference] = []
    var pairs: [Reference] = []
  }

  // Limits. A checkpoint's pickle describes thousands of tensors and perhaps a training log; a malicious one
  // is limited to a few hundred megabytes.
  private static let maximumNodes = 4_000_000
  private static let maximumElements = 8_000_000

  private(set) var nodes: [Node] = []
  /// The storages named by the file's persistent ids, by key.
  var storages: [String: TorchStorage] = [:]
  private var cursor: ByteCursor
  private var stack: [Reference] = []
  private var marks: [Int] = []
  private var memo: [UInt64: Reference] = [:]
  private var elementCount = 0

  /// The end of the pickle in the file.
  var position: Int { cursor.position }

  init(_ source: ByteSource, range: Range<Int>) {
    cursor = ByteCursor(source, range: range)
  }

  func failure(_ problem: String) -> FileFormatError {
    cursor.source.failure(problem + "; the file is damaged or not a PyTorch file, fetch it again")
  }

  /// Runs up to the STOP opcode, and returns the top of the stack.
  func run() throws(FileFormatError) -> Reference {
    while true {
      let opcode = try cursor.byte()
      if opcode == UInt8(ascii: ".") { return try pop() }
      try execute(opcode)
    }
  }

  private func execute(_ opcode: UInt8) throws(FileFormatError) {
    switch opcode {
    case 0x80:  // PROTO
      let version = try cursor.byte()
      guard version <= 5 else { throw failure("its pickle protocol \(version) is unknown") }
    case 0x95: try cursor.skip(8)  // FRAME: only says how far to read ahead.
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"):  // POP
      if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
    case UInt8(ascii: "1"): _ = try popToMark()
    case UInt8(ascii: "2"): stack.append(try top())
    case UInt8(ascii: "N"): try push(.null)
    case 0x88: try push(.bool(true))
    case 0x89: try push(.bool(false))
    case UInt8(ascii: "J"): try push(.int(Int(Int32(truncatingIfNeeded: try cursor.unsigned(4)))))
    case UInt8(ascii: "K"): try push(.int(Int(try cursor.unsigned(1))))
    case UInt8(ascii: "M"): try push(.int(Int(try cursor.unsigned(2))))
    case UInt8(ascii: "I"), UInt8(ascii: "L"): try push(textInteger(opcode))
    case 0x8A: try push(Self.integer(try cursor.take(try cursor.length(1))))
    case 0x8B: try push(Self.integer(try cursor.take(try cursor.length(4))))
    case UInt8(ascii: "F"):
      guard let value = Double(String(decoding: try cursor.line(), as: UTF8.self)) else {
        throw failure("a number in it is not one")
      }
      try push(.double(value))
    case UInt8(ascii: "G"):
      try push(.double(Double(bitPattern: UInt64(try cursor.unsigned(8)).byteSwapped)))
    case UInt8(ascii: "S"):
      try push(Self.text(Self.unescaped(Self.unquoted(try cursor.line()), python: true)))
    case UInt8(ascii: "V"): try push(Self.text(Self.unescaped(try cursor.line(), python: false)))
    case UInt8(ascii: "T"): try push(Self.text(try cursor.take(try cursor.length(4))))
    case UInt8(ascii: "U"): try push(Self.text(try cursor.take(try cursor.length(1))))
    case UInt8(ascii: "X"): try push(Self.text(try cursor.take(try cursor.length(4))))
    case 0x8C: try push(Self.text(try cursor.take(try cursor.length(1))))
    case 0x8D: try push(Self.text(try cursor.take(try cursor.length(8))))
    case UInt8(ascii: "B"): try push(.bytes(try cursor.take(try cursor.length(4))))
    case UInt8(ascii: "C"): try push(.bytes(try cursor.take(try cursor.length(1))))
    case 0x8E, 0x96: try push(.bytes(try cursor.take(try cursor.length(8))))
    case UInt8(ascii: "]"): try push(.list([]))
    case UInt8(ascii: "}"): try push(.dictionary([]))
    case UInt8(ascii: ")"): try push(.tuple([]))
    case 0x8F: try push(.set([]))
    case UInt8(ascii: "l"): try pushMarked { .list($0) }
    case UInt8(ascii: "t"): try pushMarked { .tuple($0) }
    case UInt8(ascii: "d"): try pushDictionary()
    case 0x91: try pushMarked { .set($0) }
    case 0x85, 0x86, 0x87: try pushTuple(Int(opcode) - 0x84)
    case UInt8(ascii: "a"):
      let element = try pop()
      try append([element], to: try top())
    case UInt8(ascii: "e"), 0x90:  // APPENDS, ADDITEMS
      let elements = try popToMark()
      try append(elements, to: try top())
    case UInt8(ascii: "s"):
      let value = try pop()
      let key = try pop()
      try store([key, value], in: try top())
    case UInt8(ascii: "u"):
      let pairs = try popToMark()
      try store(pairs, in: try top())
    case UInt8(ascii: "p"), UInt8(ascii: "q"), UInt8(ascii: "r"), 0x94,
      UInt8(ascii: "g"), UInt8(ascii: "h"), UInt8(ascii: "j"):
      try executeMemo(opcode)
    case UInt8(ascii: "P"), UInt8(ascii: "Q"): try executePersistentIdentifier(opcode)
    default: try executeClass(opcode)
    }
  }

  private func executeMemo(_ opcode: UInt8) throws(FileFormatError) {
    switch opcode {
    case UInt8(ascii: "p"): memo[try memoIndex()] = try top()
    case UInt8(ascii: "q"): memo[try cursor.unsigned(1)] = try top()
    case UInt8(ascii: "r"): memo[try cursor.unsigned(4)] = try top()
    case 0x94: memo[UInt64(memo.count)] = try top()
    case UInt8(ascii: "g"): stack.append(try remembered(try memoIndex()))
    case UInt8(ascii: "h"): stack.append(try remembered(try cursor.unsigned(1)))
    default: stack.append(try remembered(try cursor.unsigned(4)))
    }
    guard memo.count <= Self.maximumNodes, stack.count <= Self.maximumElements else { throw tooLarge }
  }

  private func executePersistentIdentifier(_ opcode: UInt8) throws(FileFormatError) {
    // Protocol 0 writes the identifier as text, which PyTorch never uses.
    guard opcode == UInt8(ascii: "Q") else { throw failure("it refers to something outside itself") }
    stack.append(try loadPersistent(try pop()))
  }

  private func executeClass(_ opcode: UInt8) throws(FileFormatError) {
    switch opcode {
    case UInt8(ascii: "c"):
      let module = String(decoding: try cursor.line(), as: UTF8.self)
      let name = String(decoding: try cursor.line(), as: UTF8.self)
      try push(.global(module: module, name: name))
    case 0x93:  // STACK_GLOBAL
      let (nameReference, moduleReference) = (try pop(), try pop())
      guard case .string(let name) = node(nameReference), case .string(let module) = node(moduleReference)
      else {
        throw failure("a class in it has no name")
      }
      try push(.global(module: module, name: name))
    case UInt8(ascii: "R"), 0x81:  // REDUCE, NEWOBJ: to an inert machine the same.
      let arguments = try pop()
      let callable = try pop()
      stack.append(try construct(callable, arguments))
    case 0x92:  // NEWOBJ_EX
      _ = try pop()
      let arguments = try pop()
      let callable = try pop()
      stack.append(try construct(callable, arguments))
    case UInt8(ascii: "o"):  // OBJ
      let parts = try popToMark()
      guard let callable = parts.first else { throw failure("a class in it is missing") }
      let arguments = try add(.tuple(Array(parts.dropFirst())))
      stack.append(try construct(callable, arguments))
    case UInt8(ascii: "i"):  // INST
      let module = String(decoding: try cursor.line(), as: UTF8.self)
      let name = String(decoding: try cursor.line(), as: UTF8.self)
      let arguments = try add(.tuple(try popToMark()))
      let callable = try add(.global(module: module, name: name))
      stack.append(try construct(callable, arguments))
    case UInt8(ascii: "b"):  // BUILD
      let state = try pop()
      let target = try top()
      // The attributes of an OrderedDict (the `_metadata` of a state dictionary) are ignored; only an inert
      // object keeps its state.
      if case .object(var instance) = node(target) {
        instance.state = state
        nodes[Int(target)] = .object(instance)
      }
    default:
      throw failure("its pickle holds the opcode \(opcode), which PyTorch does not write")
    }
  }

  // MARK: Stack

  func node(_ reference: Reference) -> Node { nodes[Int(reference)] }

  /// Stores a node without pushing it.
  func add(_ node: Node) throws(FileFormatError) -> Reference {
    guard nodes.count < Self.maximumNodes else { throw tooLarge }
    nodes.append(node)
    return Reference(nodes.count - 1)
  }

  /// Counts elements before they are copied, so that a short file cannot multiply them.
  func charge(_ count: Int) throws(FileFormatError) {
    elementCount += count
    guard elementCount <= Self.maximumElements else { throw tooLarge }
  }

  private func push(_ node: Node) throws(FileFormatError) {
    stack.append(try add(node))
  }

  private var tooLarge: FileFormatError {
    cursor.source.failure(
      "it holds more than \(Self.maximumNodes) values beside its tensors; save the state dictionary alone")
  }

  private func top() throws(FileFormatError) -> Reference {
    guard let last = stack.last else { throw failure("its pickle takes a value that is not there") }
    return last
  }

  private func pop() throws(FileFormatError) -> Reference {
    guard let last = stack.popLast() else { throw failure("its pickle takes a value that is not there") }
    return last
  }

  private func popToMark() throws(FileFormatError) -> [Reference] {
    guard let mark = marks.popLast(), mark <= stack.count else {
      throw failure("its pickle takes values that are not there")
    }
    let taken = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return taken
  }

  private func pushMarked(_ make: ([Reference]) -> Node) throws(FileFormatError) {
    let elements = try popToMark()
    try charge(elements.count)
    try push(make(elements))
  }

  private func pushDictionary() throws(FileFormatError) {
    let pairs = try popToMark()
    try push(.dictionary([]))
    try store(pairs, in: try top())
  }

  private func pushTuple(_ count: Int) throws(FileFormatError) {
    guard stack.count >= count else { throw failure("its pickle takes a value that is not there") }
    let elements = Array(stack.suffix(count))
    stack.removeLast(count)
    try charge(count)
    try push(.tuple(elements))
  }

  private func append(_ elements: [Reference], to target: Reference) throws(FileFormatError) {
    try charge(elements.count)
    let index = Int(target)
    switch nodes[index] {
    // The node is emptied first, so that the array is uniquely referenced and appended to in place.
    case .list(var all):
      nodes[index] = .null
      all.append(contentsOf: elements)
      nodes[index] = .list(all)
    case .set(var all):
      nodes[index] = .null
      all.append(contentsOf: elements)
      nodes[index] = .set(all)
    case .object(var instance):
      nodes[index] = .null
      instance.elements.append(contentsOf: elements)
      nodes[index] = .object(instance)
    default: throw failure("its pickle appends to something that is not a list")
    }
  }

  private func store(_ pairs: [Reference], in target: Reference) throws(FileFormatError) {
    guard pairs.count.isMultiple(of: 2) else { throw failure("its pickle stores a key without a value") }
    try charge(pairs.count)
    let index = Int(target)
    switch nodes[index] {
    case .dictionary(var all):
      nodes[index] = .null
      all.append(contentsOf: pairs)
      nodes[index] = .dictionary(all)
    case .object(var instance):
      nodes[index] = .null
      instance.pairs.append(contentsOf: pairs)
      nodes[index] = .object(instance)
    default: throw failure("its pickle stores a key in something that is not a dictionary")
    }
  }

  private func remembered(_ index: UInt64) throws(FileFormatError) -> Reference {
    guard let reference = memo[index] else { throw failure("its pickle refers to a value that is not there") }
    return reference
  }

  private func memoIndex() throws(FileFormatError) -> UInt64 {
    guard let index = UInt64(String(decoding: try cursor.line(), as: UTF8.self)) else {
      throw failure("its pickle refers to a value that is not there")
    }
    return index
  }

  // MARK: Numbers and texts

  /// A little-endian two's complement number of any length.
  private static func integer(_ bytes: [UInt8]) -> Node {
    guard bytes.count <= 8 else { return .longInt(bytes) }
    guard let last = bytes.last else { return .int(0) }
    var value = last & 0x80 == 0 ? 0 : -1
    for byte in bytes.reversed() { value = value << 8 | Int(byte) }
    return .int(value)
  }

  private func textInteger(_ opcode: UInt8) throws(FileFormatError) -> Node {
    var line = try cursor.line()
    if opcode == UInt8(ascii: "L"), line.last == UInt8(ascii: "L") { line.removeLast() }
    let text = String(decoding: line, as: UTF8.self)
    if opcode == UInt8(ascii: "I") {
      if text == "00" { return .bool(false) }
      if text == "01" { return .bool(true) }
    }
    if let value = Int(text) { return .int(value) }
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw failure("a number in it is not one")
    }
    return .longInt(Array(text.utf8))
  }

  /// Texts of Python 2 need not be UTF-8; those that are not stay bytes.
  private static func text(_ bytes: [UInt8]) -> Node {
    String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes)
  }

  private static func unquoted(_ line: [UInt8]) -> [UInt8] {
    guard line.count >= 2, let first = line.first, first == line.last, first == 0x22 || first == 0x27 else {
      return line
    }
    return Array(line[1..<(line.count - 1)])
  }

  /// Undoes the escapes of protocol 0: `\uXXXX` and `\UXXXXXXXX` in texts, Python's in byte strings.
  private static func unescaped(_ line: [UInt8], python: Bool) -> [UInt8] {
    guard line.contains(0x5C) else { return line }
    let simple: [UInt8: UInt8] = [
      0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x5C: 0x5C, 0x27: 0x27, 0x22: 0x22, 0x30: 0x00,
    ]
    let lengths: [UInt8: Int] = python ? [0x78: 2] : [0x75: 4, 0x55: 8]
    var result: [UInt8] = []
    var index = 0
    while index < line.count {
      guard line[index] == 0x5C, index + 1 < line.count else {
        result.append(line[index])
        index += 1
        continue
      }
      let kind = line[index + 1]
      if let length = lengths[kind], index + 2 + length <= line.count,
        let code = UInt32(
          String(decoding: line[(index + 2)..<(index + 2 + length)], as: UTF8.self), radix: 16)
      {
        if python {
          result.append(UInt8(truncatingIfNeeded: code))
        } else {
          result.append(contentsOf: String(Character(UnicodeScalar(code) ?? "\u{FFFD}")).utf8)
        }
        index += 2 + length
      } else if python, let byte = simple[kind] {
        result.append(byte)
        index += 2
      } else {
        result.append(line[index])
        index += 1
      }
    }
    return result
  }
}

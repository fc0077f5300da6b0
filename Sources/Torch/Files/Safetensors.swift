public import Foundation

/// The header of a safetensors file.
public struct SafetensorsHeader: Sendable {
  /// One tensor's description.
  public struct Entry: Sendable, Hashable {
    /// The tensor's name.
    public let name: String
    /// The element type.
    public let dtype: DType
    /// The length of each dimension.
    public let shape: [Int]
    /// The byte range of the data in the file.
    public let byteRange: Range<Int>
  }

  /// The strings of `__metadata__`.
  public let metadata: [String: String]
  /// The tensors in the order in which the header names them.
  public let entries: [Entry]
}

/// The content of a safetensors file.
public struct SafetensorsFile: Sendable {
  /// The strings of `__metadata__`.
  public let metadata: [String: String]
  /// The tensors in the order in which the header names them, which is the order they were written in.
  public let tensors: [(name: String, tensor: HostTensor)]
  private let positions: [String: Int]

  init(metadata: [String: String], tensors: [(name: String, tensor: HostTensor)]) {
    self.metadata = metadata
    self.tensors = tensors
    positions = Dictionary(uniqueKeysWithValues: tensors.indices.map { (tensors[$0].name, $0) })
  }

  /// The tensor of this name, if there is one.
  public subscript(name: String) -> HostTensor? { positions[name].map { tensors[$0].tensor } }
}

/// Reads and writes safetensors files: 8 bytes of header length, a JSON header, then raw data.
///
/// Format: the README of huggingface/safetensors. Files are untrusted: every length, offset and shape is
/// checked before anything is allocated.
public enum Safetensors {
  /// The format's own limit on the header, in bytes.
  private static let maximumHeaderLength = 100_000_000

  /// Reads a file; the data is copied into aligned storage.
  ///
  /// - Parameter isWanted: whether the tensor of a name is read; the header is checked whole.
  /// - Throws: `FileFormatError` when the file is missing, damaged or holds an element type that
  ///   Atelier does not know.
  public static func read(
    _ url: URL, where isWanted: (String) -> Bool = { _ in true }
  ) throws(FileFormatError) -> SafetensorsFile {
    let source = try ByteSource(url)
    let header = try header(of: source)
    var tensors: [(name: String, tensor: HostTensor)] = []
    tensors.reserveCapacity(header.entries.count)
    for entry in header.entries where isWanted(entry.name) {
      let bytes = try source.bytes(at: entry.byteRange.lowerBound, count: entry.byteRange.count)
      tensors.append(
        (
          entry.name,
          HostTensor(shape: entry.shape, dtype: entry.dtype, bytes: bytes.asElements(of: entry.dtype))
        ))
    }
    return SafetensorsFile(metadata: header.metadata, tensors: tensors)
  }

  /// Reads and checks only the header: names, shapes and types, without the data of a large file.
  ///
  /// - Throws: `FileFormatError` as `read` does, except for data that cannot be read.
  public static func header(of url: URL) throws(FileFormatError) -> SafetensorsHeader {
    try header(of: try ByteSource(url))
  }

  /// Writes a file atomically.
  ///
  /// The header names the tensors in the given order. The data is ordered by descending element size, so that
  /// every tensor is aligned although the format allows no gaps, as readers that map the file need. Equal
  /// arguments give equal bytes.
  ///
  /// - Parameters:
  ///   - tensors: names, each of them once, and values.
  ///   - metadata: free texts; written in the order of their keys.
  ///   - url: the file; its folder must exist.
  /// - Throws: `FileFormatError` when a name comes twice or is `__metadata__`, the folder is missing or
  ///   not writable, or the disk is full.
  public static func write(
    _ tensors: [(name: String, tensor: HostTensor)], metadata: [String: String] = [:], to url: URL
  ) throws(FileFormatError) {
    var names: Set<String> = []
    for (name, _) in tensors {
      guard name != "__metadata__" else {
        throw FileFormatError(
          file: url,
          problem: "a tensor cannot be called “__metadata__”, the format keeps this name; rename it")
      }
      guard names.insert(name).inserted else {
        throw FileFormatError(
          file: url, problem: "two tensors are called \(FileFormatError.quoted(name)); rename one of them")
      }
    }
    // Sorting by (size, index) keeps the given order within one element size.
    let order = tensors.indices.sorted {
      let (left, right) = (tensors[$0].tensor.dtype.byteCount, tensors[$1].tensor.dtype.byteCount)
      return left != right ? left > right : $0 < $1
    }
    var starts = [Int](repeating: 0, count: tensors.count)
    var position = 0
    for index in order {
      starts[index] = position
      position += tensors[index].tensor.bytes.count
    }
    var parts: [String] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
        .map { HeaderJSON.text(of: $0.key) + ":" + HeaderJSON.text(of: $0.value) }
      parts.append("\"__metadata__\":{" + texts.joined(separator: ",") + "}")
    }
    for (index, (name, tensor)) in tensors.enumerated() {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      parts.append(
        HeaderJSON.text(of: name) + ":{\"dtype\":\"\(tensor.dtype.safetensorsName)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(starts[index]),\(starts[index] + tensor.bytes.count)]}")
    }
    var header = Array(("{" + parts.joined(separator: ",") + "}").utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    guard header.count <= maximumHeaderLength else {
      throw FileFormatError(
        file: url, problem: "names and metadata exceed the format's 100 MB; write several files instead")
    }
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    try AtomicFile.write(to: url) { writer in
      writer.append(length)
      writer.append(header)
      for index in order { writer.append(tensors[index].tensor.bytes) }
    }
  }

  private static func header(of source: ByteSource) throws(FileFormatError) -> SafetensorsHeader {
    guard source.count >= 8 else {
      throw source.failure("it is too short for a safetensors file; fetch it again")
    }
    let first = try source.bytes(at: 0, count: 8)
    // No header is so long that all eight bytes of its length are characters.
    guard !first.allSatisfy({ (32..<127).contains($0) || (9...13).contains($0) }) else {
      throw source.failure("it is a text and not a safetensors file; name another file")
    }
    let length = first.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(min(source.count - 8, maximumHeaderLength)) else {
      throw source.failure(
        "its header would be \(length) bytes long, which does not fit; it is damaged or not a safetensors file"
      )
    }
    let dataStart = 8 + Int(length)
    let bytes = try source.bytes(at: 8, count: Int(length))
    guard bytes.first == UInt8(ascii: "{") else {
      throw source.failure("its header is not JSON; it is damaged or not a safetensors file")
    }
    let json: HeaderJSON
    do {
      json = try HeaderJSON.parse(bytes)
    } catch {
      throw source.failure("its header is not valid, \(error.description); fetch or write the file again")
    }
    guard case .object(let pairs) = json else { throw source.failure("its header is not a JSON object") }
    var metadata: [String: String] = [:]
    var entries: [SafetensorsHeader.Entry] = []
    for (name, value) in pairs {
      guard name == "__metadata__" else {
        let problem = "the header's entry for tensor \(FileFormatError.quoted(name)) "
        do {
          entries.append(try entry(name, value, dataStart: dataStart, dataCount: source.count - dataStart))
        } catch {
          throw source.failure(problem + error.description)
        }
        continue
      }
      guard case .object(let texts) = value else {
        throw source.failure("the header's “__metadata__” is not an object of texts; write the file again")
      }
      for (key, text) in texts {
        guard case .string(let text) = text else {
          throw source.failure(
            "the header's “__metadata__” holds \(FileFormatError.quoted(key)), which is not a text; write the file again"
          )
        }
        metadata[key] = text
      }
    }
    try checkCoverage(entries, dataStart: dataStart, source)
    return SafetensorsHeader(metadata: metadata, entries: entries)
  }

  private struct EntryFailure: Error {
    let description: String
  }

  private static func entry(
    _ name: String, _ value: HeaderJSON, dataStart: Int, dataCount: Int
  ) throws(EntryFailure) -> SafetensorsHeader.Entry {
    guard case .object(let fields) = value else { throw EntryFailure(description: "is not an object") }
    var dtypeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    for (key, field) in fields {
      switch (key, field) {
      case ("dtype", .string(let text)): dtypeName = text
      case ("shape", .array(let values)): shape = naturals(values)
      case ("data_offsets", .array(let values)): offsets = naturals(values)
      default: break
      }
    }
    guard let dtypeName, let shape, let offsets, offsets.count == 2 else {
      throw EntryFailure(description: "lacks a sound dtype, shape or data_offsets; write the file again")
    }
    guard let dtype = DType(safetensorsName: dtypeName) else {
      throw EntryFailure(
        description:
          "has the element type \(FileFormatError.quoted(dtypeName)), which Atelier does not know; "
          + "convert it to F32, F64, F16, BF16, I64, I32, I16, I8, U8 or BOOL")
    }
    guard offsets[0] <= offsets[1], offsets[1] <= dataCount else {
      throw EntryFailure(
        description:
          "points outside the file (bytes \(offsets[0]) to \(offsets[1]) of \(dataCount)); fetch it again")
    }
    guard let byteCount = HostTensor.byteCount(shape: shape, dtype: dtype),
      byteCount == offsets[1] - offsets[0]
    else {
      throw EntryFailure(
        description:
          "has a shape that does not fit its \(offsets[1] - offsets[0]) bytes; write the file again")
    }
    return SafetensorsHeader.Entry(
      name: name, dtype: dtype, shape: shape, byteRange: (dataStart + offsets[0])..<(dataStart + offsets[1]))
  }

  private static func naturals(_ values: [HeaderJSON]) -> [Int]? {
    var numbers: [Int] = []
    for value in values {
      guard case .integer(let number) = value, number >= 0 else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// The format requires that tensors cover the data exactly, without overlap, gap or trailing bytes, which
  /// could hide other content.
  private static func checkCoverage(
    _ entries: [SafetensorsHeader.Entry], dataStart: Int, _ source: ByteSource
  ) throws(FileFormatError) {
    var position = dataStart
    let ordered = entries.sorted {
      ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
    }
    for entry in ordered {
      guard entry.byteRange.lowerBound == position else {
        let what = entry.byteRange.lowerBound < position ? "overlaps another tensor" : "follows a gap"
        throw source.failure(
          "the data of tensor \(FileFormatError.quoted(entry.name)) \(what), which the format forbids; write the file again"
        )
      }
      position = entry.byteRange.upperBound
    }
    guard position == source.count else {
      throw source.failure(
        "\(source.count - position) bytes follow the last tensor, which the format forbids; fetch it again")
    }
  }
}

extension HostTensor {
  /// The largest number of dimensions read from a file; the engine's own limit.
  static let maximumRank = 64

  /// The size of a tensor in bytes; nil for an invalid shape. Dimensions of length 0 count as 1 in the
  /// overflow check, as strides are computed from the others.
  static func byteCount(shape: [Int], dtype: DType) -> Int? {
    guard shape.count <= maximumRank else { return nil }
    var product = dtype.byteCount
    for length in shape {
      guard length >= 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: max(length, 1))
      guard !overflow else { return nil }
      product = next
    }
    return shape.contains(0) ? 0 : product
  }
}

extension DType {
  init?(safetensorsName name: String) {
    guard let found = Self.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
    self = found
  }

  var safetensorsName: String {
    switch self {
    case .float32: "F32"
    case .float64: "F64"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .int64: "I64"
    case .int32: "I32"
    case .int16: "I16"
    case .int8: "I8"
    case .uint8: "U8"
    case .bool: "BOOL"
    }
  }
}

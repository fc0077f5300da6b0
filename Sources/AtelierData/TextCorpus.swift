public import Foundation

/// Plain text, divided into training, validation and test parts.
public struct TextCorpus: Sendable, Hashable {
  /// The name of the folder or file.
  public let name: String
  /// The training text, in UTF-8 (or any bytes, for models of bytes).
  public let train: [UInt8]
  /// The validation text, for early stopping and the learning-rate schedule.
  public let validation: [UInt8]
  /// The test text.
  public let test: [UInt8]
  /// See ``contentFingerprint(of:)``.
  public let fingerprint: String

  /// A corpus of the given parts.
  public init(name: String, train: [UInt8], validation: [UInt8], test: [UInt8]) {
    self.name = name
    self.train = train
    self.validation = validation
    self.test = test
    fingerprint = contentFingerprint(of: train + [0] + validation + [0] + test)
  }

  /// One part.
  public func part(_ split: DatasetSplit) -> [UInt8] {
    switch split {
    case .train: train
    case .validation: validation
    case .test: test
    }
  }
}

/// Opens plain text.
///
/// A folder with `train.txt` takes its parts from `train.txt`, `valid.txt` (or `val.txt`, `validation.txt`)
/// and `test.txt`; where one of the last two is missing, the other is used for both; where both are, the text
/// is divided by position. A single file, or the `.txt` files of a folder concatenated by name, is divided by
/// position: the first 90 %, the next 5 %, the last 5 % of its bytes. Each boundary is moved to the next end
/// of a line within 1,024 bytes, or otherwise to the next character.
public func openText(at path: URL) throws(DatasetError) -> TextCorpus {
  guard FileManager.default.fileExists(atPath: path.path) else { throw .notFound(path: path.path) }
  guard PictureFolders.isFolder(path) else {
    return try divided(read(path), name: path.lastPathComponent, path: path)
  }
  let present = listing(of: path)
  func file(_ names: [String]) -> URL? {
    names.first { present.contains($0) }.map { path.appendingPathComponent($0) }
  }
  if let train = file(["train.txt"]) {
    let validation = file(["valid.txt", "val.txt", "validation.txt"])
    let test = file(["test.txt"])
    guard let second = validation ?? test, let third = test ?? validation else {
      return try divided(read(train), name: path.lastPathComponent, path: train)
    }
    return TextCorpus(
      name: path.lastPathComponent, train: try read(train), validation: try read(second),
      test: try read(third))
  }
  let files = present.filter { $0.lowercased().hasSuffix(".txt") }
  guard !files.isEmpty else {
    throw .unknownLayout(path: path.path, lookedFor: ["train.txt, valid.txt and test.txt", "any file *.txt"])
  }
  var bytes: [UInt8] = []
  for name in files {
    bytes += try read(path.appendingPathComponent(name))
    if bytes.last != 10 { bytes.append(10) }
  }
  return try divided(bytes, name: path.lastPathComponent, path: path)
}

private func read(_ file: URL) throws(DatasetError) -> [UInt8] {
  do { return [UInt8](try Data(contentsOf: file)) } catch {
    throw .corruptFile(path: file.path, reason: "it cannot be read")
  }
}

private func divided(_ bytes: [UInt8], name: String, path: URL) throws(DatasetError) -> TextCorpus {
  func boundary(_ share: Double) -> Int {
    let start = Int(Double(bytes.count) * share)
    if let end = bytes[start..<min(bytes.count, start + 1024)].firstIndex(of: 10) { return end + 1 }
    // Bytes 10xxxxxx continue a character of UTF-8.
    return bytes[start...].firstIndex { $0 & 0xC0 != 0x80 } ?? bytes.count
  }
  guard bytes.count >= 60 else {
    throw .corruptFile(
      path: path.path, reason: "its \(bytes.count) bytes are too few to be divided into three parts")
  }
  let first = boundary(0.9)
  let second = max(first, boundary(0.95))
  return TextCorpus(
    name: name, train: Array(bytes[..<first]), validation: Array(bytes[first..<second]),
    test: Array(bytes[second...]))
}

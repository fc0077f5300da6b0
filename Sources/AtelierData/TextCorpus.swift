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
  try ImageFolders.requireListable(path)
  let files = try TextFiles(path)
  let name = path.lastPathComponent
  guard let second = files.validation, let third = files.test else {
    var bytes: [UInt8] = []
    for file in files.train {
      bytes += try read(file)
      if files.areJoined, bytes.last != 10 { bytes.append(10) }
    }
    return try divided(bytes, name: name, path: files.areJoined ? path : files.train[0])
  }
  return TextCorpus(
    name: name, train: try read(files.train[0]), validation: try read(second), test: try read(third))
}

/// Refuses text that is not UTF-8, unless bytes are modelled.
///
/// - Throws: ``DatasetError/unusable(path:reason:)`` that names the file and the place.
func checkEncoding(ofTextAt path: URL) throws(DatasetError) {
  let files = try TextFiles(path)
  for file in files.train + [files.validation, files.test].compactMap({ $0 }) {
    let bytes = try read(file)
    let wayOut = "convert it to UTF-8, or model bytes (tokenUnit: byte)"
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) || bytes.contains(0) {
      throw .unusable(path: file.path, reason: "it looks like UTF-16; \(wayOut)")
    }
    guard String(validating: bytes, as: UTF8.self) == nil else { continue }
    let line = bytes.split(separator: 10, omittingEmptySubsequences: false).firstIndex {
      String(validating: $0, as: UTF8.self) == nil
    }
    throw .unusable(
      path: file.path, reason: "its line \((line ?? 0) + 1) is not text in UTF-8; \(wayOut)")
  }
}

/// The files of a text.
private struct TextFiles {
  /// One file of training text, or all that are put together and divided.
  let train: [URL]
  let validation: URL?
  let test: URL?
  /// Whether the folder's files are put together.
  var areJoined = false

  init(_ path: URL) throws(DatasetError) {
    guard FileManager.default.fileExists(atPath: path.path) else { throw .notFound(path: path.path) }
    guard ImageFolders.isFolder(path) else {
      (train, validation, test) = ([path], nil, nil)
      return
    }
    let present = listing(of: path, withImages: false)
    func file(_ names: [String]) -> URL? {
      names.first { present.contains($0) }.map { path.appendingPathComponent($0) }
    }
    if let only = file(["train.txt"]) {
      let second = file(["valid.txt", "val.txt", "validation.txt"])
      let third = file(["test.txt"])
      (train, validation, test) = ([only], second ?? third, third ?? second)
      return
    }
    // The merges of a byte-pair encoding are no text.
    let isTokenised = present.contains(ByteLevelBPE.artefactNames[0])
    let files = present.filter {
      $0.lowercased().hasSuffix(".txt") && !(isTokenised && $0 == ByteLevelBPE.artefactNames[1])
    }
    guard !files.isEmpty else {
      throw .unknownLayout(
        path: path.path, lookedFor: ["train.txt, valid.txt and test.txt", "any file *.txt"])
    }
    train = files.map { path.appendingPathComponent($0) }
    (validation, test) = (nil, nil)
    areJoined = true
  }
}

private func read(_ file: URL) throws(DatasetError) -> [UInt8] {
  let bytes: [UInt8]
  do { bytes = [UInt8](try Data(contentsOf: file)) } catch {
    throw .corruptFile(path: file.path, reason: "it cannot be read")
  }
  // A byte order mark says how text is encoded, and is none of it.
  return bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
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

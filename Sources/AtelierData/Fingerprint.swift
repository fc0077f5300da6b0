internal import AtelierHashing
public import Foundation

/// The hexadecimal SHA-256 of bytes in memory, prefixed `sha256:`.
public func contentFingerprint(of bytes: [UInt8]) -> String {
  "sha256:" + bytes.sha256Hex
}

/// The fingerprint of a set of files: the hexadecimal SHA-256 over each file's name, size and contents, in
/// order of name.
///
/// Up to 256 MiB in total every byte is hashed, with the prefix `sha256:`. Beyond that, hashing everything at
/// every start would take minutes, so only the first and the last 4,096 bytes of each file are, with the
/// prefix `sha256-sampled:`.
///
/// - Parameters:
///   - files: the files and the names that are hashed (paths relative to the data's root), so that the
///     fingerprint does not depend on where the data is stored.
///   - isLenient: whether an unreadable file is hashed by its name alone, for callers that report and skip it
///     later.
public func contentFingerprint(
  of files: [(name: String, url: URL)], isLenient: Bool = false
) throws(DatasetError) -> String {
  let sorted = files.sorted { $0.name < $1.name }
  return try FingerprintFiles(count: sorted.count) { (sorted[$0].name, sorted[$0].url.path) }
    .fingerprint(isLenient: isLenient)
}

/// The fingerprint of images below a folder, which is kept with the folder's index where it has one.
///
/// - Parameters:
///   - names: their paths in order.
///   - key: says which images of the folder they are.
func contentFingerprint(
  of names: FileNames, below root: URL, kept key: String
) throws(DatasetError) -> String {
  let facts = names.tree?.facts
  let place = names.tree.map { root.path.dropFirst($0.root.path.count) } ?? ""
  let key = "fingerprint of \(key) in \(place.isEmpty ? "/" : place)"
  if let known = facts?[key], known.hasPrefix("sha256") { return known }
  let found = try FingerprintFiles(count: names.count) { index in
    let name = names[index]
    return (name, "\(root.path)/\(name)")
  }.fingerprint(isLenient: true)
  facts?.keep(found, as: key)
  return found
}

/// Files in the order of their names, of which a fingerprint is computed; several are read at a time.
private struct FingerprintFiles {
  let count: Int
  /// The name that is hashed, and the path.
  let file: @Sendable (Int) -> (name: String, path: String)

  init(count: Int, _ file: @escaping @Sendable (Int) -> (name: String, path: String)) {
    (self.count, self.file) = (count, file)
  }

  /// Above so many bytes of all files, only their ends are hashed.
  private static let whole = 256 << 20
  private static let end = 4096
  /// The most bytes that are held at a time.
  private static let most = 8 << 20

  func fingerprint(isLenient: Bool) throws(DatasetError) -> String {
    let sizes = self.sizes()
    if !isLenient, let missing = sizes.firstIndex(of: -1) { throw .notFound(path: file(missing).path) }
    let isSampled = sizes.reduce(0, +) > Self.whole
    var hash = SHA256Hasher()
    var next = 0
    while next < count {
      // Files that are held together: some megabytes, and one larger file alone.
      var (end, bytes) = (next, 0)
      while end < count, end - next < 4096, end == next || bytes + sizes[end] <= Self.most {
        bytes += max(0, isSampled ? min(sizes[end], 2 * Self.end) : sizes[end])
        end += 1
      }
      if end == next + 1 {
        try hash.update(file(next), sizes[next], isSampled, isLenient)
      } else {
        for piece in pieces(next..<end, sizes, isSampled, isLenient) { hash.update(try piece.get()) }
      }
      if count >= Self.many, end / Self.many > next / Self.many {
        DataProgress.say("Reading \(count) files for their fingerprint: \(end) so far.")
      }
      next = end
    }
    return (isSampled ? "sha256-sampled:" : "sha256:") + hash.hexDigest()
  }

  private static let many = 200_000

  /// The size of each file; -1 for what is no file.
  private func sizes() -> [Int] {
    let chunk = 4096
    return inParallel((count + chunk - 1) / chunk) { number in
      (number * chunk..<min(count, (number + 1) * chunk)).map { index in
        var status = stat()
        guard stat(file(index).path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return -1 }
        return Int(status.st_size)
      }
    }.flatMap(\.self)
  }

  /// What is hashed of some files, a piece for each thread.
  private func pieces(
    _ range: Range<Int>, _ sizes: [Int], _ isSampled: Bool, _ isLenient: Bool
  ) -> [Result<[UInt8], DatasetError>] {
    let chunk = 256
    return inParallel((range.count + chunk - 1) / chunk) { number in
      let first = range.lowerBound + number * chunk
      return Result { () throws(DatasetError) in
        var bytes = CollectedBytes()
        for index in first..<min(range.upperBound, first + chunk) {
          try bytes.update(file(index), sizes[index], isSampled, isLenient)
        }
        return bytes.bytes
      }
    }
  }
}

/// What takes the bytes that are hashed of a file.
private protocol FingerprintSink: ~Copyable {
  mutating func take(_ bytes: UnsafeRawBufferPointer)
}

private struct CollectedBytes: FingerprintSink {
  var bytes: [UInt8] = []
  mutating func take(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
}

extension SHA256Hasher: FingerprintSink {
  fileprivate mutating func take(_ bytes: UnsafeRawBufferPointer) { update(bytes) }
}

extension FingerprintSink where Self: ~Copyable {
  /// Takes name, size and contents of a file, or their ends.
  mutating func update(
    _ file: (name: String, path: String), _ size: Int, _ isSampled: Bool, _ isLenient: Bool
  ) throws(DatasetError) {
    take("\(file.name)\n\(size)\n")
    guard size >= 0 else { return }
    let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    var isRead = descriptor >= 0
    if isSampled {
      isRead =
        isRead && read(descriptor, from: 0, 4096)
        && read(descriptor, from: size > 8192 ? size - 4096 : 4096, 4096)
    } else {
      isRead = isRead && read(descriptor, from: 0, .max)
    }
    guard !isRead else { return }
    guard isLenient else { throw .corruptFile(path: file.path, reason: "it cannot be read") }
    take("unreadable\n")
  }

  private mutating func take(_ text: String) { Array(text.utf8).withUnsafeBytes { take($0) } }

  /// Takes at most `count` bytes from a place on.
  ///
  /// - Returns: whether nothing failed.
  private mutating func read(_ descriptor: Int32, from start: Int, _ count: Int) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: min(count, 1 << 17), alignment: 16) { buffer in
      var taken = 0
      while taken < count {
        let got = pread(
          descriptor, buffer.baseAddress, min(buffer.count, count - taken), off_t(start + taken))
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { return got == 0 }
        take(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
        taken += got
      }
      return true
    }
  }
}

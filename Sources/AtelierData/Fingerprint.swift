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
  var sizes: [Int] = []
  for file in files {
    let values = try? file.url.resolvingSymlinksInPath().resourceValues(forKeys: [
      .fileSizeKey, .isRegularFileKey,
    ])
    let size = values?.isRegularFile == true ? values?.fileSize : nil
    guard isLenient || size != nil else { throw .notFound(path: file.url.path) }
    sizes.append(size ?? -1)
  }
  let isSampled = sizes.reduce(0, +) > 256 << 20
  var hash = SHA256Hasher()
  for (file, size) in zip(files, sizes).sorted(by: { $0.0.name < $1.0.name }) {
    hash.update(Data("\(file.name)\n\(size)\n".utf8))
    if size < 0 { continue }
    do {
      let handle = try FileHandle(forReadingFrom: file.url)
      defer { try? handle.close() }
      if isSampled {
        hash.update(try handle.read(upToCount: 4096) ?? Data())
        if size > 8192 { try handle.seek(toOffset: UInt64(size - 4096)) }
        hash.update(try handle.read(upToCount: 4096) ?? Data())
      } else {
        while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { hash.update(piece) }
      }
    } catch  where isLenient {
      hash.update(Data("unreadable\n".utf8))
    } catch {
      throw .corruptFile(path: file.url.path, reason: "it cannot be read")
    }
  }
  return (isSampled ? "sha256-sampled:" : "sha256:") + hash.hexDigest()
}

package import Foundation

#if canImport(CryptoKit)
  import CryptoKit
#else
  import CLibCrypto
#endif

/// Incremental SHA-256 by the system's library: CryptoKit on Apple platforms, OpenSSL's libcrypto elsewhere.
package struct SHA256Hasher: ~Copyable {
  #if canImport(CryptoKit)
    private var state = SHA256()

    package init() {}

    /// Hashes the next bytes.
    package mutating func update(_ bytes: some ContiguousBytes) {
      bytes.withUnsafeBytes { state.update(bufferPointer: $0) }
    }

    /// The hash of all bytes so far, in 64 hexadecimal digits.
    package consuming func hexDigest() -> String { Self.hexadecimal(state.finalize()) }
  #else
    private let context: OpaquePointer

    package init() {
      guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
        preconditionFailure("libcrypto has no SHA-256: memory is full, or its configuration forbids it")
      }
      self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Hashes the next bytes.
    package mutating func update(_ bytes: some ContiguousBytes) {
      let isTaken = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1 }
      precondition(isTaken, "libcrypto could not update a SHA-256")
    }

    /// The hash of all bytes so far, in 64 hexadecimal digits.
    package consuming func hexDigest() -> String {
      var digest = [UInt8](repeating: 0, count: 32)
      let isDone = EVP_DigestFinal_ex(context, &digest, nil) == 1
      precondition(isDone, "libcrypto could not finish a SHA-256")
      return Self.hexadecimal(digest)
    }
  #endif

  /// The SHA-256 of a file, read in chunks.
  package static func hexDigest(of file: URL) throws -> String {
    let handle = try FileHandle(forReadingFrom: file)
    defer { try? handle.close() }
    var hasher = SHA256Hasher()
    while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { hasher.update(piece) }
    return hasher.hexDigest()
  }

  private static func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

extension ContiguousBytes {
  /// The SHA-256 of these bytes, in 64 hexadecimal digits.
  package var sha256Hex: String {
    var hasher = SHA256Hasher()
    hasher.update(self)
    return hasher.hexDigest()
  }
}

import AtelierHashing
import Foundation
import TestSupport
import Testing

@Suite struct HashingTests {
  // The examples of FIPS 180-2, appendix B, and its empty message.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func hashesAreThoseOfTheStandard(_ text: String, _ expected: String) {
    #expect(Data(text.utf8).sha256Hex == expected)
    #expect(Array(text.utf8).sha256Hex == expected)
  }

  @Test func piecesGiveTheHashOfTheWhole() {
    // A million times "a", FIPS 180-2, appendix B.3, in pieces that do not divide it.
    let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    var hasher = SHA256Hasher()
    var left = 1_000_000
    while left > 0 {
      let count = min(left, 4097)
      hasher.update([UInt8](repeating: 0x61, count: count))
      left -= count
    }
    #expect(hasher.hexDigest() == expected)
  }

  @Test func aFileIsHashedInPieces() throws {
    let folder = try TemporaryFolder()
    let content = Data((0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    try content.write(to: folder("file"))
    #expect(try SHA256Hasher.hexDigest(of: folder("file")) == content.sha256Hex)
    #expect(throws: (any Error).self) { try SHA256Hasher.hexDigest(of: folder("absent")) }
  }
}

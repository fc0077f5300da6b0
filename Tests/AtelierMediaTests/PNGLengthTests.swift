import AtelierMedia
import Testing

/// Chunks of PNG files that declare more than there is, for which libspng takes as much memory.
@Suite struct PNGLengthTests {
  private let image = Image(width: 4, height: 3, channels: 1, bytes: (0..<12).map { UInt8($0 * 20) })

  @Test(arguments: ["zTXt", "iTXt", "iCCP", "eXIf", "IDAT"])
  func aChunkThatDeclaresGigabytesIsRefusedAtOnce(_ kind: String) throws {
    let bytes = try ImageCodec().encode(image, as: .png)
    let chunk: [UInt8] = [0x72, 0, 1, 0xA2] + Array(kind.utf8) + [1, 2, 3, 4, 5, 6, 7, 8]
    let file = bytes[..<33] + chunk + bytes[33...]
    #expect(
      throws: ImageError.damaged(file: "the image", reason: "its chunks declare more bytes than it has")
    ) { try ImageCodec().decode(Array(file)) }
  }

  @Test func whatFollowsTheEndDoesNotCount() throws {
    let bytes = try ImageCodec().encode(image, as: .png) + [0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3]
    #expect(try ImageCodec().decode(bytes) == image)
  }
}

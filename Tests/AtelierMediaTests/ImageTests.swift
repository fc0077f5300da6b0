import AtelierMedia
import Testing

struct ImageTests {
  @Test func greyIsRec601Luma() {
    let image = Image(
      width: 4, height: 1, channels: 3, bytes: [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])
    // 0.299, 0.587 and 0.114 of 255, rounded.
    #expect(image.grey().bytes == [76, 150, 29, 255])
    #expect(image.grey().rgb().bytes == [76, 76, 76, 150, 150, 150, 29, 29, 29, 255, 255, 255])
  }

  @Test func alphaIsLaidOverPaperOrDropped() {
    let image = Image(width: 2, height: 1, channels: 4, bytes: [100, 50, 0, 255, 100, 50, 0, 51])
    // 51 / 255 is one fifth: 255 - (255 - v) / 5.
    #expect(image.rgb().bytes == [100, 50, 0, 224, 214, 204])
    #expect(image.rgb(alpha: .flattenOnBlack).bytes == [100, 50, 0, 20, 10, 0])
    #expect(image.rgb(alpha: .drop).bytes == [100, 50, 0, 100, 50, 0])
    #expect(Image(width: 1, height: 1, filledWith: [9]).converted(toChannels: 4).bytes == [9, 9, 9, 255])
  }

  @Test func sixteenBitsRoundToEightAndBack() {
    let eight = Image(width: 3, height: 1, channels: 1, bytes: [0, 128, 255])
    let sixteen = eight.with16Bits()
    #expect(sixteen[x: 1, y: 0, channel: 0] == 128 * 257)
    #expect(sixteen[x: 2, y: 0, channel: 0] == 65535)
    #expect(sixteen.with8Bits() == eight)
    #expect(sixteen.rgb().with8Bits() == eight.rgb())
  }

  @Test func cutsKeepTheMiddle() throws {
    let image = Image(width: 4, height: 3, channels: 1, bytes: (0..<12).map { UInt8($0) })
    #expect(try image.centerCropped(width: 2, height: 1).bytes == [5, 6])
    #expect(throws: ImageError.self) { try image.centerCropped(width: 5, height: 1) }
    #expect(throws: ImageError.self) { try image.cropped(x: 3, y: 0, width: 2, height: 1) }
  }

  @Test func shrinkingDoesNotAlias() throws {
    // A checkerboard of single pixels has to become even grey, not a coarser checkerboard.
    let board = Image(
      width: 64, height: 64, channels: 1, bytes: (0..<4096).map { ($0 + $0 / 64) % 2 == 0 ? 0 : 255 })
    let small = try board.resized(width: 16, height: 16)
    #expect(small.width == 16 && small.height == 16)
    #expect(small.bytes.allSatisfy { (120...135).contains($0) })
  }

  @Test(arguments: [(3, 5), (100, 7), (17, 640), (1, 1)])
  func resizingGivesExactlyTheSizeAskedFor(width: Int, height: Int) throws {
    for channels in 1...4 {
      let image = Image(width: 37, height: 53, filledWith: [UInt8](repeating: 200, count: channels))
      for source in [image, image.with16Bits()] {
        let resized = try source.resized(width: width, height: height)
        #expect(resized.width == width && resized.height == height)
        #expect(resized.channels == channels && resized.depth == source.depth)
        #expect(resized.with8Bits().bytes.allSatisfy { $0 == 200 })
      }
    }
  }

  @Test func hiddenColoursDoNotBleedWhenResizing() throws {
    // Left half opaque green, right half invisible red.
    let bytes = (0..<(8 * 8)).flatMap { $0 % 8 < 4 ? [0, 255, 0, 255] as [UInt8] : [255, 0, 0, 0] }
    let small = try Image(width: 8, height: 8, channels: 4, bytes: bytes).resized(width: 4, height: 4)
    for y in 0..<4 {
      for x in 0..<4 where small[x: x, y: y, channel: 3] > 20 {
        #expect(small[x: x, y: y, channel: 0] < 10)
      }
    }
  }

  @Test func fillingCutsAndFittingPads() throws {
    let bytes = (0..<(30 * 10)).map { $0 % 30 < 10 || $0 % 30 >= 20 ? UInt8(0) : UInt8(255) }
    let image = Image(width: 30, height: 10, channels: 1, bytes: bytes)
    #expect(try image.resizedToFill(width: 10, height: 10).bytes.allSatisfy { $0 == 255 })
    let fitted = try image.resizedToFit(width: 30, height: 20, background: 7)
    #expect(fitted[x: 15, y: 0, channel: 0] == 7 && fitted[x: 15, y: 19, channel: 0] == 7)
    #expect(fitted[x: 15, y: 10, channel: 0] == 255)
    #expect(throws: ImageError.self) { try image.resizedToFill(width: 0, height: 4) }
  }

  @Test func enlargingRepeatsPixels() throws {
    let image = Image(width: 2, height: 1, channels: 1, bytes: [3, 9])
    #expect(try image.enlarged(by: 2).bytes == [3, 3, 9, 9, 3, 3, 9, 9])
  }
}

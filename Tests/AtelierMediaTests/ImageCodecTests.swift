import AtelierMedia
import Foundation
import Testing

struct ImageCodecTests {
  let codec = ImageCodec()

  /// A gradient that tells every pixel from its neighbours.
  func gradient(_ width: Int, _ height: Int, channels: Int, depth: Int = 8) -> Image {
    let values = (0..<(width * height * channels)).map { $0 * 37 % 256 }
    return Image(
      width: width, height: height, channels: channels, depth: depth,
      bytes: depth == 8
        ? values.map { UInt8($0) } : values.flatMap { [UInt8($0 * 7 % 256), UInt8($0)] })
  }

  @Test(arguments: [1, 2, 3, 4], [8, 16])
  func pngReturnsEveryPixelItWasGiven(channels: Int, depth: Int) throws {
    let image = gradient(7, 5, channels: channels, depth: depth)
    #expect(try codec.decode(codec.encode(image, as: .png)) == image)
  }

  @Test(arguments: [1, 2, 3, 4], [8, 16])
  func tiffReturnsEveryPixelItWasGiven(channels: Int, depth: Int) throws {
    let image = gradient(7, 5, channels: channels, depth: depth)
    #expect(try codec.decode(codec.encode(image, as: .tiff)) == image)
  }

  @Test func losslessWebPReturnsEveryPixelItWasGiven() throws {
    let image = gradient(7, 5, channels: 3)
    #expect(try codec.decode(codec.encode(image, as: .webp, quality: 100)) == image)
  }

  @Test(arguments: [1, 3]) func jpegComesCloseToWhatItWasGiven(channels: Int) throws {
    let image = Image(width: 16, height: 8, filledWith: Array([200, 90, 30].prefix(channels)))
    let decoded = try codec.decode(codec.encode(image, as: .jpeg, quality: 95))
    #expect(decoded.channels == channels)
    #expect(zip(decoded.bytes, image.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 3 })
  }

  @Test func jpegLaysAlphaOverWhite() throws {
    let image = Image(width: 8, height: 8, filledWith: [0, 0, 0, 0])
    let decoded = try codec.decode(codec.encode(image, as: .jpeg))
    #expect(decoded.channels == 3)
    #expect(decoded.bytes.allSatisfy { $0 >= 253 })
  }

  @Test func orientationInTheFileTurnsThePicture() throws {
    // Left half dark, right half light; orientation 6 means: turn clockwise to see it upright.
    let bytes = (0..<(16 * 8)).map { $0 % 16 < 8 ? UInt8(20) : UInt8(230) }
    let image = Image(width: 16, height: 8, channels: 1, bytes: bytes)
    let turned = PictureFiles.jpeg(try codec.encode(image, as: .jpeg), withOrientation: 6)
    let decoded = try codec.decode(turned)
    #expect(decoded.width == 8 && decoded.height == 16)
    #expect(decoded[x: 4, y: 1, channel: 0] < 60)
    #expect(decoded[x: 4, y: 14, channel: 0] > 200)
  }

  @Test func palettesBecomeColours() throws {
    let png = try codec.decode(PictureFiles.palettePNG)
    #expect(png.channels == 3)
    #expect(png.bytes == [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])
    let gif = try codec.decode(PictureFiles.gif)
    #expect(gif.rgb().bytes == [255, 0, 0, 0, 0, 255])
  }

  @Test func oneBitPNGBecomesBlackAndWhite() throws {
    let png = PictureFiles.png(width: 8, height: 1, bits: 1, colourType: 0, rows: [0, 0b1010_0001])
    #expect(try codec.decode(png).bytes == [255, 0, 255, 0, 0, 0, 0, 255])
  }

  @Test func cutShortFilesAreDamaged() throws {
    for format in [ImageFormat.jpeg, .png, .webp] {
      let whole = try codec.encode(gradient(64, 64, channels: 3), as: format)
      let half = Array(whole[0..<(whole.count / 2)])
      let error = #expect(throws: ImageError.self) { try codec.decode(half, named: "half") }
      guard case .damaged("half", let reason) = error else {
        Issue.record("\(format): \(String(describing: error))")
        continue
      }
      #expect(!reason.isEmpty)
    }
  }

  @Test func filesThatAreNoPicturesAreNamed() throws {
    try withTemporaryFolder { folder in
      let text = folder.appendingPathComponent("notes.png")
      try Data("these are words".utf8).write(to: text)
      #expect(throws: ImageError.notAnImage(file: text.path)) { try codec.decode(text) }

      let empty = folder.appendingPathComponent("empty.jpg")
      try Data().write(to: empty)
      #expect(throws: ImageError.damaged(file: empty.path, reason: "the file is empty")) {
        try codec.decode(empty)
      }

      let missing = folder.appendingPathComponent("missing.png")
      #expect(throws: ImageError.unreadable(file: missing.path, reason: "there is no such file")) {
        try codec.decode(missing)
      }
      #expect(throws: ImageError.unreadable(file: folder.path, reason: "it is not a readable file")) {
        try codec.decode(folder)
      }
    }
  }

  @Test func otherFormatsThatLibvipsKnowsAreRefused() {
    let svg = Array("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'></svg>".utf8)
    #expect(throws: ImageError.notAnImage(file: "the image")) { try codec.decode(svg) }
  }

  @Test func sizeLimitIsCheckedBeforePixelsAreDecoded() throws {
    let bytes = try codec.encode(gradient(40, 30, channels: 1), as: .png)
    #expect(throws: ImageError.tooLarge(file: "x", width: 40, height: 30, limit: 1000)) {
      try ImageCodec(maximumPixels: 1000).decode(bytes, named: "x")
    }
    // A header that announces 100,000 x 100,000 pixels over next to no data.
    let bomb = PictureFiles.png(width: 100_000, height: 100_000, bits: 8, colourType: 0, rows: [0, 0])
    #expect(throws: ImageError.self) { try codec.decode(bomb) }
  }

  @Test func writingChoosesTheFormatByName() throws {
    try withTemporaryFolder { folder in
      let image = gradient(6, 4, channels: 3)
      let file = folder.appendingPathComponent("picture.png")
      try image.write(to: file)
      #expect(try Image(contentsOf: file) == image)
      let information = try codec.information(of: file)
      #expect(information.width == 6 && information.height == 4 && information.channels == 3)
      #expect(information.depth == 8 && information.format == .png && information.frames == 1)
      #expect(throws: ImageError.self) { try image.write(to: folder.appendingPathComponent("picture.tga")) }
      #expect(throws: ImageError.self) { try image.write(to: folder.appendingPathComponent("none/a.png")) }
    }
  }

  @Test func textTravelsInPNG() throws {
    let text = ["Software": "Atelier", "Seed-number": "42"]
    let bytes = try codec.encode(gradient(4, 4, channels: 1), as: .png, text: text)
    #expect(try codec.text(in: bytes) == text)
  }

  @Test func manyThreadsEachGetTheirOwnReason() throws {
    let good = try codec.encode(gradient(32, 32, channels: 3), as: .png)
    let jpeg = try codec.encode(gradient(64, 64, channels: 3), as: .jpeg)
    let bad = Array(jpeg[0..<(jpeg.count / 2)])
    let alone = try #require(throws: ImageError.self) { try ImageCodec().decode(bad) }
    DispatchQueue.concurrentPerform(iterations: 40) { index in
      if index % 3 == 0 {
        #expect(throws: alone) { try ImageCodec().decode(bad) }
      } else {
        #expect(throws: Never.self) { try ImageCodec().decode(good) }
      }
    }
  }
}

import AtelierMedia
import Foundation
import Testing

/// Depths, channels and formats beyond 8-bit colour.
struct FormatTests {
  let codec = ImageCodec()

  func ramp(_ channels: Int, _ width: Int = 5, _ height: Int = 3) -> Image {
    let count = width * height * channels
    return Image(
      width: width, height: height, channels: channels,
      floats: (0..<count).map { Float($0) / Float(count - 1) })
  }

  @Test(arguments: [1, 2, 3, 4, 7]) func floatingPointSurvivesTIFF(channels: Int) throws {
    let image = ramp(channels)
    let read = try codec.decode(codec.encode(image, as: .tiff))
    #expect(read == image)
    #expect(try codec.information(of: codec.encode(image, as: .tiff)).depth == 32)
  }

  @Test(arguments: [5, 9]) func manyChannelsSurviveTIFFAtEveryDepth(channels: Int) throws {
    for depth in [8, 16] {
      let image = ramp(channels).withDepth(depth)
      #expect(try codec.decode(codec.encode(image, as: .tiff)) == image)
    }
    let error = #expect(throws: ImageError.self) { try codec.encode(ramp(channels), as: .png) }
    #expect(error?.description.contains(".tiff") == true)
  }

  @Test func depthsConvertByRoundingAndClipping() {
    let image = Image(width: 5, height: 1, channels: 1, floats: [0, 0.5, 1, 2, -.infinity])
    #expect(image.with8Bits().bytes == [0, 128, 255, 255, 0])
    #expect(image.with16Bits().floats[1] == Float(32768) / 65535)
    #expect(image.with8Bits().with16Bits().withFloats().with8Bits() == image.with8Bits())
    #expect(Image(width: 1, height: 1, channels: 1, floats: [.nan]).with8Bits().bytes == [0])
  }

  @Test func floatingPointValuesOfOtherScalesBecomeDisplayValues() throws {
    func read(_ values: [Float]) throws -> [Float] {
      let image = Image(width: values.count, height: 1, channels: 1, floats: values)
      return try codec.decode(codec.encode(image, as: .tiff)).floats
    }
    #expect(try read([0, 0.25, 1]) == [0, 0.25, 1])
    #expect(try read([0, 51, 255]) == [0, 0.2, 1])
    #expect(try read([0, 65535]) == [0, 1])
    #expect(try read([.nan, 1]) == [0, 1])
  }

  @Test func channelsConvertInFloatingPointAsInBytes() {
    let colours = Image(width: 2, height: 1, channels: 4, bytes: [100, 50, 0, 255, 100, 50, 0, 51])
    for channels in 1...4 {
      for rule in AlphaRule.allCases {
        let exact = colours.withFloats().converted(toChannels: channels, alpha: rule).with8Bits()
        let bytes = colours.converted(toChannels: channels, alpha: rule)
        #expect(zip(exact.bytes, bytes.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
      }
    }
    let bands = Image(width: 1, height: 1, channels: 5, bytes: [10, 20, 30, 40, 50])
    #expect(bands.rgb().bytes == [10, 20, 30] && !bands.hasAlpha && bands.withoutAlpha() == bands)
  }

  @Test func alphaCanBeTakenOffAndPutBack() {
    let image = Image(width: 2, height: 1, channels: 4, bytes: [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(image.alpha?.bytes == [4, 8] && image.channel(1).bytes == [2, 6])
    #expect(image.rgb(alpha: .drop).withAlpha(image.channel(3)) == image)
    let grey = Image(width: 1, height: 1, channels: 1, bytes: [9]).with16Bits()
    #expect(grey.withAlpha(grey).channels == 2 && grey.alpha == nil)
  }

  @Test(arguments: [ImageFormat.png, .jpeg, .webp, .tiff, .heic, .avif])
  func formatsCarryTheirOrigin(format: ImageFormat) throws {
    let origin = ImageOrigin(software: "Atelier 1 & 2", system: "pix2pix", checkpoint: "run <7>\u{1}")
    let image = Image(width: 64, height: 48, filledWith: [200, 90, 30])
    guard let bytes = try encoded(image, format, origin.packet) else { return }
    #expect(try codec.information(of: bytes).format == format)
    let packet = try #require(try codec.metadata(of: bytes))
    #expect(packet.contains(ImageOrigin.sourceType))
    #expect(packet.contains("Atelier 1 &amp; 2, pix2pix") && packet.contains("run &lt;7&gt; "))
    let parser = XMLCheck(packet)
    #expect(parser.isWellFormed)
    #expect(try codec.metadata(of: codec.encode(image, as: format)) == nil)
  }

  @Test(arguments: [ImageFormat.gif, .heic, .avif]) func formatsThatLibvipsWritesAreReadBack(
    format: ImageFormat
  ) throws {
    let image = Image(width: 64, height: 48, filledWith: [200, 90, 30])
    guard let bytes = try encoded(image, format) else { return }
    let read = try codec.decode(bytes).rgb()
    #expect(read.width == 64 && zip(read.bytes, image.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 6 })
  }

  /// Nil where this libvips was built without a writer of the format, and says so.
  func encoded(_ image: Image, _ format: ImageFormat, _ packet: String? = nil) throws -> [UInt8]? {
    do throws(ImageError) { return try codec.encode(image, as: format, metadata: packet) } catch {
      guard error.description.contains("choose .png") else { throw error }
      return nil
    }
  }

  @Test func animationsCountTheirFramesAndGiveTheFirst() throws {
    let information = try codec.information(of: PictureFiles.animatedGIF)
    #expect(information.frames == 2 && information.format == .gif)
    #expect(try codec.decode(PictureFiles.animatedGIF).rgb().bytes == [255, 0, 0, 0, 0, 255])
  }

  @Test func informationIsOfTheContentsAndUpright() throws {
    let image = Image(width: 16, height: 8, filledWith: [9, 9, 9])
    let turned = PictureFiles.jpeg(try codec.encode(image, as: .jpeg), withOrientation: 6)
    let information = try codec.information(of: turned)
    #expect(information.width == 8 && information.height == 16 && information.format == .jpeg)
    #expect(throws: ImageError.damaged(file: "x", reason: "the file is empty")) {
      try codec.information(of: [], named: "x")
    }
  }

  @Test func fourInksBecomeThreeLights() throws {
    let read = try codec.decode(PictureFiles.cmykTIFF)
    #expect(read.channels == 3 && read.depth == 8 && read.width == 2)
    // No ink is white; full black ink is dark.
    #expect(read.bytes[0..<3].allSatisfy { $0 > 240 } && read.bytes[3..<6].allSatisfy { $0 < 70 })
  }

  @Test func aPictureOfOnePixelIsAPicture() throws {
    let image = Image(width: 1, height: 1, filledWith: [7])
    #expect(try codec.decode(codec.encode(image, as: .png)) == image)
    #expect(try image.resized(width: 5, height: 4).bytes == [UInt8](repeating: 7, count: 20))
    #expect(try image.outlines().bytes == [255] && image.blurred(sigma: 2) == image)
  }

  @Test func manyWideChannelsCountAgainstTheLimit() throws {
    let bytes = try codec.encode(ramp(40, 30, 10), as: .tiff)
    #expect(throws: ImageError.self) { try ImageCodec(maximumPixels: 1000).decode(bytes) }
    #expect(throws: Never.self) { try ImageCodec(maximumPixels: 30_000).decode(bytes) }
  }
}

/// Whether a text is well-formed XML, as far as its tags go.
private struct XMLCheck {
  let isWellFormed: Bool

  init(_ text: String) {
    var open: [Substring] = []
    var isSound = true
    for piece in text.split(separator: "<").dropFirst(0) {
      guard let end = piece.firstIndex(of: ">") else { continue }
      let tag = piece[..<end]
      if tag.hasPrefix("?") || tag.hasSuffix("/") { continue }
      if tag.hasPrefix("/") {
        isSound = isSound && open.popLast() == tag.dropFirst()
      } else {
        open.append(tag.prefix { !$0.isWhitespace })
      }
    }
    isWellFormed = isSound && open.isEmpty
  }
}

/// Bands that are no colours, and alpha only where a file says so.
struct BandTests {
  /// An uncompressed TIFF of 8 bits a sample in one strip.
  static func tiff(
    width: Int, height: Int, samples: Int, photometric: UInt32, extra: [UInt8], bigEndian: Bool = false,
    _ pixels: [UInt8]
  ) -> [UInt8] {
    func bytes(_ value: UInt32, _ width: Int) -> [UInt8] {
      let little = (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
      return bigEndian ? little.reversed() : little
    }
    let count = extra.isEmpty ? 10 : 11
    let after = 8 + 2 + 12 * count + 4
    let bits = (0..<samples).flatMap { _ in bytes(8, 2) }
    let extras = extra.flatMap { bytes(UInt32($0), 2) }
    func short(_ tag: UInt32, _ value: UInt32) -> [UInt8] {
      bytes(tag, 2) + bytes(3, 2) + bytes(1, 4) + bytes(value, 2) + [0, 0]
    }
    func long(_ tag: UInt32, _ value: UInt32) -> [UInt8] {
      bytes(tag, 2) + bytes(4, 2) + bytes(1, 4) + bytes(value, 4)
    }
    func shorts(_ tag: UInt32, _ values: [UInt8], at place: Int) -> [UInt8] {
      let head = bytes(tag, 2) + bytes(3, 2) + bytes(UInt32(values.count / 2), 4)
      return values.count <= 4
        ? head + values + [UInt8](repeating: 0, count: 4 - values.count) : head + bytes(UInt32(place), 4)
    }
    let start = after + bits.count + extras.count
    var directory = long(256, UInt32(width)) + long(257, UInt32(height)) + shorts(258, bits, at: after)
    directory += short(259, 1) + short(262, photometric) + long(273, UInt32(start))
    directory += short(277, UInt32(samples)) + long(278, UInt32(height))
    directory += long(279, UInt32(pixels.count)) + short(284, 1)
    if !extra.isEmpty { directory += shorts(338, extras, at: after + bits.count) }
    return Array((bigEndian ? "MM" : "II").utf8) + bytes(42, 2) + bytes(8, 4) + bytes(UInt32(count), 2)
      + directory + bytes(0, 4) + bits + extras + pixels
  }

  /// 2 x 1 pixels whose last band is 0 and 200.
  private static let four: [UInt8] = [10, 20, 30, 0, 40, 50, 60, 200]
  private static let two: [UInt8] = [10, 0, 40, 200]

  @Test(
    arguments: [
      (4, 2, [0]), (4, 1, [0, 0, 0]), (4, 2, []), (2, 1, [0]), (2, 1, []), (4, 1, [2, 0, 0]),
    ] as [(Int, UInt32, [UInt8])], [false, true])
  func bandsAreNoAlpha(_ kind: (Int, UInt32, [UInt8]), bigEndian: Bool) throws {
    let pixels = kind.0 == 4 ? Self.four : Self.two
    let image = try ImageCodec().decode(
      Self.tiff(
        width: 2, height: 1, samples: kind.0, photometric: kind.1, extra: kind.2, bigEndian: bigEndian, pixels
      ))
    #expect(image.isMultiband && !image.hasAlpha && image.alpha == nil && image.bytes == pixels)
    // The colours of water stay where infrared is 0.
    if kind.0 == 4 {
      #expect(image.rgb().bytes == [10, 20, 30, 40, 50, 60])
    } else {
      #expect(image.grey().bytes == [10, 40])
    }
    let written = try ImageCodec().decode(ImageCodec().encode(image, as: .tiff))
    #expect(written == image)
    #expect(throws: ImageError.self) { try ImageCodec().encode(image, as: .png) }
    #expect(image.withFloats().with16Bits().with8Bits() == image)
    #expect(try image.cropped(x: 0, y: 0, width: 1, height: 1).isMultiband)
  }

  @Test(arguments: [(4, 2, [1]), (4, 2, [2]), (2, 1, [2])] as [(Int, UInt32, [UInt8])])
  func alphaIsWhatAFileCallsAlpha(_ kind: (Int, UInt32, [UInt8])) throws {
    let image = try ImageCodec().decode(
      Self.tiff(
        width: 2, height: 1, samples: kind.0, photometric: kind.1, extra: kind.2,
        kind.0 == 4 ? Self.four : Self.two))
    #expect(image.hasAlpha && !image.isMultiband && image.alpha?.bytes == [0, 200])
  }

  @Test func resizedBandsAreNotWeightedByEachOther() throws {
    // Left half without infrared: the means of the colours there must stay.
    let pixels = (0..<64).flatMap { place -> [UInt8] in
      place % 8 < 4 ? [60, 120, 90, 0] : [60, 120, 90, 200]
    }
    let image = Image(width: 8, height: 8, channels: 4, isMultiband: true, bytes: pixels)
    for filter in [ResizingFilter.lanczos, .bicubic, .nearest] {
      let half = try image.resized(width: 4, height: 4, filter: filter)
      #expect(half.isMultiband)
      for place in 0..<16 { #expect(Array(half.bytes[(4 * place)..<(4 * place + 3)]) == [60, 120, 90]) }
    }
  }

  @Test func anAlphaThatIsWrittenIsReadAgain() throws {
    for channels in [2, 4] {
      let image = Image(
        width: 2, height: 1, channels: channels, bytes: channels == 4 ? Self.four : Self.two)
      #expect(try ImageCodec().decode(ImageCodec().encode(image, as: .tiff)).hasAlpha)
    }
  }
}

/// Indices of palettes are those of the file.
struct PaletteIndexTests {
  @Test(arguments: [1, 2, 4, 8] as [UInt8]) func entriesOfOneColourAreKeptApart(_ bits: UInt8) throws {
    let largest = min(3, (1 << bits) - 1)
    let indices: [UInt8] = [0, UInt8(min(1, largest)), UInt8(min(2, largest)), UInt8(largest)]
    var row: [UInt8] = [0]
    if bits == 8 {
      row += indices
    } else {
      let packed = indices.reduce(UInt32(0)) { $0 << UInt32(bits) | UInt32($1) } << (32 - 4 * UInt32(bits))
      row += (0..<((4 * Int(bits) + 7) / 8)).map {
        UInt8(truncatingIfNeeded: packed >> (24 - 8 * UInt32($0)))
      }
    }
    let palette =
      (0...largest).flatMap { $0 == 0 ? [0, 0, 0] : $0 == 1 ? [0, 0, 0] : [255, 0, 0] } as [UInt8]
    let file = PictureFiles.png(
      width: 4, height: 1, bits: bits, colourType: 3,
      chunks: [("gAMA", [0, 0, 0xB1, 0x8F]), ("PLTE", palette), ("tRNS", [0, 128])], rows: row)
    let map = try ImageCodec().decodeLabels(file)
    #expect(map.values == indices.map(Int.init))
    #expect(map.palette.count == largest + 1)
  }
}

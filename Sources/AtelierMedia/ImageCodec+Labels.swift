public import Foundation

/// A label map: the class, instance or palette index of every pixel.
public struct LabelMap: Sendable, Hashable {
  /// One channel of 8 or 16 bits whose values are the indices.
  public let indices: Image
  /// The file's palette, RGB; empty where it has none.
  public let palette: [[UInt8]]

  /// A map of the given indices.
  public init(indices: Image, palette: [[UInt8]] = []) {
    self.indices = indices
    self.palette = palette
  }

  /// The index of every pixel, row by row.
  public var values: [Int] {
    if indices.depth == 8 { return indices.bytes.map(Int.init) }
    return indices.bytes.withUnsafeBytes { raw in
      (0..<(raw.count / 2)).map { Int(raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) }
    }
  }
}

extension ImageCodec {
  /// Reads a label map: the indices of a palette image, or the samples of a grey one unchanged, 8 or 16 bits.
  ///
  /// Indices are those of the file, also where two palette entries have one colour.
  ///
  /// - Parameter colours: the RGB colour of each class. With it the colour of a pixel decides its class, in
  ///   palette images too; grey values stay indices.
  /// - Throws: ``ImageError/unsupported(file:reason:)`` for a colour that is not in the table, and for a
  ///   colour image without palette or table.
  public func decodeLabels(_ file: URL, colours: [[UInt8]] = []) throws(ImageError) -> LabelMap {
    try decodeLabels(bytes(of: file), named: file.path, colours: colours)
  }

  /// Reads a label map from memory.
  ///
  /// - Parameters:
  ///   - name: the name used in errors.
  ///   - table: the RGB colour of each class, as in ``decodeLabels(_:colours:)``.
  public func decodeLabels(
    _ bytes: [UInt8], named name: String = "the image", colours table: [[UInt8]] = []
  ) throws(ImageError) -> LabelMap {
    guard scale == nil else {
      // Indices are no intensities.
      var plain = self
      plain.scale = nil
      return try plain.decodeLabels(bytes, named: name, colours: table)
    }
    // A greymap's values are the indices, whatever its white is.
    if RasterFile.isPresent(in: bytes), let indices = try raster(bytes, name).labels(named: name) {
      return LabelMap(indices: indices)
    }
    let header = PNGHeader(bytes)
    // Also of a palette, so that a damaged file is called damaged before it is changed.
    let image = try decode(bytes, named: name)
    if !table.isEmpty, !image.isGrey || header?.isIndexed == true {
      return try classes(of: image, in: table, named: name)
    }
    if let header, header.isIndexed, !header.palette.isEmpty {
      // libvips applies the palette while it decodes; one whose colours are the indices gives the indices.
      let ramp = try decode(PNGHeader.withIndicesAsColours(bytes, bits: header.bits), named: name)
      let indices = ramp.with8Bits().channel(0).bytes
      guard indices.allSatisfy({ $0 < header.palette.count }) else {
        throw .damaged(file: name, reason: "a pixel has an index that is not in its palette")
      }
      return LabelMap(
        indices: Image(width: image.width, height: image.height, channels: 1, bytes: indices),
        palette: header.palette)
    }
    guard image.isGrey, image.depth != 32 else {
      throw .unsupported(
        file: name,
        reason:
          "a label map must be a palette image or a grey image of whole numbers, or come with a colour table")
    }
    let grey = image.converted(toChannels: 1, alpha: .drop)
    // libvips scales samples of fewer than 8 bits to 0...255; undo that, as indices are not intensities.
    guard let header, header.bits < 8, grey.depth == 8 else { return LabelMap(indices: grey) }
    let step = UInt8(255 / ((1 << header.bits) - 1))
    return LabelMap(
      indices: Image(width: grey.width, height: grey.height, channels: 1, bytes: grey.bytes.map { $0 / step })
    )
  }

  /// Maps the colour of every pixel to its class.
  private func classes(
    of image: Image, in table: [[UInt8]], named name: String
  ) throws(ImageError) -> LabelMap {
    guard table.count <= 256 else {
      throw .unsupported(
        file: name, reason: "a colour table may have at most 256 classes, and this one has \(table.count)")
    }
    var index: [UInt32: UInt8] = [:]
    for (number, colour) in table.enumerated().reversed() {
      index[Self.packed(colour)] = UInt8(truncatingIfNeeded: number)
    }
    let colours = image.with8Bits().converted(toChannels: 3, alpha: .drop).bytes
    var indices = [UInt8](repeating: 0, count: image.width * image.height)
    for place in indices.indices {
      let colour = colours[(3 * place)..<(3 * place + 3)]
      guard let found = index[Self.packed(colour)] else {
        throw .unsupported(
          file: name,
          reason: "the pixel at \(place % image.width), \(place / image.width) has the colour "
            + colour.map(String.init).joined(separator: " ")
            + ", which is not in the colour table; add it there, or save the map losslessly")
      }
      indices[place] = found
    }
    return LabelMap(
      indices: Image(width: image.width, height: image.height, channels: 1, bytes: indices), palette: table)
  }

  private static func packed(_ colour: some Collection<UInt8>) -> UInt32 {
    colour.reduce(0) { $0 << 8 | UInt32($1) }
  }
}

/// The pixel format in the first chunks of a PNG.
struct PNGHeader {
  let bits: Int
  let isIndexed: Bool
  /// Red, green and blue.
  private(set) var palette: [[UInt8]] = []

  /// Nil for anything but a PNG.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 33, bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else {
      return nil
    }
    bits = Int(bytes[24])
    isIndexed = bytes[25] == 3
    guard [1, 2, 4, 8, 16].contains(bits) else { return nil }
    var place = 8
    while isIndexed, place + 12 <= bytes.count {
      let length = bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      let name = bytes[(place + 4)..<(place + 8)]
      guard length <= bytes.count - place - 12 else { return }
      if name.elementsEqual("PLTE".utf8) {
        let body = Array(bytes[(place + 8)..<(place + 8 + length)])
        palette = (0..<(body.count / 3)).map { Array(body[(3 * $0)..<(3 * $0 + 3)]) }
        return
      }
      if name.elementsEqual("IDAT".utf8) { return }
      place += 12 + length
    }
  }

  /// The bytes of an indexed PNG with a palette whose colours are the indices, and without what would change
  /// them: transparency, gamma and profiles.
  static func withIndicesAsColours(_ bytes: [UInt8], bits: Int) -> [UInt8] {
    var result = Array(bytes[..<8])
    var place = 8
    while place + 12 <= bytes.count {
      let length = bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - place - 12 else { break }
      let name = String(decoding: bytes[(place + 4)..<(place + 8)], as: UTF8.self)
      if name == "PLTE" {
        let body =
          Array("PLTE".utf8) + (0..<(1 << min(bits, 8))).flatMap { [UInt8](repeating: UInt8($0), count: 3) }
        result += bigEndian(UInt32(body.count - 4)) + body + bigEndian(checksum(body))
      } else if !["tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "cICP", "sBIT", "bKGD", "hIST"].contains(name) {
        result += bytes[place..<(place + 12 + length)]
      }
      place += 12 + length
    }
    return result + bytes[place...]
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
  }

  /// CRC-32, as every chunk ends with it.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }
}

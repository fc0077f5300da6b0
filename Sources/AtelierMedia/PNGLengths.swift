/// The lengths of a PNG's chunks.
///
/// libspng, by which libvips reads PNG, takes as much memory as a chunk declares, up to two gigabytes, before it
/// looks whether the file holds it.
enum PNGLengths {
  /// Whether the file holds what its chunks declare, up to its end chunk; true for anything but a PNG.
  static func areSound(in bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else { return true }
    var place = 8
    while place <= bytes.count - 12 {
      let length = bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - place - 12 else { return false }
      if bytes[(place + 4)..<(place + 8)].elementsEqual("IEND".utf8) { return true }
      place += 12 + length
    }
    return false
  }
}

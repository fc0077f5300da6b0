import AtelierMedia
public import Foundation

/// Files among pictures that are wrong in every way that people meet, and pictures that are only unusual.
public enum OddPictures {
  /// What cannot be used: each has to be named once.
  public static let unusable = [
    "cut.png", "empty.png", "words.jpg", "huge.png", "gone.png", "pipe.png", "flat.png",
  ]
  /// What is unusual and can be used.
  public static let unusual = ["dot.png", "jpeg.png", "moving.gif", "press.tif"]

  /// Writes them, and a folder whose name is that of a picture, into a folder that exists.
  public static func write(to folder: URL) throws {
    func write(_ name: String, _ bytes: [UInt8]) throws {
      try Data(bytes).write(to: folder.appendingPathComponent(name))
    }
    let codec = ImageCodec()
    let good = TinyData.coloured(number: 5, width: 21, height: 13)
    let whole = try codec.encode(good, as: .png)
    try write("cut.png", Array(whole.prefix(whole.count / 2)))
    try write("empty.png", [])
    try write("words.jpg", Array("these are words".utf8))
    // The sides of a PNG's header: 60,000 each, and none at all. The checksum is wrong then as well.
    for (name, side) in [("huge.png", [0, 0, 234, 96] as [UInt8]), ("flat.png", [0, 0, 0, 0])] {
      var bytes = whole
      for place in [16, 20] { bytes.replaceSubrange(place..<(place + 4), with: side) }
      try write(name, bytes)
    }
    let manager = FileManager.default
    try manager.createSymbolicLink(
      atPath: folder.appendingPathComponent("gone.png").path, withDestinationPath: "nowhere")
    mkfifo(folder.appendingPathComponent("pipe.png").path, 0o600)
    try manager.createDirectory(
      at: folder.appendingPathComponent("folder.png"), withIntermediateDirectories: false)

    try write("dot.png", codec.encode(Image(width: 1, height: 1, filledWith: [9, 9, 9]), as: .png))
    try write("jpeg.png", codec.encode(good, as: .jpeg))
    try write("moving.gif", animation)
    try write("press.tif", cyan)
  }

  /// Two frames of 2 x 1 pixels.
  private static let animation: [UInt8] = {
    let frame: [UInt8] = [0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, 0x04, 0x0A, 0]
    return Array("GIF89a".utf8) + [2, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255] + frame + frame + [0x3B]
  }()

  /// A TIFF of 8 x 8 pixels of full cyan in the four inks of print.
  private static let cyan: [UInt8] = {
    // Tag, type (3: 16 bits, 4: 32 bits), count, value; 8 is where the bits of the samples stand.
    let pixels = (0..<64).flatMap { _ in [255, 0, 0, 0] as [UInt8] }
    let entries: [(tag: Int, type: Int, count: Int, value: Int)] = [
      (256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 4, 8), (259, 3, 1, 1), (262, 3, 1, 5),
      (273, 4, 1, 16), (277, 3, 1, 4), (278, 3, 1, 8), (279, 4, 1, pixels.count), (284, 3, 1, 1),
    ]
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    var bytes: [UInt8] = [0x49, 0x49, 42, 0] + little(16 + pixels.count, 4)
    bytes += (0..<4).flatMap { _ in little(8, 2) } + pixels + little(entries.count, 2)
    for entry in entries {
      bytes += little(entry.tag, 2) + little(entry.type, 2) + little(entry.count, 4) + little(entry.value, 4)
    }
    return bytes + little(0, 4)
  }()
}

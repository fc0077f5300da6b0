public import AtelierMedia
public import Foundation

/// Small data sets of made-up pictures and words, the same at every call.
public enum TinyData {
  /// One grey picture: a bright square whose corner depends on the class, over a little noise.
  public static func pixels(label: Int, number: Int, size: Int) -> [UInt8] {
    var noise = UInt64(label * 7919 + number * 104_729 + 1)
    return (0..<(size * size)).map { place in
      noise = noise &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let (y, x) = (place / size, place % size)
      let (top, left) = (label % 2 * size / 2, label / 2 % 2 * size / 2)
      let isInside = y >= top && y < top + size / 2 && x >= left && x < left + size / 2
      return UInt8(isInside ? 200 : 30) + UInt8(truncatingIfNeeded: (noise >> 60) & 15)
    }
  }

  /// An IDX data set: a train part and a test part of half the size.
  public static func writeIDX(to folder: URL, classes: Int = 4, perClass: Int = 8, size: Int = 8) throws {
    for (part, count) in [("train", perClass), ("t10k", max(1, perClass / 2))] {
      var images: [UInt8] = [0, 0, 8, 3] + bigEndian(classes * count) + bigEndian(size) + bigEndian(size)
      var labels: [UInt8] = [0, 0, 8, 1] + bigEndian(classes * count)
      for number in 0..<count {
        for label in 0..<classes {
          images += pixels(label: label, number: number + (part == "t10k" ? 1000 : 0), size: size)
          labels.append(UInt8(label))
        }
      }
      try Data(images).write(to: folder.appendingPathComponent("\(part)-images-idx3-ubyte"))
      try Data(labels).write(to: folder.appendingPathComponent("\(part)-labels-idx1-ubyte"))
    }
  }

  /// A folder a class of PNG files.
  public static func writeClassFolders(
    to folder: URL, classes: [String] = ["circle", "square"], perClass: Int = 6, size: Int = 8
  ) throws {
    for (label, name) in classes.enumerated() {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for number in 0..<perClass {
        let image = Image(
          width: size, height: size, channels: 1, bytes: pixels(label: label, number: number, size: size))
        try image.write(to: place.appendingPathComponent("\(number).png"))
      }
    }
  }

  /// A text of a few hundred words.
  public static func writeText(to file: URL, lines: Int = 60) throws {
    let words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "red", "dog"]
    let text = (0..<lines).map { line in
      (0..<8).map { words[(line * 3 + $0 * ($0 + line % 3)) % words.count] }.joined(separator: " ")
    }
    try Data((text.joined(separator: "\n") + "\n").utf8).write(to: file)
  }

  private static func bigEndian(_ number: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
  }
}

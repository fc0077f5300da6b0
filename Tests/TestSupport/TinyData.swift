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

  /// A picture in three colours that follow from its number, without any symmetry.
  public static func coloured(number: Int, width: Int, height: Int) -> Image {
    let grey = (0..<(width * height)).map { place -> Int in
      let (y, x) = (place / width, place % width)
      return (x * 160 / width + y * 60 / height + 37 * number) % 220
    }
    return Image(
      width: width, height: height, channels: 3,
      bytes: grey.flatMap { [UInt8($0 + 20), UInt8(255 - $0), UInt8($0 / 2 + 17)] })
  }

  /// Pictures without labels in `train` and `test`, wider than high.
  public static func writePhotographs(to folder: URL, count: Int = 6, size: Int = 8) throws {
    for (part, number) in [("train", count), ("test", max(2, count / 2))] {
      for index in 0..<number {
        try write(coloured(number: index, width: size * 3 / 2, height: size), folder, "\(part)/\(index).png")
      }
    }
  }

  /// Pairs in `train/A`, `train/B`, `test/A`, `test/B`: a picture, and the same in negative.
  public static func writePairs(to folder: URL, count: Int = 6, size: Int = 8) throws {
    for (part, number) in [("train", count), ("test", max(2, count / 2))] {
      for index in 0..<number {
        let picture = coloured(number: index, width: size, height: size)
        try write(picture, folder, "\(part)/A/\(index).png")
        try write(negative(picture), folder, "\(part)/B/\(index).png")
      }
    }
  }

  /// The same pairs side by side in `train` and `test`.
  public static func writeSideBySide(to folder: URL, count: Int = 6, size: Int = 8) throws {
    for (part, number) in [("train", count), ("test", max(2, count / 2))] {
      for index in 0..<number {
        let picture = coloured(number: index, width: size, height: size)
        let sheet = try ImageGrid(columns: 2, padding: 0, scale: 1).render([picture, negative(picture)])
        try write(sheet, folder, "\(part)/\(index).png")
      }
    }
  }

  /// Everybody's consent in `consent.yaml`.
  private static func writeConsent(of names: [String], to folder: URL) throws {
    let agreed = names.map { "  - {name: \($0), purpose: a test, until: 9999-12-31}\n" }
    try ("persons:\n" + agreed.joined()).write(
      to: folder.appendingPathComponent("consent.yaml"), atomically: true, encoding: .utf8)
  }

  /// Two sets without correspondence in `trainA`, `trainB`, `testA` and `testB`, and for faces the consent of A and B.
  public static func writeUnpaired(to folder: URL, count: Int = 6, size: Int = 8) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try writeConsent(of: ["A", "B"], to: folder)
    for (part, number) in [("train", count), ("test", max(2, count / 2))] {
      for index in 0..<number {
        try write(coloured(number: index, width: size, height: size), folder, "\(part)A/a\(index).png")
        let other = coloured(number: index + 3, width: size, height: size)
        try write(negative(other), folder, "\(part)B/b\(index).png")
      }
    }
  }

  /// Photographs in `train_img`, their maps of labels 0 … 3 in `train_label` and of instances in
  /// `train_inst`, and the same for `val`.
  public static func writeLabelled(to folder: URL, count: Int = 6, size: Int = 8) throws {
    for (part, number) in [("train", count), ("val", max(2, count / 2))] {
      for index in 0..<number {
        let picture = coloured(number: index, width: size, height: size)
        try write(picture, folder, "\(part)_img/\(index).jpg")
        let labels = Image(
          width: size, height: size, channels: 1,
          bytes: (0..<(size * size)).map { UInt8($0 / size * 2 / size * 2 + $0 % size * 2 / size) })
        try write(labels, folder, "\(part)_label/\(index).png")
        try write(labels, folder, "\(part)_inst/\(index).png")
      }
    }
  }

  /// Videos of a square that moves, as folders of frames in `train/frames` and `test/frames`, with maps of the labels 0 (around)
  /// and 1 (the square) in `labels`, on request the square's id in `instances`, the square in white in `poses`, and where it goes to, `left` or
  /// `right`, in `actions`.
  public static func writeVideos(
    to folder: URL, count: Int = 3, frames: Int = 8, size: Int = 16, withInstances: Bool = false
  ) throws {
    for (part, number) in [("train", count), ("test", 1)] {
      for video in 0..<number {
        let isRight = video % 2 == 0
        let side = size / 4
        for frame in 0..<frames {
          let moved = frame * (size - side) / max(1, frames - 1)
          let left = isRight ? moved : size - side - moved
          let isSquare = (0..<(size * size)).map {
            (left..<(left + side)).contains($0 % size) && (size / 2..<(size / 2 + side)).contains($0 / size)
          }
          let pixels = isSquare.enumerated().flatMap { place, inside -> [UInt8] in
            inside ? [220, UInt8(40 * video % 250), 30] : [40, UInt8(place / size * 200 / size), 120]
          }
          let name = "\(video)/\(String(format: "%03d", frame)).png"
          try write(
            Image(width: size, height: size, channels: 3, bytes: pixels), folder, "\(part)/frames/\(name)")
          try write(
            Image(width: size, height: size, channels: 1, bytes: isSquare.map { $0 ? 1 : 0 }), folder,
            "\(part)/labels/\(name)")
          if withInstances {
            try write(
              Image(
                width: size, height: size, channels: 1, bytes: isSquare.map { $0 ? UInt8(200 + video) : 7 }),
              folder, "\(part)/instances/\(name)")
          }
          try write(
            Image(
              width: size, height: size, channels: 3,
              bytes: isSquare.flatMap { [UInt8](repeating: $0 ? 255 : 0, count: 3) }),
            folder, "\(part)/poses/\(name)")
        }
        // What is heard, a little longer than what is seen at 25 frames a second.
        let samples = (0..<(frames * 640 + 6400)).map {
          Float(0.3 * sin(Double($0) * (0.05 + 0.02 * Double(video)) * (1 + 0.2 * sin(Double($0) / 2000))))
        }
        try Audio(sampleRate: 16_000, samples: samples).write(
          to: folder.appendingPathComponent("\(part)/frames/\(video).wav"))
        let actions = folder.appendingPathComponent("\(part)/actions")
        try FileManager.default.createDirectory(at: actions, withIntermediateDirectories: true)
        let rows = ["action"] + [String](repeating: isRight ? "right" : "left", count: frames)
        try Data((rows.joined(separator: "\n") + "\n").utf8).write(
          to: actions.appendingPathComponent("\(video).csv"))
        try Data("left\nright\n".utf8).write(to: actions.appendingPathComponent("classes.txt"))
      }
    }
  }

  /// Pictures in `images` with captions of two words in `captions.txt`: what they show, a bright square in one
  /// of four corners, and a thing that goes with it.
  public static func writeCaptioned(to folder: URL, count: Int = 40, size: Int = 8) throws {
    let words = [["red", "dog"], ["blue", "boat"], ["green", "tree"], ["white", "snow"]]
    var lines = ["image,caption"]
    for index in 0..<count {
      // Every tenth is held out: those, too, are to be of all four kinds.
      let label = (index + index / 10) % words.count
      let bytes = pixels(label: label, number: index, size: size)
      let image = Image(width: size, height: size, channels: 1, bytes: bytes)
      try write(image, folder, "images/\(String(format: "%03d", index)).png")
      lines.append("\(String(format: "%03d", index)).png,A \(words[label].joined(separator: " ")) .")
      lines.append(
        "\(String(format: "%03d", index)).png,\"The \(words[label].joined(separator: " and the "))\"")
    }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(
      to: folder.appendingPathComponent("captions.txt"))
  }

  private static func negative(_ picture: Image) -> Image {
    Image(
      width: picture.width, height: picture.height, channels: picture.channels,
      bytes: picture.bytes.map { 255 - $0 })
  }

  private static func write(_ picture: Image, _ folder: URL, _ name: String) throws {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try picture.write(to: file)
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

  /// Writes sentence pairs: numbers in words, and the same from the end to the beginning in capitals.
  public static func writeSentencePairs(to folder: URL, count: Int = 30) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let words = ["one", "two", "three", "four", "five"]
    func lines(_ first: Int, _ count: Int) -> [[String]] {
      (first..<(first + count)).map { index in (0...(index % 4)).map { words[(index * 7 + $0 * 3) % 5] } }
    }
    for (name, lines) in [("train", lines(0, count)), ("valid", lines(50, 4)), ("test", lines(60, 6))] {
      let sides = [
        ("aa", lines.map { $0.joined(separator: " ") + "." }),
        ("bb", lines.map { $0.reversed().map { $0.uppercased() }.joined(separator: " ") + "." }),
      ]
      for (language, sentences) in sides {
        try Data((sentences.joined(separator: "\n") + "\n").utf8).write(
          to: folder.appendingPathComponent("\(name).\(language)"))
      }
    }
  }

  /// Chords of a few partials at 8 kHz, a quarter of a second each, in `train` and `test`.
  public static func writeSounds(to folder: URL, count: Int = 4) throws {
    for (part, number) in [("train", count), ("test", 2)] {
      let place = folder.appendingPathComponent(part)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for index in 0..<number {
        let samples = (0..<2000).map { frame -> Float in
          let time = 2 * Double.pi * Double(frame) / 8000
          let partials = (1...5).map { sin(time * Double(($0 * (170 + 30 * index)))) / Double($0) }
          return Float(0.3 * partials.reduce(0, +))
        }
        try Audio(sampleRate: 8000, samples: samples).write(to: place.appendingPathComponent("\(index).wav"))
      }
    }
  }

  /// Two people's faces, ovals of different colours with eyes and a mouth, in `train` and `test`: images, drawings of their
  /// landmarks, masks, and keypoints with boxes in `faces.jsonl`; their consent in `consent.yaml`.
  public static func writeFaces(to folder: URL, perPerson: Int = 3, size: Int = 64) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let agreed = ["anna", "bert"].map { "  - {name: \($0), purpose: a test, until: 9999-12-31}\n" }
    try ("persons:\n" + agreed.joined()).write(
      to: folder.appendingPathComponent("consent.yaml"), atomically: true, encoding: .utf8)
    for (part, number) in [("train", perPerson), ("test", 2)] {
      var lines = ""
      for (person, name) in ["anna", "bert"].enumerated() {
        for index in 0..<number {
          let (x, y) = (size / 2 + index % 3 - 1, size / 2 + index % 2)
          let (wide, high) = (size / 4, size / 3)
          func isFace(_ place: Int) -> Bool {
            let (right, down) = (place % size - x, place / size - y)
            return right * right * high * high + down * down * wide * wide < wide * wide * high * high
          }
          let eyes = [(x - wide / 2, y - high / 4), (x + wide / 2, y - high / 4)]
          let mouth = (x - wide / 3, x + wide / 3, y + high / 2)
          let isDark = { (place: Int) -> Bool in
            let (right, down) = (place % size, place / size)
            return eyes.contains { abs($0.0 - right) < 2 && abs($0.1 - down) < 2 }
              || (down == mouth.2 && (mouth.0...mouth.1).contains(right))
          }
          let skin: [UInt8] = person == 0 ? [220, 170, 150] : [120, 80, 60]
          func image(_ colour: (Int) -> [UInt8]) -> Image {
            let bytes = (0..<(size * size)).flatMap(colour)
            return Image(width: size, height: size, channels: bytes.count / (size * size), bytes: bytes)
          }
          let file = "\(name)/\(index).png"
          try write(
            image {
              isDark($0)
                ? [20, 20, 20] : isFace($0) ? skin : [UInt8($0 % size * 2), 90, UInt8(40 + 30 * index)]
            },
            folder, "\(part)/images/\(file)")
          try write(
            image { isDark($0) ? [0, 0, 255] : [255, 255, 255] }, folder, "\(part)/landmarks/\(file)")
          try write(image { [isFace($0) ? 255 : 0] }, folder, "\(part)/masks/\(file)")
          let points = [eyes[0], eyes[1], (x, y), (mouth.0, mouth.2), (mouth.1, mouth.2)]
          lines += "{\"file\": \"images/\(file)\", \"keypoints\": \(points.map { [$0.0, $0.1] }), "
          lines += "\"box\": \([x - wide, y - high, x + wide, y + high])}\n"
        }
      }
      try lines.write(
        to: folder.appendingPathComponent("\(part)/faces.jsonl"), atomically: true, encoding: .utf8)
    }
  }

  /// Two speakers of different pitch at 8 kHz, utterances of a quarter of a second and more, in `train` and `test`, and
  /// their consent in `consent.yaml`.
  public static func writeVoices(to folder: URL, perSpeaker: Int = 3) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try writeConsent(of: ["anna", "bert"], to: folder)
    for (part, number) in [("train", perSpeaker), ("test", 2)] {
      for (speaker, pitch) in [("anna", 210.0), ("bert", 110.0)] {
        let place = folder.appendingPathComponent(part).appendingPathComponent(speaker)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for index in 0..<number {
          let samples = (0..<(2000 + 300 * index)).map { frame -> Float in
            let time = 2 * Double.pi * Double(frame) / 8000
            let word = 1 + 0.3 * sin(time * Double(2 + index))
            let partials = (1...8).map { sin(time * pitch * Double($0)) / Double($0) * word }
            return Float(0.2 * partials.reduce(0, +))
          }
          try Audio(sampleRate: 8000, samples: samples).write(
            to: place.appendingPathComponent("\(index).wav"))
        }
      }
    }
  }

  /// Frames of real videos and of two manipulations in `train` and `test`, a folder a video: gradients, and the same with a
  /// square of other colours in them.
  public static func writeFrames(
    to folder: URL, videos: Int = 2, frames: Int = 2, size: Int = 16, parts: [String] = ["train", "test"]
  ) throws {
    for (partNumber, part) in parts.enumerated() {
      for (kind, name) in ["real", "swapped", "drawn"].enumerated() {
        for video in 0..<videos {
          for frame in 0..<frames {
            let number = partNumber * 100 + video * 10 + frame
            let picture = coloured(number: number, width: size, height: size)
            var bytes = picture.bytes
            for place in 0..<(size * size) where kind > 0 {
              let (y, x) = (place / size, place % size)
              guard (size / 4..<size / 2).contains(kind == 1 ? y : x), (size / 4..<size * 3 / 4).contains(x)
              else {
                continue
              }
              for channel in 0..<3 { bytes[3 * place + channel] = UInt8((x + y + kind) % 2 * 255) }
            }
            let image = Image(width: size, height: size, channels: 3, bytes: bytes)
            let place = part.isEmpty ? "" : part + "/"
            try write(image, folder, "\(place)\(name)/v\(video)\(part.prefix(2))/\(frame).png")
          }
        }
      }
    }
  }
}

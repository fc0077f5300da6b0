import AtelierData
import AtelierMedia
import Foundation
import Testing

/// Networks of a made-up world: a face is a bright block, its colour says whose it is.
private enum World {
  static let (width, height, block) = (96, 80, 24)

  /// An image with blocks of 24 pixels at places, each of one colour.
  static func image(_ people: [(x: Int, y: Int, colour: [UInt8])]) -> Image {
    var bytes = [UInt8](repeating: 20, count: width * height * 3)
    for person in people {
      for row in person.y..<(person.y + block) {
        for column in person.x..<(person.x + block) {
          // A pattern, so that crops are not flat.
          let shade = (row + column) % 5 == 0 ? 30 : 0
          for channel in 0..<3 {
            bytes[(row * width + column) * 3 + channel] = UInt8(max(0, Int(person.colour[channel]) - shade))
          }
        }
      }
    }
    return Image(width: width, height: height, channels: 3, bytes: bytes)
  }

  static let red: [UInt8] = [250, 60, 60]
  static let green: [UInt8] = [60, 250, 60]
  static let blue: [UInt8] = [60, 60, 250]

  static var networks: FaceNetworks {
    FaceNetworks(
      detect: { image, _ in
        var faces: [Face] = []
        for y in 0..<image.height {
          for x in 0..<image.width {
            let (left, top) = (Double(x), Double(y))
            let isBright = (0..<3).contains { image[x: x, y: y, channel: $0] > 150 }
            // The first pixel of a block is its corner.
            guard isBright,
              !faces.contains(where: {
                $0.box.left <= left && left < $0.box.right && $0.box.top <= top && top < $0.box.bottom
              })
            else { continue }
            faces.append(
              Face(
                box: FaceBox(left: left, top: top, right: left + 24, bottom: top + 24),
                landmarks: FaceLandmarks(
                  leftEye: FacePoint(x: left + 7, y: top + 9), rightEye: FacePoint(x: left + 17, y: top + 9),
                  nose: FacePoint(x: left + 12, y: top + 14), leftMouth: FacePoint(x: left + 8, y: top + 19),
                  rightMouth: FacePoint(x: left + 16, y: top + 19)), score: 0.99))
          }
        }
        return faces
      },
      describe: { crops in
        crops.map { crop in
          let values = (0..<3).map { Float(crop[x: 56, y: 60, channel: $0]) - 100 }
          let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
          return values.map { $0 / max(length, 1e-6) }
        }
      }, threshold: 0.5,
      origins: [FaceNetworks.Origin(name: "world", sha256: "00", licence: "none")])
  }
}

@Suite struct FaceSetTests {
  private func place() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "face-set-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  private var options: FaceOptions {
    var options = FaceOptions()
    (options.size, options.minimumFace) = (32, 16)
    return options
  }

  /// Red walks to the right, green stands; green is away for three frames, and a cut exchanges both.
  private func writeFrames(to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for frame in 0..<12 {
      var people = [(x: 4 + 3 * frame, y: 8, colour: World.red)]
      if !(5...7).contains(frame) { people.append((x: 60, y: 50, colour: World.green)) }
      if frame >= 10 { people = [(x: 60, y: 50, colour: World.red), (x: 10, y: 8, colour: World.green)] }
      try World.image(people).write(
        to: folder.appendingPathComponent("f\(String(100 + frame)).png"))
    }
  }

  @Test func framesBecomeTracksAndIdentities() throws {
    let place = try place()
    defer { try? FileManager.default.removeItem(at: place) }
    try writeFrames(to: place.appendingPathComponent("clips/walk"))
    var options = options
    options.areFrames = true
    let output = place.appendingPathComponent("faces")
    let report = try FaceSet.prepare(
      from: place.appendingPathComponent("clips"), to: output, options: options, networks: World.networks)
    let records = try FaceTable.records(in: output)
    #expect(report.written == 21 && records.count == 21)
    let byPerson = Dictionary(grouping: records, by: \.identity)
    #expect(byPerson["person-1"]?.count == 12 && byPerson["person-2"]?.count == 9)
    // Red: before and behind the cut.
    #expect(Set(byPerson["person-1"]?.map(\.track) ?? []).count == 2)
    for record in records {
      let crop = try Image(contentsOf: output.appendingPathComponent(record.file))
      #expect(crop.width == 32 && crop.height == 32)
      #expect(record.source == "walk" && record.imageWidth == 96)
      #expect(record.file == "\(record.identity)/" + (record.file as NSString).lastPathComponent)
      // What the table says cuts out the same crop again.
      let frame = try Image(
        contentsOf: place.appendingPathComponent("clips/walk/f\(100 + record.frame).png"))
      #expect(try record.alignment.crop(frame) == crop)
    }
    #expect(records[0].file == "person-1/walk_000000.png")
    let sheet = try Image(contentsOf: output.appendingPathComponent(FaceSet.sheetName))
    #expect(sheet.height > 2 * 96 && sheet.width > 8 * 96)
    let provenance = try JSONDecoder().decode(
      FaceSet.Provenance.self,
      from: Data(contentsOf: output.appendingPathComponent(FaceSet.provenanceName)))
    #expect(provenance.identities == ["person-1": 12, "person-2": 9])
    #expect(provenance.sources.map(\.frames) == [12] && provenance.networks.first?.name == "world")
    // Nothing but the set is left, and it is a set of two classes.
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: output.path).sorted()
        == ["contact-sheet.png", "faces.jsonl", "person-1", "person-2", "provenance.json"])
    #expect(imageFiles(below: output).count == 21)
  }

  @Test func imagesStandForThemselvesAndAreSortedByPerson() throws {
    let place = try place()
    defer { try? FileManager.default.removeItem(at: place) }
    let photographs = place.appendingPathComponent("photographs/album")
    try FileManager.default.createDirectory(at: photographs, withIntermediateDirectories: true)
    for (index, colours) in [[World.red], [World.blue, World.green], [World.blue], [World.blue]].enumerated()
    {
      let people = colours.enumerated().map { (x: 6 + 40 * $0.offset, y: 20 + index, colour: $0.element) }
      try World.image(people).write(to: photographs.appendingPathComponent("p\(index).png"))
    }
    try Data("no image".utf8).write(to: photographs.appendingPathComponent("broken.png"))
    var options = options
    options.minimumCount = 2
    let output = place.appendingPathComponent("faces")
    let report = try FaceSet.prepare(
      from: place.appendingPathComponent("photographs"), to: output, options: options,
      networks: World.networks)
    #expect(report.written == 3)
    #expect(report.leftOut.contains { $0.contains("broken.png") })
    #expect(report.leftOut.contains { $0.contains("2 people with fewer than 2 faces") })
    let records = try FaceTable.records(in: output)
    #expect(
      records.map(\.file) == (1...3).map { "person-1/album-p\($0)_000000.png" })
    #expect(records.map(\.source) == (1...3).map { "album/p\($0).png" })
  }

  @Test func theSettingsLeaveFacesOut() throws {
    let place = try place()
    defer { try? FileManager.default.removeItem(at: place) }
    try writeFrames(to: place.appendingPathComponent("walk"))
    var options = options
    (options.areFrames, options.every) = (true, 4)
    let output = place.appendingPathComponent("faces")
    _ = try FaceSet.prepare(
      from: place.appendingPathComponent("walk"), to: output, options: options, networks: World.networks)
    #expect(Set(try FaceTable.records(in: output).map(\.frame)) == [0, 4, 8])
    options.sharpness = 1e9
    #expect {
      try FaceSet.prepare(
        from: place.appendingPathComponent("walk"), to: place.appendingPathComponent("none"),
        options: options,
        networks: World.networks)
    } throws: { "\($0)".contains("less sharp") }
  }

  @Test func whereThereIsNoFaceOneSentenceSaysIt() throws {
    let place = try place()
    defer { try? FileManager.default.removeItem(at: place) }
    let images = place.appendingPathComponent("images")
    try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
    let output = place.appendingPathComponent("faces")
    func refuses(_ source: URL, _ words: String, _ options: FaceOptions? = nil) {
      #expect {
        try FaceSet.prepare(
          from: source, to: output, options: options ?? self.options, networks: World.networks)
      } throws: {
        "\($0)".contains(words)
      }
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
    refuses(images, "videos")
    refuses(place.appendingPathComponent("missing"), "nothing at")
    try World.image([]).write(to: images.appendingPathComponent("empty.png"))
    refuses(images, "no face of at least 16 pixels was found in 1 frames")
    let text = place.appendingPathComponent("a.txt")
    try Data("x".utf8).write(to: text)
    refuses(text, "neither a video")
    let video = place.appendingPathComponent("a.mp4")
    try Data("no video".utf8).write(to: video)
    refuses(video, "a.mp4")
    var wrong = options
    wrong.size = 3
    refuses(images, "16 to 4096", wrong)
    // Only staging folders could be left.
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: place.path).sorted() == [
        "a.mp4", "a.txt", "images",
      ])
  }

  @Test func aResultIsNotWrittenOver() throws {
    let place = try place()
    defer { try? FileManager.default.removeItem(at: place) }
    let image = place.appendingPathComponent("one.png")
    try World.image([(x: 30, y: 30, colour: World.red)]).write(to: image)
    let output = place.appendingPathComponent("faces")
    #expect(
      try FaceSet.prepare(from: image, to: output, options: options, networks: World.networks).written == 1)
    #expect {
      try FaceSet.prepare(from: image, to: output, options: options, networks: World.networks)
    } throws: {
      "\($0)".contains("exists already")
    }
  }

  @Test func theCheckNamesWhatSpoilsFaces() throws {
    let place = try place()
    defer { try? FileManager.default.removeItem(at: place) }
    func write(_ name: String, _ people: [(x: Int, y: Int, colour: [UInt8])]) throws {
      let file = place.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try World.image(people).write(to: file)
    }
    for index in 0..<4 {
      try write("train/ann/\(index).png", [(x: 20 + index, y: 30, colour: World.red)])
      try write("train/bob/\(index).png", [(x: 30, y: 20 + index, colour: World.green)])
      try write("test/carl/\(index).png", [(x: 10, y: 30 + index, colour: World.red)])
      try write("test/dora/\(index).png", [(x: 10 + index, y: 9, colour: World.blue)])
    }
    try write("train/bob/stranger.png", [(x: 40, y: 40, colour: World.blue)])
    try write("train/ann/empty.png", [])
    try write("train/ann/two.png", [(x: 4, y: 4, colour: World.red), (x: 60, y: 40, colour: World.red)])
    try write("test/dora/copy.png", [(x: 10, y: 9, colour: World.blue)])
    try Data("no image".utf8).write(to: place.appendingPathComponent("train/ann/broken.png"))
    let report = try checkFaces(at: place, networks: World.networks)
    func files(_ kind: FaceReport.Kind) -> [String] {
      report.findings.filter { $0.kind == kind }.flatMap(\.files)
    }
    #expect(report.count == 21 && report.faces == 19 && report.isUsable)
    #expect(files(.corrupt) == ["train/ann/broken.png"] && files(.noFace) == ["train/ann/empty.png"])
    #expect(files(.severalFaces) == ["train/ann/two.png"])
    #expect(files(.mixedPeople) == ["train/bob/stranger.png"])
    #expect(files(.commonPeople) == ["test/carl = train/ann"])
    #expect(files(.duplicates).count == 1)
    #expect(report.description.contains("a face in 19 of 21 images"))
    let none = place.appendingPathComponent("none")
    try FileManager.default.createDirectory(at: none, withIntermediateDirectories: true)
    #expect(throws: DatasetError.self) { try checkFaces(at: none, networks: World.networks) }
    try World.image([]).write(to: none.appendingPathComponent("a.png"))
    #expect(try !checkFaces(at: none, networks: World.networks).isUsable)
  }
}

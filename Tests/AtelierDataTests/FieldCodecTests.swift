import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// A folder that goes with the value.
private final class TemporaryFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("atelier-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: url) }

  func callAsFunction(_ name: String) -> URL { url.appendingPathComponent(name) }
}

/// Each kind of field read, shown and written.
struct FieldCodecTests {
  private func write(_ codec: FieldCodec, _ value: FieldCodec.Value, _ stem: URL) throws -> [URL] {
    try codec.encoded(value).enumerated().map { try $1.write(to: stem.appendingPathExtension("\($0)")) }
  }

  private func tensor(_ value: FieldCodec.Value) throws -> HostTensor {
    guard case .tensor(let tensor) = value else { throw DatasetError.invalid(reason: "no tensor") }
    return tensor
  }

  private func reason(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  /// Levels of 8 bits in -1 … 1, as float32 arithmetic has them.
  private func signed(_ levels: [Int]) -> [Float] { levels.map { Float($0) * Float(2.0 / 255) - 1 } }

  @Test func mapsThatStandForImagesAreReadAsInTraining() throws {
    let folder = try TemporaryFolder()
    try Image(width: 2, height: 1, channels: 1, bytes: [0, 3]).write(to: folder("map.png"))
    try Image(width: 2, height: 1, channels: 3, bytes: [255, 0, 0, 1, 1, 1]).write(to: folder("own.png"))
    let kind = FieldKind.image(channels: 3, height: 1, width: 2, range: .unit)
    func levels(_ file: String, _ names: FieldNames) throws -> [Int] {
      let value = try tensor(FieldCodec(kind, names: names).read(folder(file)))
      #expect(value.shape == [1, 3, 1, 2])
      return value.floats().map { Int(($0 * 255).rounded()) }
    }
    // Grey levels, or PASCAL VOC's black and olive, or the colours of a table.
    #expect(try levels("map.png", FieldNames()) == [0, 3, 0, 3, 0, 3])
    #expect(try levels("map.png", FieldNames(standForLabels: true)) == [0, 128, 0, 128, 0, 0])
    let own = FieldNames(colours: [[255, 0, 0], [1, 1, 1]], standForLabels: true)
    #expect(try levels("own.png", own) == [255, 1, 0, 1, 0, 1])
    let many = FieldKind.image(channels: 5, height: 1, width: 2, range: .signed)
    let codec = FieldCodec(many, names: FieldNames(standForLabels: true))
    let planes: [Float] = try tensor(codec.read(folder("map.png"))).floats()
    let wanted: [Float] = [1, -1, -1, -1, -1, -1, -1, 1, -1, -1]
    #expect(planes == wanted)
  }

  @Test func imagesKeepEveryLevel() throws {
    let folder = try TemporaryFolder()
    let levels: [Int] = (0..<120).map { index in index * 37 % 256 }
    let batch = HostTensor(signed(levels), shape: [2, 3, 4, 5])
    let codec = FieldCodec(.image(channels: 3, height: 8, width: 8, range: .signed))
    let files = try write(codec, .tensor(batch), folder("image"))
    #expect(files.map(\.lastPathComponent) == ["image.0.png", "image.1.png"])
    let read = try files.map { try tensor(codec.read($0)).floats() }
    #expect(read.joined().elementsEqual(batch.floats()))
    #expect(try tensor(codec.read(files[0], fit: .stretch)).shape == [1, 3, 8, 8])
    // 0 … 1 has the same levels.
    let unit = FieldCodec(.image(channels: 3, height: 8, width: 8, range: .unit))
    let first = try tensor(unit.read(files[0]))
    #expect(first.shape == [1, 3, 4, 5] && first.floats().first == 0 && first.floats()[1] == 37.0 / 255)
    guard case .image(let image) = try codec.shown(.tensor(batch))[1] else {
      Issue.record("no image")
      return
    }
    #expect(image.width == 5 && image.channels == 3 && image[x: 1, y: 0, channel: 0] == levels[61])
    // Beyond the range is clipped; NaN is refused.
    let beyond = HostTensor([-7, 7, .infinity] as [Float], shape: [1, 3, 1, 1])
    #expect(
      try codec.shown(.tensor(beyond)) == [
        .image(Image(width: 1, height: 1, channels: 3, bytes: [0, 255, 255]))
      ])
    let broken = HostTensor([0, .nan, 0] as [Float], shape: [1, 3, 1, 1])
    #expect(
      reason { _ = try codec.shown(.tensor(broken)) }.contains("1 of the 3 values of the image are NaN"))
    #expect(reason { _ = try codec.encoded(.tensor(broken)) }.contains("NaN"))
    #expect(
      reason { _ = try codec.shown(.tensor(HostTensor([0] as [Float], shape: [1, 1, 1]))) }
        .contains("[batch, channels, height, width]"))
    #expect(
      reason { _ = try codec.shown(.tensor(HostTensor([0] as [Float], shape: [1, 1, 1, 1]))) }
        .contains("1 channels"))
    #expect(throws: DatasetError.self) { try codec.shown(.text("a")) }
    #expect(throws: DatasetError.self) { try codec.read("a") }
  }

  @Test func labelMapsAreIndicesUnderTheClassesColours() throws {
    let folder = try TemporaryFolder()
    let batch = HostTensor([0, 1, 2, 2, 1, 0], shape: [1, 2, 3])
    let kind = FieldKind.labelMap(classes: 3, height: 2, width: 3)
    let colours: [[UInt8]] = [[9, 8, 7], [200, 0, 0], [0, 0, 200]]
    let codec = FieldCodec(kind, names: FieldNames(colours: colours))
    let file = try write(codec, .tensor(batch), folder("map"))[0]
    #expect(try tensor(codec.read(file)) == batch)
    // An image of the colours, and without a table the indices are still there.
    let image = try Image(contentsOf: file).rgb()
    #expect(Array(image.bytes.prefix(9)) == [9, 8, 7, 200, 0, 0, 0, 0, 200])
    #expect(try tensor(FieldCodec(kind).read(file)) == batch)
    #expect(try codec.shown(.tensor(batch)) == [.image(image)])
    // Two classes of one colour cannot be told apart by it.
    let alike = FieldCodec(kind, names: FieldNames(colours: [[1, 1, 1], [1, 1, 1]]))
    let grey = try write(alike, .tensor(batch), folder("grey"))[0]
    #expect(try tensor(FieldCodec(kind).read(grey)) == batch)
    // Ids of instances need 16 bits.
    let ids = HostTensor([0, 300, 65_535, 7, 7, 7], shape: [1, 2, 3])
    let instances = FieldCodec(.labelMap(classes: .max, height: 2, width: 3))
    #expect(try tensor(instances.read(try write(instances, .tensor(ids), folder("ids"))[0])) == ids)
    #expect(
      reason { _ = try codec.encoded(.tensor(HostTensor([3], shape: [1, 1, 1]))) }.contains("0 … 2"))
    #expect(throws: DatasetError.self) { try codec.shown(.tensor(HostTensor([-1], shape: [1, 1, 1]))) }
    #expect(throws: DatasetError.self) {
      try codec.shown(.tensor(HostTensor([0.5] as [Float], shape: [1, 1, 1])))
    }
    #expect(throws: DatasetError.self) { try codec.shown(.tensor(HostTensor([1, 1], shape: [2]))) }
  }

  @Test func soundsAreWAVOfTheFieldsRate() throws {
    let folder = try TemporaryFolder()
    let samples: [Float] = (0..<120).map { index in Float(index * 547 % 65_536 - 32_768) / 32_768 }
    let batch = HostTensor(samples, shape: [1, 2, 60])
    let codec = FieldCodec(.audio(channels: 2, samples: 60, sampleRate: 8000))
    let file = try write(codec, .tensor(batch), folder("sound"))[0]
    #expect(file.pathExtension == "wav")
    #expect(try tensor(codec.read(file)) == batch)
    #expect(
      try codec.shown(.tensor(batch)) == [.audio(Audio(sampleRate: 8000, channels: 2, samples: samples))])
    // Another rate and one channel: as long in seconds.
    let half = FieldCodec(.audio(channels: 1, samples: 60, sampleRate: 4000))
    #expect(try tensor(half.read(file)).shape == [1, 1, 30])
    #expect(
      reason { _ = try FieldCodec(.audio(channels: 3, samples: 1, sampleRate: 8000)).read(file) }
        .contains("it has 2 channels, and 3 are needed"))
    for wrong in [Float.nan, .infinity] {
      let broken = HostTensor([wrong, 0], shape: [1, 2, 1])
      #expect(throws: DatasetError.self) { try codec.encoded(.tensor(broken)) }
    }
    #expect(throws: DatasetError.self) { try codec.shown(.tensor(HostTensor([0, 0] as [Float]))) }
    #expect(throws: DatasetError.self) { try codec.shown(.tensor(HostTensor([0, 0], shape: [1, 2, 1]))) }
  }

  @Test func videosAreFramesOrMP4() throws {
    let folder = try TemporaryFolder()
    let levels: [Int] = (0..<768).map { index in index / 256 * 80 + index % 16 * 4 }
    let batch = HostTensor(signed(levels), shape: [1, 3, 1, 16, 16])
    let kind = FieldKind.video(frames: 3, channels: 1, height: 16, width: 16, range: .signed)
    let none = FieldCodec(kind, frameRate: FrameRate(10), ffmpeg: FFmpeg(environment: [:]))
    let frames = try write(none, .tensor(batch), folder("frames"))[0]
    #expect(try FileManager.default.contentsOfDirectory(atPath: frames.path).count == 3)
    #expect(try tensor(none.read(frames)) == batch)
    // Again, in the place of what is there.
    #expect(try write(none, .tensor(batch), folder("frames")) == [frames])
    let two = FieldKind.video(frames: 2, channels: 1, height: 8, width: 8, range: .signed)
    #expect(try tensor(FieldCodec(two).read(frames, fit: .stretch)).shape == [1, 2, 1, 8, 8])
    guard case .video(let images, let rate)? = try none.shown(.tensor(batch)).first else {
      Issue.record("no video")
      return
    }
    #expect(images.count == 3 && rate.value == 10 && images[2][x: 1, y: 0, channel: 0] == 164)
    let broken = HostTensor([Float](repeating: .nan, count: 3), shape: [1, 3, 1, 1, 1])
    #expect(throws: DatasetError.self) { try none.encoded(.tensor(broken)) }
    #expect(throws: DatasetError.self) {
      try none.shown(.tensor(HostTensor([0] as [Float], shape: [1, 1, 1, 1])))
    }
    guard FFmpeg.standard.isAvailable else { return }
    let codec = FieldCodec(kind, frameRate: FrameRate(10))
    let film = try write(codec, .tensor(batch), folder("film"))[0]
    #expect(film.pathExtension == "mp4")
    let read = try tensor(codec.read(film))
    #expect(read.shape == batch.shape)
    // H.264 loses detail: levels are near, 12 of 255.
    #expect(zip(read.floats(), batch.floats()).allSatisfy { abs($0 - $1) < 0.1 })
  }

  @Test func classesHaveNames() throws {
    let names = FieldNames(classes: ["red", "dark blue"])
    let codec = FieldCodec(.label(classes: 3), names: names)
    #expect(
      try codec.shown(.tensor(HostTensor([0, 1, 2]))) == [.text("red"), .text("dark blue"), .text("2")])
    #expect(try codec.read("Dark Blue\n") == .tensor(HostTensor([1])))
    #expect(try codec.read("2") == .tensor(HostTensor([2])))
    #expect(reason { _ = try codec.read("green") }.contains("red, dark blue"))
    #expect(throws: DatasetError.self) { try codec.shown(.tensor(HostTensor([3]))) }
    #expect(throws: DatasetError.self) { try codec.shown(.tensor(HostTensor([1], shape: []))) }
    let folder = try TemporaryFolder()
    let actions = FieldCodec(.labels(classes: 3, length: 4), names: names)
    for numbers in [[0, 2, 2, 0], [1, 0, 1, 2], [1]] {
      let batch = HostTensor(numbers, shape: [1, numbers.count])
      let file = try write(actions, .tensor(batch), folder("actions"))[0]
      #expect(try tensor(actions.read(file)) == batch)
    }
    #expect(try actions.read("red 1 red") == .tensor(HostTensor([0, 1, 0], shape: [1, 3])))
    #expect(throws: DatasetError.self) { try actions.read("red 7") }
    #expect(try actions.read("red*3 1") == .tensor(HostTensor([0, 0, 0, 1], shape: [1, 4])))
    #expect(
      try actions.read("dark blue*2, red") == .tensor(HostTensor([1, 1, 0], shape: [1, 3])))
    for word in ["red*0", "red*", "red*1000000000", "red*-1", "*2", "green*2"] {
      #expect(throws: DatasetError.self) { try actions.read(word) }
    }
    var moves = FieldNames(classes: ["left", "jump*2"])
    moves.noun = "action"
    let played = FieldCodec(.labels(classes: 2, length: 4), names: moves)
    #expect(reason { _ = try played.read("up") }.contains("no action 'up'; the actions are left, jump*2"))
    // A name comes before a count.
    #expect(try played.read("jump*2") == .tensor(HostTensor([1], shape: [1, 1])))
  }

  @Test func sequencesAreWordsWithoutPadding() throws {
    let words = TokenNames(words: ["one", "two"], first: 4, begin: 1, end: 2, unknown: 3)
    let kind = FieldKind.sequence(vocabulary: 6, longest: 5, padding: 0)
    let codec = FieldCodec(kind, names: FieldNames(tokens: words))
    let batch = HostTensor([1, 4, 5, 2, 0, 1, 3, 2, 0, 0], shape: [2, 5])
    #expect(try codec.shown(.tensor(batch)) == [.text("one two"), .text("<unk>")])
    #expect(try codec.read("two three\n") == .tensor(HostTensor([1, 5, 3, 2], shape: [1, 4])))
    #expect(reason { _ = try codec.read("one one one one") }.contains("6 tokens, and at most 5"))
    #expect(throws: DatasetError.self) { try codec.shown(.tensor(HostTensor([6], shape: [1, 1]))) }
    // Without words the numbers.
    let plain = FieldCodec(kind)
    #expect(try plain.shown(.tensor(batch)) == [.text("1 4 5 2"), .text("1 3 2")])
    #expect(try plain.read("1 4 2") == .tensor(HostTensor([1, 4, 2], shape: [1, 3])))
    #expect(throws: DatasetError.self) { try plain.read("one") }
  }

  @Test func tokensStandTimeFirst() throws {
    let vocabulary = try Vocabulary(of: Array("a b\nb\n".utf8), unit: .words)
    let codec = FieldCodec(
      .tokens(vocabulary: vocabulary.count, length: 3), names: FieldNames(tokens: TokenNames(vocabulary)))
    // a, b, <eos>, <unk> have the numbers 0 … 3.
    let batch = HostTensor([0, 1, 1, 2, 2, 0], shape: [3, 2])
    #expect(try codec.shown(.tensor(batch)) == [.text("a b\n"), .text("b\na")])
    #expect(try codec.read("b a c") == .tensor(HostTensor([1, 0, 3], shape: [3, 1])))
    #expect(throws: DatasetError.self) { try codec.shown(.tensor(HostTensor([4], shape: [1, 1]))) }
    let artefacts = Artefacts([RunningText.artefactName: try JSONEncoder().encode(vocabulary)])
    let description = DatasetDescription(
      layout: .text, name: "a", split: .train, count: 1, fingerprint: "")
    let names = try RunningText(.vocabulary(.words, minimumCount: 1)).names(
      of: Field("token", codec.kind), description, artefacts)
    #expect(names.tokens?.decode([1, 0]) == "b a")
  }

  @Test func featuresAreNumbers() throws {
    let folder = try TemporaryFolder()
    let batch = HostTensor([0.1, -2.5e-7, 3] as [Float], shape: [1, 3])
    let codec = FieldCodec(.features(size: 3))
    #expect(try tensor(codec.read(try write(codec, .tensor(batch), folder("features"))[0])) == batch)
    let file = folder("features.safetensors")
    try Safetensors.write([("features", HostTensor([0.1, -2.5e-7, 3] as [Float]))], to: file)
    #expect(try tensor(codec.read(file)) == batch)
    #expect(reason { _ = try codec.read("1 2") }.contains("of 2 numbers"))
    #expect(throws: DatasetError.self) { try codec.read("1 2 three") }
    #expect(throws: DatasetError.self) { try codec.read("1 2 nan") }
  }

  @Test func textsStayAsTheyAre() throws {
    let folder = try TemporaryFolder()
    let codec = FieldCodec(.text)
    let file = try write(codec, .text("größer\n"), folder("text"))[0]
    #expect(try codec.read(file) == .text("größer\n") && file.pathExtension == "txt")
    #expect(try codec.shown(.text("a")) == [.text("a")])
    #expect(throws: DatasetError.self) { try codec.shown(.tensor(HostTensor([1]))) }
    try Data([0xFF]).write(to: file)
    #expect(reason { _ = try codec.read(file) }.contains("not UTF-8"))
    #expect(throws: DatasetError.self) { try codec.read(folder("missing.txt")) }
  }

  @Test func namesAreLookedUpExactlyFirst() throws {
    let names = FieldNames(classes: ["A", "a", "7"])
    #expect(try names.number(ofClass: "a", below: 3) == 1)
    #expect(try names.number(ofClass: "A", below: 3) == 0)
    // A name comes before a number, and a number before nothing.
    #expect(try names.number(ofClass: "7", below: 3) == 2)
    #expect(try names.number(ofClass: "1", below: 3) == 1)
    #expect(throws: DatasetError.self) { try names.number(ofClass: "b", below: 3) }
  }
}

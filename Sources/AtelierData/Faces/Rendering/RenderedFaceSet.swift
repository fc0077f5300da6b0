public import AtelierMedia
public import Foundation

/// What is drawn of faces that nobody has.
public struct RenderedFaceOptions: Sendable, Hashable, Codable {
  /// The number of people, 1 … 10,000.
  public var identities = 12
  /// The number of the first one; what a person looks like follows from its number and the seed alone.
  public var first = 1
  /// Clips of each person, which differ in motion, light, clothes and background, 1 … 1,000.
  public var clips = 3
  /// How many of them, the last ones, become the part `test`.
  public var testClips = 1
  /// Frames of each clip, 1 … 100,000.
  public var frames = 32
  /// Frames a second, above 0 and at most 120.
  public var frameRate = 12.0
  /// The side of the square images in pixels, 16 … 1024.
  public var size = 128
  /// Where the face stands in its crop; nil: images are whole frames, in which the head moves.
  public var layout: FaceLayout?
  /// Whether everybody moves alike, and under the same light, in clips of the same number.
  public var sharesMotion = false
  /// Whether masks of the face's skin are written as well.
  public var hasMasks = false
  /// A folder of sounds that the people say, of each its own voice where there are folders of speakers; nil: nobody is heard.
  /// Frames are 25 a second then.
  public var speech: String?
  /// Everything follows from it.
  public var seed: UInt64 = 0

  /// The defaults.
  public init() {}

  fileprivate func check() throws(DatasetError) {
    func require(_ holds: Bool, _ reason: String) throws(DatasetError) {
      if !holds { throw .invalid(reason: reason) }
    }
    try require((1...10_000).contains(identities), "there are 1 to 10000 identities, not \(identities)")
    try require((1...1_000_000).contains(first), "people are counted from 1 to 1000000, not from \(first)")
    try require((1...1000).contains(clips), "there are 1 to 1000 clips of each person, not \(clips)")
    try require(
      (0..<clips).contains(testClips),
      "of \(clips) clips of each person 0 to \(clips - 1) can be held out, not \(testClips)")
    try require((1...100_000).contains(frames), "a clip has 1 to 100000 frames, not \(frames)")
    try require(
      frameRate > 0 && frameRate <= 120,
      "there are more than 0 and at most 120 frames a second, not \(frameRate)")
    try require(
      speech == nil || frameRate == FaceSpeech.framesPerSecond,
      "people who speak are drawn at 25 frames a second, not \(frameRate)")
    try require((16...1024).contains(size), "the side of the images is 16 to 1024 pixels, not \(size)")
  }
}

/// A data set of drawn faces: people that nobody is, with exact landmarks, whose expressions, poses and light are
/// independent of who they are.
///
/// It is laid out as ``FaceSet`` lays out faces of videos, within the parts `train` and `test`, so that every system of
/// faces trains on it.
public enum RenderedFaceSet {
  /// Where the set comes from: the content of `provenance.json`.
  public struct Provenance: Sendable, Hashable, Codable {
    /// What drew the faces.
    public var generator: String
    /// The settings.
    public var options: RenderedFaceOptions
    /// The number of faces of each identity.
    public var identities: [String: Int]
  }

  /// The name of the file that says that nobody is shown, for systems that ask for consent.
  public static let consentName = "consent.yaml"

  /// Draws one frame: the image, and the mask of the face's skin (white).
  ///
  /// - Parameters:
  ///   - person: the number of the person, from 1.
  ///   - clip: the number of the clip, from 1.
  ///   - frame: the number of the frame, from 0.
  /// - Throws: ``DatasetError/invalid(reason:)`` for impossible settings.
  package static func frame(
    _ options: RenderedFaceOptions, person: Int, clip: Int, frame: Int
  ) throws(DatasetError) -> (image: Image, mask: Image, record: FaceRecord) {
    try options.check()
    return try Clip(options, options.utterances(), person: person, clip: clip).frame(frame, of: options)
  }

  /// Writes `train/PERSON/CLIP_FRAME.png` and the same below `test`, each part with its ``FaceTable``, masks where they are
  /// asked for, `PERSON/CLIP.wav` where people speak, a contact sheet, the provenance, and a consent file.
  ///
  /// - Parameter progress: called with the numbers of images done and in all.
  /// - Throws: ``DatasetError/exists(path:)`` where the folder exists, ``DatasetError/invalid(reason:)`` for impossible
  ///   settings, ``DatasetError/unwritable(path:reason:)``; ``DatasetError/notFound(path:)``,
  ///   ``DatasetError/unusable(path:reason:)`` and ``DatasetError/corruptFile(path:reason:)`` of sounds.
  public static func prepare(
    to target: URL, options: RenderedFaceOptions = RenderedFaceOptions(), progress: PreparationProgress? = nil
  ) throws(DatasetError) -> PreparationReport {
    try options.check()
    let utterances = try options.utterances()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let settings = try? encoder.encode(options) else {
      throw .invalid(reason: "the settings of drawn faces cannot be written as JSON")
    }
    let folder = try StagedFolder(
      target, recipe: "rendered faces \(String(decoding: settings, as: UTF8.self))\n")
    let people = (options.first..<(options.first + options.identities)).map(options.name)
    var sheet = ContactSheet(
      totals: Dictionary(uniqueKeysWithValues: people.map { ($0, options.clips * options.frames) }))
    let total = options.identities * options.clips * options.frames
    var done = 0
    for (part, clips) in options.parts {
      let table = "\(part)/\(FaceTable.fileName)"
      try folder.write([], to: table)
      guard let lines = try? FileHandle(forWritingTo: folder.url(table)) else {
        throw .unwritable(path: table, reason: "the disk is full, or the folder is not writable")
      }
      defer { try? lines.close() }
      for (place, name) in people.enumerated() {
        for number in clips {
          let clip = try Clip(options, utterances, person: options.first + place, clip: number)
          if let sound = clip.sound {
            try write(sound, "\(part)/\(options.clipName(name, number)).wav", folder)
          }
          for start in stride(from: 0, to: options.frames, by: chunk) {
            let frames = start..<min(start + chunk, options.frames)
            let made = inParallel(frames.count) { index in
              write(clip, frames.lowerBound + index, options, part, to: folder)
            }
            var text = Data()
            for outcome in made { text += try outcome.get() }
            do { try lines.write(contentsOf: text) } catch {
              throw .unwritable(path: table, reason: "the disk is full")
            }
            for frame in frames {
              let place = (number - 1) * options.frames + frame
              sheet.see("\(part)/\(options.file(name, number, frame))", of: name, place)
            }
            done += frames.count
            progress?(done, total)
          }
        }
      }
    }
    do throws(ImageError) {
      let bytes = try ImageCodec().encode(try sheet.image(in: folder), as: .png)
      try Self.write(bytes, FaceSet.sheetName, folder)
    } catch { throw .unwritable(path: FaceSet.sheetName, reason: error.shortReason) }
    let provenance = Provenance(
      generator: "drawn by atelier data prepare rendered-faces; nobody is shown", options: options,
      identities: Dictionary(uniqueKeysWithValues: people.map { ($0, options.clips * options.frames) }))
    if let text = try? encoder.encode(provenance) {
      try folder.write([UInt8](text), to: FaceSet.provenanceName)
    }
    let agreed = people.map {
      "  - {name: \($0), purpose: \"any; the face is drawn and nobody's\", until: 9999-12-31}\n"
    }
    try folder.write(Array(("persons:\n" + agreed.joined()).utf8), to: consentName)
    try folder.finish()
    var report = PreparationReport(written: total, leftOut: [])
    report.found = [
      "\(options.identities) drawn people in \(options.clips) clips each of \(options.frames) frames; see "
        + "\(FaceSet.sheetName)."
    ]
    return report
  }

  private static func write(_ bytes: [UInt8], _ name: String, _ folder: StagedFolder) throws(ImageError) {
    do throws(DatasetError) { try folder.write(bytes, to: name) } catch {
      throw .invalid(reason: error.description)
    }
  }

  private static func write(_ sound: Audio, _ name: String, _ folder: StagedFolder) throws(DatasetError) {
    let bytes: [UInt8]
    do throws(AudioError) { bytes = try AudioCodec().encode(sound, as: .wav) } catch {
      throw .unwritable(path: name, reason: error.description)
    }
    try folder.write(bytes, to: name)
  }

  /// Frames that are drawn side by side.
  private static let chunk = 32

  /// Draws a frame unless it is there already; its line of the table.
  private static func write(
    _ clip: Clip, _ frame: Int, _ options: RenderedFaceOptions, _ part: String, to folder: StagedFolder
  ) -> Result<Data, DatasetError> {
    do throws(DatasetError) {
      let (image, mask, record) = try clip.frame(frame, of: options)
      let files =
        [(image, "\(part)/\(record.file)")]
        + (options.hasMasks ? [(mask, "\(part)/masks/\(record.file)")] : [])
      for (image, name) in files where !folder.has(name) {
        let bytes: [UInt8]
        do throws(ImageError) { bytes = try ImageCodec().encode(image, as: .png) } catch {
          throw DatasetError.unwritable(path: name, reason: error.shortReason)
        }
        try folder.write(bytes, to: name)
      }
      return .success(try FaceTable.line(record))
    } catch { return .failure(error) }
  }

  /// A clip of a person.
  private struct Clip: Sendable {
    let person: Int
    let clip: Int
    let traits: FaceTraits
    let motion: FaceMotion
    /// What is said; nil: nothing.
    let sound: Audio?
    private let speech: FaceSpeech?

    init(
      _ options: RenderedFaceOptions, _ utterances: FaceUtterances?, person: Int, clip: Int
    ) throws(DatasetError) {
      (self.person, self.clip) = (person, clip)
      traits = FaceTraits(seed: options.seed, number: person)
      motion = FaceMotion(seed: options.seed, clip: clip, person: options.sharesMotion ? nil : person)
      let samples = try utterances?.samples(
        person: person, clip: clip, isHeldOut: clip > options.clips - options.testClips,
        frames: options.frames,
        seed: options.seed)
      sound = samples.map { Audio(sampleRate: FaceSpeech.sampleRate, samples: $0) }
      speech = samples.map(FaceSpeech.init)
    }

    func frame(
      _ number: Int, of options: RenderedFaceOptions
    ) throws(DatasetError) -> (image: Image, mask: Image, record: FaceRecord) {
      var state = motion.state(at: Double(number) / options.frameRate)
      speech?.move(&state, at: number)
      let whole = FaceSurface(traits, state, frame: options.size)
      let (face, side) = (whole.face, options.size)
      let origin = [FacePoint(x: 0, y: 0), FacePoint(x: 1, y: 1)]
      let alignment =
        options.layout.map { FaceAlignment(face, as: $0, width: side, height: side) }
        ?? FaceAlignment(mapping: origin, to: origin, width: side, height: side)
      guard let alignment else {
        throw .invalid(reason: "person \(person) has no face in frame \(number); draw it at another size")
      }
      let surface = FaceSurface(traits, state, frame: side, crop: options.layout == nil ? nil : alignment)
      var drawing = FaceDrawing(surface, motion, side: side)
      let (image, mask) = drawing.draw()
      let name = options.name(person)
      // As others are measured: the face itself at 112 × 112.
      var placed = face
      placed.landmarks = FaceLandmarks(face.landmarks.points.map(alignment.inCrop)) ?? face.landmarks
      let close = FaceAlignment(
        placed, as: .arcface, width: FaceNetworks.side, height: FaceNetworks.side)
      var sharpness = 0.0
      do throws(ImageError) { sharpness = try close?.crop(image).sharpness ?? 0 } catch {
        throw .invalid(reason: error.shortReason)
      }
      let record = FaceRecord(
        file: options.file(name, clip, number), source: "\(name)/clip-\(clip)", frame: number,
        imageWidth: side,
        imageHeight: side, face: face, alignment: alignment, layout: options.layout, sharpness: sharpness,
        pose: FacePose(yaw: state.yaw, pitch: state.pitch, roll: state.roll), identity: name,
        track: (person - options.first) * options.clips + clip - 1, keypoints: whole.landmarks)
      return (image, mask, record)
    }
  }
}

extension RenderedFaceOptions {
  /// The parts with the numbers of their clips.
  fileprivate var parts: [(name: String, clips: ClosedRange<Int>)] {
    let training = clips - testClips
    return [("train", 1...training)] + (testClips > 0 ? [("test", (training + 1)...clips)] : [])
  }

  /// What the people say.
  fileprivate func utterances() throws(DatasetError) -> FaceUtterances? {
    guard let speech else { return nil }
    return try FaceUtterances(
      URL(fileURLWithPath: speech), heldOut: Double(testClips) / Double(clips))
  }

  /// The name of a person.
  fileprivate func name(_ person: Int) -> String {
    "person-" + Self.padded(person, String(first + identities - 1).count)
  }

  /// The name of a clip within its part.
  fileprivate func clipName(_ name: String, _ clip: Int) -> String {
    "\(name)/clip-\(Self.padded(clip, String(clips).count))"
  }

  /// The file of a frame within its part.
  fileprivate func file(_ name: String, _ clip: Int, _ frame: Int) -> String {
    "\(clipName(name, clip))_\(Self.padded(frame, 6)).png"
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

import Atelier
import Foundation

/// What `generate` does with a system that moves lips by what is said: a video of a face with another sound, read, drawn and
/// written some frames at a time. The face is looked for in each frame, unless it is said where it is. A video that is shorter
/// than the sound begins anew.
struct DubbingJob: GenerateJob {
  private let generator: Generator
  private let ability: FaceDubbing
  /// Conditions as they were typed, by name.
  private let conditions: [String: String]
  private let drawing: DubbingDrawing
  /// One video, a folder of frames or a still image.
  private let inputs: [String]
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool { context.plan.ability(FaceDubbing.self) != nil }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope("a dubbed video", options: ["--sampling", "--no-label"])
  }

  init(_ context: GenerateContext) throws {
    ability = context.ability()
    (generator, inputs, results) = (context.generator, context.command.inputs, context.results)
    conditions = try context.choices.paths()
    drawing = try context.choices.sampling() as? DubbingDrawing ?? DubbingDrawing()
  }

  /// Frames that are drawn together.
  private static let batch = 16

  func run() throws {
    try drawing.validate()
    guard let sound = conditions[ability.speech.field], conditions.count == 1 else {
      throw Refusal.usage(
        "\(generator.description.system) needs what is said; name a sound, or a video that has some, by --condition "
          + "\(ability.speech.field)=FILE")
    }
    guard let path = inputs.first, inputs.count == 1 else {
      throw Refusal.usage("this system moves the lips of one face; name its video after the run")
    }
    for given in [path, sound] where !FileManager.default.fileExists(atPath: given) {
      throw Refusal.input("\(given) does not exist; check the path")
    }
    guard results.folder == nil else {
      throw Refusal.usage("one video is written; name it by --output, not --files")
    }
    guard results.output != "-" else {
      throw Refusal.usage("a video is not written to standard output; name a file such as dubbed.mp4")
    }
    let target = URL(fileURLWithPath: results.output ?? "dubbed.mp4")
    try ResultFiles.check([target], of: [path], inputs: [path, sound], force: results.force)
    try dub(try video(path), URL(fileURLWithPath: sound), to: target)
    results.marking.report()
  }

  private func video(_ path: String) throws -> any FrameSequence {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let place = URL(fileURLWithPath: path)
    return isFolder.boolValue ? try FrameFolder(place) : try Video(contentsOf: place)
  }

  private func dub(_ video: any FrameSequence, _ sound: URL, to target: URL) throws {
    guard
      case .video(_, _, let height, let width, let range)? = generator.plan.field(ability.frames)?.kind
    else { throw Refusal.usage("\(generator.description.system) does not say what faces it takes") }
    let rate = video.frameRate ?? FrameRate(25)
    guard let rate else { throw Refusal.data("the video does not say how fast it plays") }
    let pieces = try self.pieces(of: sound, framesPerSecond: rate.value)
    let track = try self.track(video, frames: pieces.count)
    let writer = try GeneratedVideo(
      target, madeOf: inputs + [sound.path], frameRate: rate, sound: VideoWriter.Sound(sound),
      origin: results.origin,
      marking: results.marking)
    for start in stride(from: 0, to: pieces.count, by: Self.batch) {
      SignsOfLife.heard()
      let part = Array(pieces[start..<min(pieces.count, start + Self.batch)])
      let frames = try part.map { _ in try track.next() }
      let faces = try frames.map { frame, region in
        let face = try frame.cropped(
          x: region.left, y: region.top, width: region.width, height: region.height
        ).resized(width: width, height: height)
        return Tensor(face.with8Bits().hostTensor()).asType(.float32)
      }
      let values = Tensor.stacked(faces).unsqueezed(0)
      let request = Request(
        conditions: [
          ability.frames: .tensor(range == .signed ? values * (2.0 / 255) - 1 : values * (1.0 / 255)),
          ability.speech.field: .tensor(Tensor.concatenated(part, dim: 1).unsqueezed(0)),
        ], sampling: drawing, draws: StreamDraws(RandomStream(seed: 0), device: generator.system.device))
      var drawn: [Image] = []
      try generator.draw(request) { output in
        guard let tensor = output.tensor, output.field == ability.frames else { return }
        drawn += try Image.images(
          of: tensor.squeezed(0).to(.cpu).contiguous().host(), range: range.bounds, depth: 8)
      }
      for ((frame, region), face) in zip(frames, drawn) {
        let sized = try face.resized(width: region.width, height: region.height).with8Bits()
        try writer.append(Self.pasted(sized, on: frame, x: region.left, y: region.top))
      }
    }
    try writer.finish()
    print("\(target.path): \(pieces.count) frames of \(video.width)×\(video.height), \(rate) a second")
  }

  /// The frames with the face's place in each.
  private func track(_ video: any FrameSequence, frames: Int) throws -> FaceTrack {
    let box = drawing.box
    guard box.isEmpty else {
      guard box[1] <= video.height, box[3] <= video.width else {
        throw Refusal.usage(
          "the box \(box) reaches beyond the frames, which have \(video.height) rows and \(video.width) columns"
        )
      }
      return try FaceTrack(
        video, name: inputs[0], frames: frames,
        at: PixelBox(left: box[2], top: box[0], right: box[3], bottom: box[1]))
    }
    guard ["mtcnn", "sface"].allSatisfy(WeightStore.standard.contains) else {
      throw Refusal.data(
        "faces are looked for by MTCNN, which is not installed; `atelier weights install mtcnn sface` fetches it, and "
          + "--sampling box=[0,\(video.height),0,\(video.width)] takes the whole frame for the face")
    }
    let networks = try FaceNetworks.installed(
      for: generator.description.system, on: generator.system.device)
    return try FaceTrack(video, name: inputs[0], frames: frames, drawing, detect: networks.detect)
  }

  /// What is said at each frame, `[bands, columns]`; the first piece that would pass the end becomes the last columns, and ends
  /// the list.
  private func pieces(of sound: URL, framesPerSecond: Double) throws -> [Tensor] {
    let speech = ability.speech
    let given = try Audio(contentsOf: sound)
    var levels = MixLevels()
    levels.add(given)
    // The video keeps its sound as it is, so that only a mix in which nothing is heard is worth a word.
    if levels.isCancelled, let sentence = levels.sentence(sound.path) { standardError("\(sentence)\n") }
    let audio = try given.mono().resampled(to: speech.features.sampleRate)
    guard audio.frames >= max(1, speech.features.shortest), audio.samples.allSatisfy(\.isFinite) else {
      throw Refusal.data("\(sound.path) is too short, or has samples that are NaN or infinite")
    }
    let mel = Tensor(try speech.features(audio.samples))
    guard mel.shape[1] >= speech.columns else {
      throw Refusal.data("\(sound.path) is shorter than what is said at one frame")
    }
    var pieces: [Tensor] = []
    while true {
      let start = speech.column(ofFrame: pieces.count, framesPerSecond: framesPerSecond)
      guard start + speech.columns <= mel.shape[1] else {
        pieces.append(mel.narrow(1, from: mel.shape[1] - speech.columns, length: speech.columns))
        return pieces
      }
      pieces.append(mel.narrow(1, from: start, length: speech.columns))
    }
  }

  /// A frame with a face laid over it.
  private static func pasted(_ face: Image, on frame: Image, x: Int, y: Int) -> Image {
    var bytes = frame.bytes
    for row in 0..<face.height {
      let from = row * face.width * 3
      let to = ((y + row) * frame.width + x) * 3
      bytes.replaceSubrange(to..<(to + face.width * 3), with: face.bytes[from..<(from + face.width * 3)])
    }
    return Image(width: frame.width, height: frame.height, channels: 3, bytes: bytes)
  }
}

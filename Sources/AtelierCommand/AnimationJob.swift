import Atelier
import Foundation

/// What `generate` does with a system that animates still images: a video for each, read, drawn and written a few frames
/// at a time, so that memory does not grow with the driving video.
struct AnimationJob: GenerateJob {
  private let generator: Generator
  private let ability: ImageAnimation
  /// Conditions as they were typed, by name: frames are read one by one, and the video is no condition in memory.
  private let conditions: [String: String]
  private let drawing: AnimationDrawing
  /// Still images.
  private let inputs: [String]
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool {
    context.plan.ability(ImageAnimation.self) != nil
  }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope("a still image in motion", options: ["--sampling", "--no-label"])
  }

  init(_ context: GenerateContext) throws {
    ability = context.ability()
    (generator, inputs, results) = (context.generator, context.command.inputs, context.results)
    conditions = try context.choices.paths()
    drawing = try context.choices.sampling() as? AnimationDrawing ?? AnimationDrawing()
  }

  /// Frames that are drawn together.
  private static let batch = 4

  func run() throws {
    try drawing.validate()
    let video = try driving()
    let stills = try self.stills()
    let targets = try self.targets(stills)
    let read = stills.map(\.path)
    try ResultFiles.check(
      targets, of: read, inputs: read + [drivingPath].compactMap(\.self), force: results.force)
    try results.makeFolder()
    for (still, target) in zip(stills, targets) { try animate(still, video, to: target) }
    results.marking.report()
  }

  // MARK: What there is to do

  /// The driving video as the command names it.
  private var drivingPath: String? { conditions[ability.driving] }

  private func driving() throws -> any FrameSequence {
    let name = ability.driving
    guard let path = drivingPath else {
      throw Refusal.usage(
        "\(generator.description.system) needs a video that shows how the image moves; name it by --condition "
          + "\(name)=FILE")
    }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw Refusal.input("\(path) does not exist; --condition \(name) takes a video, or a folder of frames")
    }
    let place = URL(fileURLWithPath: path)
    return isFolder.boolValue ? try FrameFolder(place) : try Video(contentsOf: place)
  }

  private func stills() throws -> [URL] {
    var paths = inputs
    if let given = conditions[ability.source] {
      guard paths.isEmpty else {
        throw Refusal.usage("name the image after the run or by --condition \(ability.source), not both")
      }
      paths = [given]
    }
    guard !paths.isEmpty else {
      throw Refusal.usage(
        "this system animates still images; name a file, several, or a folder after the run")
    }
    return try imageFiles(named: paths, for: "generate")
  }

  private func targets(_ stills: [URL]) throws -> [URL] {
    if let folder = results.folder {
      return stills.map {
        URL(fileURLWithPath: folder).appendingPathComponent(
          $0.deletingPathExtension().lastPathComponent + ".mp4")
      }
    }
    guard stills.count == 1 else {
      throw Refusal.usage("there are \(stills.count) images; name a folder for the videos with --files")
    }
    guard results.output != "-" else {
      throw Refusal.usage("a video is not written to standard output; name a file such as animation.mp4")
    }
    return [URL(fileURLWithPath: results.output ?? "animation.mp4")]
  }

  // MARK: One image

  private func animate(_ still: URL, _ video: any FrameSequence, to target: URL) throws {
    let begin = ContinuousClock.now
    guard
      case .tensor(let source) = try generator.condition(ability.source, from: still.path),
      case .image(let channels, let height, let width, let range)? = frameKind
    else { throw Refusal.usage("\(generator.description.system) does not say what images it takes") }
    let frames = DrivingFrames(
      preparation: ImagePreparation(height: height, width: width, channels: channels), range: range)
    var request = Request(
      conditions: [ability.source: .tensor(source)], sampling: drawing,
      draws: StreamDraws(RandomStream(seed: 0), device: generator.system.device))
    if drawing.bestFrame { request.conditions["initial"] = .tensor(try nearest(source, video, frames)) }
    let session = try generator.session(request)
    guard let rate = video.frameRate ?? FrameRate(25) else {
      throw Refusal.data("the driving video does not say how fast it plays")
    }
    let writer = try GeneratedVideo(
      target, madeOf: inputs + conditions.values, frameRate: rate, sound: sound(of: video),
      origin: results.origin,
      marking: results.marking)
    var count = 0
    try frames.forEachBatch(of: Self.batch, in: video) { batch in
      SignsOfLife.heard()
      guard
        case .tensor(let images) = try session.advance([
          ability.driving: .tensor(batch.to(generator.system.device))
        ]).value
      else { return }
      let host = images.to(.cpu).contiguous().host()
      for image in try Image.images(of: host, range: range.bounds, depth: 8) {
        try writer.append(image)
        count += 1
      }
    }
    try writer.finish()
    let (seconds, part) = (ContinuousClock.now - begin).components
    let speed = Double(count) / max(1e-3, Double(seconds) + Double(part) * 1e-18)
    print(
      "\(target.path): \(count) frames of \(width)×\(height), "
        + String(format: "%.1f a second were drawn", speed))
  }

  /// What a session gives.
  private var frameKind: FieldKind? { generator.plan.ability(Streaming.self)?.output.kind }

  /// The driving frame whose pose is nearest to the source's.
  private func nearest(
    _ source: Tensor, _ video: any FrameSequence, _ frames: DrivingFrames
  ) throws -> Tensor {
    guard let system = generator.system as? any AnimatingSystem else {
      throw Refusal.usage("\(generator.description.system) does not compare poses; leave bestFrame out")
    }
    let device = generator.system.device
    var best: (distance: Double, frame: Tensor, number: Int)?
    var number = 0
    try frames.forEachBatch(of: 4 * Self.batch, in: video) { batch in
      SignsOfLife.heard()
      let distances = try withTensorErrors {
        try withoutGradients { try system.poseDistances(of: source.to(device), to: batch.to(device)) }
      }
      for (place, distance) in distances.enumerated() {
        if distance < best?.distance ?? .infinity {
          best = (distance, batch.slice(0, place, place + 1), number)
        }
        number += 1
      }
    }
    guard let best else { throw Refusal.data("no pose was found in \(drivingPath ?? "the driving video")") }
    standardError("Motion counts from frame \(best.number), whose pose is nearest to the image's.\n")
    return best.frame
  }

  // MARK: Writing

  /// The driving video's own sound.
  private func sound(of video: any FrameSequence) -> VideoWriter.Sound? {
    guard let video = video as? Video, video.information.hasAudio else { return nil }
    return VideoWriter.Sound(video.file)
  }
}

/// The frames of a driving video as a system takes them.
private struct DrivingFrames {
  let preparation: ImagePreparation
  let range: ImageRange

  /// Hands out batches `[n, channels, height, width]` in order.
  func forEachBatch(of size: Int, in video: any FrameSequence, _ body: (Tensor) throws -> Void) throws {
    let reader = try video.frames()
    var held: [Tensor] = []
    func handOut() throws {
      guard !held.isEmpty else { return }
      let values = Tensor.stacked(held).asType(.float32)
      held = []
      try body(range == .signed ? values * (2.0 / 255) - 1 : values * (1.0 / 255))
    }
    while let frame = try reader.next() {
      held.append(Tensor(try preparation(frame).hostTensor()))
      if held.count == size { try handOut() }
    }
    try handOut()
  }
}

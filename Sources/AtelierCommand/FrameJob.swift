import Atelier
import Foundation

/// What `generate` does with videos to follow: a video for each, frame after frame, of which never more are in memory
/// than the next one depends on.
struct FrameJob: GenerateJob {
  private let generator: Generator
  private let ability: FrameTranslation
  /// What each session begins with.
  private let conditions: [String: ConditionValue]
  /// Folders of what lies beside the frames, by the names of conditions.
  private let beside: [String: URL]
  private let seed: UInt64
  /// Videos, and folders of frames.
  private let inputs: [String]
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool {
    context.plan.ability(FrameTranslation.self) != nil && !context.command.inputs.isEmpty
  }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope("a video that follows frames", options: ["--no-label", "--class"])
  }

  init(_ context: GenerateContext) throws {
    ability = context.ability()
    (conditions, beside) = (try context.choices.conditions(), try context.choices.foldersBeside())
    (generator, seed) = (context.generator, context.command.seed)
    (inputs, results) = (context.command.inputs, context.results)
  }

  func run() throws {
    guard conditions[ability.source] == nil else {
      throw Refusal.usage("name what is followed after the run or give it by --condition, not both")
    }
    for name in ability.beside where conditions[name] != nil {
      throw Refusal.usage(
        "the condition '\(name)' is a folder of maps, one a frame, beside those that are followed")
    }
    guard beside.isEmpty || inputs.count == 1 else {
      throw Refusal.usage(
        "the condition '\(beside.keys.sorted()[0])' lies beside one video, and \(inputs.count) are named; draw them one "
          + "after the other")
    }
    let targets = try self.targets()
    try ResultFiles.check(targets, of: inputs, inputs: inputs, force: results.force)
    // All of them are looked at before the first video is drawn.
    let sources = try inputs.map { try source(ability.source, URL(fileURLWithPath: $0)) }
    let others = try beside.sorted { $0.key < $1.key }.map { name, folder in
      Beside(name: name, folder: folder, frames: try source(name, folder))
    }
    try results.makeFolder()
    for (index, target) in targets.enumerated() {
      try run(URL(fileURLWithPath: inputs[index]), sources[index], beside: others, target)
    }
    results.marking.report()
  }

  /// The files of the results.
  private func targets() throws -> [URL] {
    if let output = results.output {
      guard inputs.count == 1 else {
        throw Refusal.usage("--output takes one video, and \(inputs.count) are named; choose --files")
      }
      let place = URL(fileURLWithPath: output)
      guard (GeneratedVideo.endings + [""]).contains(place.pathExtension.lowercased()) else {
        throw Refusal.usage(
          "a video is written as .mp4, .m4v, .mov or .gif, or as a folder of frames, which has no ending; name it so, not "
            + place.lastPathComponent)
      }
      return [place]
    }
    let place = URL(fileURLWithPath: results.folder ?? ".")
    return inputs.map {
      place.appendingPathComponent(
        URL(fileURLWithPath: $0).standardizedFileURL.deletingPathExtension().lastPathComponent + ".mp4")
    }
  }

  private func run(_ input: URL, _ source: FrameSource, beside others: [Beside], _ target: URL) throws {
    let streaming = try self.streaming
    let draws = StreamDraws(
      RandomStream(seed: seed, purpose: "generate"), device: generator.system.device)
    let session = try generator.session(Request(conditions: conditions, draws: draws))
    let codec = try generator.codec(streaming.output)
    let writer = try GeneratedVideo(
      target, madeOf: inputs, frameRate: source.rate, sound: source.sound, origin: results.origin,
      marking: results.marking)
    while let given = try source.next() {
      var frame = [ability.source: given]
      for other in others {
        guard let value = try other.frames.next() else {
          throw Refusal.data(
            "\(other.folder.path) has \(writer.count) frames, and \(input.path) has more; add the missing ones"
          )
        }
        frame[other.name] = value
      }
      let made = try withTensorErrors {
        try withoutGradients {
          try session.advance(
            frame.mapValues { .tensor(Tensor($0).to(generator.system.device)) })
        }
      }
      guard let tensor = made.tensor?.to(.cpu).contiguous().host() else { continue }
      for case .image(let image) in try codec.shown(.tensor(tensor)) { try writer.append(image) }
      SignsOfLife.heard()
    }
    guard writer.count > 0 else { throw Refusal.data("\(input.path) has no frames") }
    try writer.finish()
    print("\(counted(writer.count, "frame")) in \(target.path)")
  }
}

extension FrameJob {
  /// What lies beside the frames of a video, one for each.
  private struct Beside {
    let name: String
    let folder: URL
    let frames: FrameSource
  }

  private var streaming: Streaming {
    get throws {
      guard let streaming = generator.plan.ability(Streaming.self) else {
        throw Refusal.usage("\(generator.description.system) does not say what its frames follow")
      }
      return streaming
    }
  }

  /// The frames of an advancing condition.
  private func source(_ name: String, _ input: URL) throws -> FrameSource {
    guard let condition = try streaming.advancing.first(where: { $0.name == name }) else {
      throw Refusal.usage("\(generator.description.system) does not take '\(name)' frame by frame")
    }
    return try FrameSource(input, condition, names: generator.names(condition))
  }
}

/// The frames of a video or a folder as values of a condition, one at a time.
private final class FrameSource {
  /// Frames a second.
  let rate: FrameRate
  /// The sound beside them.
  let sound: VideoWriter.Sound?
  private let codec: FieldCodec
  /// Files of label maps that are still to come.
  private var files: ArraySlice<URL> = []
  /// A video, which is opened once its first frame is asked for.
  private var video: Video?
  private var reader: (any FrameReader)?

  /// - Throws: ``Refusal`` for what holds no frames of this kind.
  init(_ input: URL, _ condition: Condition, names: FieldNames) throws {
    guard case .field(let kind) = condition.kind else {
      throw Refusal.usage("the condition '\(condition.name)' is no picture")
    }
    codec = FieldCodec(kind, names: names)
    guard let standard = FrameRate(25) else { throw Refusal.usage("there is no frame rate") }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: input.path, isDirectory: &isFolder) else {
      throw Refusal.input("\(input.path) does not exist; name a video, or a folder of frames")
    }
    if isFolder.boolValue {
      let frames = try FrameFolder(input)
      if let misfit = frames.misfits().first {
        throw VideoError.unfit(
          folder: input.path,
          reason: "\(misfit.name): \(misfit.reason); repair it, or bring it to the size of the others")
      }
      (rate, sound) = (standard, nil)
      files = frames.names.map { input.appendingPathComponent($0) }[...]
    } else if case .image = kind {
      let video = try Video(contentsOf: input)
      rate = video.frameRate ?? standard
      sound = video.information.hasAudio ? VideoWriter.Sound(input) : nil
      self.video = video
    } else {
      throw Refusal.input(
        "\(input.path) is a file, and label maps are a folder of images, one a frame, which a video would blur"
      )
    }
  }

  /// The next frame as a batch of one; nil after the last.
  func next() throws -> HostTensor? {
    if let video {
      let reader = try reader ?? video.frames()
      self.reader = reader
      guard let image = try reader.next(),
        case .image(let channels, let height, let width, let range) = codec.kind
      else { return nil }
      let bytes = Tensor(
        try ImagePreparation(height: height, width: width, channels: channels, fit: .centerCrop)(image)
          .hostTensor())
      let unit = bytes.asType(.float32).unsqueezed(0) / 255
      return (range == .signed ? unit * 2 - 1 : unit).host()
    }
    guard let file = files.popFirst(), case .tensor(let value) = try codec.read(file, fit: .centerCrop) else {
      return nil
    }
    return value
  }
}

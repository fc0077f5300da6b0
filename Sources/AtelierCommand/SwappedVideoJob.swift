import Atelier
import Foundation

/// What `generate` does with a system that swaps faces where it is given videos: every frame with its faces swapped, with the
/// video's own sound, and a visible label.
struct SwappedVideoJob: GenerateJob {
  private let generator: Generator
  private let translation: ImageTranslator
  private let drawing: FaceSwapDrawing
  /// Videos.
  private let inputs: [String]
  private let results: ResultOptions

  static func applies(to context: GenerateContext) throws -> Bool {
    guard context.plan.ability(FaceSwapping.self) != nil else { return false }
    return try areVideos(context.command.inputs)
  }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope(
      "a video with swapped faces", options: ["--sampling", "--direction", "--to", "--no-label"])
  }

  init(_ context: GenerateContext) throws {
    (generator, inputs, results) = (context.generator, context.command.inputs, context.results)
    let choices = try TranslationChoices(context)
    translation = try choices.translation()
    drawing = choices.sampling as? FaceSwapDrawing ?? FaceSwapDrawing()
  }

  /// Whether all of the files are videos; false where none is.
  ///
  /// - Throws: `Refusal` for videos among other files.
  private static func areVideos(_ inputs: [String]) throws -> Bool {
    let endings = MediaReport.Medium.videos.fileExtensions
    let videos = inputs.filter { endings.contains(URL(fileURLWithPath: $0).pathExtension.lowercased()) }
    guard !videos.isEmpty else { return false }
    guard videos.count == inputs.count else {
      throw Refusal.usage("name videos or aligned faces, not both; \(videos[0]) is a video")
    }
    return true
  }

  func run() throws {
    guard results.folder != nil || inputs.count == 1 else {
      throw Refusal.usage("there are \(inputs.count) videos; name a folder for them with --files")
    }
    guard results.output != "-" else {
      throw Refusal.usage("a video is not written to standard output; name a file such as swapped.mp4")
    }
    for input in inputs {
      guard FileManager.default.fileExists(atPath: input) else {
        throw Refusal.input("\(input) does not exist; check the path")
      }
    }
    let targets = inputs.map { input -> URL in
      let name = URL(fileURLWithPath: input).deletingPathExtension().lastPathComponent + ".mp4"
      if let folder = results.folder { return URL(fileURLWithPath: folder).appendingPathComponent(name) }
      return URL(fileURLWithPath: results.output ?? "swapped.mp4")
    }
    try ResultFiles.check(targets, of: inputs, inputs: inputs, force: results.force)
    // Its networks are loaded once every check has passed.
    let networks = try FaceNetworks.installed(
      for: generator.description.system, on: generator.system.device)
    let swapper = FaceSwapper(translation, drawing, detect: networks.detect)
    try results.makeFolder()
    for (input, target) in zip(inputs, targets) {
      try swap(try Video(contentsOf: URL(fileURLWithPath: input)), target, by: swapper)
    }
    results.marking.report()
  }

  private func swap(_ video: Video, _ target: URL, by swapper: FaceSwapper) throws {
    guard let rate = video.frameRate else {
      throw Refusal.data("\(video.file.path) does not say how fast it plays")
    }
    let writer = try GeneratedVideo(
      target, madeOf: inputs, frameRate: rate,
      sound: video.information.hasAudio ? VideoWriter.Sound(video.file) : nil, origin: results.origin,
      marking: results.marking)
    let reader = try video.frames()
    var (frames, without) = (0, 0)
    while let frame = try reader.next() {
      SignsOfLife.heard()
      let (image, faces) = try swapper(frame)
      try writer.append(image)
      frames += 1
      if faces == 0 { without += 1 }
    }
    guard without < frames else {
      throw Refusal.data(
        "no face was found in \(video.file.path); smaller ones are found with --sampling minimumFace=20")
    }
    try writer.finish()
    print("\(target.path): \(frames) frames, \(frames - without) of them with a swapped face")
  }
}

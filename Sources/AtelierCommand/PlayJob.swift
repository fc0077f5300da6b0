import Atelier
import Foundation

/// Writes a video that is played, frame after frame, so that memory does not grow with it.
struct PlayJob: GenerateJob {
  private let player: VideoPlayer
  private let events: [PlayRecording.Event]
  private let inputs: [String]
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool { context.plan.ability(VideoPlaying.self) != nil }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope("a video that is played", options: ["--actions", "--no-label"])
  }

  init(_ context: GenerateContext) throws {
    let (player, inputs) = (try VideoPlayer(context.generator), context.command.inputs)
    self.init(
      player, try Self.events(player, context.choices.paths(), inputs: inputs), madeOf: inputs,
      context.results)
  }

  /// The video of any events.
  ///
  /// - Parameters:
  ///   - events: first frames and actions; the first is a first frame.
  ///   - inputs: what the video is made of, which is never written over.
  init(
    _ player: VideoPlayer, _ events: [PlayRecording.Event], madeOf inputs: [String], _ results: ResultOptions
  ) {
    (self.player, self.events, self.inputs, self.results) = (player, events, inputs, results)
  }

  /// What `generate` takes: the first frame after the run or as a condition, and the actions.
  ///
  /// - Parameter conditions: as they were typed, by name.
  /// - Throws: ``Refusal`` for what is missing or given twice, and what reading throws.
  private static func events(
    _ player: VideoPlayer, _ conditions: [String: String], inputs: [String]
  ) throws -> [PlayRecording.Event] {
    let (generator, first) = (player.generator, player.ability.first)
    let system = generator.description.system
    guard inputs.count + (conditions[first] == nil ? 0 : 1) <= 1 else {
      throw Refusal.usage("a video is played from one first frame; name one image after the run")
    }
    guard let place = inputs.first ?? conditions[first] else {
      throw Refusal.usage("\(system) plays on from a first frame; name an image after the run")
    }
    guard let text = conditions["actions"] else {
      throw Refusal.usage(
        "\(system) needs --actions, such as --actions \"\(player.actionNames[0])*3 \(player.actionNames[1])\"; the "
          + "actions are \(player.actionNames.joined(separator: ", "))")
    }
    guard FileManager.default.fileExists(atPath: place) else {
      throw Refusal.input("\(place) does not exist; name the image of the first frame")
    }
    let image = try ImageCodec(scale: generator.description.data.scale).decode(URL(fileURLWithPath: place))
    guard case .tensor(let actions) = try generator.condition("actions", from: text) else { return [] }
    return [.start(image, name: place)] + actions.to(.cpu).contiguous().integers().map { .action($0) }
  }

  func run() throws {
    let target = try self.target()
    try ResultFiles.check([target], of: inputs, inputs: inputs, force: results.force)
    try results.makeFolder()
    guard let rate = FrameRate(25) else { throw Refusal.usage("there is no frame rate") }
    let writer = try GeneratedVideo(
      target, madeOf: inputs, frameRate: rate, origin: results.origin, marking: results.marking)
    for event in events {
      switch event {
      case .start(let image, _): try writer.append(try player.start(image))
      case .action(let action): try writer.append(try player.advance(action))
      }
      SignsOfLife.heard()
    }
    try writer.finish()
    results.marking.report()
    print("\(counted(writer.count, "frame")) in \(target.path)")
  }

  /// The file of the video, or the folder of its frames.
  private func target() throws -> URL {
    if let output = results.output {
      guard output != "-" else {
        throw Refusal.usage("a video is not written to standard output; name a file such as played.mp4")
      }
      return URL(fileURLWithPath: output)
    }
    guard let folder = results.folder else { return URL(fileURLWithPath: "played.mp4") }
    return URL(fileURLWithPath: folder).appendingPathComponent("played.mp4")
  }
}

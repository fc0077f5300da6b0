import ArgumentParser
import Atelier
import AtelierService
import Foundation
import Synchronization

/// `atelier play`: a video that is played in the browser.
struct Play: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Plays a model's video in the browser: keys are actions, and each gives the next frame.",
    discussion: """
      A page is served on this machine until Ctrl-C. Videos begin with the image that is named after the run, or with \
      frames of the data that the run learned from (--data where they were moved).

      --record keeps what is played, a line an action; --replay makes the video of it again, with the same bytes. \
      `generate --actions` makes videos of actions that are written out.

        atelier play runs/playable-video-001
        atelier play runs/playable-video-001 first.png --record session.jsonl
        atelier play runs/playable-video-001 --replay session.jsonl --output session.mp4
      """)

  @Argument(help: ArgumentHelp("A run, a checkpoint or a model file.", valueName: "run"), completion: .file())
  var trained: String

  @Argument(help: ArgumentHelp("The first frame.", valueName: "picture"), completion: .file())
  var picture: String?

  @Option(help: "The data whose frames videos begin with (default: the run's).", completion: .directory)
  var data: String?

  @Option(help: "The number of the first frame among those of the data (default: drawn by --seed).")
  var start: Int?

  @Option(help: "What the choice of the first frame follows from.")
  var seed: UInt64 = 0

  @Option(help: "The address to listen at; others than 127.0.0.1 let other machines play.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen at; 0 is any that is free.")
  var port: UInt16 = 8800

  @Option(help: "A file to record what is played in.", completion: .file())
  var record: String?

  @Option(help: "A recorded session to make the video of, instead of playing.", completion: .file())
  var replay: String?

  @Option(
    help: "The file of the video of --replay: .mp4, .m4v, .mov, .gif, or a folder of frames.",
    completion: .file())
  var output: String?

  @Flag(help: "Write over files that are there.")
  var force = false

  @Flag(help: "Play the checkpoint that was best on the validation part, and not the newest.")
  var best = false

  @Flag(
    inversion: .prefixedNo, help: "Write into the metadata of the video that a model made it, and which.")
  var provenance = true

  @Flag(inversion: .prefixedNo, help: "Put an invisible mark into each frame; see 'atelier inspect'.")
  var mark = true

  @Flag(inversion: .prefixedNo, help: "Write 'AI-generated' visibly into a corner of each frame.")
  var label = true

  @OptionGroup(title: "Computing") var machine: MachineOptions

  func validate() throws {
    guard replay != nil else {
      if output != nil { throw ValidationError("--output is the video of --replay; give both.") }
      if start != nil && picture != nil { throw ValidationError("Choose --start or an image.") }
      if data != nil && picture != nil { throw ValidationError("Choose --data or an image.") }
      return
    }
    if output == nil { throw ValidationError("--replay makes a video; name it by --output.") }
    if record != nil { throw ValidationError("Choose --record or --replay.") }
    if picture != nil || start != nil || data != nil {
      throw ValidationError("The session of --replay has its first frames; leave others out.")
    }
  }

  /// How many frames of the data are offered.
  private static let starts = 24

  func run() throws {
    if let record { try refuseExisting(URL(fileURLWithPath: record), force: force) }
    let session = try replay.map { try PlayRecording(contentsOf: URL(fileURLWithPath: $0)) }
    let device = try machine.applied()
    if let session, machine.threads == nil {
      try TrainingOptions.validate(threads: session.origin.threads)
      Engine.threadCount = session.origin.threads
    }
    let generator = try Generator(
      contentsOf: modelPlace(trained, best: best), registry: AtelierTool.systems, on: device,
      say: { standardError("\($0)\n") })
    let player = try VideoPlayer(generator)
    let marking = OutputMarking(mark, labels: label)
    let origin = try generator.origin()
    if let session { return try replay(session, player, origin, marking) }
    try serve(player, origin, marking)
  }

  // MARK: Replaying

  private func replay(
    _ session: PlayRecording, _ player: VideoPlayer, _ origin: ImageOrigin, _ marking: OutputMarking
  ) throws {
    guard session.origin.actions.count == player.ability.actions else {
      throw Refusal.data(
        "the session was played with \(session.origin.actions.count) actions, and the model has "
          + "\(player.ability.actions); name the run that it was recorded with, \(session.origin.checkpoint)")
    }
    if session.origin.checkpoint != origin.checkpoint {
      standardError(
        "The session was recorded with \(session.origin.checkpoint), and this is \(origin.checkpoint): the frames will "
          + "differ.\n")
    }
    try PlayJob(
      player, session.events, madeOf: [replay].compactMap { $0 },
      ResultOptions(
        output: output, folder: nil, force: force, origin: provenance ? origin : nil, marking: marking)
    ).run()
  }

  // MARK: Playing

  private func serve(_ player: VideoPlayer, _ origin: ImageOrigin, _ marking: OutputMarking) throws {
    let starts = try firstFrames(player)
    let first = try self.first(of: starts)
    let facts = PlayRecording.Origin(
      system: player.generator.description.system, checkpoint: origin.checkpoint, seed: seed,
      threads: Engine.threadCount, actions: player.actionNames)
    let engine = EngineThread<PlayGame>(limit: 16)
    let server = try PlayServer(host: host, port: port, engine: engine)
    let address = Mutex<URL?>(nil)
    let listening = DispatchSemaphore(value: 0)
    let failure = Mutex<(any Error)?>(nil)
    Task.detached {
      do {
        try await server.run { url in
          address.withLock { $0 = url }
          listening.signal()
        }
      } catch { failure.withLock { $0 = error } }
      engine.stop()
      listening.signal()
    }
    listening.wait()
    if let error = failure.withLock({ $0 }) { throw error }
    // Nothing is written before the page can be served.
    let recorder = try record.map {
      (recorder: try PlayRecorder(URL(fileURLWithPath: $0), facts), name: URL(fileURLWithPath: $0).path)
    }
    let game = try PlayGame(player, facts, starts: starts, start: first, recorder: recorder) {
      try marking(frame: $0)
    }
    marking.report()
    print("Playing at \(address.withLock { $0?.absoluteString } ?? host); Ctrl-C ends it.")
    fflush(nil)
    // This thread is the only one that computes.
    engine.run(game) { SignsOfLife.heard() }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// Which frame the video begins with.
  private func first(of starts: [(name: String, image: Image)]) throws -> Int {
    guard let start else {
      var generator = SeededGenerator(seed: seed, purpose: "play")
      return generator.integer(below: starts.count)
    }
    guard starts.indices.contains(start) else {
      throw Refusal.usage("--start is 0 to \(starts.count - 1), not \(start)")
    }
    return start
  }

  /// The frames that videos can begin with.
  private func firstFrames(_ player: VideoPlayer) throws -> [(name: String, image: Image)] {
    if let picture {
      let place = URL(fileURLWithPath: picture)
      guard FileManager.default.fileExists(atPath: place.path) else {
        throw Refusal.input("\(picture) does not exist; name the image of the first frame")
      }
      let image = try ImageCodec(scale: player.generator.description.data.scale).decode(place)
      return [(place.lastPathComponent, image)]
    }
    let configuration = RunDirectory.configuration(of: URL(fileURLWithPath: trained))
    let recorded = try configuration.flatMap { try RunConfiguration.read($0).data }
    guard let place = data ?? recorded else {
      throw Refusal.usage("name an image to begin with after the run, or its data by --data")
    }
    guard FileManager.default.fileExists(atPath: place) else {
      throw Refusal.input(
        "the data \(place) are not there; name them by --data, or an image to begin with after the run")
    }
    return try Videos.startFrames(in: URL(fileURLWithPath: place), limit: Self.starts)
  }
}

extension RunDirectory {
  /// The configuration of the run that a place belongs to: a run's folder, a checkpoint's, or a model file; nil where there
  /// is none.
  fileprivate static func configuration(of place: URL) -> URL? {
    var folder = place.standardizedFileURL
    for _ in 0..<4 {
      let file = folder.appendingPathComponent("configuration.yaml")
      if FileManager.default.fileExists(atPath: file.path) { return file }
      folder.deleteLastPathComponent()
    }
    return nil
  }
}

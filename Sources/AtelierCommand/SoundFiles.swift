import Atelier
import Foundation

/// What becomes of the sounds that a command names: a WAV for each file, as long as it was.
struct SoundFiles {
  /// Files and folders of sounds.
  let inputs: [String]
  let results: ResultOptions
  /// Samples a second of what `make` takes and gives.
  let sampleRate: Int
  /// Blocks of long sounds begin at multiples of so many frames.
  let grid: Int
  /// Whether the channels of a sound are mixed into one.
  let mixes: Bool
  /// What becomes of a sound, with as many frames.
  let make: (Audio) throws -> Audio

  /// Makes and writes each, once every check has passed.
  func write() throws {
    guard !inputs.isEmpty else {
      throw Refusal.usage("this system starts from sounds; name files of them after the run")
    }
    let sounds = try self.sounds()
    let targets = try self.targets(sounds)
    let read = sounds.map(\.file.path)
    try ResultFiles.check(targets, of: read, inputs: read, force: results.force)
    for (sound, target) in zip(sounds, targets) {
      let input = sound.file.relativePath
      if results.folder != nil {
        try RunDirectory.makeFolder(target.deletingLastPathComponent(), withParents: true)
      }
      do { try write(input, target) } catch let error as PerceptionError {
        // Weights that are missing are no fault of the sound.
        guard case .shortSound = error else { throw error }
        throw Refusal.data("\(input): \(error.description)")
      }
    }
    results.marking.report()
  }

  /// A sound to start from.
  private struct Item {
    let file: URL
    /// Its path below the folder that was named, else its name.
    let name: String
  }

  /// The sounds that the inputs stand for: files, and what lies in folders and archives.
  private func sounds() throws -> [Item] {
    try inputs.flatMap { path -> [Item] in
      let url = try DataArchive.folder(at: URL(fileURLWithPath: path)) { standardError("\($0)\n") }
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue
      else {
        return [Item(file: URL(fileURLWithPath: path), name: url.lastPathComponent)]
      }
      let names = MediaFiles.names(.sounds, below: url)
      guard !names.isEmpty else { throw Refusal.data("there is no sound in \(path)") }
      return names.map { Item(file: url.appendingPathComponent($0), name: $0) }
    }
  }

  /// Makes one file, a block at a time.
  private func write(_ input: String, _ target: URL) throws {
    let begin = ContinuousClock.now
    let reader = try ResampledReader(URL(fileURLWithPath: input), sampleRate: sampleRate)
    var blocks = SoundBlocks(reader, grid: grid)
    var writer: AudioWriter?
    var frames = 0
    var levels = MixLevels()
    while let block = try blocks.next() {
      guard block.sound.samples.allSatisfy(\.isFinite) else {
        throw Refusal.data("\(input) has samples that are NaN or infinite; repair it first")
      }
      if mixes { levels.add(try block.sound.cropped(block.own)) }
      let made = try make(block.sound).cropped(block.own)
      let open =
        try writer
        ?? AudioWriter(
          target, sampleRate: made.sampleRate, channels: made.channels, tags: results.origin?.tags ?? [:])
      writer = open
      try open.write(results.marking(made))
      frames += made.frames
    }
    guard let writer, frames > 0 else { throw Refusal.data("\(input) has no samples") }
    try writer.finish()
    report(reader.information.sampleRate, frames, target, ContinuousClock.now - begin)
    if let sentence = levels.sentence(input) { standardError("\(sentence)\n") }
  }

  private func report(_ given: Int, _ frames: Int, _ target: URL, _ time: Duration) {
    let (whole, part) = time.components
    let seconds = Double(whole) + Double(part) * 1e-18
    let duration = Double(frames) / Double(sampleRate)
    let speed = duration / max(1e-3, seconds)
    print(
      String(
        format: "%@: %.1f s at %d Hz, %.\(speed < 10 ? 1 : 0)f times as fast as it plays", target.path,
        duration,
        sampleRate, speed))
    if given > sampleRate {
      standardError(
        "\(given) Hz were given, and the model has \(sampleRate) Hz: the result has what lies below.\n")
    }
  }

  private func targets(_ sounds: [Item]) throws -> [URL] {
    guard let folder = results.folder else {
      guard sounds.count == 1 else {
        throw Refusal.usage("there are \(sounds.count) sounds; name a folder for the results with --files")
      }
      return [URL(fileURLWithPath: results.output ?? "sound.wav")]
    }
    return sounds.map {
      URL(fileURLWithPath: folder).appendingPathComponent(
        ($0.name as NSString).deletingPathExtension + ".wav")
    }
  }
}

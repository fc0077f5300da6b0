import Atelier
import Foundation

/// What `generate` does with sounds: a WAV for each file, as long as it was.
struct SoundJob {
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

  func run() throws {
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
      do { try run(input, target) } catch let error as PerceptionError {
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
  private func run(_ input: String, _ target: URL) throws {
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

/// A sound in blocks of about a minute, each with some seconds before and behind it, so that memory does not grow with the
/// sound. A sound of up to two minutes is one block.
struct SoundBlocks {
  /// Frames to work on, and which of them are the block's own.
  struct Block {
    let sound: Audio
    let own: Range<Int>
  }

  private let reader: ResampledReader
  /// Frames of a block, and of what surrounds it.
  private let (length, margin): (Int, Int)
  /// What was read and is still needed.
  private var held: Audio?
  /// How many of its first frames belong to earlier blocks.
  private var before = 0
  private var isAtEnd = false

  /// - Parameter grid: blocks and their margins begin at multiples of so many frames.
  init(_ reader: ResampledReader, grid: Int) {
    self.reader = reader
    // 60 times the length after which the inaudible mark repeats.
    let usual = reader.sampleRate * 6144 / 100
    length = max(1, (usual + grid - 1) / grid) * grid
    margin = max(1, (2 * reader.sampleRate + grid - 1) / grid) * grid
  }

  /// The next block; nil behind the last.
  mutating func next() throws -> Block? {
    // What is left over is no block of its own unless it is as long as one.
    let wanted = before + 2 * length
    while !isAtEnd, (held?.frames ?? 0) < wanted {
      guard let more = try reader.read(frames: wanted - (held?.frames ?? 0)) else {
        isAtEnd = true
        break
      }
      held = try held.map { try $0.joined(with: more) } ?? more
    }
    guard let sound = held, sound.frames > before else { return nil }
    guard !isAtEnd else {
      held = nil
      return Block(sound: sound, own: before..<sound.frames)
    }
    let end = before + length
    let block = Block(sound: try sound.cropped(0..<(end + margin)), own: before..<end)
    held = try sound.cropped((end - margin)..<sound.frames)
    before = margin
    return block
  }
}

/// What becomes of sounds by systems that turn sounds into sounds.
struct TranslatedSounds {
  let generator: Generator
  let ability: SoundTranslation
  let sampling: any Settings

  /// The samples a second that the system takes.
  func sampleRate() throws -> Int {
    guard case .field(.audio(_, _, let sampleRate))? = generator.plan.condition(ability.source)?.kind else {
      throw Refusal.usage("this system says nothing of the sounds that it takes")
    }
    return sampleRate
  }

  /// The frames from one window to the next, at which blocks of a long sound begin, so that windows are those of the whole.
  var grid: Int {
    if let resynthesis = generator.plan.ability(SoundResynthesis.self) { return resynthesis.spectrogram.hop }
    let overlap = (sampling as? SoundDrawing)?.overlap ?? 0
    return max(1, ability.window - Int(Double(ability.window) * overlap))
  }

  /// Those that were asked for; a model of given pairs takes its sources as they are.
  private var settings: any Settings {
    guard generator.description.data.layout == .pairedFolders, var drawing = sampling as? SoundDrawing else {
      return sampling
    }
    drawing.isSource = true
    return drawing
  }

  /// Channels are sounds of their own, so that stereo stays stereo.
  func callAsFunction(_ sound: Audio) throws -> Audio {
    let channels = try (0..<sound.channels).flatMap { channel in
      let samples = sound.channel(channel).samples
      return try generator.sound(
        Request(
          count: 1, conditions: [ability.source: .tensor(Tensor(samples, shape: [1, 1, samples.count]))],
          sampling: settings, draws: StreamDraws(RandomStream(seed: 0))))
    }
    return Audio(sampleRate: sound.sampleRate, channels: sound.channels, samples: channels)
  }
}

extension Generator {
  /// All numbers of the last tensor that a request gives.
  func sound(_ request: Request) throws -> [Float] {
    var made: [Float] = []
    try draw(request) { output in
      if case .tensor(let tensor) = output.value { made = tensor.to(.cpu).contiguous().host().floats() }
    }
    return made
  }
}

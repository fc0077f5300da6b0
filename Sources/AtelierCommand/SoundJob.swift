import Atelier
import Foundation

/// What `generate` does with sounds: a WAV for each file, as long as it was.
struct SoundJob {
  /// Files of sounds.
  let inputs: [String]
  let output: String?
  let folder: String?
  let force: Bool
  let origin: ImageOrigin?
  let marking: OutputMarking
  /// Samples a second of what `make` takes and gives.
  let sampleRate: Int
  /// What becomes of a sound, with as many frames.
  let make: (Audio) throws -> Audio

  func run() throws {
    guard !inputs.isEmpty else {
      throw Refusal.usage("this system starts from sounds; name files of them after the run")
    }
    let targets = try self.targets()
    for target in targets { try refuseExisting(target, force: force) }
    for (input, target) in zip(inputs, targets) {
      let begin = ContinuousClock.now
      let sound = try Audio(contentsOf: URL(fileURLWithPath: input))
      guard sound.samples.allSatisfy(\.isFinite) else {
        throw Refusal.data("\(input) has samples that are NaN or infinite; repair it first")
      }
      let given = try sound.resampled(to: sampleRate)
      guard given.frames > 0 else { throw Refusal.data("\(input) has no samples") }
      let result: Audio
      do { result = try make(given) } catch let error as PerceptionError {
        throw Refusal.data("\(input): \(error.description)")
      }
      try AudioCodec().write(marking(result), to: target, tags: origin?.tags ?? [:])
      report(sound, result, target, ContinuousClock.now - begin)
    }
    marking.report()
  }

  private func report(_ sound: Audio, _ result: Audio, _ target: URL, _ time: Duration) {
    let (whole, part) = time.components
    let seconds = Double(whole) + Double(part) * 1e-18
    let speed = result.duration / max(1e-3, seconds)
    print(
      String(
        format: "%@: %.1f s at %d Hz, %.0f times as fast as it plays", target.path, result.duration,
        result.sampleRate, speed))
    if sound.sampleRate > result.sampleRate {
      standardError(
        "\(sound.sampleRate) Hz were given, and the model has \(result.sampleRate) Hz: the result has what lies below.\n"
      )
    }
  }

  private func targets() throws -> [URL] {
    if let output {
      guard inputs.count == 1 else {
        throw Refusal.usage("there are \(inputs.count) sounds; name a folder for the results with --files")
      }
      return [URL(fileURLWithPath: output)]
    }
    guard let folder else {
      guard inputs.count == 1 else {
        throw Refusal.usage("there are \(inputs.count) sounds; name a folder for the results with --files")
      }
      return [URL(fileURLWithPath: "sound.wav")]
    }
    let place = URL(fileURLWithPath: folder)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let names = inputs.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent + ".wav" }
    guard Set(names).count == names.count else {
      throw Refusal.usage(
        "two of the sounds have one name, so that one result would replace the other; rename one")
    }
    return names.map { place.appendingPathComponent($0) }
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

  /// Channels are sounds of their own, so that stereo stays stereo.
  func callAsFunction(_ sound: Audio) throws -> Audio {
    let channels = try (0..<sound.channels).flatMap { channel in
      let samples = sound.channel(channel).samples
      return try generator.sound(
        Request(
          count: 1, conditions: [ability.source: .tensor(Tensor(samples, shape: [1, 1, samples.count]))],
          sampling: sampling, draws: StreamDraws(RandomStream(seed: 0))))
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

import Atelier
import Foundation

/// What `generate` does with a system that turns sounds into sounds: a file for each file, as long as it was.
struct SoundJob {
  let generator: Generator
  let sampling: any Settings
  /// Files of sounds.
  let inputs: [String]
  let output: String?
  let folder: String?
  let force: Bool
  let origin: ImageOrigin?
  let marking: OutputMarking

  func run() throws {
    guard let ability = generator.plan.ability(SoundTranslation.self),
      let condition = generator.plan.condition(ability.source),
      case .field(.audio(_, _, let sampleRate)) = condition.kind
    else { throw Refusal.usage("this system says nothing of the sounds that it takes") }
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
      // Channels are sounds of their own, so that stereo stays stereo.
      var channels: [[Float]] = []
      for channel in 0..<given.channels {
        let source = Tensor(given.channel(channel).samples, shape: [1, 1, given.frames])
        var made: [Float] = []
        try generator.draw(
          Request(
            count: 1, conditions: [ability.source: .tensor(source)], sampling: sampling,
            draws: StreamDraws(RandomStream(seed: 0)))
        ) { output in
          if case .tensor(let tensor) = output.value { made = tensor.to(.cpu).contiguous().host().floats() }
        }
        channels.append(made)
      }
      let result = Audio(sampleRate: sampleRate, channels: given.channels, samples: channels.flatMap { $0 })
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

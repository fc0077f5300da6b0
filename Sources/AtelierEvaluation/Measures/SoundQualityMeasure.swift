public import AtelierCore
import AtelierData
public import AtelierMetrics
import Torch

/// How near held-out sounds a system's outputs come, beside the given sounds themselves: signal-to-noise ratio, log-spectral
/// distance in its three forms, scale-invariant distortion; whole sounds, and the ratio of the training's clips.
public struct SoundQualityMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "sound-quality"

  /// The settings.
  public struct Options: Settings {
    /// The most seconds of a sound that are measured.
    public var longest = 30.0

    /// The usual settings.
    public init() {}

    /// Refuses sounds of no length.
    public func validate() throws(ConfigurationError) {
      try Checks.require(longest > 0, "longest is above 0 seconds, not \(longest)")
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that turn sounds into others.
  public func applies(to plan: SystemPlan) -> Bool {
    plan.ability(SoundTranslation.self).map { $0.source != $0.target } ?? false
  }

  /// The numbers; none where there are no held-out sounds.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(SoundTranslation.self),
      let system = context.system(as: (any SoundTranslatingSystem).self),
      case .audio(_, _, let sampleRate)? = context.plan.field(ability.target)?.kind,
      let dataset = try context.heldOutDataset()
    else { return [] }
    var numbers: [MeasuredNumber] = []
    if let sounds = dataset as? any SoundCollection {
      let count = min(context.options.samples, sounds.soundCount)
      context.say("measuring \(count) held-out sounds")
      var pairs: [(output: Tensor, source: Tensor, target: Tensor)] = []
      for index in 0..<count {
        let (source, target) = try sounds.wholeSound(
          index, longest: Int(options.longest * Double(sampleRate)))
        guard let source else { continue }
        let given = Tensor(source, device: context.system.device)
        let output = try withoutGradients {
          try system.translated(sounds: given, ability.window, SoundDrawing().overlap).to(.cpu)
        }
        pairs.append((output, Tensor(source), Tensor(target)))
      }
      let part = "\(pairs.count) whole held-out sounds, at most \(options.longest) s of each"
      let provenance = context.provenance(part: "held-out", ["sounds": "\(pairs.count)"])
      for form in Self.forms {
        numbers += try number(form, part, provenance, context) {
          try pairs.map { try form.value($0.output.flattened(from: 1), $0.target.flattened(from: 1)).item() }
        } given: {
          try pairs.map { try form.value($0.source.flattened(from: 1), $0.target.flattened(from: 1)).item() }
        }
      }
    }
    let clips = min(context.options.samples, dataset.count)
    guard clips > 0 else { return numbers }
    var (made, given) = ([Double](), [Double]())
    for start in stride(from: 0, to: clips, by: 32) {
      let batch = try dataset.batch(at: Array(start..<min(clips, start + 32)))
      guard let source = batch[ability.source], let target = batch[ability.target] else { return numbers }
      let wanted = Tensor(target)
      let output = try withoutGradients {
        try system.translated(Tensor(source, device: context.system.device)).to(.cpu)
      }
      made += try signalToNoise(output, wanted).doubles()
      given += try signalToNoise(Tensor(source), wanted).doubles()
    }
    let form = Form("snr-clips", "SNR of clips, dB", .larger, "the authors' 1e-6 within") {
      try signalToNoise($0, $1)
    }
    return numbers
      + (try number(
        form, "\(clips) held-out clips", context.provenance(part: "held-out", ["clips": "\(clips)"]), context
      ) {
        made
      } given: {
        given
      })
  }

  /// A measure of one sound against another.
  private struct Form {
    let id: String
    let name: String
    let better: Better
    let text: String
    let value: (_ output: Tensor, _ target: Tensor) throws -> Tensor

    init(
      _ id: String, _ name: String, _ better: Better, _ text: String,
      value: @escaping (_ output: Tensor, _ target: Tensor) throws -> Tensor
    ) {
      (self.id, self.name, self.better, self.text, self.value) = (id, name, better, text, value)
    }
  }

  private static var forms: [Form] {
    [
      Form("snr", "SNR, dB", .larger, "mean of sounds, the authors' 1e-6 within") {
        try signalToNoise($0, $1)
      },
      Form("snr-plain", "SNR without a floor, dB", .larger, "mean of sounds") {
        try signalToNoise($0, $1, floor: 0)
      },
      Form("si-sdr", "SI-SDR, dB", .larger, "mean of sounds") { try scaleInvariantDistortion($0, $1) },
      Form(
        "lsd-paper", "LSD (paper)", .smaller,
        "natural logarithms of power; root over frequencies, mean over frames"
      ) {
        try LogSpectralDistance.paper($0, $1)
      },
      Form(
        "lsd-repository", "LSD (authors' code)", .smaller,
        "root over frames, mean over frequencies, at most 10"
      ) {
        try LogSpectralDistance.repository($0, $1)
      },
      Form("lsd-decadic", "LSD (decadic)", .smaller, "as the paper's with decadic logarithms") {
        try LogSpectralDistance.decadic($0, $1)
      },
    ]
  }

  private func number(
    _ form: Form, _ part: String, _ provenance: Provenance, _ context: EvaluationContext,
    _ made: () throws -> [Double],
    given: () throws -> [Double]
  ) throws -> [MeasuredNumber] {
    let (values, baseline) = (try made(), try given())
    guard !values.isEmpty else { return [] }
    let interval = try bootstrapInterval(
      ofMean: values, using: RandomStream(seed: UInt64(context.options.seed), purpose: form.id))
    return [
      MeasuredNumber(
        id: form.id, name: form.name, value: interval.value, interval: interval.interval, better: form.better,
        baselines: [
          BaselineNumber(name: "the given sound", value: baseline.reduce(0, +) / Double(baseline.count))
        ],
        provenance: provenance, protocolText: "\(part); \(form.text)")
    ]
  }
}

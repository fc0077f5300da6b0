public import AtelierCore
import AtelierData
public import AtelierMetrics
import Perception
import Torch

/// How near a vocoder comes to held-out sounds from their mel spectrograms: the mean absolute difference of logarithmic mel
/// spectrograms and log-spectral distances, each beside Griffin-Lim's from the same spectrograms.
///
/// A vocoder chooses its own phases, so that signal-to-noise ratios say nothing of it.
public struct ResynthesisMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "resynthesis"

  /// The settings.
  public struct Options: Settings {
    /// The most seconds of a sound that are measured.
    public var longest = 30.0
    /// Rounds of Griffin-Lim, the baseline.
    public var griffinLimRounds = 60

    /// The usual settings.
    public init() {}

    /// Refuses sounds of no length.
    public func validate() throws(ConfigurationError) {
      try Checks.require(longest > 0, "longest is above 0 seconds, not \(longest)")
      try Checks.positive(["griffinLimRounds": griffinLimRounds])
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Vocoders.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(SoundResynthesis.self) != nil }

  /// The numbers; none where there are no held-out sounds.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(SoundResynthesis.self),
      let system = context.system(as: (any SoundResynthesizingSystem).self),
      let dataset = try context.heldOutDataset()
    else { return [] }
    let sampleRate = ability.spectrogram.filters.sampleRate
    // A share that was held out of undivided data has clips only.
    let whole = dataset as? any SoundCollection
    let count = min(context.options.samples, whole?.soundCount ?? dataset.count)
    context.say("measuring \(count) held-out \(whole == nil ? "clips" : "sounds")")
    let phases = RandomStream(seed: UInt64(context.options.seed), purpose: "phases")
    var rows: [(made: [Double], baseline: [Double])] = []
    for index in 0..<count {
      let target: Tensor
      if let whole {
        target = Tensor(
          try whole.wholeSound(index, longest: Int(options.longest * Double(sampleRate))).target)
      } else if let clip = try dataset.batch(at: [index])[ability.field] {
        target = Tensor(clip)
      } else {
        return []
      }
      let sound = target.flattened(from: 1)
      let made = try withoutGradients {
        try system.translated(sound.unsqueezed(1).to(context.system.device)).to(.cpu).flattened(from: 1)
      }
      let baseline = try withoutGradients { try griffinLim(sound, ability, phases) }
      rows.append(
        try (Self.distances(made, sound, sampleRate), Self.distances(baseline, sound, sampleRate)))
    }
    let provenance = context.provenance(
      part: "held-out",
      [
        whole == nil ? "clips" : "sounds": "\(count)", "griffinLimRounds": "\(options.griffinLimRounds)",
      ])
    let part =
      whole == nil
      ? "\(count) held-out clips" : "\(count) whole held-out sounds, at most \(options.longest) s of each"
    return try Self.forms.indices.flatMap { place -> [MeasuredNumber] in
      guard !rows.isEmpty else { return [] }
      let form = Self.forms[place]
      let interval = try bootstrapInterval(
        ofMean: rows.map { $0.made[place] },
        using: RandomStream(seed: UInt64(context.options.seed), purpose: form.id))
      let baseline = rows.reduce(0) { $0 + $1.baseline[place] } / Double(rows.count)
      return [
        MeasuredNumber(
          id: form.id, name: form.name, value: interval.value, interval: interval.interval, better: .smaller,
          baselines: [
            BaselineNumber(
              name: "Griffin-Lim, \(options.griffinLimRounds) rounds, random phases", value: baseline)
          ],
          provenance: provenance, protocolText: "\(part); \(form.text)")
      ]
    }
  }

  private static let forms = [
    (
      id: "mel-l1", name: "mel L1",
      text: "natural logarithms of 80 bands up to half the sample rate, frames of 1024 every 256 samples"
    ),
    (
      id: "lsd-paper", name: "LSD (paper)",
      text: "natural logarithms of power; root over frequencies, mean over frames"
    ),
    (id: "lsd-decadic", name: "LSD (decadic)", text: "as the paper's with decadic logarithms"),
  ]

  /// The distances of one sound `[1, samples]`, in the order of ``forms``.
  private static func distances(_ sound: Tensor, _ target: Tensor, _ sampleRate: Int) throws -> [Double] {
    let spectrogram = MelSpectrogram.hifiGAN(sampleRate: sampleRate, highest: nil)
    let missing = max(0, spectrogram.shortestSound - target.shape[1])
    func mel(_ x: Tensor) throws -> Tensor { try spectrogram(missing > 0 ? x.padded([0, missing]) : x) }
    return [
      try (mel(sound) - mel(target)).abs().mean().item(),
      try LogSpectralDistance.paper(sound, target).item(),
      try LogSpectralDistance.decadic(sound, target).item(),
    ]
  }

  /// The sound that Griffin and Lim's rounds make of what the vocoder reads.
  private func griffinLim(_ target: Tensor, _ ability: SoundResynthesis, _ phases: RandomStream) throws
    -> Tensor
  {
    let samples = target.shape[1]
    let (spectrogram, hop) = (ability.spectrogram, ability.spectrogram.hop)
    // One frame more, so that no sample is missing at the end of frames around every hop-th sample.
    let mel = try ability.mel(of: target.padded([0, hop]))
    let bins = spectrogram.filters.transformSize / 2 + 1
    let signal = spectrogram.signal(
      of: mel, iterations: options.griffinLimRounds, phase: phases.uniform([1, bins, mel.shape[2]]))
    let missing = max(0, samples - signal.shape[1])
    let whole = missing > 0 ? signal.padded([0, missing]) : signal
    return whole.narrow(1, from: 0, length: samples) / ability.scale
  }
}

public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Perception
import Torch
import TorchNN

/// How near videos that follow held-out ones come to these, frame by frame, and how steady they are: signal-to-noise
/// ratio, similarity and learned distance of each frame beside the first one repeated; the warp error, which is that of
/// each frame beside the one before, moved by the flow of the real video where that can be believed; and the change
/// between neighbouring frames beside the real change.
public struct FrameMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "frames"

  /// The settings.
  public struct Options: Settings {
    /// The most frames of a video that are measured.
    public var longest = 60

    /// The usual settings.
    public init() {}

    /// Refuses videos of one frame.
    public func validate() throws(ConfigurationError) {
      try Checks.require(longest >= 2, "longest is at least 2 frames, not \(longest)")
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems whose videos follow others.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(FrameTranslation.self) != nil }

  /// The numbers; none where there are no held-out videos.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(FrameTranslation.self),
      let system = context.system(as: (any StreamingSystem).self),
      let dataset = try context.heldOutDataset() as? any VideoCollection
    else { return [] }
    let isGiven = ability.first.map { context.plan.condition($0)?.isRequired == true } ?? false
    let count = min(context.options.samples, dataset.videoNames.count)
    context.say("measuring \(count) held-out videos of at most \(options.longest) frames")
    let perceptual = try learnedDistance(context)
    var rows: [Row] = []
    for video in 0..<count {
      let length = min(options.longest, dataset.frameCount(ofVideo: video))
      guard length >= 2 else { continue }
      let fields = try dataset.frames(0..<length, ofVideo: video).fields.mapValues { $0.batchOfOne }
      let batch = context.data.batch(HostBatch(fields: fields, indices: [], epoch: 0, isFirst: true))
      let (source, target) = (batch[ability.source], batch[ability.target])
      let draws = StreamDraws(
        RandomStream(seed: UInt64(context.options.seed), purpose: "evaluation frames"),
        device: context.system.device)
      let made = try withoutGradients {
        try system.frames(
          following: source, first: isGiven ? target.selected(dim: 1, index: 0) : nil, draws: draws)
      }
      func frames(_ clips: Tensor) -> Tensor { clips.selected(dim: 0, index: 0).to(.cpu).asType(.float32) }
      rows.append(
        try row(frames(made).clamped(min: -1, max: 1), frames(target), skips: isGiven ? 1 : 0, perceptual))
    }
    return try numbers(rows, context, count: count, isGiven: isGiven, perceptual)
  }

  /// The values of one video and of its baseline.
  private struct Row {
    var made: [Double?]
    var baseline: [Double?]
    var real: [Double?]
  }

  private static let forms: [(id: String, name: String, better: Better, text: String)] = [
    ("frame-psnr", "PSNR a frame", .larger, "rounded to bytes, RGB, mean over frames, then videos"),
    ("frame-ssim", "SSIM a frame", .larger, "rounded to bytes, RGB, Gaussian window of 11"),
    ("frame-lpips", "LPIPS a frame", .smaller, "frames in -1 … 1"),
    (
      "warp-error", "warp error", .smaller,
      "mean absolute difference from the frame before, moved by the real video's flow (\(OpticalFlow.name)), where flows "
        + "of both directions agree; values in -1 … 1"
    ),
    (
      "temporal-difference", "temporal difference", .smaller,
      "mean absolute difference between the change of neighbouring frames and the real change; values in -1 … 1"
    ),
  ]

  /// - Parameter skips: frames that were given, and are not measured.
  private func row(
    _ made: Tensor, _ target: Tensor, skips: Int, _ perceptual: LPIPS?
  ) throws -> Row {
    let repeated = target.slice(0, 0, 1).expanded(target.shape)
    let (flow, confidence) = OpticalFlow()(target.slice(0, 1, .max), target.slice(0, 0, -1))
    func values(_ frames: Tensor) throws -> [Double?] {
      func bytes(_ video: Tensor) -> Tensor {
        (((video + 1) * 127.5).round().clamped(min: 0, max: 255) / 255).asType(.float64).slice(0, skips, .max)
      }
      func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(max(1, numbers.count)) }
      let (own, real) = (bytes(frames), bytes(target))
      let (sides, smallest) = (target.shape.suffix(2).min() ?? 0, 11)
      let moved = warped(frames.slice(0, 0, -1), by: flow)
      let seen = confidence.sum().item() * Double(frames.shape[1])
      let error = ((frames.slice(0, 1, .max) - moved).abs() * confidence).sum().item()
      func change(_ video: Tensor) -> Tensor { video.slice(0, 1, .max) - video.slice(0, 0, -1) }
      var (similarity, distance): (Double?, Double?)
      if sides >= smallest { similarity = try mean(structuralSimilarity(own, real)) }
      if sides >= 32, let perceptual {
        let distances = try perceptual.distances(
          ofAll: frames.slice(0, skips, .max), target.slice(0, skips, .max))
        distance = distances.mean().item()
      }
      return [
        try mean(peakSignalToNoise(own, real, floor: 1e-8)), similarity, distance,
        seen > 0 ? error / seen : nil, (change(frames) - change(target)).abs().mean().item(),
      ]
    }
    return Row(made: try values(made), baseline: try values(repeated), real: try values(target))
  }

  private func learnedDistance(_ context: EvaluationContext) throws -> LPIPS? {
    let (store, trunk) = (context.options.weights, LPIPS.Trunk.alexnet)
    guard [trunk.weights.trunk, trunk.weights.heads].allSatisfy(store.contains) else {
      context.note("LPIPS of frames not measured: the weights of LPIPS alex are not installed")
      return nil
    }
    return try LPIPS(trunk, from: store, for: "LPIPS")
  }

  private func numbers(
    _ rows: [Row], _ context: EvaluationContext, count: Int, isGiven: Bool, _ perceptual: LPIPS?
  ) throws -> [MeasuredNumber] {
    var facts: Provenance = ["videos": "\(rows.count)", "longest": "\(options.longest)"]
    facts["flow"] = OpticalFlow.name
    let provenance = context.provenance(part: "held-out", facts)
    return try Self.forms.indices.compactMap { place in
      let form = Self.forms[place]
      let made = rows.compactMap { $0.made[place] }
      guard !made.isEmpty else { return nil }
      func mean(_ part: (Row) -> [Double?]) -> Double? {
        let known = rows.compactMap { part($0)[place] }.filter(\.isFinite)
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
      }
      return try MeasuredNumber(
        id: form.id, name: form.name, meanOf: made, seed: UInt64(context.options.seed), better: form.better,
        realAgainstReal: place >= 3 ? mean(\.real) : nil,
        baselines: mean(\.baseline).map { [BaselineNumber(name: "the first frame repeated", value: $0)] }
          ?? [],
        provenance: place == 2 ? provenance.merging(perceptual?.provenance ?? Provenance()) : provenance,
        protocolText: "\(rows.count) held-out videos, at most \(options.longest) frames of each"
          + (isGiven ? ", the first given" : "") + "; " + form.text)
    }
  }
}

extension HostTensor {
  /// With an axis of one in front.
  fileprivate var batchOfOne: HostTensor { HostTensor(shape: [1] + shape, dtype: dtype, bytes: bytes) }
}

public import AtelierCore
public import AtelierMetrics
import Perception
import Torch
import TorchNN

/// How near videos that follow held-out ones, or are played from their first frames, come to these, frame by frame, and how
/// steady they are: signal-to-noise ratio, similarity and learned distance of each frame, of all and of the last quarter; the
/// warp error, which is that of each frame beside the one before, moved by the flow of the real video where that can be
/// believed; and the change between neighbouring frames beside the real change. Each beside the first frame repeated and the
/// nearest training frames.
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

  /// Systems whose videos follow others, or are played.
  public func applies(to plan: SystemPlan) -> Bool {
    plan.ability(FrameTranslation.self) != nil || plan.ability(VideoPlaying.self) != nil
  }

  /// The numbers; none where there are no held-out videos.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = try context.videoMaterial(longest: options.longest) else { return [] }
    let perceptual = try context.frameDistance()
    let rows = try material.clips.map { clip in
      let (flow, confidence) = withoutGradients {
        let real = VideoMaterial.signed(clip.real)
        return OpticalFlow()(real.slice(0, 1, .max), real.slice(0, 0, -1))
      }
      func values(_ frames: Tensor) throws -> [Double?] {
        try withoutGradients {
          try Self.values(frames, clip, skips: material.given, flow, confidence, perceptual)
        }
      }
      return Row(
        made: try values(clip.made), beside: try material.baselines.map { try values($0.frames(clip)) },
        real: try values(clip.real))
    }
    return try numbers(rows, material, context, perceptual)
  }

  /// The values of one video and of its baselines.
  private struct Row {
    var made: [Double?]
    var beside: [[Double?]]
    var real: [Double?]
  }

  private static let late = "; the last quarter of a video's frames"
  private static let forms: [(id: String, name: String, better: Better, text: String)] = [
    ("frame-psnr", "PSNR a frame", .larger, "rounded to bytes, RGB, mean over frames, then videos"),
    ("frame-ssim", "SSIM a frame", .larger, "rounded to bytes, RGB, Gaussian window of 11"),
    ("frame-lpips", "LPIPS a frame", .smaller, "rounded to bytes"),
    (
      "warp-error", "warp error", .smaller,
      "mean absolute difference from the frame before, moved by the real video's flow (\(OpticalFlow.name)), where flows "
        + "of both directions agree; values in -1 … 1"
    ),
    (
      "temporal-difference", "temporal difference", .smaller,
      "mean absolute difference between the change of neighbouring frames and the real change; values in -1 … 1"
    ),
    ("late-psnr", "PSNR of late frames", .larger, "rounded to bytes, RGB" + late),
    ("late-ssim", "SSIM of late frames", .larger, "rounded to bytes, RGB, Gaussian window of 11" + late),
    ("late-lpips", "LPIPS of late frames", .smaller, "rounded to bytes" + late),
  ]

  /// The values of frames beside the real ones, in the order of ``forms``.
  ///
  /// - Parameters:
  ///   - frames: bytes `[time, 3, height, width]`.
  ///   - skips: frames that were given, and are not measured.
  private static func values(
    _ frames: Tensor, _ clip: VideoMaterial.Clip, skips: Int, _ flow: Tensor, _ confidence: Tensor,
    _ perceptual: LPIPS?
  ) throws -> [Double?] {
    func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(max(1, numbers.count)) }
    let measured = clip.count - skips
    let late = measured - max(1, measured / 4)
    let (own, real) = (frames.slice(0, skips, .max), clip.real.slice(0, skips, .max))
    func unit(_ bytes: Tensor) -> Tensor { bytes.asType(.float64) / 255 }
    let sides = real.shape.suffix(2).min() ?? 0
    let ratios = try peakSignalToNoise(unit(own), unit(real), floor: 1e-8)
    let similarities = try sides >= 11 ? structuralSimilarity(unit(own), unit(real)) : nil
    let found = try sides >= 32 ? perceptual?.distances(ofAll: own, real) : nil
    let distances = found?.to(.cpu).floats().map { Double($0) }
    let (signed, target) = (VideoMaterial.signed(frames), VideoMaterial.signed(clip.real))
    let moved = warped(signed.slice(0, 0, -1), by: flow)
    let seen = confidence.sum().item() * Double(signed.shape[1])
    let error = ((signed.slice(0, 1, .max) - moved).abs() * confidence).sum().item()
    func change(_ video: Tensor) -> Tensor { video.slice(0, 1, .max) - video.slice(0, 0, -1) }
    return [
      mean(ratios), similarities.map(mean), distances.map(mean), seen > 0 ? error / seen : nil,
      (change(signed) - change(target)).abs().mean().item(), mean(Array(ratios[late...])),
      similarities.map { mean(Array($0[late...])) }, distances.map { mean(Array($0[late...])) },
    ]
  }

  private func numbers(
    _ rows: [Row], _ material: VideoMaterial, _ context: EvaluationContext, _ perceptual: LPIPS?
  ) throws -> [MeasuredNumber] {
    let provenance = material.provenance(context, ["flow": OpticalFlow.name])
    return try Self.forms.indices.compactMap { place in
      let form = Self.forms[place]
      let made = rows.compactMap { $0.made[place] }
      guard !made.isEmpty else { return nil }
      func mean(_ part: (Row) -> [Double?]) -> Double? {
        let known = rows.compactMap { part($0)[place] }.filter(\.isFinite)
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
      }
      let isLearned = form.id.hasSuffix("lpips")
      return try MeasuredNumber(
        id: form.id, name: form.name, meanOf: made, seed: UInt64(context.options.seed), better: form.better,
        realAgainstReal: (3...4).contains(place) ? mean({ $0.real }) : nil,
        baselines: material.baselines(at: { number in mean({ $0.beside[number] }) }),
        provenance: isLearned ? provenance.merging(perceptual?.provenance ?? Provenance()) : provenance,
        protocolText: "\(material.setting); \(form.text)")
    }
  }
}

extension EvaluationContext {
  /// The learned distance of frames; nil, which is noted, where its weights are not installed.
  func frameDistance() throws -> LPIPS? {
    let (store, trunk) = (options.weights, LPIPS.Trunk.alexnet)
    guard [trunk.weights.trunk, trunk.weights.heads].allSatisfy(store.contains) else {
      note("LPIPS of frames not measured: the weights of LPIPS alex are not installed")
      return nil
    }
    return try LPIPS(trunk, from: store, for: "LPIPS")
  }
}

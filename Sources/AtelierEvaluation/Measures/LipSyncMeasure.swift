public import AtelierCore
import AtelierData
public import AtelierMetrics
import Torch
import TorchNN

/// How well the lips of dubbed videos keep time with what is said: each held-out video says what the next one says, and the
/// system's own expert judges both (Prajwal et al. 2020, section 5; the paper's LSE-D and LSE-C are by another expert, SyncNet,
/// so that these numbers compare runs with one expert only, and are named so).
public struct LipSyncMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "lip-sync"

  /// The settings.
  public struct Options: Settings {
    /// The most frames of a video that are measured.
    public var longest = 200
    /// The largest offset between lips and speech that is tried, in frames.
    public var reach = 15

    /// The usual settings.
    public init() {}

    /// Refuses videos that are shorter than a window can be.
    public func validate() throws(ConfigurationError) {
      try Checks.require(longest > 1, "longest is at least 2 frames, not \(longest)")
      try Checks.require((0...1000).contains(reach), "reach is 0 to 1000 frames, not \(reach)")
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that dub faces.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(FaceDubbing.self) != nil }

  /// A held-out video as the system sees it.
  private struct Talk {
    /// `[time, 3, height, width]`.
    let frames: Tensor
    /// What is said from each frame on, `[time, bands, columns]`.
    let pieces: Tensor
    var time: Int { min(frames.shape[0], pieces.shape[0]) }
  }

  /// What came of one video.
  private struct Row {
    let dubbed: LipSync
    /// The video as it was, with the other's speech.
    let undubbed: LipSync
    /// The video with its own speech.
    let real: LipSync
  }

  /// The numbers; none where no videos with speech were held out.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(FaceDubbing.self),
      let system = context.system(as: (any LipSyncJudgingSystem).self),
      case .video(_, _, _, _, let range)? = context.plan.field(ability.frames)?.kind,
      let dataset = try context.heldOutDataset()
    else { return [] }
    guard let videos = dataset as? any VideoCollection else {
      context.note("there are no whole videos held out, so that no lips are measured")
      return []
    }
    let shortest = system.lipWindow + 1
    let talks = try (0..<min(context.options.samples, videos.videoNames.count)).compactMap { index -> Talk? in
      let length = min(options.longest, videos.frameCount(ofVideo: index))
      guard length > shortest else { return nil }
      return try Self.talk(
        videos.frames(0..<length, ofVideo: index), ability, range, on: system.device)
    }
    guard !talks.isEmpty else {
      context.note(
        "no held-out video has speech and more than \(shortest) frames, so that no lips are measured")
      return []
    }
    context.say("dubbing \(talks.count) held-out videos")
    let rows = try talks.indices.map { index in
      try withoutGradients {
        try row(
          talks[index], saying: talks[(index + 1) % talks.count], system, ability, seed: context.options.seed)
      }
    }
    return try numbers(rows, frames: talks.map(\.time).reduce(0, +), context)
  }

  private static func talk(
    _ example: Example, _ ability: FaceDubbing, _ range: ImageRange, on device: Device
  ) throws -> Talk? {
    guard let bytes = example[ability.frames], let said = example[ability.speech.field] else { return nil }
    let values = Tensor(bytes).asType(.float32).to(device)
    let frames = range == .signed ? values * (2.0 / 255) - 1 : values * (1.0 / 255)
    let (bands, columns) = (said.shape[0], ability.speech.columns)
    let pieces = Tensor(said).asType(.float32).to(device).reshaped([bands, -1, columns]).transposed(0, 1)
    // In the data a piece begins some frames before its own.
    let lead = ability.speech.lead
    let time = pieces.shape[0] - lead
    guard time > 0 else { return nil }
    return Talk(
      frames: frames.narrow(0, from: 0, length: time),
      pieces: pieces.narrow(0, from: lead, length: time).contiguous())
  }

  private func row(
    _ talk: Talk, saying other: Talk, _ system: any LipSyncJudgingSystem, _ ability: FaceDubbing, seed: UInt64
  ) throws -> Row {
    let time = min(talk.time, other.time)
    let frames = talk.frames.narrow(0, from: 0, length: time)
    let pieces = other.pieces.narrow(0, from: 0, length: time)
    let mels = pieces.transposed(0, 1).reshaped([1, pieces.shape[1], -1])
    var made = frames
    try system.draw(
      Request(
        conditions: [ability.frames: .tensor(frames.unsqueezed(0)), ability.speech.field: .tensor(mels)],
        draws: StreamDraws(RandomStream(seed: seed), device: system.device))
    ) { if let video = $0.tensor { made = video.squeezed(0) } }
    func sync(_ frames: Tensor, _ pieces: Tensor) throws -> LipSync {
      try LipSync(
        lips: system.lipEmbeddings(of: frames), speech: system.speechEmbeddings(of: pieces),
        reach: options.reach)
    }
    return Row(
      dubbed: try sync(made, pieces), undubbed: try sync(frames, pieces),
      real: try sync(talk.frames, talk.pieces))
  }

  private func numbers(
    _ rows: [Row], frames: Int, _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    let provenance = context.provenance(
      part: "held-out",
      [
        "videos": "\(rows.count)", "frames": "\(frames)", "longest": "\(options.longest)",
        "reach": "\(options.reach)",
      ])
    let text =
      "\(rows.count) held-out videos, at most \(options.longest) frames of each, saying what the next one says; by the run's own "
      + "expert, offsets of up to \(options.reach) frames; means of each video"
    func mean(_ value: (Row) -> Double) -> Double { rows.reduce(0) { $0 + value($1) } / Double(rows.count) }
    func number(
      _ id: String, _ name: String, _ better: Better, _ part: String, _ value: (LipSync) -> Double
    ) throws -> MeasuredNumber {
      try MeasuredNumber(
        id: id, name: name, meanOf: rows.map { value($0.dubbed) }, seed: UInt64(context.options.seed),
        better: better, realAgainstReal: mean { value($0.real) },
        baselines: [
          BaselineNumber(
            name: "the videos as they were, with the other speech", value: mean { value($0.undubbed) })
        ], provenance: provenance, protocolText: "\(text); \(part)")
    }
    return [
      try number(
        "lip-sync-distance", "lip-sync distance (own expert)", .smaller,
        "the distance between unit embeddings at the best offset", \.distance),
      try number(
        "lip-sync-confidence", "lip-sync confidence (own expert)", .larger,
        "the median of the distances at all offsets less the smallest", \.confidence),
      try number(
        "lip-sync-offset", "lip-sync offset (own expert), frames", .smaller,
        "how far the best offset lies from 0, to either side"
      ) { Double(abs($0.offset)) },
    ]
  }
}

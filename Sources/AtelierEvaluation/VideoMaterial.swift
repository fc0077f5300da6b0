import AtelierCore
import AtelierData
import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// Held-out videos, what a system makes of them, and what stands beside them: what the measures of videos share.
///
/// Videos that follow others are made from the whole source; videos that are played, from their first frame by the actions
/// that the system sees in them, or where the data say the actions by those.
final class VideoMaterial {
  /// A held-out video.
  struct Clip {
    /// Its name.
    let name: String
    /// The real frames and those that were made, bytes `[time, 3, height, width]`.
    let real: Tensor
    let made: Tensor
    /// What the system was given of each frame `[time, …]`; nil where it is played.
    let source: Tensor?
    /// The actions that it was played by, one fewer than frames; nil where it is not played.
    let taken: [Int]?
    /// What the data say was done; nil where they do not.
    let truth: [Int]?
    /// The label maps of the frames, int64 `[time, height, width]`; nil where the data have none.
    let labels: Tensor?

    /// How many frames it has.
    var count: Int { real.shape[0] }
  }

  /// What stands beside each number: other frames for every video, under a name.
  struct Baseline {
    let name: String
    /// The frames that it has for a video, bytes.
    let frames: (Clip) throws -> Tensor
  }

  /// The videos.
  let clips: [Clip]
  /// How many frames at the beginning are given, and are not measured.
  let given: Int
  /// The most frames of a video.
  let longest: Int
  /// The part of the data.
  let part: String
  /// The names of the classes of label maps.
  let classNames: [String]
  /// The first frame repeated, where there is a training part the frames of it that are nearest, and what the evaluation names.
  let baselines: [Baseline]
  private let training: TrainingVideos?

  /// The most bytes of frames that are kept; later videos are left out.
  private static let budget = 1 << 30

  /// The videos of a context's held-out part; nil where the system makes no videos, or the data hold none out.
  init?(_ context: EvaluationContext, longest: Int) throws {
    guard let (part, dataset) = try context.heldOutVideos() else { return nil }
    let plan = context.plan
    let playing = plan.ability(VideoPlaying.self)
    let translation = plan.ability(FrameTranslation.self)
    guard let target = translation?.target ?? (playing == nil ? nil : plan.videoField) else { return nil }
    let beside = try BesideVideos(context, part, dataset, target: target)
    let isGiven = translation.map { $0.first.map { plan.condition($0)?.isRequired == true } ?? false } ?? true
    (self.longest, self.part, given) = (longest, part.rawValue, isGiven ? 1 : 0)
    classNames = beside.classNames
    let training = try TrainingVideos(context, source: translation?.source, target: target)
    self.training = training
    baselines =
      [Baseline(name: Self.stillName) { $0.real.slice(0, 0, 1).expanded($0.real.shape) }]
      + (training.map { training in
        [Baseline(name: "the nearest training frames") { try training.nearest(to: $0) }]
      } ?? [])
      + (try context.options.videosBeside.map {
        try context.baseline($0, in: dataset, like: plan.field(target))
      })
    let count = min(context.options.samples, dataset.videoNames.count)
    context.say("making \(count) held-out videos of at most \(longest) frames")
    var (clips, size) = ([Clip](), 0)
    for video in 0..<count where size < Self.budget {
      let length = min(longest, dataset.frameCount(ofVideo: video))
      guard length >= 2 else { continue }
      let batch = try context.wholeVideo(video, of: dataset, 0..<length)
      let real = batch[target]
      let (labels, truth) = try beside.values(of: video, frames: length)
      let made: Tensor
      var taken: [Int]?
      if let translation {
        made = try context.frames(batch, translation, real: real, isGiven: isGiven)
      } else {
        let played = try context.played(real, given: playing?.given.map { batch[$0] })
        (made, taken) = (played.frames, played.actions)
      }
      func kept(_ x: Tensor) -> Tensor { Self.bytes(x.selected(dim: 0, index: 0), plan.range(of: target)) }
      clips.append(
        Clip(
          name: dataset.videoNames[video], real: kept(real), made: kept(made),
          source: translation.map { batch[$0.source].selected(dim: 0, index: 0).to(.cpu) }, taken: taken,
          truth: truth, labels: labels))
      size += 2 * real.count
    }
    guard !clips.isEmpty else { return nil }
    self.clips = clips
  }

  /// Frames as they would be written.
  static func bytes(_ frames: Tensor, _ range: ImageRange) -> Tensor {
    let values = frames.to(.cpu).asType(.float32)
    let unit = range == .signed ? (values.clamped(min: -1, max: 1) + 1) / 2 : values.clamped(min: 0, max: 1)
    return (unit * 255).round().asType(.uint8)
  }

  /// Bytes as values in -1 … 1.
  static func signed(_ bytes: Tensor) -> Tensor { bytes.asType(.float32) / 127.5 - 1 }

  /// What the first frame repeated is called.
  static let stillName = "the first frame repeated"

  /// Training frames spread over the videos, bytes, with what the system is given of them; nil without a training part.
  func trainingFrames(atMost count: Int) throws -> (frames: Tensor, source: Tensor?)? {
    try training?.frames(atMost: count)
  }

  /// Stretches of training videos spread over them, bytes `[n, length, 3, height, width]`; nil where none is as long.
  func trainingStretches(atMost count: Int, length: Int) throws -> Tensor? {
    try training?.stretches(atMost: count, length: length)
  }

  /// What numbers were measured on.
  func provenance(_ context: EvaluationContext, _ more: Provenance = Provenance()) -> Provenance {
    let facts: Provenance = ["videos": "\(clips.count)", "longest": "\(longest)"]
    return context.provenance(part: "held-out", facts.merging(more))
  }

  /// What a protocol says of the videos.
  var setting: String {
    "\(clips.count) held-out videos, at most \(longest) frames of each"
      + (given > 0 ? ", the first given" : "")
  }

  /// What a number is of each baseline; none of those of which it is nil.
  func baselines(_ value: (Baseline) throws -> Double?) rethrows -> [BaselineNumber] {
    try baselines.compactMap { baseline in
      try value(baseline).map { BaselineNumber(name: baseline.name, value: $0) }
    }
  }

  /// What a number is of each baseline, by its place among ``baselines``; none of those of which it is nil.
  func baselines(at value: (Int) throws -> Double?) rethrows -> [BaselineNumber] {
    try baselines.indices.compactMap { place in
      try value(place).map { BaselineNumber(name: baselines[place].name, value: $0) }
    }
  }
}

// MARK: Data

extension SystemPlan {
  /// The field of a batch that is a video.
  var videoField: String? {
    fields.first { if case .video = $0.kind { true } else { false } }?.name
  }

  /// The range of a video's values.
  fileprivate func range(of field: String) -> ImageRange {
    if case .video(_, _, _, _, let range)? = self.field(field)?.kind { range } else { .signed }
  }
}

extension EvaluationContext {
  /// The videos of the part that is measured on; nil where the data hold out none.
  fileprivate func heldOutVideos() throws -> (DatasetSplit, any VideoCollection)? {
    for split in options.parts {
      if let videos = try data.dataset(of: split) as? any VideoCollection { return (split, videos) }
    }
    return nil
  }

  /// Videos that somebody else made of the same sources.
  fileprivate func baseline(
    _ beside: VideosBeside, in dataset: any VideoCollection, like field: Field?
  ) throws -> VideoMaterial.Baseline {
    guard case .video(_, let channels, let height, let width, _)? = field?.kind else {
      throw MetricError("\(beside.folder.path) cannot be compared: the system makes no videos")
    }
    let made = try MadeVideos(in: beside.folder, of: dataset.videoNames)
    let preparation = ImagePreparation(
      height: height, width: width, channels: channels, fit: data.options.reading.fit)
    return VideoMaterial.Baseline(name: beside.name) { clip in
      Tensor(try made.frames(of: clip.name, count: clip.count, preparation))
    }
  }

  /// Frames of a video as a batch of one.
  fileprivate func wholeVideo(
    _ video: Int, of dataset: any VideoCollection, _ frames: Range<Int>
  ) throws -> Batch {
    let fields = try dataset.frames(frames, ofVideo: video).fields.mapValues {
      HostTensor(shape: [1] + $0.shape, dtype: $0.dtype, bytes: $0.bytes)
    }
    return data.batch(HostBatch(fields: fields, indices: [], epoch: 0, isFirst: true))
  }

  fileprivate func frames(
    _ batch: Batch, _ ability: FrameTranslation, real: Tensor, isGiven: Bool
  ) throws -> Tensor {
    guard let system = system(as: (any StreamingSystem).self) else { return real }
    let draws = StreamDraws(
      RandomStream(seed: UInt64(options.seed), purpose: "evaluation frames"), device: system.device)
    return try withoutGradients {
      try system.frames(
        following: batch[ability.source], beside: batch.tensors.filter { ability.beside.contains($0.key) },
        first: isGiven ? real.selected(dim: 1, index: 0) : nil, draws: draws)
    }
  }

  /// A video played from its first frame, and the actions.
  fileprivate func played(_ real: Tensor, given: Tensor?) throws -> (frames: Tensor, actions: [Int]) {
    guard let system = system(as: (any PlayableSystem).self) else { return (real, []) }
    return try withoutGradients {
      let count = real.shape[1] - 1
      // What is done in a frame shows in the next.
      let actions = (given?.slice(1, 0, count) ?? system.actions(in: real)).to(.cpu).contiguous().integers()
      var frames = [real.selected(dim: 1, index: 0)]
      try system.play(frames[0], actions: actions) { frames.append($0.asType(.float32)) }
      return (Tensor.stacked(frames, dim: 1), actions)
    }
  }

  /// The held-out videos and what is made of them; nil where there are none.
  func videoMaterial(longest: Int = 60) throws -> VideoMaterial? {
    if let known = videoMaterials[longest] { return known }
    let material = try VideoMaterial(self, longest: longest)
    videoMaterials[longest] = .some(material)
    return material
  }
}

/// What the data have beside their held-out videos, though the system does not take it.
private struct BesideVideos {
  private let labels: (any VideoCollection)?
  private let actions: (any VideoCollection)?
  let classNames: [String]

  init(
    _ context: EvaluationContext, _ part: DatasetSplit, _ videos: any VideoCollection, target: String
  ) throws {
    guard let place = context.data.path, let data = context.plan.data,
      let field = data.fields.first(where: { $0.name == target }),
      case .video(let frames, _, let height, let width, _) = field.kind
    else {
      (labels, actions, classNames) = (nil, nil, [])
      return
    }
    // What is not there is an error of opening.
    func opened(_ more: Field) -> (any VideoCollection)? {
      let opening = DataOpening([field, more], reading: context.data.options.reading)
      let found = try? data.arrangement.open(place, part, opening, context.data.facts.artefacts).dataset
      guard let beside = found as? any VideoCollection, beside.videoNames == videos.videoNames,
        beside.videoNames.indices.allSatisfy({
          beside.frameCount(ofVideo: $0) == videos.frameCount(ofVideo: $0)
        })
      else { return nil }
      return beside
    }
    labels = opened(
      Field("besideLabels", .labelMaps(classes: 256, frames: frames, height: height, width: width)))
    actions = opened(Field("besideActions", .labels(classes: Int(UInt16.max), length: frames)))
    classNames = labels?.description.classNames ?? []
  }

  func values(of video: Int, frames: Int) throws -> (labels: Tensor?, actions: [Int]?) {
    let maps = try labels?.frames(0..<frames, ofVideo: video)["besideLabels"]
    let done = try actions?.frames(0..<frames, ofVideo: video)["besideActions"]?.integers()
    return (maps.map { Tensor($0).asType(.int64) }, done.map { Array($0.dropLast()) })
  }
}

/// The training videos, in which the frames are looked for that are most like a held-out video.
private final class TrainingVideos {
  /// The most frames that are looked through.
  private static let limit = 4000
  private static let side = 16

  private unowned let context: EvaluationContext
  private let dataset: any VideoCollection
  private let source: String?
  private let target: String
  /// Of each video small pictures of what the system is given, `[time, values]`.
  private lazy var small: [Tensor] = {
    var (found, count) = ([Tensor](), 0)
    for video in dataset.videoNames.indices where count < Self.limit {
      let length = min(dataset.frameCount(ofVideo: video), Self.limit - count)
      guard length > 0 else { continue }
      let parts = stride(from: 0, to: length, by: 32).compactMap { start in
        (try? context.wholeVideo(video, of: dataset, start..<min(start + 32, length))).map { batch in
          source.map { Self.small(batch[$0].selected(dim: 0, index: 0).to(.cpu)) }
            ?? Self.small(VideoMaterial.signed(bytes(of: batch)))
        }
      }
      guard !parts.isEmpty else { continue }
      found.append(.concatenated(parts, dim: 0))
      count += length
    }
    return found
  }()

  init?(_ context: EvaluationContext, source: String?, target: String) throws {
    guard let dataset = try context.data.dataset(of: .train) as? any VideoCollection else { return nil }
    (self.context, self.dataset, self.source, self.target) = (context, dataset, source, target)
  }

  private func bytes(of batch: Batch) -> Tensor {
    VideoMaterial.bytes(batch[target].selected(dim: 0, index: 0), context.plan.range(of: target))
  }

  /// Images `[time, channels, height, width]` or maps `[time, height, width]` at 16×16.
  private static func small(_ frames: Tensor) -> Tensor {
    let isMap = frames.rank == 3
    let values = (isMap ? frames.unsqueezed(1) : frames).asType(.float32)
    let size = (side, side)
    return (isMap ? upsampleNearest(values, size: size) : adaptiveAveragePool2d(values, size: size))
      .reshaped([frames.shape[0], -1])
  }

  /// The frames of the place whose first frame, or where the system follows others whose source, is nearest: mean absolute
  /// difference of images, share of different pixels of maps, at 16×16. The last frame stands where a video ends before.
  func nearest(to clip: VideoMaterial.Clip) throws -> Tensor {
    let given = clip.source ?? VideoMaterial.signed(clip.real.slice(0, 0, 1))
    let wanted = Self.small(given)
    let isMap = given.rank == 3
    var best: (distance: Double, video: Int, start: Int)?
    for (video, frames) in small.enumerated() {
      let length = min(wanted.shape[0], frames.shape[0])
      for start in 0...(max(0, frames.shape[0] - clip.count)) where start + length <= frames.shape[0] {
        let (one, other) = (frames.slice(0, start, start + length), wanted.slice(0, 0, length))
        let distance = (isMap ? one.notEqual(other).asType(.float32) : (one - other).abs()).mean().item()
        if distance < best?.distance ?? .infinity { best = (distance, video, start) }
      }
    }
    guard let best else { throw MetricError("the training part has no frames") }
    let end = min(best.start + clip.count, dataset.frameCount(ofVideo: best.video))
    let bytes = bytes(of: try context.wholeVideo(best.video, of: dataset, best.start..<end))
    guard bytes.shape[0] < clip.count else { return bytes }
    let last = bytes.slice(0, bytes.shape[0] - 1, bytes.shape[0])
    return .concatenated(
      [bytes] + [Tensor](repeating: last, count: clip.count - bytes.shape[0]), dim: 0)
  }

  /// Places spread over the videos: stretches of a length.
  private func places(atMost count: Int, length: Int) -> [(video: Int, start: Int)] {
    let all = dataset.videoNames.indices.flatMap { video -> [(video: Int, start: Int)] in
      let frames = dataset.frameCount(ofVideo: video)
      guard frames >= length else { return [] }
      return stride(from: 0, through: frames - length, by: length).map { (video, $0) }
    }
    guard all.count > count else { return all }
    return (0..<count).map { all[$0 * all.count / count] }
  }

  func frames(atMost count: Int) throws -> (frames: Tensor, source: Tensor?)? {
    var (frames, sources) = ([Tensor](), [Tensor]())
    for place in places(atMost: count, length: 1) {
      let batch = try context.wholeVideo(place.video, of: dataset, place.start..<(place.start + 1))
      frames.append(bytes(of: batch))
      if let source { sources.append(batch[source].selected(dim: 0, index: 0).to(.cpu)) }
    }
    guard !frames.isEmpty else { return nil }
    return (
      .concatenated(frames, dim: 0), sources.isEmpty ? nil : .concatenated(sources, dim: 0)
    )
  }

  func stretches(atMost count: Int, length: Int) throws -> Tensor? {
    let found = try places(atMost: count, length: length).map { place in
      bytes(
        of: try context.wholeVideo(place.video, of: dataset, place.start..<(place.start + length)))
    }
    return found.isEmpty ? nil : .stacked(found)
  }
}

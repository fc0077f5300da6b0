public import AtelierCore
import AtelierData
import AtelierMedia
public import AtelierMetrics
import Torch
import TorchNN

/// How well held-out videos are made anew from their first frame and their own motion (Siarohin et al. 2019, section 4):
/// the mean absolute difference of frames, how far the keypoints that the system itself finds in them lie apart, and, where
/// they show faces, how far the landmarks that MTCNN finds do.
///
/// The paper's average keypoint distance is by a detector of facial landmarks or of poses; distances by the system's own
/// keypoints compare runs of one kind only, and are named so.
public struct AnimationMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "animation"

  /// The settings.
  public struct Options: Settings {
    /// The most frames of a video that are measured.
    public var longest = 200
    /// The frames of a video, evenly spread, in which faces are looked for; 0: none.
    public var faces = 8

    /// The usual settings.
    public init() {}

    /// Refuses videos without motion.
    public func validate() throws(ConfigurationError) {
      try Checks.require(longest > 1, "longest is at least 2 frames, not \(longest)")
      try Checks.notNegative(["faces": faces])
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that animate still images.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(ImageAnimation.self) != nil }

  /// What was measured of one video.
  private struct Row {
    var made = (difference: 0.0, distance: 0.0)
    /// Of the first frame, standing still.
    var still = (difference: 0.0, distance: 0.0)
    /// Where the faces of both lie.
    var faces = (made: FaceAgreement(), still: FaceAgreement())
  }

  /// The numbers; none where no videos were held out.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(ImageAnimation.self),
      let system = context.system(as: (any AnimatingSystem).self),
      case .video(_, _, let height, let width, let range)? = context.plan.field(ability.frames)?.kind,
      let dataset = try context.heldOutDataset()
    else { return [] }
    guard let videos = dataset as? any VideoCollection else {
      context.note("there are no whole videos held out, so that no animation is measured")
      return []
    }
    let witness =
      options.faces > 0 ? try FaceWitness(context, for: Self.id, lost: "no landmark error of faces") : nil
    let count = min(context.options.samples, videos.videoNames.count)
    context.say("animating the first frames of \(count) held-out videos")
    var (rows, frames) = ([Row](), 0)
    for index in 0..<count {
      let length = min(options.longest, videos.frameCount(ofVideo: index))
      guard length > 1 else { continue }
      rows.append(
        try withoutGradients {
          try row(system, ability, range, (height, width), length: length, witness) { range in
            try videos.frames(range, ofVideo: index)[ability.frames]
          }
        })
      frames += length - 1
    }
    guard !rows.isEmpty else {
      context.note("no held-out video has two frames, so that no animation is measured")
      return []
    }
    let provenance = context.provenance(
      part: "held-out", ["videos": "\(rows.count)", "frames": "\(frames)", "longest": "\(options.longest)"])
    let text =
      "\(rows.count) held-out videos, \(frames) frames, at most \(options.longest) of each; the first frame moves as the "
      + "video does, absolute motion; means of each video"
    func mean(_ value: (Row) -> Double) -> Double {
      rows.reduce(0) { $0 + value($1) } / Double(rows.count)
    }
    func number(
      _ id: String, _ name: String, _ text: String, _ made: (Row) -> Double, _ still: (Row) -> Double
    ) throws -> MeasuredNumber {
      try MeasuredNumber(
        id: id, name: name, meanOf: rows.map(made), seed: UInt64(context.options.seed), better: .smaller,
        baselines: [BaselineNumber(name: "the first frame, standing still", value: mean(still))],
        provenance: provenance, protocolText: text)
    }
    let own = [
      try number(
        "animation-l1", "reconstruction L1", text + "; values 0 … 1", { $0.made.difference },
        { $0.still.difference }),
      try number(
        "keypoint-distance-own", "keypoint distance (own detector)",
        text
          + "; pixels at \(width)×\(height) between the keypoints that the system's own detector finds in both frames",
        { $0.made.distance }, { $0.still.distance }),
    ]
    return try own + faceNumbers(rows, witness, text, provenance, context)
  }

  /// How often faces are found in the frames that were made, and their landmark error; none where the real frames have none.
  private func faceNumbers(
    _ rows: [Row], _ witness: FaceWitness?, _ text: String, _ provenance: Provenance,
    _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    guard witness != nil else { return [] }
    let found = FaceAgreement(meansOf: rows.map(\.faces.made))
    guard !found.found.isEmpty else {
      context.note("no landmark error of faces: MTCNN finds none in the held-out frames")
      return []
    }
    return try found.numbers(
      id: Self.id, name: "animated", given: "the real frame's face",
      beside: [
        ("the first frame, standing still", FaceAgreement(meansOf: rows.map(\.faces.still)))
      ], text: "\(text); \(options.faces) frames of each, in which MTCNN finds the real face",
      provenance.merging(["faceFrames": "\(options.faces)"]), context)
  }

  /// One video, a few frames at a time.
  private func row(
    _ system: any AnimatingSystem, _ ability: ImageAnimation, _ range: ImageRange,
    _ size: (height: Int, width: Int), length: Int, _ witness: FaceWitness?,
    _ frames: (Range<Int>) throws -> HostTensor?
  ) throws -> Row {
    func images(_ place: Range<Int>) throws -> Tensor {
      guard let bytes = try frames(place) else {
        throw ConfigurationError("the data have no '\(ability.frames)' to animate")
      }
      let values = Tensor(bytes).asType(.float32).to(system.device)
      return range == .signed ? values * (2.0 / 255) - 1 : values * (1.0 / 255)
    }
    let source = try images(0..<1)
    let request = Request(
      conditions: [ability.source: .tensor(source)], sampling: AnimationDrawing.reconstruction,
      draws: StreamDraws(RandomStream(seed: 0), device: system.device))
    let session = try system.open(request)
    let unit = range == .signed ? 0.5 : 1
    let pixels = Tensor([Float(size.width) / 2, Float(size.height) / 2], device: system.device)
    func distances(_ points: Tensor, _ wanted: Tensor) -> Double {
      ((points - wanted) * pixels).square().sum(dims: [2]).sqrt().mean(dims: [1]).sum().item()
    }
    func difference(_ images: Tensor, _ wanted: Tensor) -> Double {
      (images - wanted).abs().flattened(from: 1).mean(dims: [1]).sum().item() * unit
    }
    let own = try system.keypoints(of: source)
    func face(_ images: Tensor, _ index: Int) throws -> Face? {
      let shown = images.slice(0, index, index + 1).to(.cpu).asType(.float32).contiguous()
      let image = try Image.images(of: shown.host(), range: range.bounds, depth: 8).first
      return try image.flatMap { try witness?.face(in: $0.rgb()) }
    }
    let ownFace = witness == nil ? nil : try face(source, 0)
    let shownFrames = min(options.faces, length - 1)
    let looked = Set((0..<shownFrames).map { 1 + $0 * (length - 1) / shownFrames })
    var row = Row()
    for start in stride(from: 1, to: length, by: 8) {
      let real = try images(start..<min(length, start + 8))
      guard case .tensor(let made) = try session.advance([ability.driving: .tensor(real)]).value else {
        continue
      }
      let wanted = try system.keypoints(of: real)
      row.made.difference += difference(made, real)
      row.made.distance += distances(try system.keypoints(of: made), wanted)
      row.still.difference += difference(source, real)
      row.still.distance += distances(own, wanted)
      guard witness != nil else { continue }
      for index in 0..<real.shape[0] where looked.contains(start + index) {
        guard let given = try face(real, index) else { continue }
        row.faces.made.add(try face(made, index), beside: given)
        row.faces.still.add(ownFace, beside: given)
      }
    }
    let count = Double(length - 1)
    row.made = (row.made.difference / count, row.made.distance / count)
    row.still = (row.still.difference / count, row.still.distance / count)
    return row
  }
}

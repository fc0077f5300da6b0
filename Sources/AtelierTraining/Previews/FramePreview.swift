public import AtelierCore
import AtelierData
import AtelierMedia
import Torch

/// Held-out clips and the videos that follow them: frames beside those of the data in `samples/step-….png`, and the first
/// as a video.
public struct FramePreview: Preview {
  /// `frames`
  public static let id = "frames"

  /// The preview.
  public init() {}

  /// Systems whose videos follow others.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(FrameTranslation.self) != nil }

  /// Two.
  public func exampleCount(for plan: SystemPlan) -> Int { 2 }

  /// Draws and writes.
  public func paint(_ context: PreviewContext) throws {
    guard let ability = context.plan.ability(FrameTranslation.self),
      let system = context.system as? any StreamingSystem,
      let examples = context.examples(exampleCount(for: context.plan)),
      let source = examples.batch.tensors[ability.source],
      let target = examples.batch.tensors[ability.target],
      let sourceField = context.plan.field(ability.source),
      let targetField = context.plan.field(ability.target)
    else { return }
    let first = ability.first.flatMap { name in
      context.plan.condition(name)?.isRequired == true ? target.selected(dim: 1, index: 0) : nil
    }
    let made = try withoutGradients {
      try system.frames(
        following: source, beside: examples.batch.tensors.filter { ability.beside.contains($0.key) },
        first: first, draws: context.draws)
    }
    func shown(_ field: Field, _ clips: Tensor) throws -> [[Image]] {
      try context.codec(field).shown(.tensor(clips.to(.cpu).contiguous().host())).map { shown in
        if case .video(let frames, _) = shown { frames } else { [] }
      }
    }
    let rows = zip(
      try shown(sourceField, source),
      zip(try shown(targetField, made.clamped(min: -1, max: 1)), try shown(targetField, target)))
    // Some frames of long clips.
    let count = source.shape[1]
    let places = (0..<min(count, 8)).map { $0 * count / min(count, 8) }
    var sheet: [Image] = []
    for (maps, (generated, real)) in rows {
      for row in [maps, generated, real] { sheet += places.map { row[$0] } }
    }
    try context.write(
      .image(
        try ImageGrid(columns: places.count, columnTitles: places.map { "frame \($0)" }).render(sheet)),
      tag: "frames")
    if let whole = try context.codec(targetField).shown(
      .tensor(made.slice(0, 0, 1).clamped(min: -1, max: 1).to(.cpu).contiguous().host())
    ).first {
      try context.write(whole, suffix: "-video", tag: "video")
    }
  }
}

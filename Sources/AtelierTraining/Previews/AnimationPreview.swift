public import AtelierCore
import AtelierData
import AtelierMedia
import Torch
import TorchNN

/// Still images that move: the first frames of held-out clips, the last ones, and what the system makes of the former in
/// the poses of the latter, in `samples/step-….png`.
public struct AnimationPreview: Preview {
  /// `animation`
  public static let id = "animation"

  /// The preview.
  public init() {}

  /// Systems that animate still images.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(ImageAnimation.self) != nil }

  /// A few.
  public func exampleCount(for plan: SystemPlan) -> Int { 6 }

  /// Animates and writes.
  public func paint(_ context: PreviewContext) throws {
    guard let ability = context.plan.ability(ImageAnimation.self),
      let field = context.plan.ability(Streaming.self)?.output,
      let system = context.system as? any AnimatingSystem,
      let examples = context.examples(exampleCount(for: context.plan)),
      let clips = examples.batch.tensors[ability.frames], clips.rank == 5
    else { return }
    var rows: [Tensor] = []
    for index in 0..<clips.shape[0] {
      let clip = clips.selected(dim: 0, index: index)
      let (source, driving) = (clip.slice(0, 0, 1), clip.slice(0, clip.shape[0] - 1, clip.shape[0]))
      let session = try system.open(
        Request(
          conditions: [ability.source: .tensor(source)], sampling: AnimationDrawing.reconstruction,
          draws: context.draws))
      guard case .tensor(let made) = try session.advance([ability.driving: .tensor(driving)]).value else {
        return
      }
      rows += [source, driving, made]
    }
    let shown = try context.codec(field).shown(
      .tensor(Tensor.concatenated(rows, dim: 0).to(.cpu).contiguous().host()))
    let images = shown.compactMap { example -> Image? in
      if case .image(let image) = example { image } else { nil }
    }
    try context.write(
      .image(
        try ImageGrid(columns: 3, columnTitles: ["source", "driving", "drawn"]).render(images)),
      tag: "samples")
    let drawn = Tensor.concatenated(
      rows.enumerated().filter { $0.offset % 3 == 2 }.map(\.element), dim: 0)
    context.observe(drawn, groups: Array(0..<drawn.shape[0]))
  }
}

public import AtelierCore
import AtelierData
import AtelierMedia
import Torch

/// Held-out clips, and below each what is played from its first frame by the actions that the system sees in it, or where it
/// learns from given actions by those.
public struct PlayPreview: Preview {
  /// `play`
  public static let id = "play"
  private static let clips = 4

  /// The preview.
  public init() {}

  /// Systems whose videos are played.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(VideoPlaying.self) != nil }

  /// Four.
  public func exampleCount(for plan: SystemPlan) -> Int { Self.clips }

  /// Plays the examples one at a time, and draws the sheet.
  public func paint(_ context: PreviewContext) throws {
    guard let system = context.system as? any PlayableSystem,
      let field = context.plan.fields.first(where: { if case .video = $0.kind { true } else { false } }),
      case .video(_, _, _, _, let range) = field.kind,
      let batch = context.examples(Self.clips)?.batch, let videos = batch.tensors[field.name]
    else { return }
    var (cells, last) = ([Image](), [Tensor]())
    let count = videos.shape[1] - 1
    let given = context.plan.ability(VideoPlaying.self)?.given.flatMap { batch.tensors[$0] }
    let actions = (given?.slice(1, 0, count) ?? system.actions(in: videos)).to(.cpu).contiguous().integers()
    for row in 0..<videos.shape[0] {
      let video = videos.selected(dim: 0, index: row)
      var frames = [video.slice(0, 0, 1)]
      try system.play(frames[0], actions: Array(actions[(row * count)..<((row + 1) * count)])) {
        frames.append($0)
      }
      cells += try TranslationPreview.pictures(video, range)
      cells += try TranslationPreview.pictures(.concatenated(frames, dim: 0), range)
      last.append(frames[frames.count - 1])
    }
    let titles = (0..<videos.shape[0]).flatMap { _ in ["clip", "played"] }
    try context.write(
      .image(ImageGrid(columns: count + 1, rowTitles: titles).render(cells)), tag: "samples")
    let shown = Tensor.concatenated(last, dim: 0)
    context.observe(
      range == .unit ? shown * 2 - 1 : shown, groups: [Int](repeating: 0, count: shown.shape[0]))
  }
}

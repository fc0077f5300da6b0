public import AtelierCore
import AtelierData
import AtelierMedia
import Torch

/// Held-out images, a row for each: the image, what its codes give back where the system has codes, and what is drawn
/// for its caption, which stands beside it. `samples/step-….png`.
public struct CaptionPreview: Preview {
  /// `captions`
  public static let id = "captions"
  /// Images drawn for a caption.
  private static let drawn = 4

  /// The preview.
  public init() {}

  /// Systems that draw images for captions.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(CaptionedDrawing.self) != nil }

  /// As many as the options have rows.
  public func exampleCount(for plan: SystemPlan) -> Int { 8 }

  /// Draws the sheet.
  public func paint(_ context: PreviewContext) throws {
    guard let ability = context.plan.ability(CaptionedDrawing.self),
      let examples = context.examples(exampleCount(for: context.plan)), !examples.titles.isEmpty,
      let (name, range) = imageField(of: context.plan), let originals = examples.batch.tensors[name]
    else { return }
    func images(_ tensor: Tensor, _ range: ImageRange) throws -> [Image] {
      try FieldCodec.images(tensor.to(.cpu).contiguous().host(), range)
    }
    var columns = [try images(originals, range)]
    var titles = ["held out"]
    if let system = context.system as? any ReconstructingSystem {
      let rebuilt = try system.reconstruct(examples.batch, draws: context.draws)
      columns.append(try images(rebuilt.reshaped(originals.shape), range))
      titles.append("its codes")
    }
    var samples: [Tensor] = []
    for title in examples.titles {
      var request = Request(count: Self.drawn, draws: context.draws)
      request.conditions[ability.condition] = .text(title)
      var pieces: [Tensor] = []
      try context.system.draw(request) { if let tensor = $0.tensor { pieces.append(tensor) } }
      samples.append(.concatenated(pieces, dim: 0))
    }
    let all = samples.map { $0.to(.cpu) }
    let drawn = try all.map { try images($0, .signed) }
    for index in 0..<Self.drawn {
      columns.append(drawn.map { $0[index] })
      titles.append("drawn")
    }
    let rows = examples.titles.indices.flatMap { row in columns.map { $0[row] } }
    let grid = ImageGrid(
      columns: columns.count, scale: 2, columnTitles: titles, rowTitles: examples.titles)
    try context.write(.image(grid.render(rows)), tag: "samples")
    context.observe(
      .concatenated(samples, dim: 0),
      groups: samples.indices.flatMap { [Int](repeating: $0, count: Self.drawn) })
  }
}

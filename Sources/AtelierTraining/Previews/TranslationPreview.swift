public import AtelierCore
package import AtelierData
package import AtelierMedia
package import Torch
import TorchNN

/// Images beside what a system makes of them: source | output | target, a row an example, a group of
/// columns a direction.
public struct TranslationPreview: Preview {
  /// `translation`
  public static let id = "translation"
  static let exampleCount = 8

  /// The preview.
  public init() {}

  /// Systems that turn images into images.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(ImageTranslation.self) != nil }

  /// Eight.
  public func exampleCount(for plan: SystemPlan) -> Int { Self.exampleCount }

  /// Translates the examples one at a time, as ``TranslatingSystem`` generates, and draws the sheet.
  public func paint(_ context: PreviewContext) throws {
    guard let system = context.system as? any TranslatingSystem,
      let batch = context.examples(Self.exampleCount)?.batch
    else { return }
    let colours = context.classColours
    let isPaired = !(context.plan.data?.arrangement is UnpairedImages)
    var columns: [(title: String, images: [Image])] = []
    var first: Tensor?
    func one(_ row: Int) -> Batch { Batch(batch.tensors.mapValues { $0.slice(0, row, row + 1) }) }
    for direction in system.directions {
      guard let sources = batch.tensors[direction.source] else { continue }
      let pieces = try (0..<sources.shape[0]).map {
        try system.translate(one($0), direction: direction, draws: context.draws)
      }
      let outputs = Tensor.concatenated(pieces, dim: 0)
      let range = system.range(of: direction.target)
      if first == nil { first = range == .unit ? outputs * 2 - 1 : outputs }
      let drawn = try Self.pictures(outputs, range)
      columns.append(
        (direction.source, try Self.pictures(sources, system.range(of: direction.source), colours)))
      columns.append((isPaired ? "output" : direction.name, drawn))
      if isPaired, direction.target != direction.source, let targets = batch.tensors[direction.target] {
        columns.append((direction.target, try Self.pictures(targets, range)))
      }
    }
    guard let first, let rows = columns.first?.images.count else { return }
    // A low-resolution source is shown as large as what became of it.
    let widest = columns.flatMap(\.images).reduce(1) { max($0, $1.width) }
    let cells = try (0..<rows).flatMap { row in
      try columns.map { column in
        let image = column.images[row]
        return try image.enlarged(by: max(1, widest / image.width))
      }
    }
    let grid = ImageGrid(columns: columns.count, columnTitles: columns.map(\.title))
    try context.write(.image(grid.render(cells)), tag: "samples")
    // Different sources that all give one image are a collapse like any other.
    context.observe(first, groups: [Int](repeating: 0, count: first.shape[0]))
  }

  /// Images that can be looked at; see `FieldCodec.images`.
  package static func pictures(
    _ tensor: Tensor, _ range: ImageRange, _ colours: [[UInt8]] = []
  ) throws -> [Image] {
    try FieldCodec.images(tensor.to(.cpu).contiguous().host(), range, colours: colours)
  }
}

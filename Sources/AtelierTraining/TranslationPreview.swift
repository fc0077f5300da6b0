import AtelierCore
package import AtelierData
package import AtelierMedia
package import Torch
import TorchNN

/// Images beside what a system makes of them: source | output | target, a row an example, a group of
/// columns a direction.
package struct TranslationPreview {
  /// The sheet.
  let sheet: Image
  /// The first direction's outputs, `[count, channels, height, width]` in -1 … 1.
  let outputs: Tensor

  /// Translates the examples of a batch one at a time, as ``TranslatingSystem`` generates.
  ///
  /// - Parameter colours: those of the classes, where maps of labels are drawn in some.
  /// - Returns: nil where the batch holds no source of any direction.
  static func draw(
    _ system: any TranslatingSystem, _ examples: Batch, draws: any Draws, colours: [[UInt8]] = []
  ) throws -> TranslationPreview? {
    let isPaired = !(system.plan.data?.arrangement is UnpairedImages)
    var columns: [(title: String, pictures: [Image])] = []
    var first: Tensor?
    func one(_ row: Int) -> Batch { Batch(examples.tensors.mapValues { $0.slice(0, row, row + 1) }) }
    for direction in system.directions {
      guard let sources = examples.tensors[direction.source] else { continue }
      let pieces = try (0..<sources.shape[0]).map {
        try system.translate(one($0), direction: direction, draws: draws)
      }
      let outputs = Tensor.concatenated(pieces, dim: 0)
      let range = system.range(of: direction.target)
      if first == nil { first = range == .unit ? outputs * 2 - 1 : outputs }
      let drawn = try pictures(outputs, range)
      columns.append((direction.source, try pictures(sources, system.range(of: direction.source), colours)))
      columns.append((isPaired ? "output" : direction.name, drawn))
      if isPaired, let targets = examples.tensors[direction.target] {
        columns.append((direction.target, try pictures(targets, range)))
      }
    }
    guard let first, let rows = columns.first?.pictures.count else { return nil }
    // A low-resolution source is shown as large as what became of it.
    let widest = columns.flatMap(\.pictures).reduce(1) { max($0, $1.width) }
    let cells = try (0..<rows).flatMap { row in
      try columns.map { column in
        let picture = column.pictures[row]
        return try picture.enlarged(by: max(1, widest / picture.width))
      }
    }
    let sheet = try ImageGrid(columns: columns.count, columnTitles: columns.map(\.title)).render(cells)
    return TranslationPreview(sheet: sheet, outputs: first)
  }

  /// Images that can be looked at: labels become colours, other channels than an image's are left out.
  package static func pictures(
    _ tensor: Tensor, _ range: ImageRange, _ colours: [[UInt8]] = []
  ) throws -> [Image] {
    let host = tensor.to(.cpu).contiguous()
    guard host.rank == 4 else {
      return try (0..<host.shape[0]).map {
        try Image(labels: host.selected(dim: 0, index: $0).host(), colours: colours)
      }
    }
    let channels = host.shape[1]
    if channels > 4 {
      let labels = host.argmax(dim: 1)
      return try (0..<labels.shape[0]).map {
        try Image(labels: labels.selected(dim: 0, index: $0).host(), colours: colours)
      }
    }
    let shown = channels == 2 ? host.slice(1, 0, 1).contiguous() : host
    return try Image.images(of: shown.host(), range: range == .signed ? -1...1 : 0...1)
  }
}

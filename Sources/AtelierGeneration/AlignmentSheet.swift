public import AtelierCore
public import AtelierData
public import AtelierMedia
public import Torch

/// Where the tokens of a translation looked in its source, as an image: a row a token, a column a token of the source,
/// the darker the more.
///
/// - Parameters:
///   - source: the tokens of the source.
///   - target: the tokens of the translation; the last row is for its end.
/// - Throws: `ImageError` where the sheet cannot be drawn.
public func alignmentSheet(
  _ alignment: HostTensor, source: [String], target: [String]
) throws(ImageError) -> Image {
  guard alignment.shape.count == 2, !alignment.shape.contains(0) else {
    throw .invalid(reason: "an alignment is [tokens, source], not \(alignment.shape)")
  }
  let columns = alignment.shape[1]
  let (width, height) = (52, 18)
  let cells = alignment.floats().map { share in
    let level = UInt8(255 - 255 * min(1, max(0, share)))
    return Image(
      width: width, height: height, channels: 1, bytes: [UInt8](repeating: level, count: width * height))
  }
  let rows = (target + ["</s>"]).prefix(alignment.shape[0])
  return try ImageGrid(
    columns: columns, padding: 1, scale: 1, background: [224, 224, 224],
    columnTitles: source.prefix(columns).map(visible), rowTitles: rows.map(visible)
  ).render(cells)
}

/// A token without its joiners, for which fonts have no sign; a space as one that can be seen.
private func visible(_ token: String) -> String {
  token == " " ? "␣" : String(String.UnicodeScalarView(token.unicodeScalars.filter { $0 != "￭" }))
}

extension SentenceVocabulary {
  /// Every token of a sentence by its name, those that begin and end it included.
  public func names(of numbers: [Int]) -> [String] {
    numbers.filter { $0 != specials.padding }.map {
      tokens.indices.contains($0) ? tokens[$0] : tokens[specials.unknown]
    }
  }
}

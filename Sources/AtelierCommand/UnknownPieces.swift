import Atelier

/// Says on the standard error which words or characters of `text`, as in 'the prompt', training never met.
func sayUnknown(_ unknown: UnknownPieces, of text: String) {
  let pieces = unknown.pieces
  guard !pieces.isEmpty else { return }
  let shown = pieces.prefix(10).map { "'\($0)'" }
  let names = pieces.count > 10 ? shown.joined(separator: ", ") + ", …" : listed(Array(shown))
  standardError(
    "The model does not know \(counted(pieces.count, unknown.areCharacters ? "character" : "word")) of \(text): "
      + "\(names); it takes \(pieces.count == 1 ? "it" : "each") for an unknown one.\n")
}

public import AtelierCore
import Torch

extension Transformer: ExportingSystem {
  /// Logits of the next token behind every token of translations of sentences, of any number and lengths: a search for
  /// the likeliest translation calls it with one token more each time.
  public func exportedFunction(direction: String?) throws -> ExportedFunction {
    guard direction == nil else {
      throw ConfigurationError("\(Self.identity.name) has no directions to export; leave the direction out")
    }
    let longest = configuration.maximumLength
    let padding = configuration.paddingToken
    func tokens(_ name: String, _ meaning: String, _ count: Int, _ side: Int) -> ExportedFunction.Input {
      ExportedFunction.Input(
        name, "tokens 0 … \(count - 1), at most \(longest), of \(meaning); \(padding) is padding"
      ) { batch, size, stream in
        let drawn = stream.integers(below: count, [batch, size[side]])
        // A sentence begins with a token that is no padding.
        let first = Tensor.full([batch, 1], padding == 0 ? 1 : 0, dtype: .int64)
        return .concatenated([first, drawn.slice(1, 1, size[side])], dim: 1)
      }
    }
    return ExportedFunction(
      [
        tokens("source", "sentences between a beginning and an end", configuration.sourceVocabularySize, 0),
        tokens("target", "translations so far, from their beginnings", configuration.targetVocabularySize, 1),
      ],
      output: "logits of each next token, [batch, target, vocabulary]", sides: ["source", "target"],
      sizes: [[min(7, longest), min(5, longest)], [min(11, longest), min(13, longest)]]
    ) { self.recordedLogits($0[0], $0[1]) }
  }
}

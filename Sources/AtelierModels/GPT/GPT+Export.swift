public import AtelierCore
import Torch

extension GPT: ExportingSystem {
  /// Logits of the next token behind every token of texts of any number and of any length up to the context's.
  public func exportedFunction(direction: String?) throws -> ExportedFunction {
    guard direction == nil else {
      throw ConfigurationError("\(Self.identity.name) has no directions; leave the direction out")
    }
    let (vocabulary, longest) = (configuration.vocabularySize, configuration.contextLength)
    return ExportedFunction(
      [
        ExportedFunction.Input(
          "token", "tokens 0 … \(vocabulary - 1) of texts of one length, at most \(longest)"
        ) { batch, size, stream in stream.integers(below: vocabulary, [batch] + size) }
      ],
      output: "logits of each next token, [batch, time, vocabulary]", sides: ["time"],
      sizes: [[min(8, longest)], [min(13, longest)]]
    ) { self.recordedLogits($0[0]) }
  }
}

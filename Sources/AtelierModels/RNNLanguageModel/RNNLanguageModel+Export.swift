public import AtelierCore
import Torch

extension RNNLanguageModel: ExportingSystem {
  /// Log-probabilities of the next token behind every token of texts of any number and length.
  public func exportedFunction(direction: String?) throws -> ExportedFunction {
    guard direction == nil else {
      throw ConfigurationError("\(Self.identity.name) has no directions; leave the direction out")
    }
    let vocabulary = configuration.vocabularySize
    let longest = configuration.model == .transformerEncoder ? configuration.maximumLength : .max
    return ExportedFunction(
      [
        ExportedFunction.Input(
          "token",
          "tokens 0 … \(vocabulary - 1) of texts from their beginnings, time first"
            + (longest == .max ? "" : ", at most \(longest)")
        ) { batch, size, stream in stream.integers(below: vocabulary, size + [batch]) }
      ],
      output: "log-probabilities of each next token, [time, batch, vocabulary]", sides: ["time"],
      sizes: [[min(8, longest)], [min(13, longest)]]
    ) { try self.recordedLogProbabilities($0[0]) }
  }
}

public import AtelierCore
import Torch

extension ELECTRA: ExportingSystem {
  /// What a run's text can be asked for.
  private enum Question: String, CaseIterable {
    /// The class of a text, of a discriminator with a head for classes.
    case classes
    /// Whether a token was replaced.
    case replacedTokens = "replaced-tokens"
  }

  /// The discriminator's logits of having been replaced, or with the direction `classes`, which is the first where there
  /// is a head for them, logits of a text's classes; of texts of any number and length.
  public func exportedFunction(direction: String?) throws -> ExportedFunction {
    let questions = configuration.task == .classification ? Question.allCases : [.replacedTokens]
    guard let question = direction.map({ name in questions.first { $0.rawValue == name } }) ?? questions[0]
    else {
      throw ConfigurationError(
        "\(Self.identity.name) has no direction '\(direction ?? "")' to export; it has "
          + questions.map(\.rawValue).joined(separator: " and "))
    }
    let (vocabulary, longest) = (configuration.vocabularySize, configuration.maximumLength)
    let special = SpecialToken.allCases.map { "\($0.rawValue) \($0)" }.joined(separator: ", ")
    return ExportedFunction(
      [
        ExportedFunction.Input(
          "token",
          "tokens 0 … \(vocabulary - 1), at most \(longest), of texts between a beginning and an end; \(special), then "
            + "the tokeniser's"
        ) { batch, size, stream in stream.integers(below: vocabulary, [batch] + size) },
        ExportedFunction.Input("mask", "1 at tokens, 0 at padding") { batch, size, stream in
          // The first place is always text.
          let rest = stream.integers(below: 4, [batch, (size.first ?? 2) - 1]).greater(0).asType(.int64)
          return .concatenated([.ones([batch, 1], dtype: .int64), rest], dim: 1)
        },
      ],
      output: question == .classes
        ? "logits of the classes, [batch, classes]"
        : "logits of having been replaced, [batch, time]", sides: ["time"],
      sizes: [[min(8, longest)], [min(13, longest)]]
    ) { inputs in
      self.recordedLogits(inputs[0], mask: inputs[1], ofClasses: question == .classes)
    }
  }
}

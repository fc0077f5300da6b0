public import Torch
public import TorchNN

/// Tokens of which it is said whether they were replaced. The function is
/// ``ReplacedTokenSystem/replacedTokens(in:draws:)``.
public struct ReplacedTokenDetection: Ability, Hashable {
  /// The ability.
  public init() {}
}

/// A system that replaces some tokens of a text and finds them again.
public protocol ReplacedTokenSystem: GenerativeSystem {
  /// For every token of a batch the score of having been replaced, and whether it was, `[tokens]` each; networks in
  /// evaluation mode.
  func replacedTokens(in batch: Batch, draws: any Draws) throws -> (score: Tensor, isReplaced: Tensor)
}

/// Classes of texts. The function is ``TextClassifyingSystem/classes(of:)``.
public struct TextClassification: Ability, Hashable {
  /// The number of classes.
  public var classes: Int

  /// Describes the classes.
  public init(classes: Int) { self.classes = classes }
}

/// A system that says the class of a text.
public protocol TextClassifyingSystem: GenerativeSystem {
  /// The likeliest class of each text of a batch, int64 `[batch]`, networks in evaluation mode.
  func classes(of batch: Batch) throws -> Tensor
}

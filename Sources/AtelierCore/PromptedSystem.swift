public import AtelierData

/// A system that starts from a text, the condition `prompt`, and reads it by a vocabulary of its own.
public protocol PromptedSystem: GenerativeSystem {
  /// What a prompt has that no token stands for; nil where the system was built without its vocabulary.
  func unknownPieces(ofPrompt prompt: String) throws -> UnknownPieces?
}

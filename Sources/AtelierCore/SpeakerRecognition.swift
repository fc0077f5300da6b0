public import Torch
public import TorchNN

/// Embeddings of voices, by which speakers are told apart. The function is ``SpeakerRecognizingSystem/embeddings(of:)``.
public struct SpeakerRecognition: Ability, Hashable {
  /// The field of a piece of speech.
  public var utterance: String
  /// The field of the speaker's number.
  public var speaker: String

  /// Names the fields.
  public init(utterance: String, speaker: String) { (self.utterance, self.speaker) = (utterance, speaker) }
}

/// A system that gives embeddings of voices.
public protocol SpeakerRecognizingSystem: GenerativeSystem {
  /// Embeddings `[batch, size]` of unit length for utterances of the ability's field; networks in evaluation mode.
  func embeddings(of utterances: Tensor) throws -> Tensor
}

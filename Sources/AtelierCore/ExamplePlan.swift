public import AtelierData

/// How the fields of a batch belong together, which decides how a folder of data is read.
public enum ExamplePlan: Sendable, Hashable {
  /// Each example on its own: an image with its label, a piece of text.
  case examples
  /// Two aligned images an example: pairs of files, halves of one file, or one image and what is
  /// derived from it (`derivation`, unless the user asks for another).
  case pairs(source: String, target: String, derivation: PictureDerivation?)
  /// Two sets of images without correspondence.
  case unpaired(String, String)
  /// Two labelled images an example, drawn independently: the field of a content and the field of a class,
  /// each with a field of its label (`contentLabel`, `classLabel`). Classes in `heldOut`, by name, are never
  /// trained on; held-out examples show a content of a trained class and a class of these.
  case classPairs(String, String, heldOut: [String])
  /// Images with words: the field of an image's features and the field of one of its tags, a number into
  /// the tags of the vocabulary, whose words occur at least `minimumCount` times in the training text.
  case tagged(feature: String, tag: String, by: PictureFeatureKind, minimumCount: Int)
  /// Running text, cut into columns of tokens: `token` and, one place later, `target`. A vocabulary of words
  /// holds those that occur at least `minimumCount` times.
  case text(Vocabulary.Unit, minimumCount: Int)
}

public import AtelierData

/// How the fields of a batch belong together, which decides how a folder of data is read.
public enum ExamplePlan: Sendable, Hashable {
  /// Each example on its own: a picture with its label, a piece of text.
  case examples
  /// Two aligned pictures an example: pairs of files, halves of one file, or one picture and what is
  /// derived from it (`derivation`, unless the user asks for another).
  case pairs(source: String, target: String, derivation: PictureDerivation?)
  /// Two sets of pictures without correspondence.
  case unpaired(String, String)
}

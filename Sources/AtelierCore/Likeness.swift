/// What is learned of people: outputs have the voice or the face of somebody of the data.
///
/// Training a system with this ability needs the consent of everybody in the data.
public struct Likeness: Ability, Hashable {
  /// What of a person is learned.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// How somebody sounds.
    case voice
    /// How somebody looks.
    case face
  }

  /// What of people is learned.
  public var kind: Kind
  /// The field of a class whose classes are the people; nil: they are the sides of the data
  /// (`DatasetDescription.sideNames`).
  public var field: String?

  /// Declares whose likeness is learned: of the classes of a field, or of the sides of the data where none is named.
  public init(_ kind: Kind, of field: String? = nil) { (self.kind, self.field) = (kind, field) }
}

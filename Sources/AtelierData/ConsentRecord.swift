/// Who agreed to what, as a model file says it: what a consent file holds without addresses.
public struct ConsentRecord: Sendable, Codable, Hashable {
  /// Somebody whose voice or face was learned.
  public struct Person: Sendable, Codable, Hashable {
    /// The name, as the data's class has it.
    public var name: String
    /// What the model may be used for.
    public var purpose: String
    /// The last day, as `2027-12-31`.
    public var until: String

    /// A person and what was agreed.
    public init(name: String, purpose: String, until: String) {
      (self.name, self.purpose, self.until) = (name, purpose, until)
    }
  }

  /// `voice` or `face`.
  public var kind: String
  /// The SHA-256 of the consent file, which lies in the run's folder.
  public var hash: String
  /// The people of the data.
  public var persons: [Person]

  /// A record.
  public init(kind: String, hash: String, persons: [Person]) {
    (self.kind, self.hash, self.persons) = (kind, hash, persons)
  }

  /// The record for people, a sentence each.
  public var sentences: [String] {
    persons.map { "\($0.name) agreed that the \(kind) is used for: \($0.purpose); until \($0.until)." }
      + ["The consent file has the SHA-256 \(hash)."]
  }
}

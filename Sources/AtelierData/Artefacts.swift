public import Foundation

/// What the data tells a configuration.
public struct DataFacts: Sendable {
  /// The size, channels, classes and counts that were found.
  public let description: DatasetDescription
  /// What was built from the data: a vocabulary, a neighbour table.
  public let artefacts: Artefacts

  /// Collects the facts.
  public init(description: DatasetDescription, artefacts: Artefacts = Artefacts()) {
    self.description = description
    self.artefacts = artefacts
  }
}

/// Named files that a system stands on beside its weights: a vocabulary, a tokeniser, a table.
///
/// They are saved in the run folder and inside the model file, hashed, and checked on resumption.
public struct Artefacts: Sendable, Hashable {
  /// The contents by name.
  public var contents: [String: Data]

  /// Collects artefacts.
  public init(_ contents: [String: Data] = [:]) { self.contents = contents }

  /// Decodes a JSON artefact.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where it is missing or damaged.
  public func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
    guard let data = contents[name] else {
      throw DatasetError.invalid(
        reason: "the artefact '\(name)' is missing; train with --data, or give the whole run folder")
    }
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch {
      throw DatasetError.invalid(reason: "the artefact '\(name)' cannot be read: \(error)")
    }
  }
}

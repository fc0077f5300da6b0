public import Foundation

/// What the data determines of a configuration.
public struct DataFacts: Sendable {
  /// Sizes, channels, classes and counts.
  public let description: DatasetDescription
  /// Artefacts built from the data: a vocabulary, a neighbour table.
  public let artefacts: Artefacts

  /// The facts of a data set.
  public init(description: DatasetDescription, artefacts: Artefacts = Artefacts()) {
    self.description = description
    self.artefacts = artefacts
  }
}

/// Named files that a system needs beside its weights: a vocabulary, a tokeniser, a table.
///
/// They are saved in the run folder and in the model file, and their hashes are checked on resumption.
public struct Artefacts: Sendable, Hashable {
  /// The contents by name.
  public var contents: [String: Data]

  /// Artefacts of the given contents.
  public init(_ contents: [String: Data] = [:]) { self.contents = contents }

  /// Decodes a JSON artefact.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where it is missing or damaged.
  public func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
    guard let data = contents[name] else {
      throw DatasetError.invalid(
        reason: "the artefact '\(name)' is missing; train on the data again, or use the whole run folder")
    }
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch {
      let reason = (error as? DatasetError)?.description ?? "it is no \(type)"
      throw DatasetError.invalid(
        reason: "the artefact '\(name)' is damaged (\(reason)); use the whole run folder as it was saved")
    }
  }
}

internal import Foundation

/// Names of classes or speakers, in which others are looked up: one that is written exactly so goes first.
package struct NamePlaces: Sendable {
  private let exact: [String: Int]
  /// The places of names of one form; nil where several names have it, so that it tells none of them.
  private let tolerant: [String: Int?]

  /// The names by their numbers.
  package init(_ names: [String]) {
    exact = Dictionary(zip(names, names.indices)) { first, _ in first }
    tolerant = Dictionary(names.enumerated().map { (Self.form(of: $1), Optional($0)) }) { one, other in
      guard let one, let other else { return nil }
      return names[one] == names[other] ? one : nil
    }
  }

  /// The number of the name that is written so, else of the only one that is but for capitals and the form of Unicode; nil
  /// where there is none.
  package func callAsFunction(_ name: String) -> Int? { exact[name] ?? tolerant[Self.form(of: name)] ?? nil }

  /// Whether a name is one of them as it is written.
  package func contains(_ name: String) -> Bool { exact[name] != nil }

  private static func form(of name: String) -> String {
    name.precomposedStringWithCanonicalMapping.lowercased()
  }
}

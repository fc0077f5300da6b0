public import Foundation

/// Why a measure could not be taken: one sentence that names the argument and the way out.
public struct MetricError: Error, Sendable, Hashable, CustomStringConvertible, LocalizedError {
  /// The sentence.
  public let description: String

  /// Describes a problem with an argument of a measure.
  public init(_ description: String) { self.description = description }

  /// The same sentence, for code that only knows `Error`.
  public var errorDescription: String? { description }
}

public import Foundation

/// Why a measure could not be computed: one sentence that names the argument and the way out.
public struct MetricError: Error, Sendable, Hashable, CustomStringConvertible, LocalizedError {
  /// The sentence.
  public let description: String

  /// An error with the given sentence.
  public init(_ description: String) { self.description = description }

  /// ``description``, so that `localizedDescription` shows it too.
  public var errorDescription: String? { description }
}

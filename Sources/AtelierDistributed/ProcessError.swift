public import Foundation

/// Why processes do not work together; one sentence with the way out.
public enum ProcessError: Error, Sendable, Hashable {
  /// The variables of the launcher are wrong.
  case badLaunch(reason: String)
  /// This build has no collectives.
  case unavailable(reason: String)
  /// The store of keys cannot be reached.
  case noStore(host: String, port: Int, reason: String)
  /// Processes did not come, are gone, or do not answer.
  case missing(ranks: [Int], count: Int, during: String, reason: String)
  /// A process told why it ended.
  case ended(rank: Int, count: Int, reason: String)
  /// All processes answer, and a collective failed nevertheless.
  case failed(during: String, reason: String)
}

extension ProcessError: CustomStringConvertible, LocalizedError {
  /// The one-sentence text.
  public var description: String {
    switch self {
    case .badLaunch(let reason): return "The processes cannot be told apart: \(reason)."
    case .unavailable(let reason):
      return
        "This build cannot train in several processes: \(reason); train in one, or build with a libtorch that has "
        + "its collectives."
    case .noStore(let host, let port, let reason):
      return
        "Process 0 or the launcher does not answer at \(host):\(port): \(reason); start all processes within the "
        + "time that they wait, with the same MASTER_ADDR and MASTER_PORT."
    case .missing(let ranks, let count, let during, let reason):
      let who =
        ranks.count == 1
        ? "Process \(ranks[0]) of \(count) is"
        : "Processes \(ranks.map(String.init).joined(separator: ", ")) of \(count) are"
      return
        "\(who) gone or does not answer, found in \(during) (\(reason)); look at what it said last, and resume "
        + "the run."
    case .ended(let rank, let count, let reason):
      return "Process \(rank) of \(count) has ended: \(reason)"
    case .failed(let during, let reason):
      return "The processes cannot work together in \(during): \(reason)."
    }
  }

  /// The same text, for code that shows any `Error`.
  public var errorDescription: String? { description }
}

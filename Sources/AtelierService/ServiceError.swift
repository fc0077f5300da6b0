public import Foundation

/// Why a page cannot be served; one sentence with the way out.
public enum ServiceError: Error, Sendable, Hashable, CustomStringConvertible, LocalizedError {
  /// An address that is none of this machine's, or that something else listens at.
  case address(host: String, port: Int, reason: String)
  /// More work waits for the engine than it takes.
  case busy
  /// The engine works no more.
  case stopped

  /// The sentence.
  public var description: String {
    switch self {
    case .address(let host, let port, let reason):
      "\(host), port \(port) cannot be listened at: \(reason); name another host or port"
    case .busy: "too much waits for the model already; ask again a little later"
    case .stopped: "the model is used no more"
    }
  }

  /// The same sentence, for Foundation.
  public var errorDescription: String? { description }
}

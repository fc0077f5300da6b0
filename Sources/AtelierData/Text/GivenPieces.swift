public import Foundation

/// A user's SentencePiece model, as a key of the configuration names it.
public struct GivenPieces: Sendable, Hashable {
  /// The key.
  public var key: String
  /// Where the file is when training begins.
  public var path: String

  /// A file that a key names; nil where it names none.
  public init?(_ path: String?, key: String) {
    guard let path else { return nil }
    (self.key, self.path) = (key, path)
  }

  /// The model of the file.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` where there is none.
  func read() throws(DatasetError) -> SentencePieceModel {
    let place = URL(fileURLWithPath: path)
    guard let data = try? Data(contentsOf: place) else {
      throw .unusable(path: place.path, reason: "\(key) names it, and it cannot be read")
    }
    do throws(DatasetError) { return try SentencePieceModel(data) } catch {
      guard case .invalid(let reason) = error else { throw error }
      throw .unusable(path: place.path, reason: reason)
    }
  }

  /// Refuses a file that is another than the model that is kept; one that is no longer there is not needed.
  func check(against kept: Data?) throws(DatasetError) {
    let place = URL(fileURLWithPath: path)
    guard let data = try? Data(contentsOf: place), data != kept else { return }
    throw .unusable(
      path: place.path,
      reason:
        "\(key) names it, and the weights have learned the tokens of another model, which is kept with them; put "
        + "that file back or remove this one, or begin a new run")
  }
}

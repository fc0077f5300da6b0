public import Foundation

/// Why data could not be opened, read or served.
///
/// Every text is one sentence that names the file or argument and the way out.
public enum DatasetError: Error, Sendable, Hashable {
  /// Nothing is there.
  case notFound(path: String)
  /// The folder is there, and holds none of the layouts Atelier knows.
  case unknownLayout(path: String, lookedFor: [String])
  /// The data exist but have no such part.
  case missingSplit(path: String, split: DatasetSplit, reason: String)
  /// A data file contradicts its own header or its neighbours.
  case corruptFile(path: String, reason: String)
  /// One image is damaged; ``Loader`` can go on without it.
  case corruptPicture(path: String, reason: String)
  /// A label or a column of a table cannot be used.
  case badTable(path: String, reason: String)
  /// The data are there, and cannot serve what was asked for.
  case unusable(path: String, reason: String)
  /// Fewer examples than a batch needs.
  case tooSmall(name: String, count: Int, batchSize: Int)
  /// A saved position belongs to other data or another seed.
  case wrongPosition(reason: String)
  /// A result would be written over something that is there.
  case exists(path: String)
  /// A prepared file or folder cannot be written.
  case unwritable(path: String, reason: String)
  /// An argument makes no sense.
  case invalid(reason: String)
}

extension DatasetError: CustomStringConvertible, LocalizedError {
  /// The one-sentence text.
  public var description: String {
    switch self {
    case .notFound(let path): "There is nothing at \(path); check the path."
    case .unknownLayout(let path, let lookedFor):
      "\(path) holds no data that Atelier recognises; it looked for \(lookedFor.joined(separator: "; "))."
    case .missingSplit(let path, let split, let reason): "\(path) has no \(split.rawValue) part: \(reason)."
    case .corruptFile(let path, let reason): "\(path) is damaged: \(reason)."
    case .corruptPicture(let path, let reason): "The picture \(path) cannot be used: \(reason)."
    case .badTable(let path, let reason): "The table \(path) cannot be used: \(reason)."
    case .unusable(let path, let reason): "\(path) cannot be used: \(reason)."
    case .tooSmall(let name, let count, let batchSize):
      "\(name) has \(count) examples, fewer than one batch of \(batchSize); use a smaller batch or more data."
    case .wrongPosition(let reason): "The data cannot be resumed at the saved position: \(reason)."
    case .exists(let path): "There is something at \(path) already; name a folder that does not exist yet."
    case .unwritable(let path, let reason): "\(path) cannot be written: \(reason)."
    case .invalid(let reason): "The data cannot be used: \(reason)."
    }
  }

  /// The same text, for code that shows any `Error`.
  public var errorDescription: String? { description }
}

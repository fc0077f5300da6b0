internal import AtelierMedia
public import Foundation

/// Why data could not be opened, read or served.
///
/// Descriptions are one sentence that names the file or argument and the way out.
public enum DatasetError: Error, Sendable, Hashable {
  /// Nothing exists at the path.
  case notFound(path: String)
  /// The folder has none of the known layouts.
  case unknownLayout(path: String, lookedFor: [String])
  /// The data has no such part.
  case missingSplit(path: String, split: DatasetSplit, reason: String)
  /// A data file contradicts its header, or the files that belong to it.
  case corruptFile(path: String, reason: String)
  /// One image is damaged; ``Loader`` can skip it.
  case corruptImage(path: String, reason: String)
  /// The machine lacks what reading takes: memory, threads or file handles. The file may be sound.
  case exhausted(path: String, reason: String)
  /// A label or a column of a table cannot be used.
  case badTable(path: String, reason: String)
  /// The data are there, and cannot serve what was asked for.
  case unusable(path: String, reason: String)
  /// Fewer examples than a batch needs.
  case tooSmall(name: String, count: Int, batchSize: Int)
  /// A saved position belongs to other data or another seed.
  case wrongPosition(reason: String)
  /// The destination exists already.
  case exists(path: String)
  /// A prepared file or folder cannot be written.
  case unwritable(path: String, reason: String)
  /// An argument is invalid.
  case invalid(reason: String)
}

extension DatasetError: CustomStringConvertible, LocalizedError {
  /// One sentence; see the type.
  public var description: String { text.onOneLine }

  private var text: String {
    switch self {
    case .notFound(let path): "There is nothing at \(path); check the path."
    case .unknownLayout(let path, let lookedFor):
      "\(path) holds no data that Atelier recognises; it looked for \(lookedFor.joined(separator: "; "))."
    case .missingSplit(let path, let split, let reason): "\(path) has no \(split.rawValue) part: \(reason)."
    case .corruptFile(let path, let reason): "\(path) is damaged: \(reason)."
    case .corruptImage(let path, let reason): "The image \(path) cannot be used: \(reason)."
    case .exhausted(let path, let reason): "\(path) cannot be read now: \(reason)."
    case .badTable(let path, let reason): "The table \(path) cannot be used: \(reason)."
    case .unusable(let path, let reason): "\(path) cannot be used: \(reason)."
    case .tooSmall(let name, let count, let batchSize):
      "\(name) has \(count) examples, fewer than one batch of \(batchSize); use a smaller batch or more data."
    case .wrongPosition(let reason): "The data cannot be resumed at the saved position: \(reason)."
    case .exists(let path): "\(path) exists already; name a folder that does not exist yet."
    case .unwritable(let path, let reason): "\(path) cannot be written: \(reason)."
    case .invalid(let reason): "The data cannot be used: \(reason)."
    }
  }

  /// ``description``, so that `localizedDescription` shows it too.
  public var errorDescription: String? { description }
}

public import Foundation

/// A file that could not be read or written: one sentence that names the file and the way out.
public struct FileFormatError: Error, Sendable, Hashable, CustomStringConvertible, LocalizedError {
  /// The file's path; nil where it is not known.
  public let file: String?
  /// The problem and the way out, without the file's name.
  public let problem: String
  /// Whether it could not be written.
  public let isWriting: Bool

  /// An error for a file.
  ///
  /// - Parameters:
  ///   - file: the file; nil where it is not known.
  ///   - problem: the problem and the way out, as a sentence without a capital letter and a full stop.
  ///   - isWriting: whether it could not be written.
  public init(file: URL?, problem: String, isWriting: Bool = false) {
    self.file = file?.path
    self.problem = problem
    self.isWriting = isWriting
  }

  /// `path: problem`.
  public var description: String { file.map { "\($0): \(problem)" } ?? problem }

  /// ``description``, so that `localizedDescription` shows it too.
  public var errorDescription: String? { description }

  /// The same error with a file's name, where it has none.
  public func naming(_ url: URL) -> FileFormatError {
    file == nil ? FileFormatError(file: url, problem: problem, isWriting: isWriting) : self
  }

  /// A name from a file in quotation marks, without control characters and truncated, as it may be crafted to
  /// corrupt a terminal or a log.
  package static func quoted(_ name: String) -> String {
    let visible = name.unicodeScalars.prefix(80).map { scalar -> Character in
      scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
        ? "\u{FFFD}" : Character(scalar)
    }
    return "“" + String(visible) + (name.unicodeScalars.count > 80 ? "…" : "") + "”"
  }

  /// A sentence for an error number of the operating system.
  static func sentence(_ code: Int32, writing: Bool) -> String {
    switch code {
    case ENOSPC, EDQUOT:
      "the disk is full; free some space and save again, what was there before is untouched"
    case EACCES, EPERM:
      writing
        ? "there is no permission to write here; choose another folder or change its permissions"
        : "there is no permission to read it; change its permissions"
    case EROFS: "the file system can only be read; choose another folder"
    case ENOENT:
      writing ? "its folder does not exist; create the folder first" : "there is no such file; check the path"
    case ENOTDIR: "a part of the path is a file and not a folder; check the path"
    case EISDIR, ENOTEMPTY, EEXIST: "a folder or a device of this name is in the way; choose another name"
    case EMFILE, ENFILE: "too many files are open; raise the limit (ulimit -n) or end other programs"
    case ENAMETOOLONG: "the name is too long for this file system; choose a shorter one"
    default:
      (writing ? "it could not be written" : "it could not be read")
        + " (\(String(cString: strerror(code)))); check the disk and try again"
    }
  }
}

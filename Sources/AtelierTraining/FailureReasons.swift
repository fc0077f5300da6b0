import Foundation

/// What a person can do about a file or folder that cannot be read, as the end of a sentence.
///
/// - Parameter needsFolder: whether it has to be a folder, and not a file.
func readFailureReason(_ error: any Error, _ url: URL, needsFolder: Bool = false) -> String {
  var isFolder: ObjCBool = false
  if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder),
    isFolder.boolValue != needsFolder
  {
    return needsFolder
      ? "it is a file and not a folder; put the folder in its place"
      : "it is a folder and not a file; put the file in its place"
  }
  let failure = error as NSError
  let underlying = failure.userInfo[NSUnderlyingErrorKey] as? NSError
  let code = [failure, underlying].compactMap { $0 }.first { $0.domain == NSPOSIXErrorDomain }?.code
  switch code.map({ Int32($0) }) {
  case EACCES?, EPERM?: return "there is no permission to read it; change its permissions"
  case let code?: return "\(String(cString: strerror(code))); put it back"
  case nil: return "\(error.localizedDescription.trimmedSentence); put it back"
  }
}

/// What a decoder complains of, with the key, as a part of a sentence.
func decodingReason(_ error: any Error) -> String {
  func path(_ context: DecodingError.Context, _ last: String? = nil) -> String {
    let keys = context.codingPath.map(\.stringValue) + [last].compactMap { $0 }
    return keys.isEmpty ? "" : " at '\(keys.joined(separator: "."))'"
  }
  return switch error as? DecodingError {
  case .keyNotFound(let key, let context)?: "a value is missing\(path(context, key.stringValue))"
  case .typeMismatch(let type, let context)?: "there is no \(type)\(path(context))"
  case .valueNotFound(let type, let context)?: "there is null and no \(type)\(path(context))"
  case .dataCorrupted(let context)?: "\(context.debugDescription.trimmedSentence)\(path(context))"
  default: "\(error)".trimmedSentence
  }
}

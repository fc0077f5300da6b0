public import Foundation

/// Why a video or a folder of frames could not be read or written.
///
/// Every text is one sentence that names the file or folder.
public enum VideoError: Error, Sendable, Hashable {
  /// The file or folder is missing or may not be read.
  case unreadable(file: String, reason: String)
  /// The file is none that ffmpeg reads, or has no moving images in it.
  case notAVideo(file: String, reason: String)
  /// The ffmpeg program is needed and cannot be used.
  case missingProgram(file: String, reason: String)
  /// The file is a video that is damaged or cut short.
  case damaged(file: String, reason: String)
  /// Frames have more pixels than the limit allows.
  case tooLarge(file: String, width: Int, height: Int, limit: Int)
  /// The folder's frames are no sequence: numbers are missing or double, or sizes differ.
  case unfit(folder: String, reason: String)
  /// The video or the folder could not be written.
  case unwritable(file: String, reason: String)
  /// Something was asked for that does not exist, such as a frame rate of 0.
  case invalid(reason: String)
  /// A frame's own file failed, with the reason that names it.
  case frame(ImageError)
}

extension VideoError: CustomStringConvertible, LocalizedError {
  /// The one-sentence text.
  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)."
    case .notAVideo(let file, let reason): "\(file) is not a video that ffmpeg reads: \(reason)."
    case .missingProgram(let file, let reason):
      "\(file) needs the ffmpeg program, through which videos are read and written: \(reason)."
    case .damaged(let file, let reason): "\(file) is damaged or cut short: \(reason)."
    case .tooLarge(let file, let width, let height, let limit):
      "\(file) has frames of \(width) x \(height) pixels, more than the limit of \(limit); "
        + "shrink it, or raise maximumPixels if it can be trusted."
    case .unfit(let folder, let reason): "\(folder) is no sequence of frames: \(reason)."
    case .unwritable(let file, let reason): "\(file) cannot be written: \(reason)."
    case .invalid(let reason): "The video operation is not possible: \(reason)."
    case .frame(let error): error.description
    }
  }

  /// The same text, for code that shows any `Error`.
  public var errorDescription: String? { description }
}

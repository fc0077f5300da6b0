public import Foundation

/// Why a video or a folder of frames could not be read or written.
///
/// Descriptions are one sentence that names the file or folder.
public enum VideoError: Error, Sendable, Hashable {
  /// The file or folder is missing or may not be read.
  case unreadable(file: String, reason: String)
  /// ffmpeg does not read the file, or it has no video stream.
  case notAVideo(file: String, reason: String)
  /// ffmpeg is needed and cannot be run.
  case missingProgram(file: String, reason: String)
  /// The video is damaged or truncated.
  case damaged(file: String, reason: String)
  /// Frames have more pixels than the limit.
  case tooLarge(file: String, width: Int, height: Int, limit: Int)
  /// The folder is not a sequence of frames: numbers are missing or duplicate, or sizes differ.
  case unfit(folder: String, reason: String)
  /// The video or the folder could not be written.
  case unwritable(file: String, reason: String)
  /// An argument is invalid, such as a frame rate of 0.
  case invalid(reason: String)
  /// A frame's file failed; the error names it.
  case frame(ImageError)
}

extension VideoError: CustomStringConvertible, LocalizedError {
  /// One sentence; see the type.
  public var description: String { text.onOneLine }

  private var text: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)."
    case .notAVideo(let file, let reason): "\(file) is not a video that ffmpeg reads: \(reason)."
    case .missingProgram(let file, let reason):
      "\(file) needs the ffmpeg program, through which videos are read and written: \(reason)."
    case .damaged(let file, let reason): "\(file) is damaged or cut short: \(reason)."
    case .tooLarge(let file, let width, let height, let limit):
      "\(file) has frames of \(width) x \(height) pixels, more than the limit of \(limit); "
        + "shrink it, or raise maximumPixels if it can be trusted."
    case .unfit(let folder, let reason): "\(folder) is not a sequence of frames: \(reason)."
    case .unwritable(let file, let reason): "\(file) cannot be written: \(reason)."
    case .invalid(let reason): "The video operation is not possible: \(reason)."
    case .frame(let error): error.description
    }
  }

  /// ``description``, so that `localizedDescription` shows it too.
  public var errorDescription: String? { description }
}

public import Foundation

/// Why a sound could not be read, written or made.
///
/// Descriptions are one sentence that names the file, or "the sound" where it came from memory.
public enum AudioError: Error, Sendable, Hashable {
  /// The file is missing or may not be read.
  case unreadable(file: String, reason: String)
  /// Neither libsndfile nor ffmpeg recognises the format.
  case notASound(file: String)
  /// The format needs ffmpeg, which cannot be run.
  case missingProgram(file: String, reason: String)
  /// The file is damaged, truncated or empty.
  case damaged(file: String, reason: String)
  /// The header declares more samples than the limit.
  case tooLarge(file: String, frames: Int, channels: Int, limit: Int)
  /// The sample rate, channels or encoding are not supported.
  case unsupported(file: String, reason: String)
  /// The sound could not be encoded or written.
  case unwritable(file: String, reason: String)
  /// A sound operation got an invalid argument, such as a sample rate of 0.
  case invalid(reason: String)
}

extension AudioError: CustomStringConvertible, LocalizedError {
  /// One sentence; see the type.
  public var description: String { text.onOneLine }

  private var text: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)."
    case .notASound(let file):
      "\(file) is no sound: neither libsndfile (WAV, FLAC, Ogg, AIFF, MP3, …) nor ffmpeg reads it."
    case .missingProgram(let file, let reason):
      "\(file) is no sound that libsndfile reads, and others need the ffmpeg program: \(reason)."
    case .damaged(let file, let reason): "\(file) is damaged or cut short: \(reason)."
    case .tooLarge(let file, let frames, let channels, let limit):
      "\(file) declares \(frames) frames of \(channels) channels, more than the limit of \(limit) samples; "
        + "read it in windows with AudioReader, or raise maximumSamples if it can be trusted."
    case .unsupported(let file, let reason): "\(file) cannot be used: \(reason)."
    case .unwritable(let file, let reason): "\(file) cannot be written: \(reason)."
    case .invalid(let reason): "The sound operation is not possible: \(reason)."
    }
  }

  /// ``description``, so that `localizedDescription` shows it too.
  public var errorDescription: String? { description }
}

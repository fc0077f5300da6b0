public import Foundation

/// Why a sound could not be read, written or made.
///
/// Every text is one sentence that names the file (or "the sound" when it came from memory).
public enum AudioError: Error, Sendable, Hashable {
  /// The file is missing or may not be read.
  case unreadable(file: String, reason: String)
  /// The bytes are in no format that libsndfile or the ffmpeg program reads.
  case notASound(file: String)
  /// The file is of a kind that only the ffmpeg program reads, and the program cannot be used.
  case missingProgram(file: String, reason: String)
  /// The bytes are a sound that is damaged, cut short or empty.
  case damaged(file: String, reason: String)
  /// The header announces more samples than the limit allows.
  case tooLarge(file: String, frames: Int, channels: Int, limit: Int)
  /// The sound's sample rate, channels or encoding are none that Atelier works with.
  case unsupported(file: String, reason: String)
  /// The sound could not be encoded or written.
  case unwritable(file: String, reason: String)
  /// A sound operation was asked for something that does not exist, such as a sample rate of 0.
  case invalid(reason: String)
}

extension AudioError: CustomStringConvertible, LocalizedError {
  /// The one-sentence text.
  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)."
    case .notASound(let file):
      "\(file) is no sound: neither libsndfile (WAV, FLAC, Ogg, AIFF, MP3, …) nor ffmpeg reads it."
    case .missingProgram(let file, let reason):
      "\(file) is no sound that libsndfile reads, and others need the ffmpeg program: \(reason)."
    case .damaged(let file, let reason): "\(file) is damaged or cut short: \(reason)."
    case .tooLarge(let file, let frames, let channels, let limit):
      "\(file) announces \(frames) frames of \(channels) channels, more than the limit of \(limit) samples; "
        + "read it in windows with AudioReader, or raise maximumSamples if it can be trusted."
    case .unsupported(let file, let reason): "\(file) cannot be used: \(reason)."
    case .unwritable(let file, let reason): "\(file) cannot be written: \(reason)."
    case .invalid(let reason): "The sound operation is not possible: \(reason)."
    }
  }

  /// The same text, for code that shows any `Error`.
  public var errorDescription: String? { description }
}

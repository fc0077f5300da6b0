import AtelierMedia
public import Foundation
public import Torch

/// Why a run could not be made, continued or read; one sentence that names the file or option and the
/// way out.
public enum TrainingError: Error, Sendable, Hashable {
  /// A file or folder of the run cannot be written.
  case unwritable(path: String, reason: String)
  /// Another process is writing to the run.
  case inUse(path: String)
  /// The path holds no run, checkpoint or model, or one that cannot be read.
  case notFound(path: String, reason: String)
  /// A file is there and cannot be trusted.
  case damaged(path: String, reason: String)
  /// The run exists, and going on would not give what an uninterrupted run gives.
  case cannotResume(reason: String)
  /// An option or a combination of options makes no sense.
  case invalid(reason: String)
  /// A device that was asked for, or that a run recorded, is not there.
  case unavailableDevice(String)
  /// The data do not fit the system.
  case unfitData(path: String, reason: String)
  /// Training broke off; the text says what is kept.
  case brokenOff(cause: Cause, reason: String, saved: String)

  /// What made a training break off.
  public enum Cause: String, Sendable, Hashable {
    /// The data vanished, or cannot be read any more.
    case data
    /// Nothing can be written any more.
    case disk
    /// The machine lacks memory, threads or file handles.
    case machine
    /// The system or the engine failed.
    case system
  }
}

extension TrainingError: CustomStringConvertible, LocalizedError {
  /// The one-sentence text.
  public var description: String { text.onOneLine }

  private var text: String {
    switch self {
    case .unwritable(let path, let reason): "\(path) cannot be written: \(reason)."
    case .inUse(let path):
      "\(path) is in use: another process is writing to this run; wait for it or stop it."
    case .notFound(let path, let reason): "\(path) cannot be used: \(reason)."
    case .damaged(let path, let reason): "\(path) is damaged: \(reason)."
    case .cannotResume(let reason): "The run cannot be resumed exactly: \(reason)."
    case .invalid(let reason): "Training cannot start: \(reason)."
    case .unavailableDevice(let device):
      "This machine, or this build of the engine, has no device \(device); choose another, cpu always works."
    case .unfitData(let path, let reason): "\(path) does not fit the system: \(reason)."
    case .brokenOff(_, let reason, let saved): "Training broke off: \(reason.trimmedSentence). \(saved)"
    }
  }

  /// The same text, for code that shows any `Error`.
  public var errorDescription: String? { description }
}

extension Device {
  /// Refuses a device that this machine or this engine does not have.
  ///
  /// - Throws: ``TrainingError/unavailableDevice(_:)``.
  public func requireAvailable() throws(TrainingError) {
    guard isAvailable else { throw .unavailableDevice(description) }
  }
}

extension String {
  /// Without the full stop at its end, so that it can stand inside another sentence.
  package var trimmedSentence: String { hasSuffix(".") ? String(dropLast()) : self }
}

/// What a person can do about an error number that a write gave.
package func writeFailureReason(_ code: Int32) -> String {
  switch code {
  case ENOSPC, EDQUOT: "the disk is full; free some space and resume the run"
  case EACCES, EPERM: "there is no permission to write there; choose another folder or change its permissions"
  case EROFS: "the file system can only be read; choose another folder"
  case ENOENT: "the folder it belongs into does not exist any more"
  case ENOTDIR: "a part of the path is a file and not a folder"
  default: String(cString: strerror(code))
  }
}

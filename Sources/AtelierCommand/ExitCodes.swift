import Atelier
import AtelierDistributed
import AtelierService
import Foundation

/// The exit code and the sentence of every error of the library; 70 is for faults of Atelier's own alone.
package enum ExitCodes {
  static let usage: Int32 = 64
  static let data: Int32 = 65
  static let noInput: Int32 = 66
  static let stoppedByHealth: Int32 = 69
  static let fault: Int32 = 70
  static let shortage: Int32 = 71
  static let cannotWrite: Int32 = 73
  static let inUse: Int32 = 75
  static let interrupted: Int32 = 130

  /// The code of an error; nil for errors that the library does not know.
  package static func code(of error: any Error) -> Int32? {
    switch error {
    case is ConfigurationError: usage
    case let error as DatasetError: code(error)
    case let error as TrainingError: code(error)
    case let error as FileFormatError: error.isWriting ? cannotWrite : data
    case let error as ImageError: code(error)
    case let error as AudioError: code(error)
    case let error as VideoError: code(error)
    case is MetricError, is CheckpointError: data
    case let error as ServiceError: if case .address = error { usage } else { fault }
    case let error as PerceptionError: code(error)
    case let error as ExportError: error.isInternal ? fault : usage
    case is ScriptError: fault
    case let error as TensorError: error.isOutOfMemory ? shortage : fault
    case is CocoaError, is POSIXError: cannotWrite
    case ProcessError.badLaunch, ProcessError.unavailable: usage
    case is ProcessError: shortage
    default: nil
    }
  }

  /// One sentence, with the option of the command line that helps.
  static func sentence(of error: any Error) -> String {
    switch error {
    case let error as TensorError where error.isOutOfMemory:
      "there is not enough memory for it; take a smaller batch, network or image: \(error.description)"
    case let error as TrainingError: error.description + option(for: error)
    case let error as any LocalizedError: error.errorDescription ?? error.localizedDescription
    default: error.localizedDescription
    }
  }

  private static func option(for error: TrainingError) -> String {
    switch error {
    case .cannotResume(let reason) where reason.hasSuffix("allow inexact resumption"):
      " (--allow-inexact-resume)"
    case .cannotResume(let reason) where reason.hasSuffix("divided anew with reshard"): " (--reshard)"
    case .brokenOff: " (--resume)"
    case .unavailableDevice: " (--device cpu)"
    default: ""
    }
  }

  private static func code(_ error: TrainingError) -> Int32 {
    switch error {
    case .notFound: noInput
    case .damaged, .unfitData: data
    case .cannotResume, .invalid, .unavailableDevice: usage
    case .unwritable: cannotWrite
    case .inUse: inUse
    case .brokenOff(.data, _, _): data
    case .brokenOff(.disk, _, _): cannotWrite
    case .brokenOff(.machine, _, _): shortage
    case .brokenOff(.system, _, _): fault
    }
  }

  private static func code(_ error: PerceptionError) -> Int32 {
    switch error {
    case .missing: noInput
    case .unknownWeights, .unknownLayer: usage
    case .unusable, .shortSound: data
    case .fetching: fault
    }
  }

  private static func code(_ error: DatasetError) -> Int32 {
    switch error {
    case .notFound: noInput
    case .wrongPosition, .invalid, .exists: usage
    case .unwritable: cannotWrite
    case .exhausted: shortage
    default: data
    }
  }

  private static func code(_ error: ImageError) -> Int32 {
    switch error {
    case .unwritable: cannotWrite
    case .exhausted: shortage
    default: data
    }
  }

  private static func code(_ error: AudioError) -> Int32 {
    if case .unwritable = error { cannotWrite } else { data }
  }

  private static func code(_ error: VideoError) -> Int32 {
    switch error {
    case .unwritable: cannotWrite
    case .frame(let error): code(error)
    default: data
    }
  }
}

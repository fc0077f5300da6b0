import Foundation

/// Why a file could not be written, and the way out, as the end of a sentence.
package func writeFailureReason(_ error: any Error) -> String {
  switch (error as? CocoaError)?.code {
  case .fileWriteVolumeReadOnly?: "the file system can only be read; choose another folder"
  case .fileWriteNoPermission?:
    "there is no permission to write there; choose another folder or change its permissions"
  case .fileWriteOutOfSpace?: "the disk is full; free some space"
  case .fileNoSuchFile?: "its folder does not exist; create the folder first"
  default: "the folder is missing, full or not writable"
  }
}

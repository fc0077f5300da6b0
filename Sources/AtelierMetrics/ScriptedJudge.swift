import Foundation
import Torch

/// A network of the user's that judges, a TorchScript file: its name in protocols, and what it answers.
struct ScriptedJudge {
  /// The file.
  let file: URL
  /// The first digits of the file's fingerprint.
  let fingerprint: String
  private let role: String
  private let script: LoadedScript

  /// Opens a file.
  ///
  /// - Parameter role: what it is for, as in "pose network".
  /// - Throws: `MetricError` where there is no such file; `ScriptError` where it is not TorchScript.
  init(_ file: URL, as role: String) throws {
    guard let bytes = try? Data(contentsOf: file, options: .alwaysMapped) else {
      throw MetricError("the \(role) \(file.path) cannot be read; name a TorchScript file")
    }
    var hash = Fingerprint()
    hash.add(bytes)
    fingerprint = String(hash.text.prefix(8))
    script = try LoadedScript(file)
    (self.file, self.role) = (file, role)
  }

  /// The file's name and the digits.
  var name: String { "\(file.lastPathComponent) (\(fingerprint))" }

  /// The network's answer to one tensor.
  func callAsFunction(_ input: Tensor) throws -> Tensor { try script([input.contiguous()]) }

  /// The error of an answer that is none.
  func refusal(_ reason: String) -> MetricError { MetricError("the \(role) \(file.path) gives \(reason)") }
}

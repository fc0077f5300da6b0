import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMedia
import AtelierMetrics
import Perception
import Torch
import TorchNN

/// Whether a refusal is one of Atelier's own, in one sentence.
enum RefusalCheck {
  /// What is wrong with an error; nil: nothing.
  static func problem(of error: any Error) -> String? {
    switch error {
    case is FileFormatError, is DatasetError, is ImageError, is AudioError, is TrainingError,
      is ConfigurationError, is CheckpointError, is PerceptionError, is MetricError, is TensorError:
      return sentenceProblem(of: "\(error)")
    default: return "\(type(of: error)) is no error of Atelier's: \(error)"
    }
  }

  /// Why a text is not one sentence of a line; nil where it is.
  static func sentenceProblem(of text: String) -> String? {
    if text.isEmpty { return "the refusal is empty" }
    if let control = text.unicodeScalars.first(where: { $0.properties.generalCategory == .control }) {
      return "the refusal holds the control character \(control.value): \(text.debugDescription)"
    }
    if text.utf8.count > 2000 { return "the refusal has \(text.utf8.count) bytes: \(text.prefix(200))…" }
    return nil
  }
}

public import Foundation

/// Why pretrained weights could not be used; one sentence that names the file, network or layer and the
/// way out.
public enum PerceptionError: Error, Sendable, Hashable, CustomStringConvertible, LocalizedError {
  /// Weights that a loss or a measure needs are not in the store.
  case missing(name: String, needs: String, folder: String, wayOut: String)
  /// There are no weights of this name.
  case unknownWeights(name: String, nearest: String)
  /// The network has no layer of this name.
  case unknownLayer(name: String, network: String, layers: String)
  /// A file is unreadable, or holds something else.
  case unusable(path: String, reason: String)
  /// A sound is shorter than the features of it need.
  case shortSound(samples: Int, needed: Int)
  /// A download failed.
  case fetching(name: String, reason: String)

  /// Whether weights are not in the store, and nothing else is wrong.
  public var isMissing: Bool {
    if case .missing = self { true } else { false }
  }

  /// The sentence.
  public var description: String {
    switch self {
    case .missing(let name, let needs, let folder, let wayOut):
      "\(needs) needs the weights '\(name)', which are not in \(folder); \(wayOut)"
    case .unknownWeights(let name, let nearest):
      "there are no weights called '\(name)'; did you mean '\(nearest)'? `atelier weights list` shows all"
    case .unknownLayer(let name, let network, let layers):
      "\(network) has no layer '\(name)'; its layers are called like \(layers)"
    case .unusable(let path, let reason): "\(path) cannot be used: \(reason)"
    case .shortSound(let samples, let needed):
      "the sound has \(samples) samples, and its spectrogram needs \(needed) at least; give a longer one"
    case .fetching(let name, let reason): "the weights '\(name)' could not be fetched: \(reason)"
    }
  }

  /// The same sentence, for Foundation.
  public var errorDescription: String? { description }
}

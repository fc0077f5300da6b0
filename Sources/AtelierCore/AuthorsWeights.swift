public import Torch
public import TorchNN

extension Network {
  /// Takes the tensors of its authors' files, each of them; when anything does not match, nothing is changed.
  ///
  /// - Throws: ``TorchNN/CheckpointError``; see ``loadAuthorsWeights(_:from:)``.
  public func loadAuthorsWeights(_ tensors: ForeignTensors) throws(CheckpointError) {
    try loadAuthorsWeights(tensors.named, from: tensors.source)
  }

  /// Takes weights under their authors' names, strictly; when anything does not match, nothing is changed.
  ///
  /// Running statistics of instance norms that keep none here are left out: PyTorch saved them by default
  /// before version 0.4, and the networks that did never read them. Everything else must match.
  ///
  /// - Parameter source: what an error names, for example the file's path.
  /// - Throws: ``TorchNN/CheckpointError`` for names that cannot be translated, are missing or left over,
  ///   and for other shapes.
  public func loadAuthorsWeights(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String
  ) throws(CheckpointError) {
    let ours = try authorsNames.translate(tensors, toOurs: true, source: source)
    var unused: Set<String> = []
    for (name, module) in module.namedModules() {
      guard let norm = module as? InstanceNorm2d, norm.runningMean == nil else { continue }
      for buffer in ["running_mean", "running_var", "num_batches_tracked"] {
        unused.insert(name.isEmpty ? buffer : name + "." + buffer)
      }
    }
    try module.load(ours.filter { !unused.contains($0.name) }, from: source)
  }
}

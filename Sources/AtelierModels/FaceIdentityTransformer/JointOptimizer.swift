import Torch
import TorchNN

/// Several optimisers that step together, each with its own parameters and learning rate.
final class JointOptimizer: Optimizer {
  private let parts: [Optimizer]

  init(_ parts: [Optimizer]) {
    self.parts = parts
    super.init(
      parts.flatMap { part in zip(part.names, part.parameters).map { (name: $0, tensor: $1) } },
      learningRate: parts.first?.learningRate ?? 0)
  }

  override func step() { for part in parts { part.step() } }

  override func state() -> [(name: String, tensor: HostTensor)] { parts.flatMap { $0.state() } }

  override func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String
  ) throws(CheckpointError) {
    // Whatever belongs to no other part goes to the first, which names what it does not know.
    var rest = tensors
    for part in parts.dropFirst() {
      let own = Set(part.state().map(\.name))
      try part.load(rest.filter { own.contains($0.name) }, from: source)
      rest.removeAll { own.contains($0.name) }
    }
    try parts.first?.load(rest, from: source)
  }
}

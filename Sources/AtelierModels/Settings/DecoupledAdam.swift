import Torch
import TorchNN

/// Which of the two usual forms of Adam with decoupled weight decay trains a transformer.
public enum DecoupledAdam: String, Sendable, Hashable, Codable, CaseIterable {
  /// Loshchilov and Hutter 2019, as PyTorch has it.
  case adamw
  /// BERT's `AdamWeightDecay`, which does not correct the moments for their zeros at the beginning.
  case adamWeightDecay

  /// The optimiser of some parameters.
  func optimizer(
    _ parameters: [(name: String, tensor: Tensor)], _ settings: AdamSettings, learningRate: Double,
    weightDecay: Double, undecayed: Set<String>
  ) -> AdamW {
    AdamW(
      parameters, learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
      epsilon: settings.adamEpsilon, weightDecay: weightDecay, undecayed: undecayed,
      correctsBias: self == .adamw)
  }
}

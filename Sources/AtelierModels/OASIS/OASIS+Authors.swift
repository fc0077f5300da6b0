public import AtelierCore
public import Torch
import TorchNN

extension OASIS: ReferenceAnswering {
  /// The networks with the inputs and outputs of reference cases.
  static func describe(
    _ configuration: Configuration, _ generator: Generator, _ discriminator: Discriminator
  ) -> [Network] {
    [
      Network("generator", generator, authorsNames: generator.authorsNames) { _, inputs in
        let labels = oneHotLabels(try inputs.required("label"), classes: configuration.classes)
        let noise = configuration.latent > 0 ? try inputs.required("noise") : nil
        return ["image": generator(labels, noise: noise)]
      },
      Network("discriminator", discriminator, authorsNames: discriminator.authorsNames, isForTraining: true) {
        _, inputs in
        ["logits": discriminator(try inputs.required("image"))]
      },
    ]
  }

  /// Losses of given tensors where a check of a reference case names the network `losses`.
  public func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    guard check.kind == "forward", check.network == "losses", check.part == nil else { return nil }
    try check.refuseSettings()
    return try losses(of: inputs.tensors()).mapValues { .tensor($0) }
  }

  /// `real` and `fake` of given `logits`, and `balance` of given `label`.
  public func losses(of inputs: [String: Tensor]) throws -> [String: Tensor] {
    let (logits, labels) = (try inputs.required("logits"), try inputs.required("label"))
    let weights = balance(labels)
    return [
      "real": crossEntropy(logits, labels: labels, balance: weights).reshaped([1]),
      "fake": crossEntropy(logits, labels: nil, balance: nil).reshaped([1]),
      "balance": configuration.classBalancing ? weights.unsqueezed(1) : .ones(like: logits),
    ]
  }
}

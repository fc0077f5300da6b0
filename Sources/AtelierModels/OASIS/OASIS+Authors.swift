public import AtelierCore
public import AtelierData
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

extension OASIS: ImportingSystem {
  /// The files of the authors' program.
  public static var foreignFiles: String {
    "best_EMA.pth (or _G.pth) and _D.pth of boschresearch/OASIS (the images' size is not in them)"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("AGPL-3.0 (boschresearch/OASIS)", allowsCommercialUse: true)
  }

  /// Configuration and networks; without the discriminator the noise is taken to be 64 long.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = try ForeignModel(
      files, of: Self.self, beginningWith: ["generator": "body.0.", "discriminator": "body_down.0."])
    // The discriminator tells the classes, and so the noise.
    let classes = try model.networks["discriminator"].map { try $0.side("layer_up_last.weight", 0) - 1 }
    try model.tell(from: "generator") { generator in
      let channels = try generator.side("body.0.norm_0.mlp_shared.0.weight", 1)
      let latent = classes.map { channels - $0 } ?? min(64, channels - 1)
      var keys = try MapModulation.keys(of: generator, "body.0.norm_0", norm: "first_norm")
      keys["width"] = .integer(try generator.side("conv_img.weight", 1))
      keys["blocks"] = .integer(generator.count("body.", "."))
      keys["spectralNorm"] = .boolean(generator.has("body.0.conv_0.weight_orig"))
      keys["latent"] = .integer(latent)
      keys["classes"] = .integer(channels - latent)
      return keys
    }
    try model.tell(from: "discriminator") { discriminator in
      [
        "discriminatorWidth": .integer(try discriminator.side("layer_up_last.weight", 1)),
        "discriminatorNorm": .string(
          discriminator.has("body_down.0.conv1.0.weight_orig") ? "spectral" : "none"),
      ]
    }
    return model
  }
}

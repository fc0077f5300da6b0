public import AtelierCore
import Perception
import Torch
import TorchNN

extension FaceIdentityTransformer: ReferenceAnswering {
  /// The networks with the names of the reference cases.
  static func describe(
    _ generator: PasscodeGenerator, _ discriminator: PasscodeDiscriminator, _ classifier: PasscodeClassifier,
    _ recognizer: FaceRecogniser, _ sphereFace: SphereFaceNetwork?, _ configuration: Configuration
  ) -> [Network] {
    var networks = [
      Network("generator", generator) { _, inputs in
        ["image": generator(try inputs.required("image"), try inputs.required("code"))]
      },
      Network(
        "discriminator", discriminator, authorsNames: PasscodeDiscriminator.authorsNames, isForTraining: true
      ) { _, inputs in
        let image = try inputs.required("image")
        var outputs: [String: Tensor] = [:]
        for (name, branch) in zip(["M", "R", "WR"], PasscodeDiscriminator.Branch.allCases) {
          for (scale, scores) in discriminator(image, branch).enumerated() {
            outputs["\(name)\(scale)"] = scores
          }
        }
        return outputs
      },
      Network(
        "classifier", classifier, authorsNames: PasscodeClassifier.authorsNames, isForTraining: true
      ) { _, inputs in
        let logits = classifier(try inputs.required("image"), try inputs.required("other"))
        return ["logits": .stacked(logits, dim: 1)]
      },
      Network("recognizer", recognizer, isForTraining: true) { _, inputs in
        let judgement = recognizer(try inputs.required("crop"))
        var outputs = [
          "cosine": judgement.cosine, "margin": judgement.margin, "features": judgement.features,
        ]
        if let identity = inputs["identity"] { outputs["loss"] = angularLoss(judgement, identity, call: 1) }
        return outputs
      },
    ]
    if let sphereFace {
      networks.append(
        Network("sphereface", sphereFace, frozenFrom: "sphereface") { _, inputs in
          ["features": sphereFace(try inputs.required("crop"))]
        })
    }
    return networks
  }

  /// Codes and groups of bits of recorded passcodes.
  public static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "code" else { return nil }
    try check.refuseSettings()
    let length = configuration.passwordLength
    let passcodes = StepPasscodes(try inputs.tensors().required("password"), length: length)
    var outputs: [String: CaseValue] = [:]
    for (code, target, numbers) in [
      ("code", "target", passcodes.own), ("randomCode", "randomTarget", passcodes.random),
      ("inverseCode", "inverseTarget", passcodes.inverse), ("wrongCode", "wrongTarget", passcodes.wrong),
      ("secondWrongCode", "secondWrongTarget", passcodes.secondWrong),
    ] {
      let bits = PasscodeBits.bits(of: numbers, length: length)
      outputs[code] = .tensor((bits - 0.5) * (2 * configuration.passwordValues.value))
      outputs[target] = .tensor(PasscodeBits.groups(of: numbers, length: length))
    }
    return outputs
  }
}

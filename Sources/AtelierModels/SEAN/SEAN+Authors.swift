public import AtelierCore
public import AtelierData
import Torch
import TorchNN

extension SEAN {
  /// The networks with the inputs and outputs of reference cases.
  static func describe(
    _ configuration: Configuration, _ generator: Generator, _ discriminator: MultiscaleDiscriminator,
    _ meanStyles: MeanStyles
  ) -> [Network] {
    func labels(_ inputs: [String: Tensor]) throws -> Tensor {
      oneHotLabels(try inputs.required("label"), classes: configuration.classes)
    }
    return [
      Network("generator", generator, authorsNames: generator.authorsNames) { _, inputs in
        let map = MapPyramid(try labels(inputs))
        let styles = generator.styleEncoder(try inputs.required("image"), map)
        return ["image": generator(map, styles: styles, noise: try inputs.required("noise"))]
      },
      Network(
        "discriminator", discriminator,
        authorsNames: discriminator.mapSystemNames(norm: configuration.discriminatorNorm), isForTraining: true
      ) { _, inputs in
        discriminator.outputs(
          of: .concatenated([try labels(inputs), try inputs.required("image")], dim: 1),
          hasFeatures: configuration.weights.featureMatching > 0)
      },
      Network("meanStyles", meanStyles) { _, _ in ["codes": meanStyles.means] },
    ]
  }
}

extension SEAN: ReferenceAnswering {
  /// The styles of images' regions where a check names the network `styleEncoder`, here a part of the generator.
  public func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    guard check.kind == "forward", check.network == "styleEncoder", check.part == nil else { return nil }
    try check.refuseSettings()
    let inputs = try inputs.tensors()
    let map = MapPyramid(oneHotLabels(try inputs.required("label"), classes: configuration.classes))
    let image = try inputs.required("image")
    return ["codes": .tensor(withoutGradients { generator.styleEncoder(image, map) })]
  }
}

extension SEAN: ImportingSystem {
  /// The files of the authors' program.
  public static var foreignFiles: String {
    "latest_net_G.pth and _D.pth of ZPdesu/SEAN (mean styles are not in them)"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("CC BY-NC-SA 4.0 (ZPdesu/SEAN), not for commercial use", allowsCommercialUse: false)
  }

  /// Configuration and networks.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = try ForeignModel(
      files, of: Self.self, beginningWith: ["generator": "Zencoder.", "discriminator": "discriminator_0."])
    try model.tell(from: "generator") { generator in
      var keys = try MapModulation.keys(of: generator, "head_0.ace_0.Spade", norm: "param_free_norm")
      keys["width"] = .integer(try generator.side("conv_img.weight", 1))
      keys["classes"] = .integer(try generator.side("fc.weight", 1))
      keys["spectralNorm"] = .boolean(generator.has("head_0.conv_0.weight_orig"))
      keys["styleLength"] = .integer(try generator.side("Zencoder.model.14.weight", 0))
      keys["encoderWidth"] = .integer(try generator.side("Zencoder.model.1.weight", 0))
      return keys
    }
    try model.tell(from: "discriminator", MultiscaleDiscriminator.mapSystemKeys)
    return model
  }
}

public import AtelierCore
public import AtelierData
import Torch
import TorchNN

extension SPADE {
  /// The networks with the inputs and outputs of reference cases.
  static func describe(
    _ configuration: Configuration, _ generator: any MapGenerator, _ discriminator: MultiscaleDiscriminator,
    _ encoder: StyleDistributionEncoder?
  ) -> [Network] {
    func map(_ inputs: [String: Tensor]) throws -> Tensor { try self.map(configuration, inputs) }
    var networks = [
      Network("generator", generator, authorsNames: generator.authorsNames) { _, inputs in
        // A style comes as it is, or is drawn from what the encoder makes of an image.
        var style = inputs["latent"]
        if let encoder, style == nil {
          let noise = try inputs["noise"] ?? inputs.required("epsilon")
          style = inputs["image"].map { encoder($0).sample(noise) } ?? noise
        }
        return ["image": generator(MapPyramid(try map(inputs)), style: style)]
      },
      Network(
        "discriminator", discriminator,
        authorsNames: discriminator.mapSystemNames(norm: configuration.discriminatorNorm), isForTraining: true
      ) { _, inputs in
        discriminator.outputs(
          of: .concatenated([try map(inputs), try inputs.required("image")], dim: 1),
          hasFeatures: configuration.weights.featureMatching > 0)
      },
    ]
    if let encoder {
      networks.append(
        Network("encoder", encoder, authorsNames: encoder.authorsNames) { _, inputs in
          let style = encoder(try inputs.required("image"))
          return [
            "mean": style.mean, "logVariance": style.logVariance, "mu": style.mean,
            "logvar": style.logVariance,
          ]
        })
    }
    return networks
  }
}

extension SPADE: ImportingSystem {
  /// The files of the authors' program.
  public static var foreignFiles: String {
    "latest_net_G.pth, _D.pth and _E.pth of NVlabs/SPADE (upsampling and the images' size are "
      + "not in them: upsampling: more)"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("CC BY-NC-SA 4.0 (NVlabs/SPADE), not for commercial use", allowsCommercialUse: false)
  }

  /// Configuration and networks; 36 and 184 channels of maps are taken for Cityscapes' and COCO-Stuff's,
  /// which have one of edges.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = try ForeignModel(
      files, of: Self.self,
      beginningWith: ["generator": "head_0.", "discriminator": "discriminator_0.", "encoder": "layer1."])
    try model.tell(from: "generator", generatorKeys)
    try model.tell(from: "discriminator", MultiscaleDiscriminator.mapSystemKeys)
    try model.tell(from: "encoder") { encoder in
      [
        "encoderWidth": .integer(try encoder.side("layer1.0.weight_orig", 0)),
        "encoderSize": .integer(4 << min(encoder.count("layer", ".0.weight_orig", from: 1), 12)),
      ]
    }
    return model
  }

  private static func generatorKeys(_ generator: ForeignTensors) throws -> [String: ConfigurationValue] {
    let isMost = generator.has("up_4.conv_0.bias")
    let channels = try generator.side("head_0.norm_0.mlp_shared.0.weight", 1)
    let hasEdges = [36, 184].contains(channels)
    var keys = try MapModulation.keys(of: generator, "head_0.norm_0", norm: "param_free_norm")
    keys["width"] = .integer(try generator.side("conv_img.weight", 1) * (isMost ? 2 : 1))
    keys["classes"] = .integer(channels - (hasEdges ? 1 : 0))
    keys["instanceEdges"] = .boolean(hasEdges)
    keys["spectralNorm"] = .boolean(generator.has("head_0.conv_0.weight_orig"))
    if isMost {
      keys["upsampling"] = "most"
      keys["imageWidth"] = 512
      keys["imageHeight"] = 512
    }
    if let entrance = generator.shape("fc.weight", axes: 2) {
      keys["encoder"] = "convolutional"
      keys["latent"] = .integer(entrance[1])
    }
    return keys
  }
}

public import AtelierCore
public import AtelierData
public import Torch

extension CIAGAN {
  /// The model's name in the cases.
  public static var caseModel: String? { "ciagan" }

  /// The networks with the names of the reference cases.
  static func describe(
    _ generator: IdentityGenerator, _ critic: LandmarkCritic, _ siamese: IdentityFeatures
  ) -> [Network] {
    [
      Network("generator", generator, authorsNames: IdentityGenerator.authorsNames) { _, inputs in
        let seen = Seen(
          Batch([
            "image": try inputs.required("image"), "landmarks": try inputs.required("landmarks"),
            "mask": try inputs.required("mask"), "wanted": try inputs.required("identity"),
          ]))
        let face = generator(seen.landmarks, seen.surroundings, seen.wanted)
        return ["generated": face, "image": seen.with(face)]
      },
      Network("critic", critic, authorsNames: LandmarkCritic.authorsNames, isForTraining: true) {
        ["score": critic(.concatenated([try $1.required("image"), try $1.required("landmarks")], dim: 1))]
      },
      Network("siamese", siamese, authorsNames: IdentityFeatures.authorsNames, isForTraining: true) {
        ["features": siamese(try $1.required("image"))]
      },
    ]
  }

  /// The batches of each step in the order in which they are taken: the siamese network's, two for each update of the
  /// critic, one for each of the generator. Second images belong to the first and the last of them.
  public static func recordedSteps(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> [RecordedStep]? {
    let images = try inputs.required("image")
    let second = 1 + 2 * configuration.criticSteps
    return try (0..<images.shape[0]).map { step in
      func recorded(_ name: String) throws -> Tensor {
        try inputs.required(name).selected(dim: 0, index: step)
      }
      let identities = try recorded("identity")
      let batches = try (0..<images.shape[1]).map { place in
        let mask = try recorded("mask").selected(dim: 0, index: place)
        var batch = [
          "image": try recorded("image").selected(dim: 0, index: place),
          "landmarks": try recorded("landmarks").selected(dim: 0, index: place), "mask": mask,
          "targetMask": mask,
          "identity": identities.selected(dim: 0, index: place).selected(dim: 0, index: 0),
          "wanted": identities.selected(dim: 0, index: place).selected(dim: 0, index: 1),
        ]
        if place == 0 || place >= second {
          batch["target"] = try recorded("target").selected(
            dim: 0, index: place == 0 ? 0 : place - second + 1)
        }
        return Batch(batch)
      }
      var draws: [String: [Tensor]] = [:]
      if configuration.adversarialLoss == .wasserstein {
        let mixes = try recorded("mix").reshaped([configuration.criticSteps, -1])
        draws["mix"] = (0..<configuration.criticSteps).map { mixes.selected(dim: 0, index: $0) }
      }
      return RecordedStep(batches: batches, draws: draws)
    }
  }
}

extension CIAGAN: ImportingSystem {
  /// What the authors' program saves.
  public static var foreignFiles: String {
    "*_G.pth of dvl-tum/ciagan, also with *_C.pth and *_S.pth beside it"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("MIT (dvl-tum/ciagan)", allowsCommercialUse: true)
  }

  /// Tells the networks by names and their widths by shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = try ForeignModel(files.map { ForeignTensors($0) }, of: Self.self) { file in
      if file.has("encode_one_hot.0.weight") { return "generator" }
      if file.has("dense1.weight") { return "critic" }
      return file.has("layer1.0.conv1.weight") ? "siamese" : nil
    }
    func widths(_ file: ForeignTensors, _ names: [String]) throws -> ConfigurationValue {
      .list(try names.map { .integer(try file.side($0, 0)) })
    }
    try model.tell(from: "generator") { file in
      let channels = try file.side("encode_noise.0.conv2d.weight_orig", 1)
      let side = Int(Double(try file.side("encode_one_hot.12.weight", 0) / max(1, channels)).squareRoot())
      return [
        "identities": .integer(try file.side("encode_one_hot.0.weight", 1)),
        "identityHidden": .integer(try file.side("encode_one_hot.0.weight", 0)),
        "identityChannels": .integer(channels), "imageSize": .integer(32 * side),
        "channels": try widths(
          file,
          ["deconv0", "conv0", "conv1", "conv2", "conv3"].map { "\($0).conv_r1.conv2d.weight_orig" }),
      ]
    }
    try model.tell(from: "critic") { file in
      [
        "criticChannels": try widths(file, (1...4).map { "conv\($0).conv_r1.conv2d.weight_orig" }),
        "criticHidden": .integer(try file.side("dense1.weight", 1)),
      ]
    }
    try model.tell(from: "siamese") { file in
      [
        "siameseChannels": try widths(file, (1...4).map { "layer\($0).0.conv1.weight" }),
        "siameseHidden": .integer(try file.side("linear2.weight", 1)),
        "featureSize": .integer(try file.side("linear2.weight", 0)),
      ]
    }
    return model
  }
}

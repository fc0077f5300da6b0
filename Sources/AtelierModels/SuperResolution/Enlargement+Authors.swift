public import AtelierCore

// Files of BasicSR, and of the ESRGAN repository, which names layers otherwise.

extension SRResNet: ImportingSystem {
  /// Generators of BasicSR.
  public static var foreignFiles: String { "net_g_*.pth and released models of BasicSR (MSRResNet, RRDBNet)" }

  /// Tells the network by its names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    try recogniseEnlargement(files, hasDiscriminator: false)
  }
}

extension AdversarialEnlargement: ImportingSystem {
  /// Generators and discriminators of BasicSR.
  public static var foreignFiles: String {
    "net_g_*.pth, net_d_*.pth and released models of BasicSR (MSRGAN, ESRGAN); RRDB_*.pth of ESRGAN"
  }

  /// Tells the networks by their names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    try recogniseEnlargement(files, hasDiscriminator: true)
  }
}

extension ImportingSystem where Self: EnlargingSystem {
  fileprivate static func recogniseEnlargement(
    _ files: [ForeignWeights], hasDiscriminator: Bool
  ) throws -> ForeignModel {
    var model = try ForeignModel(
      files.map { EnlargingGeneratorPlan.named(ForeignTensors($0)) }, of: Self.self
    ) {
      file in
      if EnlargingGeneratorPlan.keys(of: file) != nil { return "generator" }
      return hasDiscriminator && EnlargingDiscriminatorPlan.keys(of: file) != nil ? "discriminator" : nil
    }
    try model.tell(from: "generator") { EnlargingGeneratorPlan.keys(of: $0) ?? [:] }
    try model.tell(from: "discriminator") { EnlargingDiscriminatorPlan.keys(of: $0) ?? [:] }
    return model
  }
}

extension EnlargingGeneratorPlan {
  /// The tensors under BasicSR's names of today, where they have those of the ESRGAN repository's own files.
  fileprivate static func named(_ tensors: ForeignTensors) -> ForeignTensors {
    guard tensors.hasName(beginningWith: "RRDB_trunk.") else { return tensors }
    return tensors.replacing([
      "RRDB_trunk.": "body.", ".RDB": ".rdb", "trunk_conv.": "conv_body.", "upconv": "conv_up",
      "HRconv.": "conv_hr.",
    ])
  }

  /// Keys that a file tells of its generator; nil where it holds none.
  fileprivate static func keys(of tensors: ForeignTensors) -> [String: ConfigurationValue]? {
    guard let first = tensors.shape("conv_first.weight", axes: 4),
      let last = tensors.shape("conv_last.weight", axes: 4), tensors.has("conv_hr.weight")
    else { return nil }
    func count(_ suffix: String) -> Int { tensors.count(beginningWith: "body.", endingIn: suffix) }
    var keys: [String: ConfigurationValue] = [
      "width": .integer(first[0]), "outputChannels": .integer(last[0]),
    ]
    if let dense = tensors.shape("body.0.rdb1.conv1.weight", axes: 4), tensors.has("conv_body.weight") {
      // A network for small scales folds its input by 2 or 4.
      let folding = Int((Double(first[1]) / Double(last[0])).squareRoot().rounded())
      let doublings = tensors.count(beginningWith: "conv_up", endingIn: ".weight")
      keys["generator"] = "rrdb"
      keys["blocks"] = .integer(count(".rdb1.conv1.weight"))
      keys["growth"] = .integer(dense[0])
      keys["scale"] = .integer(folding > 1 ? max(1, 4 / folding) : 1 << max(2, min(doublings, 4)))
      keys["inputChannels"] = .integer(folding > 1 ? last[0] : first[1])
      return keys
    }
    guard let enlarging = tensors.shape("upconv1.weight", axes: 4) else { return nil }
    let stages = tensors.count(beginningWith: "upconv", endingIn: ".weight")
    let factor = Int((Double(enlarging[0]) / Double(first[0])).squareRoot().rounded())
    keys["generator"] = "msrresnet"
    keys["blocks"] = .integer(count(".conv1.weight"))
    keys["scale"] = .integer(stages > 1 ? 1 << min(stages, 4) : factor)
    keys["inputChannels"] = .integer(first[1])
    return keys
  }
}

extension EnlargingDiscriminatorPlan {
  /// Keys that a file tells of its discriminator; nil where it holds none.
  fileprivate static func keys(of tensors: ForeignTensors) -> [String: ConfigurationValue]? {
    if let first = tensors.shape("conv0_0.weight", axes: 4), tensors.has("linear2.weight") {
      let stages = tensors.count(beginningWith: "conv", endingIn: "_1.weight")
      return [
        "discriminator": "vgg-style", "discriminatorWidth": .integer(first[0]),
        "imageSize": .integer(4 << min(stages, 12)),
      ]
    }
    guard let first = tensors.shape("conv0.weight", axes: 4), tensors.has("conv9.weight") else { return nil }
    return ["discriminator": "unet-spectral", "discriminatorWidth": .integer(first[0])]
  }
}

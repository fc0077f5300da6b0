public import AtelierCore

// Files of BasicSR, of the ESRGAN repository, which names layers otherwise, and of its first code, which numbers them
// and in which most models of the community are.

extension SRResNet: ImportingSystem {
  /// Generators of BasicSR.
  public static var foreignFiles: String {
    "net_g_*.pth and released models of BasicSR (MSRResNet, RRDBNet), and RRDB networks of ESRGAN's first code"
  }

  /// Tells the network by its names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    try recogniseEnlargement(files, hasDiscriminator: false)
  }
}

extension AdversarialEnlargement: ImportingSystem {
  /// Generators and discriminators of BasicSR.
  public static var foreignFiles: String {
    "net_g_*.pth, net_d_*.pth and released models of BasicSR (MSRGAN, ESRGAN); RRDB_*.pth of ESRGAN, also "
      + "those of its first code (model.0.weight …)"
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
    if let numbered = numbered(tensors) { return numbered }
    guard tensors.hasName(beginningWith: "RRDB_trunk.") else { return tensors }
    return tensors.replacing([
      "RRDB_trunk.": "body.", ".RDB": ".rdb", "trunk_conv.": "conv_body.", "upconv": "conv_up",
      "HRconv.": "conv_hr.",
    ])
  }

  /// The tensors of ESRGAN's first code under BasicSR's names of today; nil for others.
  ///
  /// Layers are numbered as they lie in a sequence: 0 the first convolution, 1 the blocks and the convolution behind
  /// them, then an enlargement, a convolution and an activation for each doubling, and at the end two convolutions
  /// with an activation between them.
  private static func numbered(_ tensors: ForeignTensors) -> ForeignTensors? {
    guard tensors.has("model.0.weight"), tensors.has("model.1.sub.0.RDB1.conv1.0.weight") else { return nil }
    let blocks = tensors.count("model.1.sub.", ".RDB1.")
    let tail = tensors.numbers("model.", ".weight").filter { $0 > 1 }
    guard tail.count >= 2 else { return nil }
    var names = [("model.0.", "conv_first."), ("model.1.sub.\(blocks).", "conv_body.")]
    for (place, number) in tail.enumerated() {
      let name =
        switch tail.count - place {
        case 1: "conv_last."
        case 2: "conv_hr."
        default: "conv_up\(place + 1)."
        }
      names.append(("model.\(number).", name))
    }
    return tensors.renaming { name in
      for (theirs, ours) in names where name.hasPrefix(theirs) { return ours + name.dropFirst(theirs.count) }
      guard name.hasPrefix("model.1.sub.") else { return name }
      let parts = name.dropFirst("model.1.sub.".count).split(separator: ".").map(String.init)
      // 0.RDB1.conv1.0.weight
      guard parts.count == 5, parts[1].hasPrefix("RDB"), parts[3] == "0" else { return name }
      return "body.\(parts[0]).rdb\(parts[1].dropFirst(3)).\(parts[2]).\(parts[4])"
    }
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
      // Without folding there are fewer doublings.
      let foldsInput = folding > 1 || doublings >= 2
      if !foldsInput { keys["foldsInput"] = .boolean(false) }
      keys["scale"] = .integer(folding > 1 ? max(1, 4 / folding) : 1 << min(doublings, 4))
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

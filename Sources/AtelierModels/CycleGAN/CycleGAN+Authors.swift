public import AtelierCore

extension CycleGAN: ImportingSystem {
  /// What the authors' program saves.
  public static var foreignFiles: String {
    "latest_net_G_A.pth and latest_net_G_B.pth of pytorch-CycleGAN-and-pix2pix, one or both, also with "
      + "latest_net_D_A.pth and latest_net_D_B.pth; a latest_net_G.pth is taken for A to B"
  }

  /// Tells the networks by names and shapes, and which is which by the files' names.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = try ForeignModel(files.map { ForeignTensors($0) }, of: Self.self) { file in
      let isB = file.stem.hasSuffix("_B")
      if TranslationGeneratorPlan.keys(of: file) != nil { return isB ? "generatorBA" : "generatorAB" }
      // The authors' D_A judges what G_A makes, which is domain B.
      guard TranslationDiscriminatorPlan.keys(of: file) != nil else { return nil }
      return isB ? "discriminatorA" : "discriminatorB"
    }
    for network in ["generatorAB", "generatorBA"] {
      try model.tell(from: network) { file in
        var keys = TranslationGeneratorPlan.keys(of: file) ?? [:]
        if network == "generatorBA" {
          (keys["inputChannels"], keys["outputChannels"]) = (keys["outputChannels"], keys["inputChannels"])
        }
        // Identity needs images of as many channels on both sides.
        if keys["inputChannels"] != keys["outputChannels"] { keys["weights"] = .table(["identity": 0]) }
        return keys
      }
    }
    for network in ["discriminatorA", "discriminatorB"] {
      try model.tell(from: network) { TranslationDiscriminatorPlan.keys(of: $0) ?? [:] }
    }
    return model
  }
}

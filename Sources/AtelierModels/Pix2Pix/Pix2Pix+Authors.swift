public import AtelierCore

extension Pix2Pix: ImportingSystem {
  /// What the authors' program saves.
  public static var foreignFiles: String {
    "latest_net_G.pth of pytorch-CycleGAN-and-pix2pix, also with latest_net_D.pth beside it"
  }

  /// Tells both networks by names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = try ForeignModel(files.map { ForeignTensors($0) }, of: Self.self) { file in
      if TranslationGeneratorPlan.keys(of: file) != nil { return "generator" }
      return TranslationDiscriminatorPlan.keys(of: file) != nil ? "discriminator" : nil
    }
    try model.tell(from: "generator") { TranslationGeneratorPlan.keys(of: $0) ?? [:] }
    try model.tell(from: "discriminator") { TranslationDiscriminatorPlan.keys(of: $0) ?? [:] }
    return model
  }
}

public import AtelierCore
public import AtelierData

extension FUNIT: ImportingSystem {
  /// The authors' generator and discriminator.
  public static var foreignFiles: String { "gen_*.pt and dis_*.pt of NVlabs/FUNIT" }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("CC BY-NC-SA 4.0 (NVlabs/FUNIT), not for commercial use", allowsCommercialUse: false)
  }

  /// Tells widths and depths from shapes. Of the two generators in a file the averaged one is taken, which is
  /// the one that the authors translate with.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = ForeignModel()
    let (plain, averaged) = (ForeignTensors(files, below: "gen"), ForeignTensors(files, below: "gen_test"))
    let generator = averaged.isEmpty ? plain : averaged
    if !averaged.isEmpty { model.leftOut.append(plain) }
    if !generator.isEmpty {
      let (channels, keys) = try ContentPlan.keys(of: generator, encoder: "enc_content")
      try model.fill("generator", with: generator)
      try model.tell(["inputChannels": .integer(channels)], from: generator)
      try model.tell(keys, from: generator)
      try model.tell(
        ContentPlan.styleKeys(
          of: generator, encoder: "enc_class_model", downsamplings: "classDownsamplings"), from: generator)
    }
    let discriminator = ForeignTensors(files, below: "dis")
    if !discriminator.isEmpty {
      try model.fill("discriminator", with: discriminator)
      try model.tell(
        [
          "discriminatorWidth": .integer(try discriminator.side("cnn_f.0.conv.weight", 0)),
          "classes": .integer(try discriminator.side("cnn_c.0.conv.weight", 0)),
          "discriminatorBlocks": .integer(discriminator.numbers("cnn_f.", ".conv_0.").count),
        ], from: discriminator)
    }
    guard !model.networks.isEmpty else {
      throw ConfigurationError(
        "the files hold no networks of funit: expected are the keys 'gen' and 'gen_test', or 'dis'")
    }
    return model
  }
}

public import AtelierCore

extension ICGAN: ImportingSystem {
  /// Weights of ic_gan with the BigGAN backbone.
  public static var foreignFiles: String {
    "G.pth, G_ema.pth and D.pth of facebookresearch/ic_gan, BigGAN backbone"
  }

  /// Not for commercial use.
  public static var foreignLicence: String? {
    "CC-BY-NC 4.0 (facebookresearch/ic_gan), not for commercial use"
  }

  /// Tells sizes, attention and conditions from shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var (model, shapes) = try BigGANShapes.sorted(files, of: Self.self)
    try model.tell(from: "generator") { _ in
      var keys = try shapes.keys()
      let conditions = try shapes.conditions()
      keys["classConditional"] = .boolean(conditions.usesClasses)
      keys["instanceConditional"] = .boolean(conditions.usesInstances)
      if let features = shapes.instanceFeatures {
        keys["featureSize"] = .integer(features.input)
        keys["sharedFeatureSize"] = .integer(features.projected)
      }
      return keys
    }
    return model
  }
}

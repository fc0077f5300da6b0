public import AtelierCore
public import AtelierData

extension BigGAN: ImportingSystem {
  /// Weights of BigGAN-PyTorch.
  public static var foreignFiles: String { "G.pth, G_ema.pth and D.pth of ajbrock/BigGAN-PyTorch" }

  /// MIT.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("MIT (ajbrock/BigGAN-PyTorch)", allowsCommercialUse: true)
  }

  /// Tells sizes, attention and conditions from shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var (model, shapes) = try BigGANShapes.sorted(files, of: Self.self)
    guard shapes.instanceFeatures == nil else {
      throw ConfigurationError("these weights are conditioned on instances; import them as ic-gan")
    }
    try model.tell(from: "generator") { _ in
      var keys = try shapes.keys()
      keys["model"] = .string(shapes.isDeep ? "biggan-deep" : "biggan")
      if shapes.isDeep {
        keys["generatorDepth"] = .integer(shapes.generatorDepth)
        keys["discriminatorDepth"] = .integer(shapes.discriminatorDepth)
      }
      return keys
    }
    return model
  }
}

public import AtelierCore
public import AtelierData
import Torch

extension ICGAN: ImportingSystem {
  /// Weights of ic_gan with the BigGAN backbone.
  public static var foreignFiles: String {
    "G.pth, G_ema.pth and D.pth of facebookresearch/ic_gan, BigGAN backbone"
  }

  /// Not for commercial use.
  public static var foreignLicence: WeightLicence? {
    WeightLicence(
      "CC-BY-NC 4.0 (facebookresearch/ic_gan), not for commercial use", allowsCommercialUse: false)
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

extension ICGAN: ReferenceAnswering {
  /// What conditions the generator where instances and neighbours are drawn from a given table (`sample`).
  public static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "sample" else { return nil }
    try check.refuseSettings()
    try configuration.validate()
    let inputs = try inputs.tensors()
    let (features, label) = (try inputs.required("features"), try inputs.required("label"))
    guard features.shape == [configuration.instances, configuration.featureSize] else {
      throw ConfigurationError("the features are \(features.shape), not instances times featureSize")
    }
    let table = try InstanceTable(
      features: features, neighbours: try inputs.required("indices"), radius: .zeros([features.shape[0]]),
      label: label)
    let drawn = table.conditions(
      instance: try inputs.required("instanceDraw"), neighbour: try inputs.required("neighbourDraw"))
    return ["features": .tensor(drawn.features), "label": .tensor(drawn.label)]
  }
}

public import AtelierCore
public import AtelierData
public import Torch

extension DeepPrivacy {
  /// The networks with the names of the reference cases.
  static func describe(
    _ generator: FaceInpainter, _ discriminator: FaceDiscriminator, _ growth: FaceGrowth
  ) -> [Network] {
    func seen(_ inputs: [String: Tensor]) throws -> (condition: Tensor, mask: Tensor, keypoints: Tensor) {
      let mask = try inputs.required("mask")
      return (try inputs.required("image") * mask, mask, try inputs.required("keypoints"))
    }
    return [
      Network("generator", generator, authorsNames: FaceInpainter.authorsNames(growth)) { _, inputs in
        let seen = try seen(inputs)
        return [
          "image": generator(seen.condition, seen.mask, seen.keypoints, try inputs.required("latent"))
        ]
      },
      Network(
        "discriminator", discriminator, authorsNames: FaceDiscriminator.authorsNames(growth),
        isForTraining: true
      ) { _, inputs in
        let seen = try seen(inputs)
        return [
          "score": discriminator(try inputs.required("image"), seen.condition, seen.mask, seen.keypoints)
        ]
      },
    ]
  }

  /// The planes of keypoints at each size.
  public static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "features" else { return nil }
    try check.refuseSettings(knowing: ["parameters"])
    guard case .table(let parameters)? = check.settings["parameters"],
      parameters["feature"] == .string("keypointPlanes"), case .integer(let size)? = parameters["size"],
      size >= 4
    else { throw ConfigurationError("the check '\(check.name)' is not one of deep-privacy's keypointPlanes") }
    let keypoints = try inputs.tensors().required("keypoints")
    let sizes = sequence(first: 4) { $0 * 2 }.prefix { $0 <= size }
    return Dictionary(
      uniqueKeysWithValues: sizes.map {
        ("size\($0)", CaseValue.tensor(keypointPlanes(keypoints, size: $0)))
      })
  }
}

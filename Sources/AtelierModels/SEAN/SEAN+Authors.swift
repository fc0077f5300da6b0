public import AtelierCore
import Torch
import TorchNN

extension SEAN {
  /// The networks with the inputs and outputs of reference cases.
  static func describe(
    _ configuration: Configuration, _ generator: Generator, _ discriminator: MultiscaleDiscriminator,
    _ meanStyles: MeanStyles
  ) -> [Network] {
    func labels(_ inputs: [String: Tensor]) throws -> Tensor {
      oneHotLabels(try inputs.required("label"), classes: configuration.classes)
    }
    return [
      Network("generator", generator, authorsNames: generator.authorsNames) { part, inputs in
        let map = MapPyramid(try labels(inputs))
        let styles = generator.styleEncoder(try inputs.required("image"), map)
        if part == "styleEncoder" { return ["codes": styles] }
        return ["image": generator(map, styles: styles, noise: try inputs.required("noise"))]
      },
      Network(
        "discriminator", discriminator,
        authorsNames: discriminator.mapSystemNames(norm: configuration.discriminatorNorm), isForTraining: true
      ) { _, inputs in
        discriminator.outputs(
          of: .concatenated([try labels(inputs), try inputs.required("image")], dim: 1),
          hasFeatures: configuration.weights.featureMatching > 0)
      },
      Network("meanStyles", meanStyles) { _, _ in ["codes": meanStyles.means] },
    ]
  }
}

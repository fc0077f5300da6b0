public import AtelierCore
import AtelierData
public import Torch
import TorchNN

/// Losses by the names of the reference cases `gan-losses` and `gan-penalties`.
///
/// The conformance program knows no loss of its own and calls these.
public enum LossRegistry {
  /// The names that ``evaluate(_:side:inputs:parameters:discriminator:)`` knows.
  public static let names = [
    "vanilla", "logistic", "minimax", "binaryCrossEntropy", "leastSquares", "hinge", "wasserstein",
    "crammerSinger", "classification", "featureMatching", "lecam", "conditionalContrastive",
    "dataToDataCrossEntropy", "gradientPenalty", "maximumGradientPenalty", "dragan", "r1",
  ]

  /// The value of a loss, a scalar with history.
  ///
  /// - Parameters:
  ///   - loss: one of ``names``.
  ///   - side: `discriminator` or `generator`, for losses that differ between the two.
  ///   - inputs: `real`, `fake`, `logits`, `label`, `embedding`, `proxy`, `mixing`, `noise`, as the loss
  ///     needs them.
  ///   - parameters: `temperature`, `margin`, `averageReal`, `averageFake`, as the loss needs them.
  ///   - discriminator: what penalties differentiate.
  /// - Throws: ``ConfigurationError`` for an unknown name or side, and for anything that is missing.
  public static func evaluate(
    _ loss: String, side: String?, inputs: [String: Tensor], parameters: [String: ConfigurationValue] = [:],
    discriminator: ((Tensor) throws -> Tensor)? = nil
  ) throws -> Tensor {
    func input(_ name: String) throws -> Tensor { try inputs.required(name) }
    func number(_ name: String) throws -> Double { try self.number(name, of: parameters, for: loss) }
    func scores() throws -> (Tensor) throws -> Tensor {
      guard let discriminator else {
        throw ConfigurationError("the penalty '\(loss)' needs a discriminator; name its network in the check")
      }
      return discriminator
    }
    switch loss {
    case "crammerSinger":
      return ConditionalLoss.crammerSinger(logits: try input("logits"), label: try input("label"))
    case "classification":
      return ConditionalLoss.classification(logits: try input("logits"), label: try input("label"))
    case "featureMatching":
      return AdversarialRegularizer.featureMatching(real: try input("real"), fake: try input("fake"))
    case "lecam":
      return AdversarialRegularizer.lecam(
        real: try input("real"), fake: try input("fake"), averageReal: try number("averageReal"),
        averageFake: try number("averageFake"))
    case "conditionalContrastive":
      return ConditionalLoss.contrastive(
        embedding: try input("embedding"), proxy: try input("proxy"), label: try input("label"),
        temperature: try number("temperature"))
    case "dataToDataCrossEntropy":
      return ConditionalLoss.dataToDataCrossEntropy(
        embedding: try input("embedding"), proxy: try input("proxy"), label: try input("label"),
        temperature: try number("temperature"), margin: try number("margin"))
    case "gradientPenalty":
      return try GradientPenalty.interpolated(
        real: try input("real"), fake: try input("fake"), mixing: try input("mixing"), discriminator: scores()
      )
    case "maximumGradientPenalty":
      return try GradientPenalty.maximum(
        real: try input("real"), fake: try input("fake"), mixing: try input("mixing"), discriminator: scores()
      )
    case "dragan":
      return try GradientPenalty.dragan(
        real: try input("real"), mixing: try input("mixing"), noise: try input("noise"),
        discriminator: scores())
    case "r1":
      return try GradientPenalty.r1(real: try input("real"), discriminator: scores())
    default:
      return try adversarial(loss, side: side, inputs: inputs)
    }
  }

  /// The discriminator that penalties of a case are taken of: PyTorch-GAN's `wgan_gp.py` with the
  /// case's widths.
  ///
  /// - Throws: ``ConfigurationError`` for keys or values that do not fit it.
  public static func discriminator(
    for configuration: [String: ConfigurationValue], using stream: RandomStream
  ) throws -> Network {
    var changes = configuration
    changes["model"] = nil
    let system = try WGANGP(
      WGANGP.Configuration().overlaid(with: changes), artefacts: Artefacts(), using: stream)
    guard let network = system.network("discriminator") else {
      throw ConfigurationError("\(WGANGP.identity.name) has no discriminator")
    }
    return network
  }

  private static func adversarial(_ name: String, side: String?, inputs: [String: Tensor]) throws -> Tensor {
    guard let kind = name == "vanilla" ? AdversarialLoss.logistic : AdversarialLoss(rawValue: name) else {
      throw ConfigurationError("unknown loss '\(name)'; did you mean '\(nearest(to: name, in: names))'?")
    }
    // StudioGAN keeps the factor ½ of the least-squares paper.
    let scale = kind == .leastSquares ? 0.5 : 1
    switch side {
    case "discriminator":
      return (kind.real(try inputs.required("real")) + kind.fake(try inputs.required("fake"))) * scale
    case "generator":
      return kind.generator(try inputs.required("fake")) * scale
    case let other:
      throw ConfigurationError(
        "the loss '\(name)' has the sides 'discriminator' and 'generator', not \(other.map { "'\($0)'" } ?? "none")"
      )
    }
  }

  private static func number(
    _ name: String, of parameters: [String: ConfigurationValue], for loss: String
  ) throws -> Double {
    switch parameters[name] {
    case .integer(let value): return Double(value)
    case .number(let value): return value
    case nil: throw ConfigurationError("the loss '\(loss)' needs the number '\(name)'")
    case let other?: throw ConfigurationError("'\(name)' of the loss '\(loss)' is a number, not \(other)")
    }
  }
}

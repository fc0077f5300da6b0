public import AtelierCore
public import Torch
import TorchNN

extension DALLE {
  /// The networks with the inputs and outputs of reference cases.
  var described: [Network] {
    switch parts {
    case .discrete(let network):
      let names = DiscreteVAE.authorsNames(
        downsamplings: configuration.downsamplings, residualBlocks: configuration.residualBlocks)
      return [
        Network("autoencoder", network, authorsNames: KeyMap(names)) { [self] part, inputs in
          try forward(network, part, inputs)
        }
      ]
    case .openAI(let network):
      let names = KeyMap(
        OpenAIBlock.authorsNames(blocks: configuration.blocksPerGroup),
        components: OpenAIBlock.authorsComponents)
      return [
        Network("encoder", network.encoder, authorsNames: names) { _, inputs in
          let scores = network.scores(of: try inputs.required("image"))
          return ["logits": scores, "token": scores.argmax(dim: 1)]
        },
        Network("decoder", network.decoder, authorsNames: names) { _, inputs in
          let statistics = network.statistics(of: try inputs.required("token"))
          return ["statistics": statistics, "image": LogitLaplace.image(of: statistics)]
        },
      ]
    case .whole(let network):
      var names = TextImageTransformer.authorsNames(network.decoder.shape, ours: "decoder.")
      if !configuration.isOpenAI {
        names.merge(
          DiscreteVAE.authorsNames(
            downsamplings: configuration.downsamplings, residualBlocks: configuration.residualBlocks,
            ours: "autoencoder.", theirs: "vae.")
        ) { first, _ in first }
      }
      return [
        Network(
          "model", network,
          authorsNames: KeyMap(names, otherNames: TextImageTransformer.otherAuthorsNames)
        ) { [self] part, inputs in
          if let part { throw ConfigurationError("the model has no part '\(part)'") }
          let (text, codes) = (fitted(try inputs.required("text")), try inputs.required("token"))
          let losses = network.decoder.losses(text, codes)
          let weight = configuration.imageLossWeight
          return [
            "logits": network.decoder.logits(network.decoder.features(text, codes)),
            "loss": (losses.text + losses.image * weight) / (weight + 1),
          ]
        }
      ] + (scorer.map { [Self.described($0)] } ?? [])
    }
  }

  /// The cosines of images and captions, `[images, captions]`.
  private static func described(_ scorer: TextImageScorer) -> Network {
    Network("scorer", scorer) { part, inputs in
      if let part { throw ConfigurationError("the scorer has no part '\(part)'") }
      let images = scorer.embedded(images: try inputs.required("image"))
      return ["score": images.matmul(scorer.embedded(captions: try inputs.required("text")).transposed(0, 1))]
    }
  }

  /// `logits` and `token` of an image, an image of tokens, or with `noise` the reconstruction and its loss.
  private func forward(
    _ network: DiscreteVAE, _ part: String?, _ inputs: [String: Tensor]
  ) throws -> [String: Tensor] {
    switch part {
    case "codes":
      let scores = network.scores(of: try inputs.required("image"))
      return ["logits": scores, "token": scores.argmax(dim: 1).flattened(from: 1)]
    case "decoder": return ["image": network.decoded(try inputs.required("token"))]
    case nil:
      let image = try inputs.required("image")
      guard let noise = inputs["noise"] else { return ["image": network.decoded(network.codes(of: image))] }
      let scores = network.scores(of: image)
      let relaxed = relaxation(scores, noise: noise)
      let terms = terms(image, scores, relaxed, 0)
      return [
        "image": network.decoded(relaxed: relaxed),
        "loss": terms.divergence.map { terms.reconstruction + $0 } ?? terms.reconstruction,
      ]
    case let part?:
      throw ConfigurationError("the autoencoder's parts are codes and decoder, not '\(part)'")
    }
  }

  /// Tokens drawn for captions, `noise` `[places, batch, tokens]` being the Gumbel noise of each drawn one.
  public func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    guard check.kind == "generate", let transformer = parts.transformer else { return nil }
    try check.refuseSettings(knowing: ["filterThreshold", "temperature", "initialTokens"])
    func number(_ key: String, _ otherwise: Double) throws -> Double {
      switch check.settings[key] {
      case nil: return otherwise
      case .integer(let value)?: return Double(value)
      case .number(let value)?: return value
      case let value?: throw ConfigurationError("'\(key)' is '\(value)', and a number is needed")
      }
    }
    let given = try inputs.tensors()
    let sampling = CodeSampling(
      temperature: try number("temperature", 1), filterThreshold: try number("filterThreshold", 0.5))
    let noise = try given.required("noise")
    let first = try given["image"].map {
      let codes = parts.codes.codes(of: $0)
      let usual = (0.4375 * Double(codes.shape[1])).rounded(.down)
      return codes.slice(1, 0, Int(try number("initialTokens", usual)))
    }
    let drawn = (0..<(transformer.shape.layout.codes - (first?.shape[1] ?? 0))).map {
      noise.selected(dim: 0, index: $0)
    }
    return withoutGradients {
      let codes = transformer.drawn(
        fitted(given["text"] ?? .zeros([0, 0])), after: first, sampling, RecordedDraws(["noise": drawn]))
      let image = (parts.codes as? DiscreteVAE)?.decoded(codes) ?? parts.codes.image(of: codes)
      return ["token": .tensor(codes), "image": .tensor(image)]
    }
  }
}

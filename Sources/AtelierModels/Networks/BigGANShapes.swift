import AtelierCore

/// What the shapes in the files of BigGAN's and IC-GAN's authors tell of the networks.
struct BigGANShapes {
  private let generator: ForeignTensors
  private let discriminator: ForeignTensors?

  /// The files by network; the moving average is known by `ema` in its file's name, and stands for the
  /// generator where that has no file.
  static func sorted(
    _ files: [ForeignWeights], of system: any ImportingSystem.Type
  ) throws -> (model: ForeignModel, shapes: BigGANShapes) {
    var model = try ForeignModel(files.map { ForeignTensors($0) }, of: system) { file in
      if file.has("output_layer.0.gain") {
        return file.stem.lowercased().contains("ema") ? "generatorAverage" : "generator"
      }
      return file.has("blocks.0.0.conv1.weight") ? "discriminator" : nil
    }
    if model.networks["generator"] == nil, let average = model.networks["generatorAverage"] {
      try model.fill("generator", with: average)
    }
    let generator = try model.required("generator", of: system)
    return (model, BigGANShapes(generator: generator, discriminator: model.networks["discriminator"]))
  }

  var isDeep: Bool { generator.has("blocks.0.0.conv4.weight") }

  /// Blocks that follow each other at one resolution: 2, unless the widths are all equal, when attention or
  /// the authors' default decides.
  var generatorDepth: Int { isDeep ? 2 : 1 }

  var discriminatorDepth: Int {
    discriminator.map { max(1, $0.count("blocks.0.", ".conv1.weight")) } ?? generatorDepth
  }

  var instanceFeatures: (input: Int, projected: Int)? {
    generator.shape("shared_feat.weight", axes: 2).map { (input: $0[1], projected: $0[0]) }
  }

  /// The shared embedding of classes, where there is one.
  private var sharedEmbedding: (classes: Int, size: Int)? {
    generator.shape("shared.weight", axes: 2).map { (classes: $0[0], size: $0[1]) }
  }

  /// How long a chunk of the latent is, and which conditions the norms see.
  func conditions() throws(ConfigurationError) -> (
    isHierarchical: Bool, usesClasses: Bool, usesInstances: Bool
  ) {
    let norm = try generator.required("blocks.0.0.bn1.gain.weight", axes: 2)
    guard let table = sharedEmbedding?.size else { return (false, true, false) }
    let chunk = try generator.required("linear.weight", axes: 2)[1]
    let features = instanceFeatures?.projected
    for (isHierarchical, rest) in [(true, norm[1] - chunk), (false, norm[1])] {
      if let features {
        if rest == table + features { return (isHierarchical, true, true) }
        if rest == features { return (isHierarchical, false, true) }
      }
      if rest == table { return (isHierarchical, true, false) }
    }
    if isDeep, norm[1] == chunk { return (true, true, false) }
    throw ConfigurationError(
      "\(generator.source): the norms are conditioned on \(norm[1]) numbers, which are neither class, instance "
        + "nor latent")
  }

  /// The keys that both systems share.
  func keys() throws(ConfigurationError) -> [String: ConfigurationValue] {
    let blocks = generator.count("blocks.", ".0.conv1.weight")
    let stages = blocks / generatorDepth
    let first = try generator.required("blocks.0.0.conv1.weight", axes: 4)[1]
    let linear = try generator.required("linear.weight", axes: 2)
    let bottom = Int((Double(linear[0] / first)).squareRoot().rounded())
    guard stages < 16, bottom >= 1, bottom * bottom * first == linear[0],
      let architecture = BigGANArchitecture(
        imageSize: bottom << stages, bottomWidth: bottom, isDeep: isDeep),
      first % architecture.generator[0] == 0, blocks == stages * generatorDepth
    else {
      throw ConfigurationError(
        "\(generator.source): \(blocks) blocks from \(first) channels are no BigGAN that is known")
    }
    let (isHierarchical, _, _) = try conditions()
    let embedding = sharedEmbedding
    var classes = try generator.required("blocks.0.0.bn1.gain.weight", axes: 2)[0]
    if let embedding { classes = embedding.classes }
    let attended = architecture.generatorResolutions.enumerated().filter { stage, _ in
      generator.has("blocks.\((stage + 1) * generatorDepth - 1).1.theta.weight")
    }
    var keys: [String: ConfigurationValue] = [
      "imageSize": .integer(bottom << stages), "bottomWidth": .integer(bottom),
      "imageChannels": .integer(try generator.required("output_layer.2.weight", axes: 4)[0]),
      "generatorChannels": .integer(first / architecture.generator[0]),
      "discriminatorChannels": .integer(first / architecture.generator[0]),
      "classes": .integer(classes), "sharedEmbedding": .boolean(embedding != nil),
      "sharedEmbeddingSize": embedding.map { .integer($0.size) } ?? .null,
      "hierarchicalLatent": .boolean(isHierarchical),
      "latentSize": .integer(
        isDeep
          ? linear[1] - (embedding?.size ?? 0) : isHierarchical ? linear[1] * (stages + 1) : linear[1]),
      "generatorSpectralNorm": .boolean(generator.has("linear.u0")),
      "generatorAttention": .list(attended.map { .integer($0.element) }),
    ]
    if let discriminator {
      keys.merge(try discriminatorKeys(discriminator, architecture)) { _, new in new }
    }
    return keys
  }

  private func discriminatorKeys(
    _ tensors: ForeignTensors, _ architecture: BigGANArchitecture
  ) throws(ConfigurationError) -> [String: ConfigurationValue] {
    let width = try tensors.side(isDeep ? "input_conv.weight" : "blocks.0.0.conv2.weight", 0)
    let inner = try tensors.side("blocks.0.0.conv1.weight", 0)
    guard width % architecture.discriminator[0] == 0 else {
      throw ConfigurationError("\(tensors.source) is no discriminator of BigGAN")
    }
    let attended = architecture.discriminatorResolutions.enumerated().filter { stage, _ in
      tensors.has("blocks.\(stage).\(isDeep ? discriminatorDepth : 1).theta.weight")
    }
    return [
      "discriminatorChannels": .integer(width / architecture.discriminator[0]),
      "discriminatorWide": .boolean(isDeep || inner == width),
      "discriminatorAttention": .list(Set(attended.map(\.element)).sorted().map { .integer($0) }),
    ]
  }
}

public import AtelierCore
import Foundation
import Torch

extension BigGAN: ImportingSystem {
  /// Weights of BigGAN-PyTorch.
  public static var foreignFiles: String { "G.pth, G_ema.pth and D.pth of ajbrock/BigGAN-PyTorch" }

  /// MIT.
  public static var foreignLicence: String? { "MIT (ajbrock/BigGAN-PyTorch)" }

  /// Tells sizes, attention and conditions from shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    let found = try BigGANForeign(files, system: identity.name, known: foreignFiles)
    var model = try found.model()
    guard found.instanceFeatures == nil else {
      throw ConfigurationError("these weights are conditioned on instances; import them with --system ic-gan")
    }
    model.configuration["model"] = .string(found.isDeep ? "biggan-deep" : "biggan")
    if found.isDeep {
      model.configuration["generatorDepth"] = .integer(found.generatorDepth)
      model.configuration["discriminatorDepth"] = .integer(found.discriminatorDepth)
    }
    return model
  }
}

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
    let found = try BigGANForeign(files, system: identity.name, known: foreignFiles)
    var model = try found.model()
    let sizes = try found.conditions()
    model.configuration["classConditional"] = .boolean(sizes.usesClasses)
    model.configuration["instanceConditional"] = .boolean(sizes.usesInstances)
    if let features = found.instanceFeatures {
      model.configuration["featureSize"] = .integer(features.input)
      model.configuration["sharedFeatureSize"] = .integer(features.projected)
    }
    return model
  }
}

/// What the shapes of the authors' weights tell.
private struct BigGANForeign {
  private let generator: ForeignWeights
  private let average: ForeignWeights?
  private let discriminator: ForeignWeights?
  private let place: String

  /// Sorts files by what they hold; the average is known by `ema` in its name.
  init(_ files: [ForeignWeights], system: String, known: String) throws(ConfigurationError) {
    let players = files.filter { $0["output_layer.0.gain"] != nil }
    let averages = players.filter { $0.stem.lowercased().contains("ema") }
    let plain = players.filter { !$0.stem.lowercased().contains("ema") }
    let judges = files.filter { $0["output_layer.0.gain"] == nil && $0["blocks.0.0.conv1.weight"] != nil }
    guard let generator = plain.first ?? averages.first, plain.count <= 1, averages.count <= 1,
      judges.count <= 1, players.count + judges.count == files.count
    else {
      let names = files.map(\.url.lastPathComponent).joined(separator: ", ")
      throw ConfigurationError("\(names) are not weights that \(system) knows: \(known)")
    }
    self.generator = generator
    average = averages.first
    discriminator = judges.first
    place = generator.url.path
  }

  private func shape(_ name: String, rank: Int) throws(ConfigurationError) -> [Int] {
    guard let shape = generator[name]?.shape, shape.count == rank, shape.allSatisfy({ $0 > 0 }) else {
      throw ConfigurationError("\(place) has no '\(name)' of \(rank) axes; is it a generator of BigGAN?")
    }
    return shape
  }

  /// The indices below a prefix, `blocks.0`, `blocks.1`, …
  private func count(_ file: ForeignWeights, below prefix: String, with suffix: String) -> Int {
    var found = 0
    while file["\(prefix).\(found)\(suffix)"] != nil { found += 1 }
    return found
  }

  var isDeep: Bool { generator["blocks.0.0.conv4.weight"] != nil }

  /// Blocks that follow each other at one resolution: 2, unless the widths are all equal, when attention or
  /// the authors' default decides.
  var generatorDepth: Int { isDeep ? 2 : 1 }

  var discriminatorDepth: Int {
    discriminator.map { max(1, count($0, below: "blocks.0", with: ".conv1.weight")) } ?? generatorDepth
  }

  var instanceFeatures: (input: Int, projected: Int)? {
    generator["shared_feat.weight"].flatMap {
      $0.shape.count == 2 ? (input: $0.shape[1], projected: $0.shape[0]) : nil
    }
  }

  /// How long a chunk of the latent is, and which conditions the norms see.
  func conditions() throws(ConfigurationError) -> (
    isHierarchical: Bool, usesClasses: Bool, usesInstances: Bool
  ) {
    let norm = try shape("blocks.0.0.bn1.gain.weight", rank: 2)
    guard let table = generator["shared.weight"]?.shape.last else { return (false, true, false) }
    let chunk = try shape("linear.weight", rank: 2)[1]
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
      "\(place): the norms are conditioned on \(norm[1]) numbers, which are neither class, instance nor latent"
    )
  }

  /// The configuration that both systems share, and the tensors.
  func model() throws(ConfigurationError) -> ForeignModel {
    let blocks = count(generator, below: "blocks", with: ".0.conv1.weight")
    let stages = blocks / generatorDepth
    let first = try shape("blocks.0.0.conv1.weight", rank: 4)[1]
    let linear = try shape("linear.weight", rank: 2)
    let bottom = Int((Double(linear[0] / first)).squareRoot().rounded())
    guard stages < 16, bottom >= 1, bottom * bottom * first == linear[0],
      let architecture = BigGANArchitecture(
        imageSize: bottom << stages, bottomWidth: bottom, isDeep: isDeep),
      first % architecture.generator[0] == 0, blocks == stages * generatorDepth
    else {
      throw ConfigurationError(
        "\(place): \(blocks) blocks from \(first) channels are no BigGAN that is known")
    }
    let (isHierarchical, _, _) = try conditions()
    let table = generator["shared.weight"]?.shape
    var classes = try shape("blocks.0.0.bn1.gain.weight", rank: 2)[0]
    if let table { classes = table[0] }
    var values: [String: ConfigurationValue] = [
      "imageSize": .integer(bottom << stages), "bottomWidth": .integer(bottom),
      "imageChannels": .integer(try shape("output_layer.2.weight", rank: 4)[0]),
      "generatorChannels": .integer(first / architecture.generator[0]),
      "discriminatorChannels": .integer(first / architecture.generator[0]),
      "classes": .integer(classes), "sharedEmbedding": .boolean(table != nil),
      "sharedEmbeddingSize": (table?.last).map { .integer($0) } ?? .null,
      "hierarchicalLatent": .boolean(isHierarchical),
      "latentSize": .integer(
        isDeep
          ? linear[1] - (table?.last ?? 0) : isHierarchical ? linear[1] * (stages + 1) : linear[1]),
      "generatorSpectralNorm": .boolean(generator["linear.u0"] != nil),
    ]
    values["generatorAttention"] = .list(
      architecture.generatorResolutions.enumerated().filter { stage, _ in
        generator["blocks.\((stage + 1) * generatorDepth - 1).1.theta.weight"] != nil
      }.map { .integer($0.element) })
    if let discriminator { values.merge(try judged(discriminator, architecture)) { _, new in new } }
    var networks = ["generator": generator.tensors]
    if let average { networks["generatorAverage"] = average.tensors }
    if let discriminator { networks["discriminator"] = discriminator.tensors }
    return ForeignModel(configuration: values, networks: networks)
  }

  private func judged(
    _ file: ForeignWeights, _ architecture: BigGANArchitecture
  ) throws(ConfigurationError) -> [String: ConfigurationValue] {
    let stem = isDeep ? file["input_conv.weight"] : file["blocks.0.0.conv2.weight"]
    guard let width = stem?.shape.first, let inner = file["blocks.0.0.conv1.weight"]?.shape.first,
      width % architecture.discriminator[0] == 0
    else { throw ConfigurationError("\(file.url.path) is no discriminator of BigGAN") }
    let resolutions = architecture.discriminatorResolutions.enumerated().filter { stage, _ in
      file["blocks.\(stage).\(isDeep ? discriminatorDepth : 1).theta.weight"] != nil
    }.map(\.element)
    return [
      "discriminatorChannels": .integer(width / architecture.discriminator[0]),
      "discriminatorWide": .boolean(isDeep || inner == width),
      "discriminatorAttention": .list(Set(resolutions).sorted().map { .integer($0) }),
    ]
  }
}

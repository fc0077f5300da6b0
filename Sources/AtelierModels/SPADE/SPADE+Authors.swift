public import AtelierCore
import Foundation
import Torch
import TorchNN

// Checkpoints of NVlabs/SPADE, boschresearch/OASIS and ZPdesu/SEAN: what names and shapes tell.

/// The shapes of one file.
private struct Shapes {
  let table: [String: [Int]]
  let source: String

  init(_ file: ForeignWeights) {
    table = Dictionary(file.tensors.map { ($0.name, $0.tensor.shape) }) { first, _ in first }
    source = file.url.lastPathComponent
  }

  /// A dimension of a tensor that the network must have.
  func side(_ name: String, _ dim: Int) throws(ConfigurationError) -> Int {
    guard let shape = table[name], shape.indices.contains(dim) else {
      throw ConfigurationError(
        "\(source) has no '\(name)' of the expected shape; is it a file of this system?")
    }
    return shape[dim]
  }

  func has(_ name: String) -> Bool { table[name] != nil }

  /// How many names `prefix0…`, `prefix1…` follow each other.
  func count(_ prefix: String, _ suffix: String = "") -> Int {
    var count = 0
    while table.keys.contains(where: { $0.hasPrefix("\(prefix)\(count)\(suffix)") }) { count += 1 }
    return count
  }
}

/// Keys that a modulated layer of spade's kind tells.
private func modulationKeys(
  _ shapes: Shapes, _ layer: String, norm: String
) throws(ConfigurationError) -> [String: ConfigurationValue] {
  let shared = "\(layer).mlp_shared.0.weight"
  return [
    "spadeHidden": .integer(try shapes.side(shared, 0)), "spadeKernel": .integer(try shapes.side(shared, 2)),
    "norm": .string(shapes.has("\(layer).\(norm).running_mean") ? "syncbatch" : "instance"),
  ]
}

/// Keys that spade's and sean's discriminators tell.
private func discriminatorKeys(_ shapes: Shapes) throws(ConfigurationError) -> [String: ConfigurationValue] {
  [
    "discriminatorWidth": .integer(try shapes.side("discriminator_0.model0.0.weight", 0)),
    "layers": .integer(shapes.count("discriminator_0.model", ".") - 1),
    "scales": .integer(shapes.count("discriminator_", ".")),
  ]
}

/// Files by the network that their names of tensors belong to.
private func byNetwork(
  _ files: [ForeignWeights], _ marks: KeyValuePairs<String, String>, system: String
) throws(ConfigurationError) -> [String: ForeignWeights] {
  var found: [String: ForeignWeights] = [:]
  for file in files {
    guard let mark = marks.first(where: { mark in file.tensors.contains { $0.name.hasPrefix(mark.value) } })
    else {
      throw ConfigurationError("\(file.url.lastPathComponent) holds no network of \(system)")
    }
    guard found.updateValue(file, forKey: mark.key) == nil else {
      throw ConfigurationError(
        "two of the files hold the \(mark.key) of \(system); give the one that is wanted")
    }
  }
  guard found["generator"] != nil else {
    throw ConfigurationError("none of the files holds the generator of \(system); give it as well")
  }
  return found
}

extension SPADE: ImportingSystem {
  /// The networks with the inputs and outputs of reference cases.
  static func describe(
    _ configuration: Configuration, _ generator: any MapGenerator, _ discriminator: MultiscaleDiscriminator,
    _ encoder: StyleDistributionEncoder?
  ) -> [Network] {
    func map(_ inputs: [String: Tensor]) throws -> Tensor { try self.map(configuration, inputs) }
    var networks = [
      Network("generator", generator, authorsNames: generator.authorsNames) { _, inputs in
        // A style comes as it is, or is drawn from what the encoder makes of an image.
        var style = inputs["latent"]
        if let encoder, style == nil {
          let noise = try inputs["noise"] ?? inputs.required("epsilon")
          style = inputs["image"].map { encoder($0).sample(noise) } ?? noise
        }
        return ["image": generator(MapPyramid(try map(inputs)), style: style)]
      },
      Network(
        "discriminator", discriminator,
        authorsNames: discriminator.mapSystemNames(norm: configuration.discriminatorNorm), isForTraining: true
      ) { _, inputs in
        discriminator.outputs(
          of: .concatenated([try map(inputs), try inputs.required("image")], dim: 1),
          hasFeatures: configuration.weights.featureMatching > 0)
      },
    ]
    if let encoder {
      networks.append(
        Network("encoder", encoder, authorsNames: encoder.authorsNames) { _, inputs in
          let style = encoder(try inputs.required("image"))
          return [
            "mean": style.mean, "logVariance": style.logVariance, "mu": style.mean,
            "logvar": style.logVariance,
          ]
        })
    }
    return networks
  }

  /// The files of the authors' program.
  public static var foreignFiles: String {
    "latest_net_G.pth, _D.pth and _E.pth of NVlabs/SPADE (upsampling and the pictures' size are "
      + "not in them: --set upsampling=more)"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: String? { "CC BY-NC-SA 4.0 (NVlabs/SPADE), not for commercial use" }

  /// Configuration and networks; 36 and 184 channels of maps are taken for Cityscapes' and COCO-Stuff's,
  /// which have one of edges.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    let found = try byNetwork(
      files, ["generator": "head_0.", "discriminator": "discriminator_0.", "encoder": "layer1."],
      system: identity.name)
    var model = ForeignModel(configuration: [:], networks: found.mapValues(\.tensors))
    if let generator = found["generator"].map(Shapes.init) {
      let isMost = generator.has("up_4.conv_0.bias")
      let channels = try generator.side("head_0.norm_0.mlp_shared.0.weight", 1)
      let hasEdges = [36, 184].contains(channels)
      model.configuration = try modulationKeys(generator, "head_0.norm_0", norm: "param_free_norm")
      model.configuration["width"] = .integer(
        try generator.side("conv_img.weight", 1) * (isMost ? 2 : 1))
      model.configuration["classes"] = .integer(channels - (hasEdges ? 1 : 0))
      model.configuration["instanceEdges"] = .boolean(hasEdges)
      model.configuration["spectralNorm"] = .boolean(generator.has("head_0.conv_0.weight_orig"))
      if isMost {
        model.configuration["upsampling"] = "most"
        model.configuration["imageWidth"] = 512
        model.configuration["imageHeight"] = 512
      }
      if generator.table["fc.weight"]?.count == 2 {
        model.configuration["encoder"] = "convolutional"
        model.configuration["latent"] = .integer(try generator.side("fc.weight", 1))
      }
    }
    if let discriminator = found["discriminator"].map(Shapes.init) {
      try model.configuration.merge(discriminatorKeys(discriminator)) { _, new in new }
    }
    if let encoder = found["encoder"].map(Shapes.init) {
      model.configuration["encoderWidth"] = .integer(try encoder.side("layer1.0.weight_orig", 0))
      model.configuration["encoderSize"] = .integer(
        4 << (1...12).prefix { encoder.has("layer\($0).0.weight_orig") }.count)
    }
    return model
  }
}

extension OASIS: ImportingSystem {
  /// The files of the authors' program.
  public static var foreignFiles: String {
    "best_EMA.pth (or _G.pth) and _D.pth of boschresearch/OASIS (the pictures' size is not in them)"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: String? { "AGPL-3.0 (boschresearch/OASIS)" }

  /// Configuration and networks; without the discriminator the noise is taken to be 64 long.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    let found = try byNetwork(
      files, ["generator": "body.0.", "discriminator": "body_down.0."], system: identity.name)
    var model = ForeignModel(configuration: [:], networks: found.mapValues(\.tensors))
    guard let generator = found["generator"].map(Shapes.init) else { return model }
    let channels = try generator.side("body.0.norm_0.mlp_shared.0.weight", 1)
    var latent = min(64, channels - 1)
    model.configuration = try modulationKeys(generator, "body.0.norm_0", norm: "first_norm")
    model.configuration["width"] = .integer(try generator.side("conv_img.weight", 1))
    model.configuration["blocks"] = .integer(generator.count("body.", "."))
    model.configuration["spectralNorm"] = .boolean(generator.has("body.0.conv_0.weight_orig"))
    if let discriminator = found["discriminator"].map(Shapes.init) {
      // The discriminator tells the classes, and so the noise.
      let classes = try discriminator.side("layer_up_last.weight", 0) - 1
      latent = channels - classes
      model.configuration["discriminatorWidth"] = .integer(try discriminator.side("layer_up_last.weight", 1))
      model.configuration["discriminatorNorm"] = .string(
        discriminator.has("body_down.0.conv1.0.weight_orig") ? "spectral" : "none")
    }
    model.configuration["latent"] = .integer(latent)
    model.configuration["classes"] = .integer(channels - latent)
    return model
  }
}

extension SEAN: ImportingSystem {
  /// The files of the authors' program.
  public static var foreignFiles: String {
    "latest_net_G.pth and _D.pth of ZPdesu/SEAN (mean styles are not in them)"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: String? { "CC BY-NC-SA 4.0 (ZPdesu/SEAN), not for commercial use" }

  /// Configuration and networks.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    let found = try byNetwork(
      files, ["generator": "Zencoder.", "discriminator": "discriminator_0."], system: identity.name)
    var model = ForeignModel(configuration: [:], networks: found.mapValues(\.tensors))
    if let generator = found["generator"].map(Shapes.init) {
      model.configuration = try modulationKeys(generator, "head_0.ace_0.Spade", norm: "param_free_norm")
      model.configuration["width"] = .integer(try generator.side("conv_img.weight", 1))
      model.configuration["classes"] = .integer(try generator.side("fc.weight", 1))
      model.configuration["spectralNorm"] = .boolean(generator.has("head_0.conv_0.weight_orig"))
      model.configuration["styleLength"] = .integer(try generator.side("Zencoder.model.14.weight", 0))
      model.configuration["encoderWidth"] = .integer(try generator.side("Zencoder.model.1.weight", 0))
    }
    if let discriminator = found["discriminator"].map(Shapes.init) {
      try model.configuration.merge(discriminatorKeys(discriminator)) { _, new in new }
    }
    return model
  }
}

public import AtelierCore
import Torch
import TorchNN

// Reading the authors' files of UNIT, MUNIT and FUNIT. A file holds several networks under one key each:
// `gen_*.pt` and `dis_*.pt` of UNIT and MUNIT the domains `a` and `b`, FUNIT's `gen`, `gen_test` and `dis`.

/// Tensors of one network, looked at for what they tell about its shape.
private struct ForeignNetwork {
  let tensors: [(name: String, tensor: HostTensor)]

  /// The tensors whose names begin with a key of the file, without it.
  init(_ files: [ForeignWeights], below key: String) {
    tensors = files.flatMap(\.tensors).filter { $0.name.hasPrefix(key + ".") }
      .map { (String($0.name.dropFirst(key.count + 1)), $0.tensor) }
  }

  func shape(_ name: String) -> [Int]? { tensors.first { $0.name == name }?.tensor.shape }

  /// How many of the names `prefix0suffix`, `prefix1suffix`, … there are.
  func count(_ prefix: String, _ suffix: String) -> Int {
    let names = Set(tensors.map(\.name))
    return (0...).first { !names.contains("\(prefix)\($0)\(suffix)") } ?? 0
  }
}

private func integer(_ value: Int) -> ConfigurationValue { .integer(value) }

/// Keys of an encoder under a name: channels, width, halvings, residual blocks.
private func contentKeys(
  _ network: ForeignNetwork, _ encoder: String, of system: SystemIdentity
) throws(ConfigurationError) -> (channels: Int, keys: [String: ConfigurationValue]) {
  guard let first = network.shape("\(encoder).model.0.conv.weight"), first.count == 4 else {
    throw ConfigurationError(
      "there is no '\(encoder).model.0.conv.weight' in the file, so it is no generator of \(system.name)")
  }
  let convolutions = network.count("\(encoder).model.", ".conv.weight")
  return (
    first[1],
    [
      "width": integer(first[0]), "downsamplings": integer(convolutions - 1),
      "blocks": integer(
        network.count("\(encoder).model.\(convolutions).model.", ".model.0.conv.weight")),
    ]
  )
}

/// Keys of a style encoder and of what follows it.
private func styleKeys(
  _ network: ForeignNetwork, _ encoder: String, downsamplings key: String
) -> [String: ConfigurationValue] {
  let convolutions = network.count("\(encoder).model.", ".conv.weight")
  var keys = [
    key: integer(convolutions - 1), "mlpLayers": integer(network.count("mlp.model.", ".fc.weight")),
  ]
  if let shape = network.shape("mlp.model.0.fc.weight"), shape.count == 2 {
    (keys["mlpWidth"], keys["styleLength"]) = (integer(shape[0]), integer(shape[1]))
  }
  return keys
}

/// Keys of a discriminator on several scales.
private func scaleKeys(_ network: ForeignNetwork) -> [String: ConfigurationValue] {
  guard let first = network.shape("cnns.0.0.conv.weight") else { return [:] }
  let names = Set(network.tensors.map(\.name))
  let isSpectral = names.contains { $0.hasSuffix("conv.module.weight_bar") }
  let plain = network.count("cnns.0.", ".conv.weight")
  let layers =
    isSpectral ? 1 + (1...).prefix { names.contains("cnns.0.\($0).conv.module.weight_bar") }.count : plain
  var keys: [String: ConfigurationValue] = [
    "discriminatorWidth": integer(first[0]), "layers": integer(layers),
    "scales": integer(network.count("cnns.", ".0.conv.weight")),
  ]
  if isSpectral { keys["discriminatorNorm"] = .string("spectral") }
  if names.contains("cnns.0.1.norm.running_mean") { keys["discriminatorNorm"] = .string("batch") }
  return keys
}

/// Both domains of the files: networks by our names, and the keys that both networks of a kind agree in.
private func domains(
  _ files: [ForeignWeights], _ system: SystemIdentity, encoder: String,
  style: (ForeignNetwork) -> [String: ConfigurationValue]
) throws -> ForeignModel {
  var model = ForeignModel(configuration: [:], networks: [:])
  for (key, domain) in [("a", "A"), ("b", "B")] {
    let generators = files.filter { $0.tensors.contains { $0.name.hasPrefix("\(key).\(encoder).") } }
    let discriminators = files.filter { $0.tensors.contains { $0.name.hasPrefix("\(key).cnns.") } }
    if !generators.isEmpty {
      let network = ForeignNetwork(generators, below: key)
      let (channels, keys) = try contentKeys(network, encoder, of: system)
      model.configuration["channels" + domain] = integer(channels)
      model.configuration.merge(keys.merging(style(network)) { first, _ in first }) { _, new in new }
      model.networks["generator" + domain] = network.tensors
    }
    if !discriminators.isEmpty {
      let network = ForeignNetwork(discriminators, below: key)
      model.configuration.merge(scaleKeys(network)) { _, new in new }
      if let channels = network.shape("cnns.0.0.conv.weight")?[1] {
        model.configuration["channels" + domain] = integer(channels)
      }
      model.networks["discriminator" + domain] = network.tensors
    }
  }
  guard !model.networks.isEmpty else {
    throw ConfigurationError(
      "the files hold no networks of \(system.name): expected are the keys 'a' and 'b' of gen_*.pt or dis_*.pt"
    )
  }
  return model
}

extension MUNIT: ImportingSystem {
  /// The authors' generators and discriminators.
  public static var foreignFiles: String { "gen_*.pt and dis_*.pt of NVlabs/MUNIT (both domains in each)" }

  /// The licence of the authors' repository.
  public static var foreignLicence: String? { "CC BY-NC-SA 4.0 (NVlabs/MUNIT), not for commercial use" }

  /// Tells widths and depths from shapes; `padding` and `activation` do not show in a file.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    try domains(files, identity, encoder: "enc_content") {
      styleKeys($0, "enc_style", downsamplings: "styleDownsamplings")
    }
  }
}

extension UNIT: ImportingSystem {
  /// The authors' generators and discriminators of the later form.
  public static var foreignFiles: String {
    "gen_*.pt and dis_*.pt of mingyuliutw/UNIT, branch master, or NVlabs/MUNIT with the trainer UNIT"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: String? {
    "CC BY-NC-SA 4.0 (mingyuliutw/UNIT and NVlabs/MUNIT), not for commercial use"
  }

  /// Tells widths and depths from shapes; `padding` and `activation` do not show in a file.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    try domains(files, identity, encoder: "enc") { _ in [:] }
  }
}

extension FUNIT: ImportingSystem {
  /// The authors' generator and discriminator.
  public static var foreignFiles: String { "gen_*.pt and dis_*.pt of NVlabs/FUNIT" }

  /// The licence of the authors' repository.
  public static var foreignLicence: String? { "CC BY-NC-SA 4.0 (NVlabs/FUNIT), not for commercial use" }

  /// Tells widths and depths from shapes. Of the two generators in a file the averaged one is taken, which is
  /// the one that the authors translate with.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = ForeignModel(configuration: [:], networks: [:])
    let averaged = ForeignNetwork(files, below: "gen_test")
    let generator = averaged.tensors.isEmpty ? ForeignNetwork(files, below: "gen") : averaged
    if !generator.tensors.isEmpty {
      let (channels, keys) = try contentKeys(generator, "enc_content", of: identity)
      model.configuration = keys
      model.configuration["inputChannels"] = integer(channels)
      model.configuration.merge(
        styleKeys(generator, "enc_class_model", downsamplings: "classDownsamplings")
      ) { _, new in new }
      model.networks["generator"] = generator.tensors
    }
    let discriminator = ForeignNetwork(files, below: "dis")
    if let first = discriminator.shape("cnn_f.0.conv.weight"),
      let head = discriminator.shape("cnn_c.0.conv.weight")
    {
      model.configuration["discriminatorWidth"] = integer(first[0])
      model.configuration["classes"] = integer(head[0])
      let blocks = Set(
        discriminator.tensors.compactMap { tensor -> Int? in
          let parts = tensor.name.split(separator: ".")
          return parts.count > 2 && parts[0] == "cnn_f" && parts[2] == "conv_0" ? Int(parts[1]) : nil
        })
      model.configuration["discriminatorBlocks"] = integer(blocks.count)
      model.networks["discriminator"] = discriminator.tensors
    }
    guard !model.networks.isEmpty else {
      throw ConfigurationError(
        "the files hold no networks of funit: expected are the keys 'gen' and 'gen_test', or 'dis'")
    }
    return model
  }
}

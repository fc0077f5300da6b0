public import AtelierCore
import Foundation
import Torch

extension SRResNet: ImportingSystem {
  /// Generators of BasicSR.
  public static var foreignFiles: String { "net_g_*.pth and released models of BasicSR (MSRResNet, RRDBNet)" }

  /// Tells the network by its names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    try ForeignEnlargement.recognise(files, for: identity.name, allowsDiscriminator: false)
  }
}

extension AdversarialEnlargement: ImportingSystem {
  /// Generators and discriminators of BasicSR.
  public static var foreignFiles: String {
    "net_g_*.pth, net_d_*.pth and released models of BasicSR (MSRGAN, ESRGAN); RRDB_*.pth of ESRGAN"
  }

  /// Tells the networks by their names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    try ForeignEnlargement.recognise(files, for: identity.name, allowsDiscriminator: true)
  }
}

/// What names and shapes of BasicSR's files tell.
private enum ForeignEnlargement {
  static func recognise(
    _ files: [ForeignWeights], for system: String, allowsDiscriminator: Bool
  ) throws -> ForeignModel {
    var model = ForeignModel(configuration: [:], networks: [:])
    for file in files {
      let tensors = renamed(file.tensors)
      let (network, configuration): (String, [String: ConfigurationValue])
      if let found = generator(tensors) {
        (network, configuration) = ("generator", found)
      } else if allowsDiscriminator, let found = discriminator(tensors) {
        (network, configuration) = ("discriminator", found)
      } else {
        throw ConfigurationError(
          "\(file.url.path) is none of the networks that \(system) knows: those of BasicSR's MSRResNet and "
            + "RRDBNet\(allowsDiscriminator ? " and their discriminators" : "")")
      }
      guard model.networks.updateValue(tensors, forKey: network) == nil else {
        throw ConfigurationError("\(file.url.path) is a second \(network); give one file for each network")
      }
      model.configuration.merge(configuration) { _, new in new }
    }
    return model
  }

  /// The names of the ESRGAN repository's own files, as BasicSR has them today.
  private static func renamed(
    _ tensors: [(name: String, tensor: HostTensor)]
  ) -> [(name: String, tensor: HostTensor)] {
    guard tensors.contains(where: { $0.name.hasPrefix("RRDB_trunk.") }) else { return tensors }
    let names = [
      "RRDB_trunk.": "body.", ".RDB": ".rdb", "trunk_conv.": "conv_body.", "upconv": "conv_up",
      "HRconv.": "conv_hr.",
    ]
    return tensors.map { entry in
      (names.reduce(entry.name) { $0.replacing($1.key, with: $1.value) }, entry.tensor)
    }
  }

  private static func generator(
    _ tensors: [(name: String, tensor: HostTensor)]
  ) -> [String: ConfigurationValue]? {
    let shapes = Dictionary(tensors.map { ($0.name, $0.tensor.shape) }) { first, _ in first }
    guard let first = shapes["conv_first.weight"], first.count == 4, first[0] > 0,
      let last = shapes["conv_last.weight"], last.count == 4, last[0] > 0, shapes["conv_hr.weight"] != nil
    else { return nil }
    var table: [String: ConfigurationValue] = [
      "width": .integer(first[0]), "outputChannels": .integer(last[0]),
    ]
    func count(_ suffix: String) -> Int {
      shapes.keys.filter { $0.hasPrefix("body.") && $0.hasSuffix(suffix) }.count
    }
    if let dense = shapes["body.0.rdb1.conv1.weight"], shapes["conv_body.weight"] != nil {
      // A network for small scales folds its input by 2 or 4.
      let folding = Int((Double(first[1]) / Double(last[0])).squareRoot().rounded())
      let doublings = shapes.keys.filter { $0.hasPrefix("conv_up") && $0.hasSuffix(".weight") }.count
      table["generator"] = "rrdb"
      table["blocks"] = .integer(count(".rdb1.conv1.weight"))
      table["growth"] = .integer(dense[0])
      table["scale"] = .integer(folding > 1 ? max(1, 4 / folding) : 1 << max(2, min(doublings, 4)))
      table["inputChannels"] = .integer(folding > 1 ? last[0] : first[1])
      return table
    }
    guard let enlarging = shapes["upconv1.weight"], enlarging.count == 4 else { return nil }
    let stages = shapes.keys.filter { $0.hasPrefix("upconv") && $0.hasSuffix(".weight") }.count
    let factor = Int((Double(enlarging[0]) / Double(first[0])).squareRoot().rounded())
    table["generator"] = "msrresnet"
    table["blocks"] = .integer(count(".conv1.weight"))
    table["scale"] = .integer(stages > 1 ? 1 << min(stages, 4) : factor)
    table["inputChannels"] = .integer(first[1])
    return table
  }

  private static func discriminator(
    _ tensors: [(name: String, tensor: HostTensor)]
  ) -> [String: ConfigurationValue]? {
    let shapes = Dictionary(tensors.map { ($0.name, $0.tensor.shape) }) { first, _ in first }
    if let first = shapes["conv0_0.weight"], first.count == 4, shapes["linear2.weight"] != nil {
      let stages = shapes.keys.filter { $0.hasPrefix("conv") && $0.hasSuffix("_1.weight") }.count
      return [
        "discriminator": "vgg-style", "discriminatorWidth": .integer(first[0]),
        "imageSize": .integer(4 << min(stages, 12)),
      ]
    }
    if let first = shapes["conv0.weight"], first.count == 4, shapes["conv9.weight"] != nil {
      return ["discriminator": "unet-spectral", "discriminatorWidth": .integer(first[0])]
    }
    return nil
  }
}

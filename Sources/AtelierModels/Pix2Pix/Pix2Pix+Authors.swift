public import AtelierCore
import Foundation
import Torch
import TorchNN

extension Pix2Pix: ImportingSystem {
  /// What the authors' program saves.
  public static var foreignFiles: String {
    "latest_net_G.pth of pytorch-CycleGAN-and-pix2pix, also with latest_net_D.pth beside it"
  }

  /// Tells both networks by names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = ForeignModel(configuration: [:], networks: [:])
    for file in files {
      let name: String
      if let generator = ForeignGenerator(file) {
        name = "generator"
        model.configuration.merge(generator.configuration) { _, new in new }
      } else if let discriminator = ForeignDiscriminator(file) {
        name = "discriminator"
        model.configuration.merge(discriminator.configuration) { _, new in new }
      } else {
        throw ConfigurationError("\(file.url.path) is no network of pix2pix; it reads \(foreignFiles)")
      }
      guard model.networks.updateValue(file.tensors, forKey: name) == nil else {
        throw ConfigurationError("\(file.url.path) is a second \(name); give one file a network")
      }
    }
    return model
  }
}

extension CycleGAN: ImportingSystem {
  /// What the authors' program saves.
  public static var foreignFiles: String {
    "latest_net_G_A.pth and latest_net_G_B.pth of pytorch-CycleGAN-and-pix2pix, one or both, also with "
      + "latest_net_D_A.pth and latest_net_D_B.pth; a latest_net_G.pth is taken for A to B"
  }

  /// Tells the networks by names and shapes, and which is which by the files' names.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = ForeignModel(configuration: [:], networks: [:])
    for file in files {
      let isB = file.stem.hasSuffix("_B")
      let name: String
      if let generator = ForeignGenerator(file) {
        name = isB ? "generatorBA" : "generatorAB"
        var keys = generator.configuration
        if isB {
          (keys["inputChannels"], keys["outputChannels"]) = (keys["outputChannels"], keys["inputChannels"])
        }
        try agree(keys, with: model.configuration, file)
        model.configuration.merge(keys) { _, new in new }
      } else if let discriminator = ForeignDiscriminator(file) {
        // The authors' D_A judges what G_A makes, which is domain B.
        name = isB ? "discriminatorA" : "discriminatorB"
        try agree(discriminator.configuration, with: model.configuration, file)
        model.configuration.merge(discriminator.configuration) { _, new in new }
      } else {
        throw ConfigurationError("\(file.url.path) is no network of cyclegan; it reads \(foreignFiles)")
      }
      guard model.networks.updateValue(file.tensors, forKey: name) == nil else {
        throw ConfigurationError("\(file.url.path) is a second \(name); give one file a network")
      }
    }
    // Identity needs images of as many colours on both sides.
    if model.configuration["inputChannels"] != model.configuration["outputChannels"] {
      model.configuration["weights"] = .table(["identity": 0])
    }
    return model
  }

  private static func agree(
    _ keys: [String: ConfigurationValue], with others: [String: ConfigurationValue], _ file: ForeignWeights
  ) throws {
    for (key, value) in keys.sorted(by: { $0.key < $1.key }) {
      if let other = others[key], other != value {
        throw ConfigurationError(
          "\(file.url.path) has \(key) \(value), and the file before it \(other); they are not of one model")
      }
    }
  }
}

/// A generator of pytorch-CycleGAN-and-pix2pix, told by its weights' names and shapes.
private struct ForeignGenerator {
  let configuration: [String: ConfigurationValue]

  init?(_ file: ForeignWeights) {
    if let first = file["model.model.0.weight"], first.shape.count == 4 {
      self.init(unet: file, first)
    } else if let first = file["model.1.weight"], first.shape.count == 4, first.shape[2] == 7 {
      self.init(resnet: file, first)
    } else {
      return nil
    }
  }

  /// Each level has a convolution down and one up.
  private init?(unet file: ForeignWeights, _ first: HostTensor) {
    let depth = file.tensors.filter { $0.tensor.shape.count == 4 }.count / 2
    guard let last = file["model.model.3.weight"], last.shape.count == 4, depth >= 2 else { return nil }
    // The innermost level, which is the first inside only where there are two, has no norm on the way down.
    let inside = "model.model.1.model."
    let way = depth == 2 ? (convolution: "3", norm: "4") : (convolution: "1", norm: "2")
    configuration = [
      "generator": "unet", "width": .integer(first.shape[0]), "inputChannels": .integer(first.shape[1]),
      "outputChannels": .integer(last.shape[1]), "downsamplings": .integer(depth),
      "imageSize": .integer(max(256, 1 << depth)),
      "norm": .string(Self.norm(file, convolution: inside + way.convolution, norm: inside + way.norm)),
    ]
  }

  private init?(resnet file: ForeignWeights, _ first: HostTensor) {
    let blocks = Set(
      file.tensors.compactMap { entry -> String? in
        let parts = entry.name.split(separator: ".")
        return parts.count > 3 && parts[2] == "conv_block" ? String(parts[1]) : nil
      }
    ).compactMap { Int($0) }
    guard let block = blocks.min(), let inner = file["model.\(block).conv_block.1.weight"] else { return nil }
    let convolutions = file.tensors.filter { $0.tensor.shape.count == 4 && $0.tensor.shape[2] == 7 }
    guard let last = convolutions.last?.tensor, convolutions.count == 2, inner.shape[0] > 0 else {
      return nil
    }
    var (width, halvings) = (first.shape[0], 0)
    while width > 0, width < inner.shape[0], halvings < 8 { (width, halvings) = (2 * width, halvings + 1) }
    guard width == inner.shape[0] else { return nil }
    configuration = [
      "generator": "resnet", "width": .integer(first.shape[0]), "inputChannels": .integer(first.shape[1]),
      "outputChannels": .integer(last.shape[0]), "downsamplings": .integer(halvings),
      "blocks": .integer(blocks.count),
      "norm": .string(Self.norm(file, convolution: "model.1", norm: "model.2")),
      // A dropout layer moves the second convolution of a block one place on.
      "dropout": .boolean(file["model.\(block).conv_block.6.weight"]?.shape.count == 4),
    ]
  }

  /// Batch norms have a scale; only in front of instance norms convolutions have a bias.
  static func norm(_ file: ForeignWeights, convolution: String, norm: String) -> String {
    if file[norm + ".weight"]?.shape.count == 1 { return "batch" }
    return file[convolution + ".bias"] == nil ? "none" : "instance"
  }
}

/// A discriminator of pytorch-CycleGAN-and-pix2pix.
private struct ForeignDiscriminator {
  let configuration: [String: ConfigurationValue]

  init?(_ file: ForeignWeights) {
    if let first = file["model.0.weight"], first.shape.count == 4, first.shape[2] == 4 {
      let convolutions = file.tensors.filter { $0.tensor.shape.count == 4 }.count
      guard convolutions >= 3 else { return nil }
      configuration = [
        "discriminator": "patch", "discriminatorWidth": .integer(first.shape[0]),
        "layers": .integer(convolutions - 2),
        "discriminatorNorm": .string(ForeignGenerator.norm(file, convolution: "model.2", norm: "model.3")),
      ]
    } else if let first = file["net.0.weight"], first.shape.count == 4, first.shape[2] == 1 {
      configuration = [
        "discriminator": "pixel", "discriminatorWidth": .integer(first.shape[0]),
        "discriminatorNorm": .string(ForeignGenerator.norm(file, convolution: "net.2", norm: "net.3")),
      ]
    } else {
      return nil
    }
  }
}

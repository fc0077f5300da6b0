import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

/// The authors' files of pix2pix and CycleGAN, rebuilt from networks of every form.
@Suite struct TranslationImportTests {
  /// A network's weights as the authors' program saves them.
  private func file(_ name: String, _ network: Network?) throws -> ForeignWeights {
    let network = try #require(network)
    let tensors = try network.authorsNames.translate(network.module.hostState(), toOurs: false)
    return ForeignWeights(url: URL(fileURLWithPath: name), tensors: tensors)
  }

  private func equal(_ a: Network?, _ b: Network?) -> Bool {
    guard let a, let b else { return false }
    return a.module.hostState().map(\.tensor) == b.module.hostState().map(\.tensor)
  }

  private static let generators: [[String: ConfigurationValue]] = [
    ["generator": "unet", "downsamplings": 8, "norm": "batch", "width": 2],
    ["generator": "unet", "downsamplings": 5, "norm": "instance", "width": 3, "inputChannels": 1],
    ["generator": "unet", "downsamplings": 7, "norm": "none", "width": 2, "outputChannels": 1],
    [
      "generator": "resnet", "downsamplings": 2, "norm": "instance", "width": 3, "blocks": 6,
      "dropout": false,
    ],
    ["generator": "resnet", "downsamplings": 2, "norm": "batch", "width": 2, "blocks": 9, "dropout": true],
    ["generator": "resnet", "downsamplings": 3, "norm": "none", "width": 2, "blocks": 2, "dropout": false],
  ]

  @Test(arguments: generators)
  func aGeneratorOfPix2PixIsToldByItsShapes(_ keys: [String: ConfigurationValue]) throws {
    let configuration = try Pix2Pix.Configuration().overlaid(with: keys)
    let system = try Pix2Pix(configuration, artefacts: Artefacts(), using: RandomStream(seed: 4))
    var weights = try file("latest_net_G.pth", system.network("generator"))
    // What PyTorch before 0.4 saved for instance norms beside the weights.
    if configuration.norm == .instance, configuration.generator == .resnet {
      weights = ForeignWeights(
        url: weights.url,
        tensors: weights.tensors + [("model.2.running_mean", HostTensor([0, 0, 0] as [Float]))])
    }
    let (imported, untouched) = try Pix2Pix.importing([weights], using: RandomStream(seed: 0))
    #expect(untouched == ["discriminator"])
    #expect(equal(imported.network("generator"), system.network("generator")))
    for key in keys.keys where key != "dropout" || configuration.generator == .resnet {
      #expect(try imported.configuration.values()[key] == keys[key], "\(key)")
    }
  }

  @Test(arguments: ["patch", "pixel"])
  func aDiscriminatorBesideItIsToldToo(_ form: String) throws {
    var configuration = Pix2Pix.Configuration()
    configuration.width = 2
    configuration.discriminatorWidth = 3
    configuration.layers = 2
    configuration.discriminator = form == "patch" ? .patch : .pixel
    configuration.discriminatorNorm = .instance
    let system = try Pix2Pix(configuration, artefacts: Artefacts(), using: RandomStream(seed: 4))
    let files = [
      try file("latest_net_G.pth", system.network("generator")),
      try file("latest_net_D.pth", system.network("discriminator")),
    ]
    let (imported, untouched) = try Pix2Pix.importing(files, using: RandomStream(seed: 0))
    #expect(untouched.isEmpty && equal(imported.network("discriminator"), system.network("discriminator")))
    #expect(throws: ConfigurationError.self) { try Pix2Pix.recognise([files[0], files[0]]) }
  }

  @Test func filesOfNoNetworkAreRefused() throws {
    let stream = RandomStream(seed: 0)
    let nothing = #expect(throws: ConfigurationError.self) { try CycleGAN.importing([], using: stream) }
    #expect(nothing?.description.contains("no file of weights is given") == true)
    // Tensors that are left out on purpose are no network.
    let empty = ForeignWeights(url: URL(fileURLWithPath: "empty.pth"), tensors: [])
    let none = #expect(throws: (any Error).self) { try CycleGAN.importing([empty], using: stream) }
    #expect("\(none.map { "\($0)" } ?? "")".contains("empty.pth"))
  }

  @Test func theFilesOfCycleGANFindTheirNetworks() throws {
    var configuration = CycleGAN.Configuration()
    (configuration.width, configuration.blocks, configuration.discriminatorWidth) = (2, 3, 2)
    (configuration.inputChannels, configuration.weights.identity) = (1, 0)
    let system = try CycleGAN(configuration, artefacts: Artefacts(), using: RandomStream(seed: 4))
    // The authors name discriminators by the generator that they judge.
    let files = [
      try file("latest_net_G_A.pth", system.network("generatorAB")),
      try file("latest_net_G_B.pth", system.network("generatorBA")),
      try file("latest_net_D_A.pth", system.network("discriminatorB")),
    ]
    let (imported, untouched) = try CycleGAN.importing(files, using: RandomStream(seed: 0))
    #expect(untouched == ["discriminatorA"])
    for name in ["generatorAB", "generatorBA", "discriminatorB"] {
      #expect(equal(imported.network(name), system.network(name)), "\(name)")
    }
    // A discriminator alone would leave generators of random weights.
    let alone = #expect(throws: ConfigurationError.self) {
      try CycleGAN.importing([files[2]], using: RandomStream(seed: 0))
    }
    #expect(alone?.description.contains("latest_net_D_A.pth") == true)
    // Another width beside the first is another model.
    configuration.width = 3
    let other = try CycleGAN(configuration, artefacts: Artefacts(), using: RandomStream(seed: 4))
    let stranger = try file("latest_net_G_B.pth", other.network("generatorBA"))
    #expect(throws: ConfigurationError.self) { try CycleGAN.recognise([files[0], stranger]) }
    #expect(throws: ConfigurationError.self) {
      try CycleGAN.recognise([ForeignWeights(url: URL(fileURLWithPath: "x.pth"), tensors: [])])
    }
  }

  // MARK: Files that PyTorch wrote

  private func fixture(_ name: String) throws -> ForeignWeights {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return try ForeignWeights.read(folder.appendingPathComponent("Fixtures/\(name)"))
  }

  /// The picture that `make_fixtures.py` gave the networks.
  private func picture() -> Tensor {
    var values: [Float] = []
    for channel in 0..<3 {
      for y in 0..<32 {
        for x in 0..<32 { values.append(Float((3 * channel + 5 * y + 7 * x) % 17) / 8 - 1) }
      }
    }
    return Tensor(values, shape: [1, 3, 32, 32])
  }

  /// What a system makes of it, at the places that the script prints, and the mean.
  private func numbers<System: TranslatingSystem>(of system: System) throws -> [Double] {
    let direction = try system.direction(named: nil)
    let draws = StreamDraws(RandomStream(seed: 0))
    let output = try withoutGradients {
      try system.translate(picture(), direction: direction, draws: draws).contiguous()
    }
    let values = output.doubles()
    let places = [(0, 0, 0), (1, 5, 9), (2, 31, 31), (0, 16, 3)]
    var found: [Double] = []
    for (channel, y, x) in places { found.append(values[channel * 1024 + y * 32 + x]) }
    found.append(values.reduce(0, +) / Double(values.count))
    return found
  }

  private func isNear(_ found: [Double], _ wanted: [Double]) -> Bool {
    zip(found, wanted).allSatisfy { abs($0 - $1) < 2e-5 }
  }

  @Test func aUNetThatPyTorchSavedAsZipDrawsTheSamePicture() throws {
    let (system, untouched) = try Pix2Pix.importing(
      [try fixture("latest_net_G.pth")], changes: ["imageSize": 32], using: RandomStream(seed: 0))
    let configuration = system.configuration
    #expect(configuration.generator == .unet && configuration.downsamplings == 5)
    #expect(configuration.norm == .batch && configuration.width == 1 && untouched == ["discriminator"])
    let wanted = [0.164687, -0.248597, -0.492206, 0.57173, -0.14988888]
    let found = try numbers(of: system)
    #expect(isNear(found, wanted), "\(found)")
  }

  @Test func anOldResNetWithStatisticsInItsInstanceNormsDrawsTheSamePicture() throws {
    let file = try fixture("latest_net_G_A.pth")
    #expect(file["model.2.running_mean"] != nil)
    let (system, untouched) = try CycleGAN.importing([file], using: RandomStream(seed: 0))
    let configuration = system.configuration
    #expect(configuration.generator == .resnet && configuration.blocks == 2 && configuration.width == 2)
    #expect(configuration.norm == .instance && !configuration.dropout)
    #expect(untouched == ["generatorBA", "discriminatorA", "discriminatorB"])
    let wanted = [-0.770548, -0.252815, 0.941376, -0.82322, 0.02744027]
    let found = try numbers(of: system)
    #expect(isNear(found, wanted), "\(found)")
  }
}

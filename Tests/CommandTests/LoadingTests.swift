import Atelier
import Foundation
import Testing

/// Systems that are loaded from runs have all weights, and for drawing no others than drawing needs.
@Suite struct LoadingTests {
  private func run(_ name: String) -> URL { OldRun.folder.appendingPathComponent("\(name)/run") }

  private func differences(_ one: Module, _ other: Module) -> [String] {
    let (ours, theirs) = (one.state(), other.state())
    guard ours.map(\.name) == theirs.map(\.name) else { return ["names"] }
    return zip(ours, theirs).filter { a, b in
      a.tensor.isPlaceholder || a.tensor.host() != b.tensor.host()
        || a.tensor.requiresGradient != b.tensor.requiresGradient
    }.map(\.0.name)
  }

  /// With initial weights, which are then written over.
  private func loadedWithInitialWeights(_ run: URL) throws -> any GenerativeSystem {
    let file = try modelFile(at: run)
    let description = try ModelFile.describe(file)
    let system = try makeSystem(
      SystemRegistry.standard.system(named: description.system), configuration: description.configuration,
      artefacts: description.artefacts, using: RandomStream(seed: 3))
    try ModelFile.load(file, into: system)
    return system
  }

  @Test(arguments: OldRun.names)
  func everythingIsLoadedWithoutInitialWeights(_ name: String) throws {
    let expected = try loadedWithInitialWeights(run(name))
    let found = try loadSystem(from: run(name), registry: .standard).system
    for (one, other) in zip(found.trainedNetworks, expected.trainedNetworks) {
      #expect(differences(one.module, other.module) == [], "\(one.name)")
    }
    for (one, other) in zip(found.averages, expected.averages) {
      let (ours, theirs) = (one.average.state(), other.average.state())
      #expect(zip(ours, theirs).allSatisfy { $0.name == $1.name && $0.tensor == $1.tensor })
    }
    // Optimisers hold the very tensors that were loaded.
    for (_, optimizer) in found.optimizers { #expect(!optimizer.parameters.contains { $0.isPlaceholder }) }
  }

  @Test(arguments: OldRun.names)
  func drawingLoadsNoNetworkThatOnlyTrainingNeeds(_ name: String) throws {
    let expected = try loadedWithInitialWeights(run(name))
    let found = try loadSystem(from: run(name), registry: .standard, for: .drawing).system
    for (one, other) in zip(found.trainedNetworks, expected.trainedNetworks) {
      guard one.isForTraining else {
        #expect(differences(one.module, other.module) == [], "\(one.name)")
        continue
      }
      let weights = one.module.state().filter { $0.name.hasSuffix("weight") && $0.tensor.rank >= 2 }
      #expect(!weights.isEmpty && weights.allSatisfy { $0.tensor.isPlaceholder }, "\(one.name)")
    }
  }

  @Test func adversarialSystemsNameTheirDiscriminators() throws {
    for name in ["pix2pix", "spade", "munit", "cyclegan-pool", "biggan-average", "acgan-augmented"] {
      let system = try loadSystem(from: run(name), registry: .standard, for: .drawing).system
      let names = system.networks.filter(\.isForTraining).map(\.name)
      #expect(!names.isEmpty && names.allSatisfy { $0.hasPrefix("discriminator") }, "\(name): \(names)")
    }
  }

  @Test func aWeightThatWasNotLoadedIsAnError() throws {
    let system = try loadSystem(from: run("pix2pix"), registry: .standard, for: .drawing).system
    let discriminator = try #require(system.network("discriminator"))
    let inputs = ["source": Tensor.zeros([1, 3, 16, 16]), "target": Tensor.zeros([1, 3, 16, 16])]
    let error = #expect(throws: TensorError.self) {
      try withTensorErrors {
        try withoutGradients { try discriminator.forward(nil, inputs).mapValues { $0.host() } }
      }
    }
    #expect(error?.description.contains("has a shape and no values") == true, "\(String(describing: error))")
    #expect(throws: TensorError.self) { try withTensorErrors { discriminator.module.hostState() } }
  }
}

import Atelier
import Foundation
import TestSupport
import Testing
import Torch

/// Licences stay with weights, and lock their export.
@Suite struct LicenceCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  /// Weights of a small srresnet as another program would have them.
  private func weights(poisoned: Bool = false) throws -> URL {
    var configuration = SRResNet.Configuration()
    (configuration.width, configuration.blocks, configuration.scale) = (4, 1, 2)
    let system = try SRResNet(configuration, artefacts: Artefacts(), using: RandomStream(seed: 1))
    let network = try #require(system.network("generator"))
    var tensors = try network.authorsNames.translate(
      network.module.hostState(), toOurs: false, source: "the test")
    if poisoned {
      tensors[0].tensor = HostTensor(
        [Float](repeating: .nan, count: tensors[0].tensor.count), shape: tensors[0].tensor.shape)
    }
    let file = folder("theirs.safetensors")
    try Safetensors.write(tensors, metadata: [:], to: file)
    return file
  }

  private func imported(_ licence: String?) throws -> String {
    let model = folder("model.safetensors").path
    let result = try atelier.run(
      ["weights", "import", weights().path, "--system", "srresnet", "--output", model]
        + (licence.map { ["--licence", $0] } ?? []))
    try #require(result.status == 0, "\(result.errors)")
    if let licence { #expect(result.output.contains(licence)) }
    return model
  }

  @Test func weightsAgainstCommercialUseLeaveOnlyWhenThatIsAccepted() throws {
    let model = try imported("CC BY-NC 4.0 (someone)")
    #expect(try atelier.run(["inspect", model]).output.contains("CC BY-NC 4.0 (someone)"))
    let target = folder("out.safetensors")
    let refused = try atelier.run(["export", model, "--output", target.path])
    #expect(
      refused.status == 64 && refused.errors.contains("CC BY-NC 4.0")
        && refused.errors.contains("--accept-licence"))
    #expect(!FileManager.default.fileExists(atPath: target.path))
    let accepted = try atelier.run(["export", model, "--output", target.path, "--accept-licence"])
    #expect(accepted.status == 0 && accepted.output.contains("CC BY-NC 4.0"), "\(accepted.errors)")
    let notice = try Safetensors.header(of: target).metadata["atelier.licence"]
    #expect(notice?.contains("CC BY-NC 4.0 (someone)") == true)
    // The way back keeps it.
    let again = folder("again.safetensors").path
    _ = try atelier.run(["weights", "import", target.path, "--system", "srresnet", "--output", again])
    let locked = try atelier.run(["export", again, "--output", folder("b.safetensors").path])
    #expect(locked.status == 64 && locked.errors.contains("CC BY-NC 4.0"))
  }

  @Test func aLicenceIsAFieldWhateverItsWordsOrTheNotesSay() throws {
    let model = URL(fileURLWithPath: try imported("ACME Academic (someone)"))
    var description = try ModelFile.describe(model)
    let said = WeightLicence("ACME Academic (someone)", allowsCommercialUse: true)
    #expect(description.data.licences == [said] && description.restrictingLicences.isEmpty)
    let system = try loadSystem(from: model, registry: .standard).system
    // Words of a note lock nothing where the field says otherwise, and lock files from before there was one.
    let locked = folder("locked.safetensors")
    for (licences, notes, status) in [
      ([said], ["The data came under a licence not for commercial use."], Int32(0)),
      ([WeightLicence("ACME Academic (someone)", allowsCommercialUse: false)], [], 64),
      (nil, ["The licence of the imported weights: CC BY-NC 4.0."], 64), (nil, ["There are no labels."], 0),
    ] {
      (description.data.licences, description.data.notes) = (licences, notes)
      try ModelFile.write(system, description, to: locked)
      let result = try atelier.run(
        ["export", locked.path, "--output", folder("out.safetensors").path, "--force"])
      #expect(result.status == status, "\(notes): \(result.errors)")
    }
    // Exported weights say the terms too.
    description.data.licences = [WeightLicence("ACME (someone)", allowsCommercialUse: false)]
    try ModelFile.write(system, description, to: locked)
    let target = folder("out.safetensors").path
    _ = try atelier.run(["export", locked.path, "--output", target, "--force", "--accept-licence"])
    let again = folder("again.safetensors")
    _ = try atelier.run(["weights", "import", target, "--system", "srresnet", "--output", again.path])
    #expect(try ModelFile.describe(again).restrictingLicences.count == 1)
  }

  @Test func otherLicencesLockNothing() throws {
    for licence in [nil, "MIT (someone)"] {
      let model = try imported(licence)
      let result = try atelier.run(
        ["export", model, "--output", folder("free.safetensors").path, "--force"])
      #expect(result.status == 0, "\(result.errors)")
    }
  }

  @Test func weightsWithNaNAreRefusedByNameAtImportAndAtDrawing() throws {
    let model = folder("model.safetensors")
    let result = try atelier.run(
      ["weights", "import", weights(poisoned: true).path, "--system", "srresnet", "--output", model.path])
    #expect(
      result.status == 65 && result.errors.contains("NaN") && result.errors.contains("conv_first.weight"))
    #expect(!FileManager.default.fileExists(atPath: model.path))
    // A model file that such weights got into all the same.
    let sound = URL(fileURLWithPath: try imported(nil))
    let file = try Safetensors.read(sound)
    let broken = folder("broken.safetensors")
    try Safetensors.write(
      file.tensors.map { name, tensor in
        name == "network/generator/last.bias"
          ? (name, HostTensor([Float](repeating: .nan, count: tensor.count), shape: tensor.shape))
          : (name, tensor)
      }, metadata: file.metadata, to: broken)
    try TinyData.coloured(number: 1, width: 8, height: 8).write(to: folder("a.png"))
    let drawn = try atelier.run(
      ["generate", broken.path, folder("a.png").path, "--output", folder("b.png").path])
    #expect(
      drawn.status == 65 && drawn.errors.contains("NaN") && drawn.errors.contains("last.bias"),
      "\(drawn.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder("b.png").path))
  }
}

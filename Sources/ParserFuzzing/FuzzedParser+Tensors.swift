import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMetrics
import Foundation
import Torch

/// Files of tensors: PyTorch's, safetensors, and what stands on them.
extension FuzzedParser {
  private static let runs = "Tests/Fixtures/Runs"
  private static let torch = "Tests/TorchTests/Fixtures"

  /// Reads a file of weights as an import does, and turns what it holds into tensors.
  private static func readTorch(_ folder: FuzzFolder, _ bytes: [UInt8]) throws {
    let file = try folder.file("input.pth", bytes)
    let value = try TorchFile.read(file)
    // Whether there is a state dictionary in it is another question, which has an answer for every value.
    _ = try? value.stateDictionary(at: [])
    _ = try ForeignWeights.read(file)
  }

  /// A pickle of protocol 2 to 4 as numpy and Python write them, by hand.
  private static let pickles: [[UInt8]] = {
    func text(_ string: String) -> [UInt8] {
      [0x58] + SmallArchives.little(string.utf8.count, 4) + Array(string.utf8)
    }
    let start: [UInt8] = [0x80, 2]
    func joined(_ parts: [UInt8]...) -> [UInt8] { start + parts.flatMap { $0 } }
    func lines(_ string: String) -> [UInt8] { Array(string.utf8) }
    let plain = joined(
      [0x7D, 0x71, 0, 0x28], text("a"), [0x4B, 7], text("b"), [0x5D, 0x28, 0x4B, 1, 0x4B, 2, 0x65], text("c"),
      [0x47, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0], text("d"), [0x88], text("e"), [0x8A, 2, 1, 2], [0x75, 0x2E])
    let array = joined(
      lines("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"),
      [0x4B, 0, 0x85, 0x43, 1, 0x62, 0x87, 0x52, 0x28, 0x4B, 1, 0x4B, 2, 0x4B, 3, 0x86],
      lines("cnumpy\ndtype\n"), text("f4"), [0x89, 0x88, 0x87, 0x52, 0x28, 0x4B, 3], text("<"),
      [0x4E, 0x4E, 0x4E, 0x4A, 0xFF, 0xFF, 0xFF, 0xFF, 0x4A, 0xFF, 0xFF, 0xFF, 0xFF, 0x4B, 0, 0x74, 0x62],
      [0x89, 0x43, 24], [UInt8](repeating: 0x3F, count: 24), [0x74, 0x62, 0x2E])
    let old = joined(lines("(lp0\nI1\naL12345678901234567890L\naF1.5\naS'x\\n'\naVy\\u0041\na."))
    let object = joined(
      lines("ca.b\nC\n"), [0x29, 0x81, 0x7D], text("k"), [0x4B, 1, 0x73, 0x62, 0x2E])
    return [plain, array, old, object]
  }()

  static let tensorFiles: [FuzzedParser] = [
    FuzzedParser("pickle", longest: 2048) {
      pickles
    } read: { folder, bytes in
      let value = try PickleFile.read(try folder.file("input.pkl", bytes))
      _ = value.tensorValue
      _ = try? value.stateDictionary(at: [])
    },
    FuzzedParser("pth-zip", longest: 12_288) {
      RepositoryFiles.contents(of: torch, ending: ".zip.pth")
    } read: { folder, bytes in
      try readTorch(folder, bytes)
    },
    FuzzedParser("pth-legacy", longest: 6144) {
      RepositoryFiles.contents(of: torch, ending: ".legacy.pth")
    } read: { folder, bytes in
      try readTorch(folder, bytes)
    },
    FuzzedParser("safetensors") {
      let file = FileManager.default.temporaryDirectory.appendingPathComponent(
        "\(UUID().uuidString).safetensors")
      defer { try? FileManager.default.removeItem(at: file) }
      try Safetensors.write(
        [
          ("weight", HostTensor([Float](repeating: 1, count: 6), shape: [2, 3])),
          ("bias", HostTensor([1, 2, 3])), ("scalar", HostTensor([Float(2)], shape: [])),
        ], metadata: ["format": "pt", "note": "ä\"\\"], to: file)
      return RepositoryFiles.contents(of: torch, ending: ".safetensors") + [
        [UInt8](try Data(contentsOf: file))
      ]
    } read: { folder, bytes in
      let file = try folder.file("input.safetensors", bytes)
      _ = try Safetensors.header(of: file)
      _ = try Safetensors.read(file)
    },
    FuzzedParser("model-file", longest: 16_384) {
      RepositoryFiles.contents(of: runs, ending: "model.safetensors").filter { $0.count <= 16_384 }
    } read: { folder, bytes in
      let file = try folder.file("input.safetensors", bytes)
      let description = try ModelFile.describe(file)
      for name in description.artefacts.contents.keys {
        do { _ = try description.artefacts.decode(Vocabulary.self, name) } catch is DatasetError {}
      }
    },
    FuzzedParser("instance-table", longest: 4096) {
      RepositoryFiles.contents(of: runs, ending: "instances.safetensors")
    } read: { _, bytes in
      _ = try InstanceTable(Artefacts([InstanceTable.artefact: Data(bytes)]))
    },
    FuzzedParser("statistics") {
      let file = FileManager.default.temporaryDirectory.appendingPathComponent(
        "\(UUID().uuidString).safetensors")
      defer { try? FileManager.default.removeItem(at: file) }
      let statistics = try FeatureStatistics(
        count: 9, mean: HostTensor([1.0, 2.0], shape: [2]),
        covariance: HostTensor([2.0, 0.5, 0.5, 1.0], shape: [2, 2]))
      try ReferenceStatistics(statistics, facts: Provenance()).save(to: file)
      return [[UInt8](try Data(contentsOf: file))]
    } read: { folder, bytes in
      _ = try ReferenceStatistics.load(from: try folder.file("input.safetensors", bytes))
    },
    FuzzedParser("raw-arrays") {
      [Array(#"{"a/weight": {"filename": "a", "shape": [2, 3]}, "b": {"filename": "a", "shape": [6]}}"#.utf8)]
    } read: { folder, bytes in
      let place = try folder.folder("arrays") { folder in
        try Data(count: 24).write(to: folder.appendingPathComponent("a"))
      }
      _ = try folder.file("arrays/manifest.json", bytes)
      _ = try ForeignWeights.read(place)
    },
  ]
}

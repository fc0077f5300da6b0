import Atelier
import Foundation
import TestSupport

/// A run that an earlier commit left behind, in `Tests/Fixtures/Runs`, and what that commit made of it.
///
/// - `run/`: the run's folder without previews, report and TensorBoard's files.
/// - `fixture.json`: this value.
/// - `weights.json`: each tensor of its `model.safetensors` after ``resumedSteps``, in the file's order.
/// - `drawn/`: what was drawn from the run as it lies here.
struct OldRun: Codable {
  /// The commit that made it.
  var commit: String
  /// The system's name.
  var system: String
  /// The data under `Tests/Fixtures/Runs/data`.
  var data: String
  /// Whether the system needs weights that Atelier does not make; ``writeWeights(to:)`` makes some.
  var needsWeights: Bool
  /// Steps of the run as it lies here.
  var steps: Int
  /// Steps after resumption.
  var resumedSteps: Int
  /// Arguments of `atelier`, with `{run}`, `{data}` and `{drawn}` in place of folders.
  var drawings: [[String]]
  /// Operating system and architecture.
  var platform: String
  /// SHA-256 of the checkpoint's files after ``resumedSteps``.
  var hashes: [String: String]
  /// How far a weight may lie from the expected one where kernels are others.
  var weightTolerance: Double
  /// Whether bytes depend on the sizes of the processor's caches even with common kernels; nil: they do not.
  var dependsOnProcessor: Bool?
  /// How far a value of a picture, of 255, may lie from the expected one where kernels are others.
  var pictureTolerance: Int

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/Runs")

  /// The folder of all runs' data.
  static let data = folder.appendingPathComponent("data")

  /// The names of all fixtures: the folders beside `data`.
  static let names: [String] = {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return entries.filter { name in
      name != "data" && !name.hasPrefix(".") && folder.appendingPathComponent(name).hasDirectoryPath
    }.sorted()
  }()

  static func named(_ name: String) throws -> OldRun {
    let file = folder.appendingPathComponent("\(name)/fixture.json")
    return try JSONDecoder().decode(OldRun.self, from: Data(contentsOf: file))
  }

  static var platform: String {
    #if arch(x86_64)
      let architecture = "x86_64"
    #elseif arch(arm64)
      let architecture = "arm64"
    #else
      let architecture = "another"
    #endif
    #if os(Linux)
      return "Linux on \(architecture)"
    #else
      return "another system on \(architecture)"
    #endif
  }

  /// The kernels that a program computes with.
  enum Kernels: CaseIterable {
    /// Those that every processor of the architecture has, in the engine, in MKL and in oneDNN, so that bytes
    /// do not depend on the processor; the runs were recorded with them.
    case common
    /// Those that suit this machine best.
    case own

    var environment: [String: String] {
      guard self == .common else { return [:] }
      return ["ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"]
    }
  }

  /// Writes weights for VGG16's first two convolutions that mean nothing and are the same everywhere.
  static func writeWeights(to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var tensors: [(name: String, tensor: HostTensor)] = []
    for (layer, inputs) in [(0, 3), (2, 64)] {
      let count = 64 * inputs * 9
      // Small fractions of powers of two: exact in float32.
      let weight = (0..<count).map { Float($0 * 7919 % 257 - 128) / Float(inputs == 3 ? 512 : 2048) }
      tensors.append(("features.\(layer).weight", HostTensor(weight, shape: [64, inputs, 3, 3])))
      tensors.append(("features.\(layer).bias", HostTensor([Float](repeating: 0, count: 64), shape: [64])))
    }
    try Safetensors.write(tensors, metadata: [:], to: folder.appendingPathComponent("vgg16.safetensors"))
  }

  /// Runs `atelier` on a copy of a run in a temporary folder.
  struct Trial {
    let program: Program
    let fixture: OldRun
    let kernels: Kernels
    /// The copy.
    let run: URL

    init(_ program: Program, _ fixture: OldRun, of original: URL, _ kernels: Kernels, in folder: URL) throws {
      self.program = program
      self.fixture = fixture
      self.kernels = kernels
      run = folder.appendingPathComponent("run")
      try FileManager.default.copyItem(at: original, to: run)
      if fixture.needsWeights { try OldRun.writeWeights(to: folder.appendingPathComponent("weights")) }
    }

    var environment: [String: String] {
      kernels.environment.merging(
        ["ATELIER_WEIGHTS": run.deletingLastPathComponent().appendingPathComponent("weights").path]
      ) { $1 }
    }

    /// Goes on to ``OldRun/resumedSteps``.
    func resume(isInexact: Bool = false) throws -> Program.Result {
      try program.run(
        [
          "train", "--resume", run.path, "--data", OldRun.data.appendingPathComponent(fixture.data).path,
          "--steps", "\(fixture.resumedSteps)", "--quiet",
        ] + (isInexact ? ["--allow-inexact-resume"] : []), environment: environment)
    }

    /// The checkpoint after a number of steps.
    func checkpoint(_ steps: Int) throws -> Checkpoint {
      try CheckpointStore(run.appendingPathComponent("checkpoints")).open(step: steps)
    }

    /// Draws all drawings into a folder.
    ///
    /// - Parameter unmarked: whether to leave out the invisible mark, which older programs know nothing of.
    func draw(into drawn: URL, unmarked: Bool = false) throws -> [Program.Result] {
      try FileManager.default.createDirectory(at: drawn, withIntermediateDirectories: true)
      return try fixture.drawings.map { arguments in
        let filled = arguments.map {
          $0.replacingOccurrences(of: "{run}", with: run.path)
            .replacingOccurrences(of: "{data}", with: OldRun.data.appendingPathComponent(fixture.data).path)
            .replacingOccurrences(of: "{drawn}", with: drawn.path)
        }
        return try program.run(filled + (unmarked ? ["--no-mark"] : []), environment: environment)
      }
    }
  }

  /// What is kept of a tensor: enough to tell it from any other, and to see how far another one is from it.
  struct Weights: Codable, Hashable {
    /// The tensor's name.
    var name: String
    /// The first half of the SHA-256 of type, shape and bytes.
    var hash: String
    /// The Euclidean norm.
    var norm: Double
    /// Up to four values, evenly spread.
    var samples: [Double]

    init(_ name: String, _ tensor: HostTensor) {
      self.name = name
      hash = String(WeightStore.contentHash([("", tensor)]).prefix(32))
      let values = tensor.doubles()
      norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      samples = stride(from: 0, to: values.count, by: max(1, (values.count + 3) / 4)).map { values[$0] }
    }

    /// How far a value lies from another tensor's, or what the norm tells of that; infinite where names differ.
    func distance(to other: Weights) -> Double {
      guard name == other.name, samples.count == other.samples.count else { return .infinity }
      return zip(samples, other.samples).reduce(abs(norm - other.norm)) { max($0, abs($1.0 - $1.1)) }
    }
  }

  /// The weights in a model file.
  static func weights(in model: URL) throws -> [Weights] {
    try Safetensors.read(model).tensors.map { Weights($0.name, $0.tensor) }
  }

  /// The expected weights of a fixture.
  static func expectedWeights(_ name: String) throws -> [Weights] {
    let file = folder.appendingPathComponent("\(name)/weights.json")
    return try JSONDecoder().decode([Weights].self, from: Data(contentsOf: file))
  }

  /// The keys of a model file's metadata that differ from those of an earlier step, beyond what a later version of
  /// Atelier may change: its number, and keys that have come to the configuration or the facts of the data since.
  static func changedMetadata(_ old: URL, _ new: URL) throws -> [String] {
    let (old, new) = (try Safetensors.header(of: old).metadata, try Safetensors.header(of: new).metadata)
    return old.filter { key, text in
      guard let other = new[key] else { return true }
      if other == text || ["atelier.version", "atelier.step", "atelier.engine"].contains(key) {
        return false
      }
      let tables = [text, other].map { try? JSONDecoder().decode([String: JSON].self, from: Data($0.utf8)) }
      guard let before = tables[0], let after = tables[1] else { return true }
      return !isKept(.table(before), in: .table(after))
    }.keys.sorted()
  }

  /// Whether all that a value says is still there; tables may have further keys.
  private static func isKept(_ old: JSON, in new: JSON) -> Bool {
    guard case .table(let before) = old, case .table(let after) = new else { return old == new }
    return before.allSatisfy { key, value in after[key].map { isKept(value, in: $0) } ?? false }
  }

  /// The files in a folder of drawings.
  static func drawings(in folder: URL) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      .filter { ["png", "txt"].contains(($0 as NSString).pathExtension) }.sorted()
  }

  /// The largest distance of a picture's value from the same of another; nil where sizes differ.
  static func pictureDistance(_ old: URL, _ new: URL) throws -> Int? {
    let (old, new) = (try Image(contentsOf: old), try Image(contentsOf: new))
    guard (old.width, old.height, old.channels, old.depth) == (new.width, new.height, new.channels, new.depth)
    else { return nil }
    return zip(old.bytes, new.bytes).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
  }

  /// Any value of JSON.
  private enum JSON: Decodable, Equatable {
    case null
    case boolean(Bool)
    case number(Double)
    case text(String)
    case list([JSON])
    case table([String: JSON])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let value = try? container.decode(Bool.self) {
        self = .boolean(value)
      } else if let value = try? container.decode(Double.self) {
        self = .number(value)
      } else if let value = try? container.decode(String.self) {
        self = .text(value)
      } else if let value = try? container.decode([JSON].self) {
        self = .list(value)
      } else {
        self = .table(try container.decode([String: JSON].self))
      }
    }
  }
}

public import AtelierCore
public import Foundation
public import Torch

/// A folder of facts: weights that an authors' program wrote, and tensors it computed from them.
///
/// The format is described in `Tests/ReferenceCases/FORMAT.md`. A key that is not described there is an
/// error: what this program does not understand it has not checked.
public struct ReferenceCase: Sendable {
  /// The folder's name.
  public let name: String
  /// The system's registered name.
  public let system: String
  /// The choices that rebuild the networks.
  public let configuration: [String: ConfigurationValue]
  /// Network names and where their weights come from, in the order of names.
  public let weights: [(network: String, source: WeightSource)]
  /// The recorded tensors.
  public let tensors: SafetensorsFile
  /// What to repeat and compare.
  public let checks: [Check]

  let folder: URL

  /// Where the weights of a network come from.
  public enum WeightSource: Sendable {
    /// A file of the case, in the authors' names.
    case file(URL)
    /// Drawn by the rule of FORMAT.md, for networks that are too large to store.
    case drawn(seed: UInt64, gain: Double)
  }

  /// One check of a case.
  public struct Check: Sendable {
    /// What the case calls it.
    public let name: String
    /// `forward`, `train`, `loss`, `metric` or `generate`.
    public let kind: String
    /// Relative and absolute tolerance.
    public let tolerance: Tolerance
    /// Input names and the recorded tensors' names.
    public let inputs: [String: String]
    /// Output names and the recorded tensors' names.
    public let outputs: [String: String]
    /// Loss names and the recorded tensors' names.
    public let losses: [String: String]
    /// Networks and the files of their weights after training.
    public let weightsAfter: [String: String]
    /// Entries that rounding alone decides, by network.
    public let noiseDriven: [String: [String]]
    /// Every other key.
    public let settings: [String: ConfigurationValue]
  }

  /// Reads a case.
  ///
  /// - Throws: ``CaseError`` or ``FileFormatError`` naming what is missing, unknown or damaged.
  public init(folder: URL) throws {
    self.folder = folder
    name = folder.lastPathComponent
    let file = folder.appendingPathComponent("case.json")
    guard let data = FileManager.default.contents(atPath: file.path) else {
      throw CaseError("\(file.path) cannot be read; a case is a folder that holds case.json")
    }
    let root: [String: ConfigurationValue]
    do {
      root = try JSONDecoder().decode([String: ConfigurationValue].self, from: data)
    } catch {
      throw CaseError("\(name)/case.json is not valid JSON: \(error)")
    }
    let known: Set = [
      "format", "system", "source", "engine", "configuration", "weights", "tensors", "checks", "notes",
    ]
    try Self.refuseUnknown(root.keys, known, "case.json")
    guard root["format"] == .integer(1) else {
      throw CaseError(
        "\(name): the format is \(root["format"]?.description ?? "missing"), this program reads 1")
    }
    system = try Self.string(root["system"], "system")
    configuration = try Self.table(root["configuration"], "configuration")
    let files = try Self.table(root["weights"], "weights")
    weights = try files.sorted { $0.key < $1.key }.map {
      ($0.key, try Self.source($0.value, "weights.\($0.key)", in: folder))
    }
    tensors = try Safetensors.read(Self.file(Self.string(root["tensors"], "tensors"), in: folder))
    guard case .list(let list)? = root["checks"], !list.isEmpty else {
      throw CaseError("\(name) has no checks, so there is nothing it could prove")
    }
    checks = try list.map { try Check($0) }
  }

  /// A recorded tensor.
  func tensor(_ name: String) throws -> Tensor {
    guard let value = tensors[name] else {
      throw CaseError("the tensor '\(name)' is not in the case's tensor file")
    }
    return Tensor(value)
  }

  /// The weights of a file, in the authors' names.
  func stateDictionary(_ file: URL) throws -> [(name: String, tensor: HostTensor)] {
    try TorchFile.stateDictionary(of: file).removingDataParallelPrefix()
  }

  /// Names of recorded tensors that no check reads or expects.
  var unreferenced: [String] {
    var used: Set<String> = []
    for check in checks {
      used.formUnion(check.inputs.values)
      used.formUnion(check.outputs.values)
      used.formUnion(check.losses.values)
    }
    return tensors.tensors.map(\.name).filter { !used.contains($0) }
  }

  static func refuseUnknown(
    _ keys: some Sequence<String>, _ known: Set<String>, _ place: String
  ) throws {
    if let unknown = keys.sorted().first(where: { !known.contains($0) }) {
      throw CaseError("\(place) has the unknown key '\(unknown)'")
    }
  }

  static func string(_ value: ConfigurationValue?, _ key: String) throws -> String {
    guard case .string(let text)? = value else { throw CaseError("'\(key)' is missing or not a string") }
    return text
  }

  static func table(_ value: ConfigurationValue?, _ key: String) throws -> [String: ConfigurationValue] {
    guard case .table(let table)? = value else { throw CaseError("'\(key)' is missing or not a table") }
    return table
  }

  static func number(_ value: ConfigurationValue?, _ key: String) throws -> Double {
    switch value {
    case .integer(let number)?: return Double(number)
    case .number(let number)?: return number
    default: throw CaseError("'\(key)' is missing or not a number")
    }
  }

  private static func source(
    _ value: ConfigurationValue, _ key: String, in folder: URL
  ) throws -> WeightSource {
    guard case .table(let outer) = value else { return .file(try file(string(value, key), in: folder)) }
    try refuseUnknown(outer.keys, ["drawn"], key)
    let rule = try table(outer["drawn"], key + ".drawn")
    try refuseUnknown(rule.keys, ["seed", "gain"], key + ".drawn")
    guard case .integer(let seed)? = rule["seed"], seed >= 0 else {
      throw CaseError("'\(key).drawn.seed' is missing or not a whole number")
    }
    return .drawn(seed: UInt64(seed), gain: try number(rule["gain"], key + ".drawn.gain"))
  }

  /// A file of the case; names that would leave its folder are refused.
  static func file(_ name: String, in folder: URL) throws -> URL {
    guard !name.contains("/"), !name.contains("\\"), name != "..", !name.isEmpty else {
      throw CaseError("the file name '\(name)' would leave the case's folder")
    }
    return folder.appendingPathComponent(name)
  }
}

extension ReferenceCase.Check {
  private static let known: Set = [
    "name", "kind", "rtol", "atol", "inputs", "outputs", "losses", "weightsAfter", "noiseDriven",
  ]
  /// The further keys each kind of check may have; a `loss` or a `metric` hands its keys on to the
  /// table that computes it, which refuses what it does not know.
  private static let settingsOfKind: [String: Set<String>] = [
    "forward": ["network", "mode", "part", "select"],
    "train": ["steps", "mode", "optimizer", "weightsAfterOutliers", "lossesPer", "averageDecay"],
    "generate": ["network", "mode", "length", "temperature"],
    "metric": ["metric", "parameters", "mode"],
    "neighbours": [],
    "sample": [],
  ]

  init(_ value: ConfigurationValue) throws {
    guard case .table(let table) = value else { throw CaseError("a check is not a table") }
    name = try ReferenceCase.string(table["name"], "name")
    kind = try ReferenceCase.string(table["kind"], "kind")
    func names(_ key: String) throws -> [String: String] {
      guard let value = table[key] else { return [:] }
      return try ReferenceCase.table(value, key).mapValues { try ReferenceCase.string($0, key) }
    }
    inputs = try names("inputs")
    outputs = try names("outputs")
    losses = try names("losses")
    weightsAfter = try names("weightsAfter")
    noiseDriven = try ReferenceCase.table(table["noiseDriven"] ?? .table([:]), "noiseDriven").mapValues {
      guard case .list(let entries) = $0 else { throw CaseError("'noiseDriven' is not a table of lists") }
      return try entries.map { try ReferenceCase.string($0, "noiseDriven") }
    }
    tolerance = Tolerance(
      relative: try ReferenceCase.number(table["rtol"], "rtol"),
      absolute: try ReferenceCase.number(table["atol"], "atol"))
    guard tolerance.relative >= 0, tolerance.absolute >= 0, tolerance.relative < 1, tolerance.absolute < 1
    else {
      throw CaseError("the tolerances of '\(name)' are not between 0 and 1")
    }
    settings = table.filter { !Self.known.contains($0.key) }
    if let allowed = Self.settingsOfKind[kind] {
      try ReferenceCase.refuseUnknown(settings.keys, allowed, "the check '\(name)'")
    } else if kind != "loss" {
      throw CaseError("the check '\(name)' is of the unknown kind '\(kind)'")
    }
    if outputs.isEmpty && losses.isEmpty && weightsAfter.isEmpty {
      throw CaseError("the check '\(name)' expects nothing, so it could not fail")
    }
  }
}

/// Why a case could not be run; one sentence.
public struct CaseError: Error, Sendable, CustomStringConvertible, LocalizedError {
  /// The sentence.
  public let description: String

  /// An error with its sentence.
  public init(_ description: String) { self.description = description }

  /// The same sentence, for Foundation.
  public var errorDescription: String? { description }
}

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
    /// A file inside another program's package, which a case does not hold.
    case package(name: String, file: String)
  }

  /// One check of a case.
  public struct Check: Sendable {
    /// What is asked.
    public let question: ReferenceCheck
    /// Relative and absolute tolerance.
    public let tolerance: Tolerance
    /// The tolerance of the losses of a training check.
    public let lossTolerance: Tolerance
    /// Input names and the recorded tensors' names.
    public let inputs: [String: String]
    /// Inputs that are a text or a list of texts.
    public let texts: [String: ConfigurationValue]
    /// Output names and the recorded tensors' names.
    public let outputs: [String: String]
    /// Loss names and the recorded tensors' names.
    public let losses: [String: String]
    /// Networks and the files of their weights after training.
    public let weightsAfter: [String: String]
    /// Entries that rounding alone decides, by network.
    public let noiseDriven: [String: [String]]

    /// What the case calls it.
    public var name: String { question.name }
    /// `forward`, `train`, `loss`, `metric`, `generate`, or what a system answers itself.
    public var kind: String { question.kind }
    /// The keys that belong to the kind.
    public var settings: [String: ConfigurationValue] { question.settings }
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

  /// A check's recorded inputs.
  func tensors(of check: Check) throws -> [String: Tensor] {
    try check.inputs.mapValues { VoiceCases.enlarged(try tensor($0), of: self) }
  }

  /// A check's recorded inputs and texts.
  func values(of check: Check) throws -> [String: CaseValue] {
    let texts = try check.texts.mapValues { value -> CaseValue in
      switch value {
      case .string(let text): .text(text)
      case .list(let list): .texts(try list.map { try Self.string($0, "texts") })
      default: throw CaseError("'texts' of '\(check.name)' holds what is neither a text nor a list of texts")
      }
    }
    return try tensors(of: check).mapValues { .tensor($0) }.merging(texts) { tensor, _ in tensor }
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
    // Cases of texts have a tensor of this name in place of inputs.
    let placeholder = "none"
    return tensors.tensors.map(\.name).filter { !used.contains($0) && $0 != placeholder }
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
    if outer["package"] != nil {
      try refuseUnknown(outer.keys, ["package", "file", "entry", "sha256"], key)
      return .package(
        name: try string(outer["package"], key + ".package"), file: try string(outer["file"], key + ".file"))
    }
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

extension ReferenceCase {
  /// Whether a check asks for a network whose weights lie in another program's package.
  func needsPackage(_ check: Check) -> Bool {
    weights.contains { entry in
      if case .package = entry.source { entry.network == check.question.network } else { false }
    }
  }
}

extension ReferenceCase.Check {
  /// The keys that stand beside those of a kind; `needs` tells people what a check's weights come from.
  private static let known: Set = [
    "name", "kind", "network", "part", "mode", "rtol", "atol", "lossTolerance", "inputs", "texts",
    "hypotheses", "references", "outputs", "losses", "weightsAfter", "noiseDriven", "needs",
  ]

  init(_ value: ConfigurationValue) throws {
    guard case .table(let table) = value else { throw CaseError("a check is not a table") }
    func names(_ key: String) throws -> [String: String] {
      guard let value = table[key] else { return [:] }
      return try ReferenceCase.table(value, key).mapValues { try ReferenceCase.string($0, key) }
    }
    func optional(_ key: String) throws -> String? {
      try table[key].map { try ReferenceCase.string($0, key) }
    }
    let name = try ReferenceCase.string(table["name"], "name")
    let kind = try ReferenceCase.string(table["kind"], "kind")
    question = ReferenceCheck(
      name: name, kind: kind, network: try optional("network"), part: try optional("part"),
      mode: try optional("mode").map { text in
        guard let mode = ReferenceCheck.Mode(rawValue: text) else {
          throw CaseError("'mode' is '\(text)'; it is train or eval")
        }
        return mode
      }, settings: table.filter { !Self.known.contains($0.key) })
    inputs = try names("inputs")
    texts = try Self.texts(table)
    outputs = try names("outputs")
    losses = try names("losses")
    weightsAfter = try names("weightsAfter")
    noiseDriven = try ReferenceCase.table(table["noiseDriven"] ?? .table([:]), "noiseDriven").mapValues {
      guard case .list(let entries) = $0 else { throw CaseError("'noiseDriven' is not a table of lists") }
      return try entries.map { try ReferenceCase.string($0, "noiseDriven") }
    }
    tolerance = try Self.tolerance(table, name)
    lossTolerance =
      try table["lossTolerance"].map { try Self.tolerance(ReferenceCase.table($0, "lossTolerance"), name) }
      ?? tolerance
    if let both = Set(inputs.keys).intersection(texts.keys).sorted().first {
      throw CaseError("the check '\(name)' has '\(both)' both as a tensor and as texts")
    }
    if outputs.isEmpty && losses.isEmpty && weightsAfter.isEmpty {
      throw CaseError("the check '\(name)' expects nothing, so it could not fail")
    }
    // What a kind of check never compares must not stand there as if it were.
    let isTraining = kind == "train"
    guard isTraining ? outputs.isEmpty : losses.isEmpty && weightsAfter.isEmpty else {
      throw CaseError(
        isTraining
          ? "the training check '\(name)' expects outputs; it has losses and weightsAfter"
          : "the check '\(name)' expects losses or weightsAfter, which only training has")
    }
  }

  private static func tolerance(
    _ table: [String: ConfigurationValue], _ check: String
  ) throws -> Tolerance {
    let tolerance = Tolerance(
      relative: try ReferenceCase.number(table["rtol"], "rtol"),
      absolute: try ReferenceCase.number(table["atol"], "atol"))
    guard tolerance.relative >= 0, tolerance.absolute >= 0, tolerance.relative < 1, tolerance.absolute < 1
    else { throw CaseError("the tolerances of '\(check)' are not between 0 and 1") }
    return tolerance
  }

  /// `texts`, and the translations of a measure: `hypotheses`, and one list of `references` or several, which
  /// become `references.0`, `references.1` and so on.
  private static func texts(
    _ table: [String: ConfigurationValue]
  ) throws -> [String: ConfigurationValue] {
    var texts = try ReferenceCase.table(table["texts"] ?? .table([:]), "texts")
    texts["hypotheses"] = table["hypotheses"] ?? texts["hypotheses"]
    if case .list(let lists)? = table["references"], case .list? = lists.first {
      for (index, list) in lists.enumerated() { texts["references.\(index)"] = list }
    } else {
      texts["references"] = table["references"] ?? texts["references"]
    }
    for (name, value) in texts {
      let isText =
        switch value {
        case .string: true
        case .list(let list): list.allSatisfy { if case .string = $0 { true } else { false } }
        default: false
        }
      guard isText else { throw CaseError("'\(name)' is neither a text nor a list of texts") }
    }
    return texts
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

public import AtelierCore
import AtelierData
public import AtelierGeneration
import AtelierMedia
public import Foundation
import Torch
import TorchNN

/// Writes what a trained system generates with into files that other programs load.
public enum ModelExport {
  /// Who runs an exported module to check it.
  public enum Checker: String, Sendable, Hashable, CaseIterable {
    /// A process of its own with PyTorch.
    case python
    /// The engine in this process.
    case libtorch
  }

  /// What was written.
  public struct Report: Sendable, Hashable, Encodable {
    /// The file.
    public let file: String
    /// The networks whose weights it holds.
    public let networks: [String]
    /// How its norms normalise.
    public let norm: String
    /// Whether its dropout draws.
    public let dropout: String
    /// The names of the module's inputs; empty for weights alone.
    public let inputs: [String]
    /// The largest difference between what the module gave elsewhere and what the system gives here; nil
    /// for weights alone.
    public let largestDifference: Double?
    /// What ran it: "PyTorch 2.13.0".
    public let checkedBy: String?
  }

  /// The key of exported weights' metadata under which the licences of weights from elsewhere stand, one a line.
  public static let licenceKey = "atelier.licence"

  /// The key under which they stand as JSON, with what they allow.
  public static let licenceTermsKey = "atelier.licence.terms"

  /// The licences that exported weights say.
  ///
  /// - Throws: `FileFormatError` for terms that cannot be understood.
  static func licences(in metadata: [String: String], of file: URL) throws -> [WeightLicence] {
    guard let terms = metadata[licenceTermsKey] else {
      return (metadata[licenceKey] ?? "").split(separator: "\n").map { WeightLicence(named: String($0)) }
    }
    do { return try JSONDecoder().decode([WeightLicence].self, from: Data(terms.utf8)) } catch {
      throw FileFormatError(
        file: file, problem: "its metadata \(licenceTermsKey) cannot be understood; export the weights again")
    }
  }

  /// The name of the text inside an exported module that says what it is, as JSON.
  public static let textName = "atelier.json"

  /// Writes a TorchScript module that PyTorch and libtorch load: its weights are its attributes under their
  /// authors' names, `forward` takes the condition and the noise. Averages, where there are any, stand in
  /// for the weights.
  ///
  /// The module is run at two sizes, where the system takes more than one, and with one and three
  /// examples, and compared with the system; a mismatch is an error, and leaves no file.
  ///
  /// - Parameters:
  ///   - direction: what into what, for a system with several directions; nil: its first.
  ///   - python: the program to check with; nil: the first one that has PyTorch.
  /// - Throws: ``ExportError``, or `ConfigurationError` for an unknown direction.
  public static func torchScript(
    _ system: any GenerativeSystem, _ description: ModelDescription, to url: URL, direction: String? = nil,
    check: Checker = .python, python: String? = nil
  ) throws -> Report {
    let interpreter = check == .python ? try Python.withTorch(python) : nil
    return try script(system, description, to: url, direction) { partial, recording in
      let difference =
        try interpreter.map { try ScriptCheck.python($0, partial, Array(recording.cases.dropFirst())) }
        ?? ScriptCheck.libtorch(partial, Array(recording.cases.dropFirst()))
      return (difference, interpreter.map { "PyTorch \($0.torchVersion)" } ?? "libtorch \(Engine.version)")
    }
  }

  /// Writes an ONNX model of what ``torchScript(_:_:to:direction:check:python:)`` writes, made by the PyTorch of a
  /// Python, and run by onnxruntime there with the same inputs and the same tolerance; a mismatch is an error, and
  /// leaves no file.
  ///
  /// - Parameters:
  ///   - direction: what into what, for a system with several directions; nil: its first.
  ///   - python: the program; nil: the first one that has PyTorch.
  /// - Throws: ``ExportError``, which says how to install onnx and onnxruntime where they are missing, or
  ///   `ConfigurationError` for an unknown direction.
  public static func onnx(
    _ system: any GenerativeSystem, _ description: ModelDescription, to url: URL, direction: String? = nil,
    python: String? = nil
  ) throws -> Report {
    let conversion = try ONNXConversion(Python.withTorch(python))
    return try script(system, description, to: url, direction) { partial, recording in
      let script = partial.appendingPathExtension("pt")
      try FileManager.default.moveItem(at: partial, to: script)
      defer { try? FileManager.default.removeItem(at: script) }
      let difference = try conversion(
        script, to: partial, names: recording.inputs, axes: recording.axes, text: recording.text,
        recording.cases)
      return (difference, "onnxruntime \(conversion.runtime)")
    }
  }

  /// What was recorded, for those who check it.
  private struct Recording {
    /// All inputs' names.
    let inputs: [String]
    let axes: ONNXConversion.Axes
    let text: String
    /// What was recorded, then what is to be checked.
    let cases: [ScriptCase]
  }

  /// Writes a module beside its place, has it checked, and moves it there.
  private static func script(
    _ system: any GenerativeSystem, _ description: ModelDescription, to url: URL, _ direction: String?,
    check: (_ partial: URL, _ recording: Recording) throws -> (difference: Double, by: String)
  ) throws -> Report {
    try (system as? any TranslatingSystem)?.validateExport()
    if takesInstances(system), !(system is any ExportingSystem) {
      throw ExportError(
        "what this system draws follows from instances' features, which a function of latent vectors does not "
          + "take; export its weights instead, to a file that ends in .safetensors")
    }
    let plan = try ExportPlan.of(system, direction: direction)
    return try system.drawing {
      let networks = try usedNetworks(plan, system)
      let samples = try sampled(plan)
      let module = try ScriptModule("Generator")
      try addWeights(of: networks, to: module)
      try record(plan, samples[0], in: module)
      let modes = Modes(networks, read: module.readNames, noise: samples[0].noise)
      let text = try json(plan, samples, networks, modes, description)
      let partial = url.deletingLastPathComponent()
        .appendingPathComponent(".\(url.lastPathComponent).partial-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: partial) }
      try module.write(to: partial, extraFiles: [textName: text])
      let cases = samples.map {
        ScriptCase(title: $0.title, inputs: $0.inputs + $0.noise.map(\.tensor), expected: $0.output)
      }
      let inputs = plan.inputs.map(\.name) + samples[0].noise.map(\.name)
      let found = try check(
        partial, Recording(inputs: inputs, axes: axes(inputs, samples, cases), text: text, cases: cases))
      guard rename(partial.path, url.path) == 0 else {
        throw TrainingError.unwritable(path: url.path, reason: writeFailureReason(errno))
      }
      return Report(
        file: url.path, networks: networks.map(\.name), norm: modes.norm, dropout: modes.dropout,
        inputs: inputs, largestDifference: found.difference, checkedBy: found.by)
    }
  }

  /// The axes of inputs and of the output that differ between samples, by what they follow from.
  private static func axes(
    _ inputs: [String], _ samples: [Sample], _ cases: [ScriptCase]
  ) -> ONNXConversion.Axes {
    func axes(_ shape: (ScriptCase) -> [Int]) -> [String: String] {
      var found: [String: String] = [:]
      for (axis, length) in pattern(zip(samples, cases).map { ($0, shape($1)) }).enumerated() {
        guard case .string(let text) = length else { continue }
        // Names of axes may not be formulas.
        let name = text.replacingOccurrences(of: "/", with: "_over_").replacingOccurrences(
          of: "*", with: "_times_")
        found[String(axis)] = name == "?" ? "axis_\(axis)" : name
      }
      return found
    }
    var all: ONNXConversion.Axes = [:]
    for (index, name) in inputs.enumerated() { all[name] = axes { $0.inputs[index].shape } }
    all["output"] = axes { $0.expected.shape }
    return all
  }

  /// Writes the weights that generation uses under their authors' names, with what a program has to know
  /// to build the network in the metadata. Averages, where there are any, stand in for the weights.
  public static func safetensors(
    _ system: any GenerativeSystem, _ description: ModelDescription, to url: URL
  ) throws -> Report {
    try system.drawing {
      var networks = system.networks.filter { $0.frozenFrom == nil }
      var modes = Modes(networks, read: [], noise: [])
      // Where generation needs more than a plan gives, such as images of a class, all networks are written.
      if let plan = try? ExportPlan.of(system, direction: nil),
        let used = try? usedNetworks(plan, system)
      {
        networks = used
        let sample = try Sample(plan, batch: 2, size: plan.sizes[0], seed: 1)
        let module = try ScriptModule("Generator")
        try addWeights(of: networks, to: module)
        try record(plan, sample, in: module)
        modes = Modes(networks, read: module.readNames, noise: sample.noise)
      }
      var tensors: [(name: String, tensor: HostTensor)] = []
      for network in networks {
        tensors += try named(network, among: networks).map { ($0.name, $0.tensor.host()) }
      }
      let configuration = String(
        decoding: try encoder.encode(ConfigurationValue.table(description.configuration)), as: UTF8.self)
      var metadata = [
        "format": "pt", "atelier.export": "1", "atelier.system": description.system,
        "atelier.step": String(description.step), "atelier.version": description.packageVersion,
        "atelier.configuration": configuration,
        "atelier.networks": networks.map(\.name).joined(separator: ","),
        "atelier.norm": modes.norm, "atelier.dropout": modes.dropout,
      ]
      if !description.licences.isEmpty {
        metadata[licenceKey] = description.licences.joined(separator: "\n")
        metadata[licenceTermsKey] = String(
          decoding: try encoder.encode(description.weightLicences), as: UTF8.self)
      }
      if let scale = description.data.scale { metadata["atelier.range"] = scale.description }
      try Safetensors.write(tensors, metadata: metadata, to: url)
      return Report(
        file: url.path, networks: networks.map(\.name), norm: modes.norm, dropout: modes.dropout, inputs: [],
        largestDifference: nil, checkedBy: nil)
    }
  }

  /// Whether generation needs features of instances beside latent vectors.
  private static func takesInstances(_ system: any GenerativeSystem) -> Bool {
    guard case .neighbourhoods? = system.plan.components(InstancePlan.self).first?.purpose else {
      return false
    }
    return true
  }

  // MARK: Samples

  /// One generation: what went in and what came out.
  private struct Sample {
    let batch: Int
    let size: ExportPlan.Size?
    let sides: [String]
    let inputs: [Tensor]
    let noise: [NoiseInput]
    let output: Tensor

    var title: String {
      let count = batch == 1 ? "one example" : "\(batch) examples"
      return size.map {
        sides.count > 1 ? "\(count) of \($0.height)×\($0.width)" : "\(count) of \(sides[0]) \($0.height)"
      }
        ?? count
    }

    init(_ plan: ExportPlan, batch: Int, size: ExportPlan.Size?, seed: UInt64) throws {
      let stream = RandomStream(seed: seed, purpose: "export")
      let inputs = plan.inputs.map { $0.make(batch, size, stream) }
      let draws = NotingDraws(stream)
      output = try withTensorErrors { try plan.compute(inputs, draws) }
      (self.batch, self.size, self.inputs) = (batch, size, inputs)
      sides = plan.sides
      noise = draws.noted
    }
  }

  /// What is recorded, and then what is checked.
  private static func sampled(_ plan: ExportPlan) throws -> [Sample] {
    var samples = [try Sample(plan, batch: 2, size: plan.sizes[0], seed: 1)]
    for size in plan.sizes {
      for batch in [1, 3] {
        samples.append(try Sample(plan, batch: batch, size: size, seed: UInt64(samples.count + 1)))
      }
    }
    return samples
  }

  // MARK: Recording

  private static func record(_ plan: ExportPlan, _ sample: Sample, in module: ScriptModule) throws {
    let names = plan.inputs.map(\.name) + sample.noise.map(\.name)
    let tensors = sample.inputs + sample.noise.map(\.tensor)
    try withTensorErrors {
      try module.record(Array(zip(names, tensors).map { (name: $0, tensor: $1) })) { recorded in
        let count = plan.inputs.count
        return try plan.compute(Array(recorded[..<count]), GivenDraws(recorded[count...]))
      }
    }
  }

  /// The networks that a generation reads, found by recording one with all of them.
  private static func usedNetworks(_ plan: ExportPlan, _ system: any GenerativeSystem) throws -> [Network] {
    let sample = try Sample(plan, batch: 2, size: plan.sizes[0], seed: 1)
    let module = try ScriptModule("Generator")
    let trained = system.networks.filter { $0.frozenFrom == nil }
    // A tensor that networks share stands under one of their names, whichever of them reads it.
    var owners: [ObjectIdentifier: Set<String>] = [:]
    var places: [String: ObjectIdentifier] = [:]
    for network in trained {
      for (name, tensor, isParameter) in try named(network, among: trained, forcesPrefix: true) {
        try module.add(tensor, named: name, isParameter: isParameter)
        owners[ObjectIdentifier(tensor), default: []].insert(network.name)
        places[name] = ObjectIdentifier(tensor)
      }
    }
    try record(plan, sample, in: module)
    let read = module.readNames
    return trained.filter { network in
      read.contains { name in
        name.hasPrefix(network.name + ".") && places[name].flatMap { owners[$0]?.count } == 1
      }
    }
  }

  private static func addWeights(of networks: [Network], to module: ScriptModule) throws {
    for network in networks {
      for (name, tensor, isParameter) in try named(network, among: networks) {
        try module.add(tensor, named: name, isParameter: isParameter)
      }
    }
  }

  /// A network's tensors under their authors' names, behind its own name where there are several networks.
  private static func named(
    _ network: Network, among all: [Network], forcesPrefix: Bool = false
  ) throws -> [(name: String, tensor: Tensor, isParameter: Bool)] {
    let state = network.module.state()
    let names = try network.authorsNames.translate(
      names: state.map(\.name), toOurs: false, source: network.name)
    let parameters = Set(network.module.namedParameters().map(\.name))
    let prefix = forcesPrefix || all.count > 1 ? network.name + "." : ""
    return zip(names, state).map { (prefix + $0, $1.tensor, parameters.contains($1.name)) }
  }

  // MARK: What the file says about itself

  /// How norms and dropout behave in an exported module.
  private struct Modes {
    let norm: String
    let dropout: String

    init(_ networks: [Network], read: [String], noise: [NoiseInput]) {
      let parts = networks.flatMap { $0.module.allModules() }
      if read.contains(where: { $0.hasSuffix("running_mean") || $0.hasSuffix("stored_mean") }) {
        norm = "running statistics"
      } else if parts.contains(where: { $0 is BatchNorm }) {
        norm = "statistics of the batch that is given"
      } else {
        norm = parts.contains { $0 is InstanceNorm2d } ? "statistics of each image" : "none of a batch"
      }
      let draws = noise.contains { $0.name.hasPrefix("dropout") }
      dropout =
        draws ? "active, its masks are inputs" : parts.contains { $0 is Dropout } ? "off" : "there is none"
    }
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  private static func json(
    _ plan: ExportPlan, _ samples: [Sample], _ networks: [Network], _ modes: Modes,
    _ description: ModelDescription
  ) throws -> String {
    func shape(_ tensor: (Sample) -> Tensor) -> ConfigurationValue {
      .list(samples[0].output.rank == 0 ? [] : pattern(samples.map { ($0, tensor($0).shape) }))
    }
    var inputs: [ConfigurationValue] = []
    for (index, input) in plan.inputs.enumerated() {
      var entry: [String: ConfigurationValue] = [
        "name": .string(input.name), "meaning": .string(input.meaning),
        "type": .string(samples[0].inputs[index].dtype.rawValue), "shape": shape { $0.inputs[index] },
      ]
      if let multiple = input.sizeMultiple { entry["sidesAreMultiplesOf"] = .integer(multiple) }
      inputs.append(.table(entry))
    }
    for (index, noise) in samples[0].noise.enumerated() {
      inputs.append(
        .table([
          "name": .string(noise.name), "meaning": .string("noise: " + noise.meaning),
          "type": .string(noise.tensor.dtype.rawValue), "shape": shape { $0.noise[index].tensor },
        ]))
    }
    var table: [String: ConfigurationValue] = [
      "format": .integer(1), "system": .string(description.system), "step": .integer(description.step),
      "version": .string(description.packageVersion), "engine": .string(Engine.version),
      "configuration": .table(description.configuration),
      "networks": .list(networks.map { .string($0.name) }), "inputs": .list(inputs),
      "output": .table(["meaning": .string(plan.output), "shape": shape { $0.output }]),
      "norm": .string(modes.norm), "dropout": .string(modes.dropout),
      "checkedWith": .list(samples.dropFirst().map { .string($0.title) }),
      "tolerance": .number(ScriptCheck.tolerance),
    ]
    if !description.licences.isEmpty {
      table["licences"] = .list(description.licences.map { .string($0) })
    }
    if let scale = description.data.scale {
      table["range"] = .table(["black": .number(scale.black), "white": .number(scale.white)])
    }
    if let direction = plan.direction { table["direction"] = .string(direction) }
    if !description.classNames.isEmpty {
      table["classes"] = .list(description.classNames.map { .string($0) })
    }
    return String(decoding: try encoder.encode(ConfigurationValue.table(table)), as: UTF8.self)
  }

  /// Lengths that are the same for every sample as numbers, others as what they follow from.
  private static func pattern(_ shapes: [(sample: Sample, shape: [Int])]) -> [ConfigurationValue] {
    (0..<(shapes.first?.shape.count ?? 0)).map { dim in
      let lengths = shapes.map { $0.shape.indices.contains(dim) ? $0.shape[dim] : 0 }
      if Set(lengths).count == 1, let only = lengths.first { return .integer(only) }
      func follows(_ name: String, _ from: (Sample) -> Int?) -> ConfigurationValue? {
        let sides = shapes.compactMap { from($0.sample) }
        guard sides.count == lengths.count, let side = sides.first, let length = lengths.first, length > 0
        else { return nil }
        if zip(sides, lengths).allSatisfy({ $0 * length == $1 * side }) {
          if side == length { return .string(name) }
          if side % length == 0 { return .string("\(name)/\(side / length)") }
          if length % side == 0 { return .string("\(name)*\(length / side)") }
        }
        return nil
      }
      return follows("batch") { $0.batch } ?? shapes.first.flatMap { first in
        let sides = first.sample.sides
        return follows(sides[0]) { $0.size?.height }
          ?? (sides.count > 1 ? follows(sides[1]) { $0.size?.width } : nil)
      } ?? .string("?")
    }
  }
}

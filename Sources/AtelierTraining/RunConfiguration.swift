public import AtelierCore
public import AtelierData
public import AtelierGeneration
import AtelierMedia
public import Foundation
import Torch

/// What `configuration.yaml` holds: everything that is needed to run a training again.
public struct RunConfiguration: Sendable, Hashable {
  /// The system's name in the registry.
  public var system: String
  /// The preset it started from.
  public var preset: String?
  /// Where the data lay, as an absolute path; nil where the run has none on disk.
  public var data: String?
  /// How the data are read.
  public var reading: ReadingOptions
  /// How it is trained.
  public var options: TrainingOptions
  /// Every key of the system's configuration, after it was adapted to the data.
  public var configuration: [String: ConfigurationValue]
  /// The keys in the order of declaration.
  public var keys: [String]

  /// Collects what a run needs.
  public init(
    system: String, preset: String? = nil, data: String? = nil, reading: ReadingOptions = ReadingOptions(),
    options: TrainingOptions, configuration: [String: ConfigurationValue], keys: [String]
  ) {
    self.reading = reading
    self.system = system
    self.preset = preset
    self.data = data
    self.options = options
    self.configuration = configuration
    self.keys = keys
  }

  /// The YAML text: the run's keys, then the system's under `configuration`.
  public func text() throws(TrainingError) -> String {
    var table = try configurationTable(options)
    table["device"] = .string(options.device.description)
    let order = Mirror(reflecting: options).children.compactMap(\.label)
    var pairs: [(key: String, value: ConfigurationValue)] = [
      ("format", .integer(Self.format)), ("system", .string(system)),
      ("preset", preset.map(ConfigurationValue.string) ?? .null),
      ("data", data.map(ConfigurationValue.string) ?? .null), ("fit", .string(reading.fit.rawValue)),
      ("labelColumn", reading.labelColumn.map(ConfigurationValue.string) ?? .null),
      ("corruptPictures", .string(reading.corruptImages.rawValue)),
      ("derive", reading.derivation.map { .string($0.description) } ?? .null),
      ("direction", .string(reading.swapsDirection ? Self.backwards : Self.forwards)),
      ("sideBySide", .boolean(reading.isSideBySide)),
      ("range", reading.scale.map { .string($0.record) } ?? .null),
    ]
    if let share = reading.holdOut?.test { pairs.append(("holdOut", .number(share))) }
    if let share = reading.holdOut?.validation { pairs.append(("holdOutValidation", .number(share))) }
    if reading.holdOut?.keepsCopiesTogether == true { pairs.append(("copiesTogether", .boolean(true))) }
    if reading.depth > 8 { pairs.append(("depth", .integer(reading.depth))) }
    if reading.buckets { pairs.append(("buckets", .boolean(true))) }
    for key in order where key != "accumulationOrder" || options.accumulate != nil {
      pairs.append((key, table[key] ?? .null))
    }
    // Tables sort their keys, so the system's are written as a text of their own, in their order.
    let own = keys.map { (key: $0, value: configuration[$0] ?? .null) }
    let indented = ConfigurationFile.text(own).split(separator: "\n").map { "  \($0)\n" }.joined()
    let comment = "A run of \(system). `atelier train --resume` on this folder goes on with it."
    return ConfigurationFile.text(pairs, comment: comment)
      + (own.isEmpty ? "configuration: {}\n" : "configuration:\n" + indented)
  }

  /// Reads `configuration.yaml`.
  ///
  /// - Throws: ``TrainingError`` that names the file and the key.
  public static func read(_ url: URL) throws(TrainingError) -> RunConfiguration {
    var table = try ConfigurationFile.read(url)
    guard case .integer(format)? = table.removeValue(forKey: "format") else {
      throw .damaged(
        path: url.path, reason: "it says no `format: \(format)`; it is not a run of this version of Atelier")
    }
    guard case .string(let system)? = table.removeValue(forKey: "system") else {
      throw .damaged(path: url.path, reason: "the key 'system' is missing")
    }
    guard case .table(let own)? = table.removeValue(forKey: "configuration") else {
      throw .damaged(path: url.path, reason: "the key 'configuration' is missing")
    }
    func text(_ key: String) throws(TrainingError) -> String? {
      switch table.removeValue(forKey: key) ?? .null {
      case .null: nil
      case .string(let value): value
      case let other: throw .damaged(path: url.path, reason: "'\(other)' does not fit the key '\(key)'")
      }
    }
    let preset = try text("preset")
    let data = try text("data")
    func choice<Value>(
      _ key: String, _ parse: (String) -> Value?
    ) throws(TrainingError) -> Value? {
      guard let text = try text(key) else { return nil }
      guard let value = parse(text) else {
        throw .damaged(path: url.path, reason: "'\(text)' does not fit the key '\(key)'")
      }
      return value
    }
    var reading = ReadingOptions(labelColumn: try text("labelColumn"))
    reading.fit = try choice("fit", ImagePreparation.Fit.init(rawValue:)) ?? .centerCrop
    reading.corruptImages = try choice("corruptPictures", CorruptImagePolicy.init(rawValue:)) ?? .skip
    reading.scale = try choice("range", SampleScale.init(parsing:))
    reading.derivation = try choice("derive", ImageDerivation.init(parsing:))
    reading.swapsDirection =
      try choice("direction") { [forwards: false, backwards: true][$0] } ?? false
    func share(_ key: String) throws(TrainingError) -> Double? {
      switch table.removeValue(forKey: key) ?? .null {
      case .null: nil
      case .number(let share): share
      case let other: throw .damaged(path: url.path, reason: "'\(other)' does not fit the key '\(key)'")
      }
    }
    func flag(_ key: String) throws(TrainingError) -> Bool {
      switch table.removeValue(forKey: key) ?? .null {
      case .null: false
      case .boolean(let value): value
      case let other: throw .damaged(path: url.path, reason: "'\(other)' does not fit the key '\(key)'")
      }
    }
    let (test, validation) = (try share("holdOut"), try share("holdOutValidation"))
    let keepsCopiesTogether = try flag("copiesTogether")
    if test != nil || validation != nil {
      do throws(DatasetError) {
        reading.holdOut = try HoldOut(
          test, validation: validation, keepsCopiesTogether: keepsCopiesTogether)
      } catch {
        let key = test == nil ? "holdOutValidation" : "holdOut"
        throw .damaged(path: url.path, reason: "the key '\(key)': \(error.description.trimmedSentence)")
      }
    }
    reading.isSideBySide = try flag("sideBySide")
    reading.buckets = try flag("buckets")
    // Runs from before training images had 16 bits do not say it, and go on with 8.
    switch table.removeValue(forKey: "depth") ?? .null {
    case .null: break
    case .integer(let depth) where [8, 16].contains(depth): reading.depth = depth
    case let other:
      throw .damaged(path: url.path, reason: "'\(other)' does not fit the key 'depth'; 8 or 16 do")
    }
    // Runs from before updates were made in their turn do not say it, and make theirs at the end of a step.
    if table["accumulationOrder"] == nil, case .integer(let parts) = table["accumulate"] ?? .null, parts > 1 {
      table["accumulationOrder"] = .string(AccumulationOrder.wholeStep.rawValue)
    }
    let known = try configurationTable(TrainingOptions())
    let deviceName = try text("device") ?? "cpu"
    guard let device = Device(parsing: deviceName) else {
      throw .damaged(
        path: url.path, reason: "there is no device '\(deviceName)'; there are cpu, cuda, cuda:N and mps")
    }
    for key in table.keys.sorted() where known[key] == nil {
      throw .damaged(
        path: url.path,
        reason: "unknown key '\(key)'; did you mean '\(nearest(to: key, in: known.keys.sorted()))'?")
    }
    var options: TrainingOptions
    do {
      let merged = known.merging(table) { $1 }
      options = try JSONDecoder().decode(TrainingOptions.self, from: try JSONEncoder().encode(merged))
    } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
      let key = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw .damaged(path: url.path, reason: "the value of '\(key)' does not fit it")
    } catch {
      throw .damaged(path: url.path, reason: "it cannot be understood: \(error)")
    }
    options.device = device
    return RunConfiguration(
      system: system, preset: preset, data: data, reading: reading, options: options, configuration: own,
      keys: own.keys.sorted())
  }

  private static let forwards = "AtoB"
  private static let backwards = "BtoA"
  private static let format = 1
}

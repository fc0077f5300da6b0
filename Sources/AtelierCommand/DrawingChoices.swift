import Atelier
import Foundation

/// The conditions and settings of drawing that a command names, by `--condition` and `--sampling` or by the
/// options that are spelled like them.
struct DrawingChoices {
  let command: Generate
  let generator: Generator

  private var plan: SystemPlan { generator.plan }
  private var system: String { generator.description.system }

  /// The conditions by name; images at their own size where the system takes any.
  func conditions() throws -> [String: ConditionValue] {
    var given: [String: ConditionValue] = [:]
    for text in command.givenConditions {
      let (name, value) = try Self.parts(of: text, "--condition", "NAME=VALUE")
      if plan.ability(ImageTranslation.self)?.directions.contains(where: { $0.source == name }) == true {
        throw Refusal.usage("name the images to start from after the run, not by --condition \(name)")
      }
      if lyingFolder(name, value) != nil { continue }
      guard given.updateValue(try generator.condition(name, from: value), forKey: name) == nil else {
        throw Refusal.usage("--condition names '\(name)' twice; choose one")
      }
      try Self.sayMixed(value, for: name, of: plan)
    }
    let classes = command.drawing.classes
    if !classes.isEmpty, let condition = plan.condition("label"), case .label(let count) = condition.kind {
      let names = try generator.names(condition)
      try add(
        .labels(try classes.map { try number(of: $0, below: count, names) }), "label", "--class", to: &given)
    }
    if let prompt = command.writing.prompt { try add(.text(prompt), "prompt", "--prompt", to: &given) }
    try addPasscode(to: &given)
    return given
  }

  /// The passcode as the condition that a system takes, turned over where it is to undo itself.
  private func addPasscode(to given: inout [String: ConditionValue]) throws {
    guard let ability = plan.ability(PasscodeTransformation.self) else { return }
    let options = command.passcodes
    guard options.anonymise || options.recover else {
      guard options.passcode == nil else {
        throw Refusal.usage("--passcode is used by --anonymise or by --recover; choose one")
      }
      guard given[ability.condition] == nil else { return }
      throw Refusal.usage(
        "\(system) needs --anonymise, which makes faces unknown, or --recover, which undoes it")
    }
    guard given[ability.condition] == nil else {
      throw Refusal.usage("the passcode and --condition both give '\(ability.condition)'; choose one")
    }
    let input = try options.passcode.map { try PasscodeInput(parsing: $0) } ?? .terminal
    let passcode = try Passcode(parsing: input.text(repeated: options.anonymise), length: ability.length)
    given[ability.condition] = options.recover ? passcode.undoing.condition : passcode.condition
  }

  /// Whether any condition is named, by --condition or by an option of its own.
  var namesConditions: Bool {
    !command.givenConditions.isEmpty || !command.drawing.classes.isEmpty || command.writing.prompt != nil
  }

  /// Whether --condition names a condition.
  func namesCondition(_ condition: String) -> Bool {
    command.givenConditions.contains { $0.hasPrefix(condition + "=") }
  }

  /// Says of the file of a sound, which a condition takes as one channel, that several were mixed.
  static func sayMixed(_ path: String, for name: String, of plan: SystemPlan) throws {
    guard case .field(.audio(channels: 1, _, _))? = plan.condition(name)?.kind else { return }
    var levels = MixLevels()
    levels.add(try Audio(contentsOf: URL(fileURLWithPath: path)))
    if let sentence = levels.sentence(path) { standardError("\(sentence)\n") }
  }

  /// The conditions as they were typed, by name, for jobs that read files piece by piece.
  func paths() throws -> [String: String] {
    var given: [String: String] = [:]
    for text in command.givenConditions {
      let (name, value) = try Self.parts(of: text, "--condition", "NAME=VALUE")
      guard plan.condition(name) != nil else {
        // Names the conditions that there are.
        _ = try generator.condition(name, from: value)
        continue
      }
      guard given.updateValue(value, forKey: name) == nil else {
        throw Refusal.usage("--condition names '\(name)' twice; choose one")
      }
    }
    return given
  }

  /// The folders that the command names for conditions that lie on the images: of each image the file of its name.
  func foldersBeside() throws -> [String: URL] {
    var found: [String: URL] = [:]
    for text in command.givenConditions {
      let (name, value) = try Self.parts(of: text, "--condition", "NAME=VALUE")
      if let folder = lyingFolder(name, value) { found[name] = folder }
    }
    return found
  }

  /// The folder that a value names, where the condition lies on the image; nil for any other.
  private func lyingFolder(_ name: String, _ value: String) -> URL? {
    var isFolder: ObjCBool = false
    guard plan.condition(name)?.liesOnSource == true,
      FileManager.default.fileExists(atPath: value, isDirectory: &isFolder), isFolder.boolValue
    else { return nil }
    return URL(fileURLWithPath: value)
  }

  /// The plan's settings of drawing with those that the command names.
  func sampling() throws -> any Settings {
    var changes: [String: ConfigurationValue] = [:]
    func add(_ value: ConfigurationValue, _ key: String, _ option: String) throws {
      guard changes.updateValue(value, forKey: key) == nil else {
        throw Refusal.usage(
          option == "--sampling"
            ? "--sampling gives '\(key)' twice; choose one"
            : "\(option) and --sampling both give '\(key)'; choose one")
      }
    }
    for text in command.sampling {
      let (key, value) = try Self.parts(of: text, "--sampling", "KEY=VALUE")
      try add(ConfigurationValue(parsing: value), key, "--sampling")
    }
    if let path = try latentPath() {
      try add(
        .string(path.description), "path", command.drawing.interpolate == nil ? "--traverse" : "--interpolate"
      )
    }
    if let truncation = command.drawing.truncation {
      try add(.number(truncation), "truncation", "--truncation")
    }
    if let candidates = command.drawing.candidates {
      try add(.integer(candidates), "candidates", "--candidates")
    }
    if let temperature = command.writing.temperature {
      try add(.number(temperature), "temperature", "--temperature")
    }
    if let length = command.writing.length { try add(.integer(length), "length", "--length") }
    if let variations = command.translating.variations, plan.sampling.keys.contains("variations") {
      try add(.integer(variations), "variations", "--variations")
    }
    return try generator.sampling(changes)
  }

  private func add(
    _ value: ConditionValue, _ name: String, _ option: String, to given: inout [String: ConditionValue]
  ) throws {
    guard given.updateValue(value, forKey: name) == nil else {
      throw Refusal.usage("\(option) and --condition both give '\(name)'; choose one")
    }
  }

  private func number(of text: String, below count: Int, _ names: FieldNames) throws -> Int {
    do { return try names.number(ofClass: text, below: count) } catch DatasetError.invalid(let reason) {
      throw Refusal.usage(reason)
    }
  }

  private static func parts(
    of text: String, _ option: String, _ form: String
  ) throws -> (name: String, value: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw Refusal.usage("\(option) takes \(form), not '\(text)'")
    }
    return (parts[0], parts[1])
  }

  private func latentPath() throws -> LatentPath? {
    if let interpolate = command.drawing.interpolate { return .interpolation(steps: interpolate) }
    guard let traverse = command.drawing.traverse else { return nil }
    guard traverse.split(separator: ":", omittingEmptySubsequences: false).count != 4,
      let path = LatentPath("traversal:\(traverse)")
    else { throw Refusal.usage("--traverse takes INDEX or INDEX:FROM:TO, not '\(traverse)'") }
    return path
  }
}

import ArgumentParser
import Atelier
import Foundation

/// What a system is made of: the same options for every verb that builds one anew.
struct ConfigurationChoices: ParsableArguments {
  @Option(help: "The preset to start from; default: the first one, the paper's.")
  var preset: String?

  @Option(help: "A YAML file of configuration keys.", completion: .file(extensions: ["yaml", "yml"]))
  var configuration: String?

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: "A configuration key, as key=value; may be repeated.")
  var changes: [String] = []

  /// Whether nothing is given.
  var isEmpty: Bool { preset == nil && configuration == nil && changes.isEmpty }

  /// A configuration with the keys of the file, then the single ones.
  func changed<Configuration: SystemConfiguration>(_ values: Configuration) throws -> Configuration {
    try values.overlaid(with: keysOfFile()).overlaid(with: parsedKeys(changes))
  }

  /// The keys that the command names.
  func givenKeys() throws -> Set<String> { try Set(parsedKeys(changes).keys).union(keysOfFile().keys) }

  /// The keys of the file; none where there is no file.
  func keysOfFile() throws -> [String: ConfigurationValue] {
    try configuration.map { try ConfigurationFile.read(URL(fileURLWithPath: $0)) } ?? [:]
  }
}

/// Images that a system learns from beside the data.
struct GivenImages: ParsableArguments {
  @Option(help: "The image whose style is learned or taken.", completion: .file())
  var style: String?
  @Option(help: "The image whose content is kept.", completion: .file())
  var content: String?

  /// The paths, by name.
  var given: [String: String] { ["style": style, "content": content].compactMapValues(\.self) }

  /// The images as artefacts; nil where the system takes none.
  ///
  /// - Throws: ``Refusal`` for an image too many or too few.
  func artefacts(for plan: SystemPlan, of name: String) throws -> Artefacts? {
    let wanted = plan.components(GivenImage.self)
    if let extra = Set(given.keys).subtracting(wanted.map(\.name)).sorted().first {
      throw Refusal.usage("\(name) takes no --\(extra) in this configuration; leave it out")
    }
    if let missing = wanted.first(where: { given[$0.name] == nil }) {
      throw Refusal.usage("\(name) needs \(missing.summary); give --\(missing.name) and an image")
    }
    guard !wanted.isEmpty else { return nil }
    var artefacts = Artefacts()
    for picture in wanted {
      guard let path = given[picture.name] else { continue }
      try artefacts.add(picture, from: URL(fileURLWithPath: path))
    }
    return artefacts
  }
}

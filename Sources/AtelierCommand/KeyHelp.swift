import Atelier

/// A key as `atelier systems NAME` shows it.
struct KeyHelp: Encodable {
  let key: String
  let value: ConfigurationValue
  let meaning: String?
  let allowed: String?

  /// The keys of a configuration, or of settings of drawing, those of its tables behind their table.
  static func all(of settings: any Settings) throws -> [KeyHelp] {
    let values = try settings.values()
    return settings.keys.flatMap { key -> [KeyHelp] in
      let value = values[key] ?? .null
      let inner = settings.keysOfTable(key)
      guard case .table(let table) = value, !inner.isEmpty else {
        return [KeyHelp(key, value, settings)]
      }
      return inner.map { KeyHelp("\(key).\($0)", table[$0] ?? .null, settings) }
    }
  }

  private init(_ key: String, _ value: ConfigurationValue, _ settings: any Settings) {
    self.key = key
    self.value = value
    meaning = KeyMeanings.meaning(of: key, in: settings)
    allowed = settings.allowedValues(of: key)
  }

  /// `imageSize = 28`, and below it what it means and takes, in lines of at most 100 columns.
  var lines: [String] {
    var sentence = meaning ?? ""
    if let allowed {
      if sentence.hasSuffix(".") { sentence.removeLast() }
      sentence += (sentence.isEmpty ? "" : " · ") + allowed
    }
    return ["  \(key) = \(value)"] + wrapped(sentence, to: 100, indent: 6)
  }
}

/// Words in lines of at most a number of columns.
func wrapped(_ text: String, to width: Int, indent: Int) -> [String] {
  let margin = String(repeating: " ", count: indent)
  var lines: [String] = []
  for word in text.split(separator: " ") {
    if let last = lines.last, last.count + 1 + word.count <= width {
      lines[lines.count - 1] = last + " " + word
    } else {
      lines.append(margin + word)
    }
  }
  return lines
}

/// How many parameters a system has, a network each.
struct ParameterCounts: Encodable {
  let total: Int
  /// The networks in the system's order.
  let networks: [Entry]

  struct Entry: Encodable {
    let name: String
    let parameters: Int
  }

  /// The counts of a system; nil where it takes more than a configuration to make it, such as a vocabulary.
  init?(
    _ type: any GenerativeSystem.Type, _ configuration: [String: ConfigurationValue], _ artefacts: Artefacts
  ) {
    // Shapes only: no memory is taken and nothing is drawn.
    let system: any GenerativeSystem
    do {
      system = try withTensorErrors {
        try withoutInitialWeights {
          try makeSystem(
            type, configuration: configuration, artefacts: artefacts, using: RandomStream(seed: 0))
        }
      }
    } catch { return nil }
    networks = system.networks.map { network in
      Entry(
        name: network.name,
        parameters: network.module.parameters().reduce(0) { $0 + $1.shape.reduce(1, *) })
    }
    total = networks.reduce(0) { $0 + $1.parameters }
  }

  /// `12,345 parameters (generator 10,000; discriminator 2,345)`
  var summary: String {
    let parts = networks.map { "\($0.name) \(grouped($0.parameters))" }
    return "\(grouped(total)) parameters" + (parts.count > 1 ? " (\(parts.joined(separator: "; ")))" : "")
  }
}

/// A number with a comma before every three digits.
func grouped(_ number: Int) -> String {
  var digits = String(abs(number))
  var groups: [String] = []
  while digits.count > 3 {
    groups.insert(String(digits.suffix(3)), at: 0)
    digits.removeLast(3)
  }
  return (number < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
}

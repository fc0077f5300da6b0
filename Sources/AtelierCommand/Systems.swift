import ArgumentParser
import Atelier

/// `atelier systems`: what can be trained, and every key of one system.
struct Systems: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Lists the systems, or shows one: conditions, outputs, options of drawing, presets, keys and sizes.")

  @Argument(help: "A system to show in full.")
  var system: String?

  @Flag(help: "Print a JSON document.")
  var json = false

  func run() throws {
    let registry = AtelierTool.systems
    guard let system else {
      let rows = registry.systems.map { ($0.identity.name, $0.identity.summary) }
      if json {
        try printJSON(rows.map { ["name": $0.0, "summary": $0.1] })
      } else {
        print(columns(rows, indent: 0))
        print("\n`atelier systems NAME` shows presets and configuration keys.")
      }
      return
    }
    try show(registry.system(named: system))
  }

  private func show<System: GenerativeSystem>(_ type: System.Type) throws {
    let identity = System.identity
    let presets = System.Configuration.presets
    let plan = (presets.first?.configuration ?? System.Configuration()).plan
    let options = GenerateOption.known(to: plan)
    let settings = try plan.sampling.values()
    if json {
      let rows = try presets.map {
        PresetRow(
          name: $0.name, summary: $0.summary,
          parameters: ParameterCounts(type, try $0.configuration.values(), Artefacts()),
          configuration: try $0.configuration.values())
      }
      try printJSON(
        Document(
          name: identity.name, summary: identity.summary, paper: identity.paper,
          reference: identity.reference,
          conditions: plan.conditions.map(ConditionRow.init),
          outputs: plan.outputs.map { OutputRow(name: $0.name, kind: $0.kind.summary) },
          options: options, settings: settings, presets: rows,
          keys: try presets.first.map { try KeyHelp.all(of: $0.configuration) } ?? []))
      return
    }
    print(
      "\(identity.name): \(identity.summary)\n\nPaper      \(identity.paper)\nReference  \(identity.reference)"
    )
    if !plan.conditions.isEmpty {
      print("\nConditions of drawing\n" + columns(plan.conditions.map { ($0.name, $0.summary) }))
    }
    if !plan.outputs.isEmpty {
      print("\nOutputs\n" + columns(plan.outputs.map { ($0.name, $0.kind.summary) }))
    }
    if !settings.isEmpty {
      let rows = try KeyHelp.all(of: plan.sampling).flatMap(\.lines)
      print("\nSettings of drawing (--sampling key=value)\n" + rows.joined(separator: "\n"))
    }
    print("\nOptions of `atelier generate`\n  " + options.joined(separator: " "))
    print("\nPresets (--preset)")
    for preset in presets {
      print("  \(preset.name)")
      let counts = ParameterCounts(type, try preset.configuration.values(), Artefacts())
      let sentence =
        preset.summary + (counts.map { " · " + $0.summary } ?? " · parameters depend on the data")
      print(wrapped(sentence, to: 100, indent: 6).joined(separator: "\n"))
    }
    guard let first = presets.first else { return }
    let rows = try KeyHelp.all(of: first.configuration).flatMap(\.lines)
    print(
      "\nConfiguration keys (--set key=value), as in the preset '\(first.name)'\n"
        + rows.joined(separator: "\n"))
  }
}

private struct PresetRow: Encodable {
  let name: String
  let summary: String
  let parameters: ParameterCounts?
  let configuration: [String: ConfigurationValue]
}

private struct ConditionRow: Encodable {
  let name: String
  let kind: String
  let isRequired: Bool
  let origin: String

  init(_ condition: Condition) {
    name = condition.name
    kind = condition.summary
    isRequired = condition.isRequired
    origin = condition.origin.rawValue
  }
}

private struct OutputRow: Encodable {
  let name: String
  let kind: String
}

private struct Document: Encodable {
  let name: String
  let summary: String
  let paper: String
  let reference: String
  let conditions: [ConditionRow]
  let outputs: [OutputRow]
  let options: [String]
  let settings: [String: ConfigurationValue]
  let presets: [PresetRow]
  let keys: [KeyHelp]
}

import ArgumentParser
import Atelier

/// `atelier systems`: what can be trained, and every key of one system.
struct Systems: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the systems, or shows one: conditions, outputs, options of drawing, presets and keys.")

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
        PresetRow(name: $0.name, summary: $0.summary, configuration: try $0.configuration.values())
      }
      try printJSON(
        Document(
          name: identity.name, summary: identity.summary, paper: identity.paper,
          reference: identity.reference,
          conditions: plan.conditions.map(ConditionRow.init),
          outputs: plan.outputs.map { OutputRow(name: $0.name, kind: $0.kind.summary) },
          options: options, settings: settings, presets: rows))
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
      let rows = plan.sampling.keys.map { ($0, settings[$0]?.description ?? "null") }
      print("\nSettings of drawing\n" + columns(rows))
    }
    print("\nOptions of `atelier generate`\n  " + options.joined(separator: " "))
    print("\nPresets (--preset)\n" + columns(presets.map { ($0.name, $0.summary) }))
    guard let first = presets.first else { return }
    let values = try first.configuration.values()
    let rows = first.configuration.keys.map { ($0, values[$0]?.description ?? "null") }
    print("\nConfiguration keys (--set key=value), as in the preset '\(first.name)'\n" + columns(rows))
  }
}

private struct PresetRow: Encodable {
  let name: String
  let summary: String
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
}

import Atelier
import AtelierCommand
import Foundation
import Testing

/// Every documented command names verbs, options, systems, presets and keys that there are.
@Suite struct DocumentationTests {
  @Test func everyDocumentedCommandIsUnderstood() throws {
    let commands = try DocumentedCommand.all()
    #expect(commands.count > 100)
    for command in commands {
      do {
        _ = try ReadCommand(command.words)
      } catch {
        Issue.record("\(command): \(error)")
      }
    }
  }

  @Test func everyDocumentedTrainingHasItsPresetAndItsKeys() throws {
    for command in try DocumentedCommand.all() where command.words.first == "train" {
      let train = try ReadCommand(command.words)
      guard let name = train.system else { continue }
      do {
        try check(try SystemRegistry.standard.system(named: name), train)
      } catch {
        Issue.record("\(command): \(error)")
      }
    }
  }

  private func check<System: GenerativeSystem>(_ type: System.Type, _ train: ReadCommand) throws {
    let presets = System.Configuration.presets
    if let preset = train.preset {
      try #require(presets.contains { $0.name == preset }, "there is no preset '\(preset)'")
    }
    let preset = presets.first { $0.name == train.preset } ?? presets[0]
    try preset.configuration.overlaid(with: train.changes).validate()
  }

  /// A run's name begins with its system's.
  @Test func everyDocumentedDrawingHasOptionsThatItsSystemKnows() throws {
    let names = SystemRegistry.standard.systems.map { $0.identity.name }.sorted { $0.count > $1.count }
    var checked = 0
    for command in try DocumentedCommand.all() where command.words.first == "generate" {
      let generate = try ReadCommand(command.words)
      guard let model = generate.model, model.hasPrefix("runs/"),
        let name = names.first(where: { model.dropFirst(5).hasPrefix($0 + "-") })
      else { continue }
      checked += 1
      do {
        // Of a system with several forms one that knows the option is meant.
        let plans = try plans(of: SystemRegistry.standard.system(named: name))
        let errors = plans.compactMap { plan in
          do { try generate.check(for: plan, of: name) } catch { return error as (any Error)? }
          return nil
        }
        if errors.count == plans.count, let first = errors.first { throw first }
      } catch {
        Issue.record("\(command): \(error)")
      }
    }
    #expect(checked > 20)
  }

  private func plans<System: GenerativeSystem>(of type: System.Type) throws -> [SystemPlan] {
    System.Configuration.presets.map(\.configuration.plan)
  }

  @Test func anUnknownVerbNamesTheNearest() {
    for (words, nearest) in [
      (["trian"], "atelier train"), (["data", "chekc"], "atelier data check"),
      (["data", "prepare", "edge", "a", "b"], "atelier data prepare edges"),
      (["weights", "instal"], "atelier weights install"),
    ] {
      let error = ReadCommand.refusal(ofVerbsIn: words)
      #expect(
        error?.description.contains(nearest) == true && error?.code == 64, "\(String(describing: error))")
    }
    #expect(ReadCommand.refusal(ofVerbsIn: ["help", "trian"]) == nil)
    #expect(ReadCommand.refusal(ofVerbsIn: ["train", "cgan"]) == nil)
  }
}

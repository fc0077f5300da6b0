import Atelier
import AtelierCommand
import Foundation
import TestSupport
import Testing

/// Commands that are suggested can be given as they stand.
@Suite struct SuggestionTests {
  private func plans<System: GenerativeSystem>(of type: System.Type) -> [SystemPlan] {
    System.Configuration.presets.map(\.configuration.plan)
  }

  @Test func everySystemUnderstandsTheDrawingThatIsSuggestedForIt() throws {
    for system in SystemRegistry.standard.systems {
      let name = system.identity.name
      for plan in plans(of: system) where !plan.outputs.isEmpty {
        for (classes, sides) in [([], nil), (["a b", "c"], ["x", "y's"])] as [([String], [String]?)] {
          // Only image translations have sides with names.
          let sides = (plan.ability(ImageTranslation.self)?.directions.count ?? 0) > 1 ? sides : nil
          let suggested = SuggestedDrawing(plan, classes: classes, sides: sides)
          do {
            try ReadCommand(["generate", "runs/a"] + suggested.words).check(for: plan, of: name)
          } catch { Issue.record("\(name): \(suggested.words): \(error)") }
          let text = suggested.words.joined(separator: " ")
          for condition in plan.conditions where condition.isRequired {
            #expect(suggested.gives(condition.name), "\(name) needs \(condition.name): \(text)")
          }
        }
      }
    }
  }

  /// Of every kind of job, up to the file that the suggestion makes up.
  @Test(arguments: OldRun.names) func aSuggestedDrawingIsAcceptedUpToTheMissingFile(_ name: String) throws {
    let atelier = try #require(
      Program(named: "atelier"), "the program atelier was not built beside the tests")
    let folder = try TemporaryFolder()
    let run = OldRun.folder.appendingPathComponent("\(name)/run").path
    let generator = try Generator(
      contentsOf: URL(fileURLWithPath: run), registry: .standard, on: .cpu, say: { _ in })
    let suggested = SuggestedDrawing(
      generator.plan, classes: generator.description.classNames, sides: generator.description.data.sideNames)
    let result = try atelier.run(["generate", run] + suggested.words, folder: folder.url)
    let isMissing = suggested.words.contains { word in
      ["png", "mp4", "wav", "txt"].contains { word.hasSuffix("." + $0) } && result.errors.contains(word)
    }
    #expect(result.status == 0 || (result.status == 66 && isMissing), "\(suggested.words): \(result.errors)")
  }
}

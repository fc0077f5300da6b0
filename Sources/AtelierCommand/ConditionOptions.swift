import ArgumentParser
import Atelier
import Foundation

/// Conditions of a model as options of their own: `generate RUN --title "The Moon"` is
/// `generate RUN --condition "title=The Moon"` where the model has a condition `title`.
enum ConditionOptions {
  /// The words of a command line with such options spelled out; words that the model does not explain stay as they are.
  ///
  /// - Throws: what reading the model throws, as without it nobody can say whether an option is known.
  static func spelledOut(
    _ words: [String], _ systems: SystemRegistry = AtelierTool.systems
  ) throws -> [String] {
    guard words.first == "generate" else { return words }
    let known = Set(
      Generate.helpMessage().matches(of: /--[a-z][a-z-]*/).map { String($0.output) })
    func name(of word: String) -> String? {
      guard word.hasPrefix("--"), word.count > 2 else { return nil }
      let option = String(word.prefix { $0 != "=" })
      return known.contains(option) ? nil : String(option.dropFirst(2))
    }
    guard words.dropFirst().contains(where: { name(of: $0) != nil }),
      let run = words.dropFirst().first(where: { !$0.hasPrefix("-") })
    else { return words }
    let plan = try plan(of: run, systems)
    var result: [String] = []
    var index = 0
    while index < words.count {
      let word = words[index]
      index += 1
      guard let name = name(of: word), plan.condition(name) != nil else {
        result.append(word)
        continue
      }
      if let value = word.firstIndex(of: "=") {
        result += ["--condition", name + word[value...]]
      } else if index < words.count {
        result += ["--condition", "\(name)=\(words[index])"]
        index += 1
      } else {
        result.append(word)
      }
    }
    return result
  }

  /// What a run's or model file's system is.
  private static func plan(of run: String, _ systems: SystemRegistry) throws -> SystemPlan {
    let file = try modelFile(at: URL(fileURLWithPath: run), say: { _ in })
    let description = try ModelFile.describe(file)
    return try systems.system(named: description.system).plan(description.configuration)
  }
}

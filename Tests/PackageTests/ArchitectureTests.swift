import Atelier
import AtelierCore
import AtelierModels
import Foundation
import Testing

/// What the compiler cannot say: that nothing outside the models knows a system by its name or its type.
struct ArchitectureTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Files that name systems on purpose: races of named systems against PyTorch, the demo's recipe, and the tiny
  /// configurations in which every system is killed.
  private static let recipes: Set = [
    "AtelierCommand/Benchmark.swift", "AtelierCommand/Demo.swift", "kill-proof/KillRecipe.swift",
  ]

  @Test func noSystemIsKnownOutsideTheModels() throws {
    let sources = Self.root.appendingPathComponent("Sources")
    // "unit" is a word of its own, such as the key of what a number counts; the type UNIT is looked for below.
    let names = SystemRegistry.standard.systems.map { $0.identity.name }.filter { $0 != "unit" }
      .map { "\"\($0)\"" }
    let types = SystemRegistry.standard.systems.map { "\($0)" }
      // The names of generic systems, without what they are generic over.
      .map { String($0.prefix { $0.isLetter || $0.isNumber }) }
    var found: [String] = []
    let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
    while let file = files?.nextObject() as? URL {
      let place = file.path.dropFirst(sources.path.count + 1)
      guard file.pathExtension == "swift", !place.hasPrefix("AtelierModels/"),
        !Self.recipes.contains(String(place))
      else { continue }
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let code = line.drop { $0 == " " }
        // Examples in comments and in help name systems.
        guard !code.hasPrefix("//"), !code.hasPrefix("atelier ") else { continue }
        for name in names where code.contains(name) { found.append("\(place): \(name)") }
        // A type is a word outside of quotes.
        let parts = code.split(separator: "\"", omittingEmptySubsequences: false)
        let unquoted = stride(from: 0, to: parts.count, by: 2).map { parts[$0] }
        let words = Set(unquoted.flatMap { $0.split { !($0.isLetter || $0.isNumber || $0 == "_") } })
        for type in types where words.contains(Substring(type)) { found.append("\(place): \(type)") }
      }
    }
    #expect(found.isEmpty, "\(found.joined(separator: ", "))")
  }

  /// SentencePiece and libtorch export different variables of one name, which the loader would make one.
  @Test func nothingIsLinkedWithTheLibraryThatCallsSentencePiece() throws {
    let manifest = try String(contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let uses = manifest.split(separator: "\n").filter { $0.contains("SentencePieceShim") }
    #expect(uses.count == 2 && uses.contains { $0.contains("type: .dynamic") })
  }

  /// Who trains in one process has nothing of the collectives.
  @Test func nothingIsLinkedWithTheLibraryThatCallsCollectives() throws {
    let manifest = try String(contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let uses = manifest.split(separator: "\n").filter { $0.contains("\"DistributedShim\"") }
    #expect(uses.count == 2 && uses.contains { $0.contains("type: .dynamic") })
    let users = manifest.split(separator: "\n").filter { $0.contains("\"AtelierDistributed\"") }
    #expect(!users.contains { $0.contains("AtelierTraining") })
  }

  /// Where libraries write a command on purpose: the command and the options that `data check` suggests, the remark in a run's
  /// configuration, the way to install weights, pip's, torchrun's and spm_train's own options, and a preset named after one
  /// of its authors'.
  private static let commands: Set = [
    "AtelierData/DataCheck.swift", "AtelierData/DataCheck+Documents.swift",
    "AtelierDistributed/Torchrun.swift",
    "AtelierData/MediaCheck+Voices.swift",
    "AtelierData/NumberSurvey.swift",
    "AtelierData/Text/PieceTokenizer.swift", "AtelierTraining/RunConfiguration.swift",
    "Perception/PretrainedWeights.swift", "Perception/WeightInstallation.swift",
    "AtelierModels/SPADE/SPADE+Configuration.swift",
  ]

  @Test func noLibraryNamesAnOptionOfTheCommandLine() throws {
    let sources = Self.root.appendingPathComponent("Sources")
    let option = try Regex("\"[^\"]*--[a-z]")
    var found: [String] = []
    let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
    while let file = files?.nextObject() as? URL {
      let place = String(file.path.dropFirst(sources.path.count + 1))
      guard file.pathExtension == "swift", place.hasPrefix("Atelier") || place.hasPrefix("Perception"),
        !place.hasPrefix("AtelierCommand/"), !Self.commands.contains(place)
      else { continue }
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        guard !line.drop(while: { $0 == " " }).hasPrefix("//"), line.contains(option) else { continue }
        found.append("\(place): \(line)")
      }
    }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test(arguments: [
    "AtelierCore", "AtelierGeneration", "AtelierTraining", "AtelierEvaluation", "AtelierMetrics",
    "AtelierData",
  ])
  func theMachineryDoesNotDependOnTheModels(_ target: String) throws {
    let manifest = try String(
      contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let start = try #require(
      manifest.range(of: "library(\n      \"\(target)\",") ?? manifest.range(of: "library(\"\(target)\","))
    let end = try #require(manifest.range(of: "]", range: start.upperBound..<manifest.endIndex))
    #expect(!manifest[start.upperBound..<end.lowerBound].contains("AtelierModels"))
  }
}

import Atelier
import Foundation
import TestSupport
import Testing

/// Commands that no test runs, and why.
private enum NotRun: String, CaseIterable {
  case download = "it downloads weights"
  case installed = "it reads what is installed on this machine"
  case foreign = "it needs a file of the authors"
  case trained = "it needs a checkpoint of 50,000 steps"
  case pretrained = "it needs weights of pretrained networks"
  case packages = "it needs Debian's fonts and texts"
  case long = "it takes minutes"
  case network = "it fetches from another machine"
  case shards = "it needs ten shards"
  case paper = "it is of the paper's size"
  case rendered = "it needs a figure that PyBullet renders"

  static func reason(_ command: DocumentedCommand) -> NotRun? {
    let words = command.words
    let text = " " + words.joined(separator: " ")
    if words.starts(with: ["weights", "install"]) { return .download }
    if words.starts(with: ["weights", "verify"]) { return .installed }
    if words.starts(with: ["weights", "import"]) { return .foreign }
    for name in ["la_muse", "mosaic", "horses", "RealESRGAN", "pt_inception", "generator_v1"] {
      if text.contains(name) { return .foreign }
    }
    if text.contains("step-050000") { return .trained }
    for recipe in ["emoji", "letters", "translations", "articles", "labelled", "questions"] {
      if words.starts(with: ["data", "prepare", recipe]) { return .packages }
    }
    if words.starts(with: ["data", "prepare", "faces"]) || words.contains("--faces") { return .pretrained }
    if text.contains("generate runs/wav2lip") { return .pretrained }
    if ["en-de", "en-zh"].contains(where: text.contains) { return .packages }
    let long = ["rendered-faces drawn-faces", "street-frames", "spade=frames"]
    if words.first == "benchmark" || long.contains(where: text.contains) { return .long }
    if text.contains("pipe:curl") { return .network }
    if text.contains("{000000..000009}") { return .shards }
    if text.contains("figure") || text.contains("moves/kick") { return .rendered }
    if words.first == "plan", !words.contains("--preset") { return .paper }
    let needing = ["fast-style-transfer", "neural-style", "esrgan", "srgan"]
    if text.contains("stranger.wav") || text.contains("vgg16") || text.contains("small-perceptual")
      || needing.contains(where: { text.contains(" \($0)") || text.contains("/\($0)-") })
    {
      return .pretrained
    }
    return nil
  }
}

/// The commands of every page, run one after the other on small data made here: of some pages always, of all others as
/// a proof.
@Suite(.serialized) struct PageCommandTests {
  /// Pages whose commands take a second each.
  private static let quick = ["data", "invisible-mark", "runs", "systems/cgan", "systems/rnn-language-model"]
    .map { "Documentation/\($0).md" }

  private static func others() throws -> [String] {
    try DocumentedCommand.pages.filter { page in
      try !quick.contains(page) && page != "README.md" && !DocumentedCommand.commands(of: page).isEmpty
    }
  }

  private func run(_ page: String) throws {
    let atelier = try #require(
      Program(named: "atelier"), "the program atelier was not built beside the tests")
    let stage = try PageStage(atelier)
    for command in try DocumentedCommand.commands(of: page) where NotRun.reason(command) == nil {
      let result = try stage.run(command)
      #expect(result.status == 0, "\(command): \(result.errors.suffix(600))")
    }
  }

  @Test(arguments: PageCommandTests.quick) func commandsWorkOneAfterTheOther(_ page: String) throws {
    try run(page)
  }

  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["ATELIER_PROOF"] != nil),
    arguments: try PageCommandTests.others())
  func commandsOfAllPagesWorkProof(_ page: String) throws { try run(page) }

  @Test func everyReasonNotToRunACommandIsNeeded() throws {
    let commands = try DocumentedCommand.all()
    let found = Set(commands.compactMap(NotRun.reason))
    for reason in NotRun.allCases {
      #expect(found.contains(reason), "no command is left out because \(reason.rawValue)")
    }
    #expect(commands.count { NotRun.reason($0) == nil } > 100)
  }
}

import Foundation
import TestSupport
import Testing

/// Options of `generate` that a system does not know are refused, never ignored.
@Suite struct OptionTests {
  private let atelier: Program

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
  }

  private static let images = [
    "--output", "--files", "--direction", "--tile", "--overlap", "--alpha", "--format", "--quality",
  ]
  private static let latent = [
    "--output", "--files", "--count", "--interpolate", "--traverse", "--truncation",
  ]

  private static let known: [(String, [String])] = [
    ("vae", latent),
    // The paper's latent vectors are uniform.
    ("cgan", latent.filter { $0 != "--truncation" } + ["--class"]),
    ("biggan", latent + ["--class"]),
    ("ic-gan", latent + ["--instance"]),
    ("pix2pix", images),
    ("fast-style-transfer", images),
    ("munit", images + ["--style", "--variations"]),
    ("funit", images + ["--style"]),
    ("sean", images + ["--style", "--style-map", "--region"]),
    ("oasis", images + ["--vary", "--variations"]),
    ("rnn-language-model", ["--output", "--count", "--prompt", "--temperature", "--length"]),
    ("image-tagging", ["--output"]),
    ("neural-style", ["--output", "--files"]),
  ]

  private struct Document: Decodable {
    struct Condition: Decodable {
      let name: String
      let isRequired: Bool
    }
    let options: [String]
    let conditions: [Condition]
  }

  private func shown(_ system: String) throws -> Document {
    let result = try atelier.run(["systems", system, "--json"])
    try #require(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode(Document.self, from: Data(result.output.utf8))
  }

  @Test func everySystemKnowsTheOptionsThatItsPlanHasAUseFor() throws {
    for (system, options) in Self.known {
      #expect(try Set(shown(system).options) == Set(options), "\(system)")
    }
  }

  @Test func conditionsAreThoseThatRequestsMayHold() throws {
    #expect(try shown("sean").conditions.map(\.name).contains("styleWeights"))
    #expect(try shown("oasis").conditions.map(\.name) == ["label", "noise", "regions"])
    #expect(try shown("image-tagging").conditions.filter(\.isRequired).map(\.name) == ["feature"])
  }

  /// One command a system that would be well understood but for one option.
  @Test(
    arguments: [
      ("vae", [], ["--style", "a.png"], "--interpolate"), ("vae", [], ["--class", "1"], "--count"),
      ("vae", [], ["--prompt", "a"], "--count"), ("acgan-augmented", [], ["--tile", "64"], "--class"),
      ("acgan-augmented", [], ["--quality", "92"], "--class"),
      ("biggan-average", [], ["--instance", "a.png"], "--truncation"),
      ("pix2pix", ["a.png"], ["--style", "a.png"], "--direction"),
      ("pix2pix", ["a.png"], ["--variations", "1"], "--tile"),
      ("pix2pix", ["a.png"], ["--count", "4"], "--format"),
      ("munit", ["a.png"], ["--vary", "sky"], "--style"),
      ("munit", ["a.png"], ["--temperature", "1"], "--variations"),
      ("funit-class-pairs", ["a.png"], ["--variations", "2"], "--style"),
      ("spade", ["a.png"], ["--region", "sky=1"], "--alpha"),
      // It was trained without an encoder.
      ("spade", ["a.png"], ["--style", "a.png"], "--tile"),
      ("rnn-language-model", [], ["--class", "1"], "--prompt"),
      ("rnn-language-model", [], ["--truncation", "1"], "--temperature"),
      ("rnn-language-model", [], ["--files", "a"], "--output"),
      ("image-tagging", ["a.png"], ["--length", "400"], "--output"),
      ("image-tagging", ["a.png"], ["--format", "png"], "--output"),
    ])
  func anOptionThatASystemDoesNotKnowIsRefused(
    _ run: String, _ inputs: [String], _ option: [String], _ known: String
  ) throws {
    let place = OldRun.folder.appendingPathComponent("\(run)/run").path
    let result = try atelier.run(["generate", place] + inputs + option)
    #expect(result.status == 64, "\(result.errors)")
    let system = try OldRun.named(run).system
    #expect(
      result.errors.hasPrefix("atelier: \(system) takes no \(option[0]), because "), "\(result.errors)")
    #expect(result.errors.contains("it takes ") && result.errors.contains(known), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1)
  }

  @Test func optionsThatBelongTogetherAreAskedForTogether() throws {
    let place = OldRun.folder.appendingPathComponent("pix2pix/run").path
    let result = try atelier.run(["generate", place, "a.png", "--overlap", "8"])
    #expect(result.status == 64 && result.errors.contains("--tile"), "\(result.errors)")
  }
}

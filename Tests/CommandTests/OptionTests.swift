import Atelier
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
    "--output", "--files", "--condition", "--direction", "--given", "--tile", "--overlap", "--alpha",
    "--format",
    "--quality",
  ]
  private static let latent = [
    "--output", "--files", "--sampling", "--count", "--interpolate", "--traverse", "--truncation",
  ]

  private static let known: [(String, [String])] = [
    ("vae", latent),
    // The paper's latent vectors are uniform.
    ("cgan", latent.filter { $0 != "--truncation" } + ["--class", "--condition"]),
    ("biggan", latent + ["--class", "--condition"]),
    ("ic-gan", latent + ["--instance", "--condition"]),
    ("pix2pix", images),
    ("fast-style-transfer", images),
    ("munit", images + ["--style", "--variations", "--sampling", "--to"]),
    ("funit", images + ["--style"]),
    ("sean", images + ["--style", "--style-map", "--region"]),
    ("oasis", images + ["--vary", "--variations"]),
    (
      "rnn-language-model",
      [
        "--output", "--files", "--condition", "--sampling", "--count", "--prompt", "--temperature",
        "--length",
      ]
    ),
    ("image-tagging", ["--output", "--condition"]),
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

  @Test func wordsOfAPromptThatTrainingNeverMetAreNamed() throws {
    let result = try generate("rnn-language-model", ["--prompt", "the gnu", "--length", "2"])
    #expect(result.status == 0)
    #expect(
      result.errors.contains(
        "The model does not know 1 word of the prompt: 'gnu'; it takes it for an unknown one.\n"),
      "\(result.errors)")
    let known = try generate("rnn-language-model", ["--prompt", "the cat", "--length", "2"])
    #expect(!known.errors.contains("does not know"), "\(known.errors)")
  }

  private func generate(_ run: String, _ more: [String]) throws -> Program.Result {
    try atelier.run(["generate", OldRun.folder.appendingPathComponent("\(run)/run").path] + more)
  }

  /// Each option beside the condition or setting that it is another spelling of.
  @Test(
    arguments: [
      ("acgan-augmented", ["--class", "2", "0"], ["--condition", "label=2,0"]),
      (
        "vae", ["--count", "1", "--interpolate", "3"],
        ["--count", "1", "--sampling", "path=interpolation:3"]
      ),
      (
        "vae", ["--count", "1", "--traverse", "1:-2:2"],
        ["--count", "1", "--sampling", "path=traversal:1:-2:2"]
      ),
      ("vae", ["--count", "2", "--truncation", "0.5"], ["--count", "2", "--sampling", "truncation=0.5"]),
      (
        "rnn-language-model", ["--prompt", "the cat", "--length", "8", "--temperature", "0.5"],
        ["--condition", "prompt=the cat", "--sampling", "length=8", "--sampling", "temperature=0.5"]
      ),
    ])
  func anOptionIsAnotherSpellingOfAConditionOrSetting(
    _ run: String, _ option: [String], _ named: [String]
  ) throws {
    let folder = try TemporaryFolder()
    var drawn: [Data] = []
    for (index, arguments) in [option, named].enumerated() {
      let result = try generate(
        run, arguments + ["--no-provenance", "--output", folder("\(index).png").path])
      try #require(result.status == 0, "\(result.errors)")
      drawn.append(try Data(contentsOf: folder("\(index).png")))
    }
    #expect(drawn[0] == drawn[1] && !drawn[0].isEmpty)
  }

  @Test(
    arguments: [
      ("acgan-augmented", ["--condition", "style=a.png"], "no condition 'style'"),
      ("acgan-augmented", ["--condition", "label"], "NAME=VALUE"),
      ("acgan-augmented", ["--condition", "label=1", "--class", "1"], "choose one"),
      ("acgan-augmented", ["--condition", "label=77"], "no class '77'"),
      (
        "vae", ["--sampling", "temperature=1"], "no setting of drawing 'temperature'; it has path, truncation"
      ),
      ("vae", ["--sampling", "truncation=-1"], "above 0"),
      ("vae", ["--sampling", "path=sideways"], "'path'"),
      ("vae", ["--sampling", "truncation=1", "--truncation", "1"], "choose one"),
      ("pix2pix", ["a.png", "--condition", "source=a.png"], "after the run"),
    ])
  func whatACommandNamesWronglyIsRefused(_ run: String, _ arguments: [String], _ words: String) throws {
    let result = try generate(run, arguments)
    #expect(result.status == 64 && result.errors.contains(words), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
  }

  @Test func nothingIsWrittenOverWithoutBeingAsked() throws {
    let folder = try TemporaryFolder()
    let (file, files) = (folder("a.png"), folder("files"))
    for place in [["--output", file.path], ["--files", files.path]] {
      func draw(_ seed: Int, _ more: [String] = []) throws -> Program.Result {
        try generate("vae", ["--count", "1", "--seed", "\(seed)"] + place + more)
      }
      let written = place[0] == "--output" ? file : files.appendingPathComponent("00000.png")
      #expect(try draw(1).status == 0)
      let first = try Data(contentsOf: written)
      let refused = try draw(2)
      #expect(refused.status == 64 && refused.errors.contains("--force"), "\(refused.errors)")
      #expect(refused.errors.contains(written.lastPathComponent))
      #expect(try Data(contentsOf: written) == first)
      #expect(try draw(2, ["--force"]).status == 0)
      #expect(try Data(contentsOf: written) != first)
    }
    let photo = folder("photo.png")
    try TinyData.coloured(number: 3, width: 16, height: 16).write(to: photo)
    let taken = try generate("pix2pix", [photo.path, "--output", file.path])
    #expect(taken.status == 64 && taken.errors.contains("--force"), "\(taken.errors)")
    let forced = try generate("pix2pix", [photo.path, "--output", file.path, "--force"])
    #expect(forced.status == 0, "\(forced.errors)")
  }

  @Test func optionsThatBelongTogetherAreAskedForTogether() throws {
    let place = OldRun.folder.appendingPathComponent("pix2pix/run").path
    let result = try atelier.run(["generate", place, "a.png", "--overlap", "8"])
    #expect(result.status == 64 && result.errors.contains("--tile"), "\(result.errors)")
  }

  @Test func aConditionIsAnOptionOfItsModelAndAModelThatIsNotThereIsNamed() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<30).map { #"{"title": "t\#($0)", "text": "some words"}"# }.joined(separator: "\n")
    try Data(rows.utf8).write(to: folder("articles.jsonl"))
    let run = folder("run").path
    let keys = [
      "conditionFields=[title]", "tokenUnit=byte", "contextLength=24", "layers=1", "heads=2",
      "embeddingSize=8",
      "batchSize=2",
    ]
    let trained = try atelier.run(
      [
        "train", "gpt", "--preset", "small", "--data", folder("articles.jsonl").path, "--run", run, "--steps",
        "1",
      ]
        + keys.flatMap { ["--set", $0] })
    try #require(trained.status == 0, "\(trained.errors)")
    let spelled = try atelier.run(["generate", run, "--condition", "title=t1", "--length", "4"])
    let short = try atelier.run(["generate", run, "--title", "t1", "--length", "4"])
    #expect(short.status == 0 && short.output == spelled.output, "\(short.errors)")
    let unknown = try atelier.run(["generate", run, "--section", "s"])
    #expect(unknown.status == 64 && unknown.errors.contains("--section"), "\(unknown.errors)")
    let missing = try atelier.run(["generate", folder("none").path, "--title", "t1"])
    #expect(missing.status == 66 && missing.errors.contains("none"), "\(missing.errors)")
  }
}

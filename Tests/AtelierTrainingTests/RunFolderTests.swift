import AtelierCore
import AtelierGeneration
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct RunFolderTests {
  @Test func runsAreNumberedAndTheirFoldersMade() throws {
    let folder = try TemporaryFolder()
    let runs = folder("runs")
    let first = try RunDirectory.create(in: runs, name: "cgan fashion")
    let second = try RunDirectory.create(in: runs, name: "cgan fashion")
    #expect([first.name, second.name] == ["cgan-fashion-001", "cgan-fashion-002"])
    for url in [first.checkpoints, first.samples, first.artefacts] {
      #expect(FileManager.default.fileExists(atPath: url.path))
    }
  }

  @Test(arguments: [["checkpoints", "samples", "artefacts"], ["checkpoints"], []])
  func aRunThatWasKilledBeforeItBeganIsBegunAnew(_ left: [String]) throws {
    let folder = try TemporaryFolder()
    for name in left {
      try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
    }
    if left.contains("artefacts") { try Data("old".utf8).write(to: folder("artefacts/vocabulary.json")) }
    let run = try RunDirectory.create(at: folder.url)
    #expect(try FileManager.default.contentsOfDirectory(atPath: run.artefacts.path).isEmpty)
  }

  @Test func aConfigurationThatAKillKeptFromItsNameIsNoFileOfTheUsers() throws {
    let folder = try TemporaryFolder()
    for name in ["checkpoints", "samples", "artefacts"] {
      try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
    }
    let left = folder(".partial-F22FAF8D-3D1C-4B9B-9526-E622CE9EECC8")
    try Data("format: 1".utf8).write(to: left)
    _ = try RunDirectory.create(at: folder.url)
    #expect(!FileManager.default.fileExists(atPath: left.path))
  }

  @Test(arguments: [
    "checkpoints/step-000001", ".partial-notes", "samples/step-000001.png", "artefacts/a", "photograph.png",
  ])
  func aFolderWithAnythingElseIsRefusedAndStays(_ name: String) throws {
    let folder = try TemporaryFolder()
    let file = folder(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("kept".utf8).write(to: file)
    #expect(throws: TrainingError.self) { try RunDirectory.create(at: folder.url) }
    #expect(try Data(contentsOf: file) == Data("kept".utf8))
  }

  @Test func aNameFromOutsideCannotLeaveTheFolder() throws {
    let folder = try TemporaryFolder()
    let run = try RunDirectory.create(in: folder.url, name: "../../.hidden/ü")
    #expect(run.url.deletingLastPathComponent().path == folder.url.standardizedFileURL.path)
    #expect(!run.name.hasPrefix("."))
  }

  @Test func anUnwritableFolderIsAClearError() throws {
    let folder = try TemporaryFolder()
    // A file where a folder is needed cannot be written into by anybody, root included.
    try Data().write(to: folder("runs"))
    let error = #expect(throws: TrainingError.self) {
      try RunDirectory.create(in: folder("runs"), name: "toy")
    }
    #expect("\(error as Any)".contains("runs"))
    #expect("\(error as Any)".contains("cannot be written"))
  }

  @Test func aFolderThatIsNoRunIsNamed() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: TrainingError.self) { try RunDirectory.open(folder.url) }
    #expect("\(error as Any)".contains("configuration.yaml"))
  }

  @Test func yamlGivesBackWhatWasWritten() throws {
    let values: [(key: String, value: ConfigurationValue)] = [
      ("nothing", .null), ("yes", .boolean(true)), ("count", .integer(-3)), ("rate", .number(2e-4)),
      ("tiny", .number(1e-12)), ("huge", .number(1.5e300)), ("word", .string("hinge")), ("no", .string("no")),
      ("number-like", .string("1e5")), ("empty", .string("")), ("odd", .string("a: b # \"c\"\n\té \u{1}")),
      ("null-like", .string("null")), ("list", .list([.integer(1), .null, .string("x, y")])),
      ("none", .list([])), ("table", .table(["a": .integer(1), "b": .table(["c": .null])])),
    ]
    let text = ConfigurationFile.text(values, comment: "first\nsecond")
    let read = try ConfigurationFile.parse(text, named: "test")
    #expect(read == Dictionary(uniqueKeysWithValues: values.map { ($0.key, $0.value) }))
  }

  @Test(arguments: [
    ("a: [1\n", "line 2"), ("a:\n  b: 1\n c: 2\n", "line 3"), ("a: 1\na: 2\n", "twice"),
    ("a: \u{1}\n", "control"),
    (String(repeating: "[", count: 20_000), "nesting"),
  ])
  func yamlThatIsNoneIsRefusedInOneSentence(_ text: String, _ words: String) throws {
    let error = #expect(throws: TrainingError.self) { try ConfigurationFile.parse(text, named: "c.yaml") }
    let sentence = "\(error as Any)"
    #expect(sentence.contains("c.yaml") && sentence.contains(words), "\(sentence)")
    #expect(!sentence.contains { $0.isNewline } && sentence.count < 300, "\(sentence)")
  }

  @Test func aFewLinesOfAliasesCannotStandForMoreThanMemoryHolds() throws {
    // Nine times nine times … nine values.
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let nine = (0..<9).map { _ in "*a\(level - 1)" }.joined(separator: ", ")
      text += "a\(level): &a\(level) [\(nine)]\n"
    }
    let error = #expect(throws: TrainingError.self) { try ConfigurationFile.parse(text, named: "c.yaml") }
    #expect("\(error as Any)".contains("more than 100000 values"))
  }

  @Test func handWrittenYamlIsUnderstood() throws {
    let text = """
      learningRate: 0.0002   # a comment
      layers:
        - 1
        - 2
      name: 'no'
      answer: no
      empty:
      """
    let read = try ConfigurationFile.parse(text, named: "test")
    #expect(read["learningRate"] == .number(0.0002))
    #expect(read["layers"] == .list([.integer(1), .integer(2)]))
    #expect(read["name"] == .string("no"))
    #expect(read["answer"] == .string("no"))
    #expect(read["empty"] == .null)
  }

  @Test(arguments: ["a: [1", "- 1\n- 2", "a: 1\na: 2", "a: &x 1\nb: *x\n? [1]\n: 2"])
  func brokenYamlIsAnErrorThatNamesTheFile(text: String) {
    let error = #expect(throws: TrainingError.self) { try ConfigurationFile.parse(text, named: "some.yaml") }
    #expect("\(error as Any)".contains("some.yaml"))
  }

  @Test func aRunsConfigurationComesBackWithEveryKey() throws {
    let folder = try TemporaryFolder()
    var options = TrainingOptions(steps: 10, seed: 5, gradientClip: 0.5)
    options.health.notANumber = .stop
    let configuration = RunConfiguration(
      system: "toy", preset: nil, data: "/some where/data: x", options: options,
      configuration: ["b": .null, "a": .number(0.1)], keys: ["b", "a"])
    let text = try configuration.text()
    #expect(
      text.contains("\nepochs: null\n") && text.contains("\n  b: null\n") && text.contains("\npreset: null\n")
    )
    let file = folder("configuration.yaml")
    try Data(text.utf8).write(to: file)
    var read = try RunConfiguration.read(file)
    #expect(Set(read.keys) == ["a", "b"])
    read.keys = configuration.keys
    #expect(read == configuration)
  }

  @Test func anUnknownKeyOfARunNamesTheNearest() throws {
    let folder = try TemporaryFolder()
    let file = folder("configuration.yaml")
    try Data("format: 1\nsystem: toy\nstepz: 3\nconfiguration: {}\n".utf8).write(to: file)
    let error = #expect(throws: TrainingError.self) { try RunConfiguration.read(file) }
    #expect("\(error as Any)".contains("steps"))
  }

  @Test func settingsThatCannotWorkAreNamed() {
    for options in [
      TrainingOptions(steps: -1), TrainingOptions(epochs: 0), TrainingOptions(checkpointEvery: 0),
      TrainingOptions(gradientClip: -1), TrainingOptions(seed: -1),
    ] {
      #expect(throws: TrainingError.self) { try options.validate() }
    }
    #expect(throws: Never.self) { try TrainingOptions().validate() }
  }
}

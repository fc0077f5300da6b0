import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierTraining
import Foundation
import TestSupport
import Testing

/// Systems that learn the likeness of people are trained with their consent only.
@Suite(.serialized) struct ConsentTests {
  private let registry = SystemRegistry([ToySystem.self])

  private func binding(in folder: TemporaryFolder, learnsFaces: Bool = true) throws -> DataBinding {
    try TinyData.writeClassFolders(to: folder("data"), classes: ["alice", "bob"], size: 8)
    let harness = try SystemHarness(
      ToySystem.self, ["learnsFaces": .boolean(learnsFaces)], data: folder("data"))
    return try DataBinding.open(
      folder("data"), for: ToySystem.self, configuration: harness.configuration,
      options: DataBindingOptions(seed: 7))
  }

  private func consent(_ names: [String], until: String = "9999-12-31") throws -> Consent {
    let lines = names.map {
      "- {name: \($0), purpose: a test, until: \(until), contact: \($0)@example.org}\n"
    }
    return try Consent(Data(("persons:\n" + lines.joined()).utf8), named: "consent.yaml")
  }

  private func day(_ text: String) throws -> CalendarDay { try #require(CalendarDay(parsing: text)) }

  /// The sentence of the error that something throws.
  private func sentence(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing was thrown"
  }

  @Test func withoutConsentTrainingIsRefusedWithTheFormOfTheFile() throws {
    let folder = try TemporaryFolder()
    let data = try binding(in: folder)
    let run = try RunDirectory.create(in: folder("runs"), name: "toy")
    let text = sentence { try Training.start(data, in: run, options: SystemHarness.options(steps: 1)) }
    #expect(
      text
        == "Training cannot start: toy learns the faces of people, who must have agreed; give their consent, a "
        + "YAML file that holds persons: [{name: alice, purpose: an audio guide, until: 2027-12-31}].")
    #expect(!FileManager.default.fileExists(atPath: run.configuration.path))
  }

  @Test func whatATrainingWillTakeIsMeasuredWithout() throws {
    let folder = try TemporaryFolder()
    let data = try binding(in: folder)
    let probe = try TrainingProbe.run(
      ToySystem.self, data.configuration, batchSize: 2, data: folder("data"),
      binding: DataBindingOptions(seed: 7),
      options: SystemHarness.options(steps: 1), seconds: 0.1)
    #expect(probe.steps >= 4)
  }

  @Test func everybodyMustBeNamed() throws {
    let data = try binding(in: TemporaryFolder())
    let text = sentence { _ = try Consent.record(consent(["alice"]), for: data, on: day("2026-01-01")) }
    #expect(text.contains("the consent names no 'bob', whose face is in the data"))
    let more = try Consent.record(consent(["alice", "bob", "carol"]), for: data, on: day("2026-01-01"))
    #expect(more?.persons.map(\.name) == ["alice", "bob"] && more?.kind == "face")
  }

  @Test func consentHoldsThroughItsLastDay() throws {
    let data = try binding(in: TemporaryFolder())
    let given = try consent(["alice", "bob"], until: "2026-03-31")
    #expect(try Consent.record(given, for: data, on: day("2026-03-31")) != nil)
    let text = sentence { _ = try Consent.record(given, for: data, on: day("2026-04-01")) }
    #expect(text.contains("the consent of 'alice' ended on 2026-03-31"))
  }

  @Test func aSystemThatLearnsNobodyTakesNone() throws {
    let data = try binding(in: TemporaryFolder(), learnsFaces: false)
    #expect(try Consent.record(nil, for: data) == nil)
    #expect(
      sentence { _ = try Consent.record(consent(["alice"]), for: data) }.contains(
        "takes no consent; leave it out"))
  }

  @Test func theRunKeepsItAndTheModelSaysIt() throws {
    let folder = try TemporaryFolder()
    let data = try binding(in: folder)
    let given = try consent(["alice", "bob"])
    let run = try RunDirectory.create(in: folder("runs"), name: "toy")
    var options = SystemHarness.options(steps: 1)
    try Training.start(data, in: run, options: options, consent: given)
    #expect(try Data(contentsOf: run.consent) == given.content)
    let description = try ModelFile.describe(modelFile(at: run.url))
    let record = try #require(description.data.consent)
    #expect(record.persons.map(\.until) == ["9999-12-31", "9999-12-31"])
    // Addresses stay in the run's folder.
    let header = try String(decoding: Data(contentsOf: modelFile(at: run.url)), as: UTF8.self)
    #expect(header.contains(record.hash) && !header.contains("@example.org"))
    let card = try ModelCard(ToySystem.self, description).text
    #expect(card.contains("## Consent") && card.contains("alice agreed that the face is used for: a test"))
    for file in [run.report, run.reportData, try RunPage(run).write()] {
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains("alice") && text.contains("a test") && !text.contains("@example.org"), "\(file)")
    }

    options.steps = 2
    try Training.resume(run.url, registry: registry) { $0.steps = 2 }
    #expect(try ModelFile.describe(modelFile(at: run.url)).data.consent == record)
  }

  @Test func resumingChecksItAgain() throws {
    let folder = try TemporaryFolder()
    let run = try RunDirectory.create(in: folder("runs"), name: "toy")
    try Training.start(
      binding(in: folder), in: run, options: SystemHarness.options(steps: 1),
      consent: consent(["alice", "bob"]))
    func resumed(_ new: Consent? = nil) -> String {
      sentence { try Training.resume(run.url, registry: registry, consent: new) { $0.steps = 2 } }
    }
    // Another file in the place of the one that was given.
    try consent(["alice", "bob"], until: "9998-12-31").content.write(to: run.consent)
    #expect(resumed().contains("is not the consent that the run began with"))
    try consent(["alice", "bob"], until: "1999-12-31").content.write(to: run.consent)
    #expect(resumed().contains("the consent of 'alice' ended on 1999-12-31"))
    try FileManager.default.removeItem(at: run.consent)
    #expect(resumed().contains("who must have agreed"))
    #expect(resumed(try consent(["alice"])).contains("names no 'bob'"))
    // A new one replaces it, in the run and in what the model says.
    let renewed = try consent(["alice", "bob"], until: "9998-12-31")
    #expect(resumed(renewed) == "nothing was thrown")
    #expect(try Data(contentsOf: run.consent) == renewed.content)
    #expect(try ModelFile.describe(modelFile(at: run.url)).data.consent?.persons[0].until == "9998-12-31")
  }

  /// Files that are no consent, and a word of what is said of each.
  static let malformed: [(text: String, word: String)] = [
    ("", "it names nobody"), ("persons: []", "it names nobody"), ("persons: alice", "it names nobody"),
    ("- alice", "`key: value` lines"), ("people: []", "unknown key 'people'"),
    ("persons: [alice]", "person 1 is no table"),
    ("persons: [{purpose: p, until: 2027-01-01}]", "person 1 has no 'name'"),
    ("persons: [{name: a, until: 2027-01-01}]", "person 1 has no 'purpose'"),
    ("persons: [{name: a, purpose: p}]", "person 1 has no 'until'"),
    ("persons: [{name: a, purpose: ' ', until: 2027-01-01}]", "'purpose' of person 1 is empty"),
    ("persons: [{name: a, purpose: p, until: 2027-02-29}]", "'2027-02-29', and no day such as 2027-12-31"),
    ("persons: [{name: a, purpose: p, until: tomorrow}]", "'tomorrow', and no day"),
    ("persons: [{name: a, purpose: p, until: 2027}]", "'until' of person 1 is no text"),
    ("persons: [{name: a, purpose: [p], until: 2027-01-01}]", "'purpose' of person 1 is no text"),
    ("persons: [{name: a, purpose: p, until: 2027-01-01, given: 1-1-1}]", "'given' of person 1"),
    ("persons: [{name: a, purpose: p, until: 2027-01-01, age: 7}]", "unknown key 'age'"),
    (
      "persons: [{name: a, purpose: p, until: 2027-01-01}, {name: a, purpose: q, until: 2027-01-01}]",
      "it names 'a' twice"
    ),
    ("persons: {", "it is not YAML"), ("x: &a [1]\npersons: *a", "unknown key 'x'"),
    (String(repeating: "#", count: 1 << 20) + "#", "it is larger than"),
    (
      "persons: [{name: \(String(repeating: "a", count: 1001)), purpose: p, until: 2027-01-01}]",
      "longer than"
    ),
  ]

  @Test(arguments: malformed) func aMalformedFileIsRefused(_ text: String, _ word: String) {
    let said = sentence { _ = try Consent(Data(text.utf8), named: "consent.yaml") }
    #expect(said.hasPrefix("consent.yaml ") && said.contains(word), "\(said.prefix(300))")
  }

  @Test func bytesThatAreNoTextAndMissingFilesAreRefused() throws {
    #expect(
      sentence { _ = try Consent(Data([0x70, 0xFF, 0xFE]), named: "c") }.contains("it is not UTF-8 text"))
    let folder = try TemporaryFolder()
    #expect(sentence { _ = try Consent(contentsOf: folder("c.yaml")) }.contains("there is no such file"))
  }

  @Test func daysAreThoseOfTheCalendar() throws {
    #expect(CalendarDay(parsing: "2028-02-29")?.description == "2028-02-29")
    for text in [
      "2027-02-29", "1900-02-29", "2027-13-01", "2027-00-10", "2027-04-31", "27-01-01", "2027-1-1", "",
    ] {
      #expect(CalendarDay(parsing: text) == nil)
    }
    #expect(CalendarDay(parsing: "2000-02-29") != nil)
    let utc = try #require(TimeZone(identifier: "UTC"))
    #expect(CalendarDay(Date(timeIntervalSince1970: 86_399), in: utc)?.description == "1970-01-01")
    #expect(try day("2026-12-31") < day("2027-01-01"))
  }
}

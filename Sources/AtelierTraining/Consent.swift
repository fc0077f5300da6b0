public import AtelierCore
public import AtelierData
public import AtelierGeneration
import AtelierHashing
public import Foundation
import Torch

/// Who agreed that a system learns the own voice or face, to what, and until when: a YAML file.
///
/// ```yaml
/// persons:
///   - name: alice                       # the class of the data
///     purpose: the museum's audio guide
///     until: 2027-12-31                 # the last day
///     given: 2026-11-01                 # optional
///     contact: alice@example.org        # optional
/// ```
public struct Consent: Sendable, Hashable {
  /// Somebody who agreed.
  public struct Person: Sendable, Hashable {
    /// The name of the data's class.
    public let name: String
    /// What the model may be used for.
    public let purpose: String
    /// The last day of the consent.
    public let until: CalendarDay
    /// When it was given; nil: the file does not say.
    public let given: CalendarDay?
    /// Where the person is reached; nil: the file does not say.
    public let contact: String?
  }

  /// What a file must look like, on one line.
  public static let form =
    "persons: [{name: alice, purpose: an audio guide, until: 2027-12-31}]"

  /// The largest file in bytes.
  private static let largest = 1 << 20
  /// The longest text of an entry in characters.
  private static let longest = 1000

  /// Those who agreed.
  public let persons: [Person]
  /// The file as it was given.
  public let content: Data

  /// Reads a file.
  ///
  /// - Throws: ``TrainingError`` that names the file, the entry and what is wrong with it.
  public init(contentsOf file: URL) throws(TrainingError) {
    let content: Data
    do {
      let handle = try FileHandle(forReadingFrom: file)
      defer { try? handle.close() }
      content = try handle.read(upToCount: Self.largest + 1) ?? Data()
    } catch {
      guard FileManager.default.fileExists(atPath: file.path) else {
        throw .notFound(path: file.path, reason: "there is no such file; it should hold \(Self.form)")
      }
      throw .notFound(path: file.path, reason: "it cannot be read, \(readFailureReason(error, file))")
    }
    try self.init(content, named: file.path)
  }

  /// Reads a file's bytes.
  ///
  /// - Parameter name: what errors call it.
  public init(_ content: Data, named name: String) throws(TrainingError) {
    func damaged(_ reason: String) -> TrainingError { .damaged(path: name, reason: reason) }
    guard content.count <= Self.largest else {
      throw damaged("it is larger than \(Self.largest) bytes; a consent file is a short list of people")
    }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw damaged("it is not UTF-8 text; save it as UTF-8")
    }
    let table = try ConfigurationFile.parse(text, named: name)
    if let other = table.keys.sorted().first(where: { $0 != "persons" }) {
      throw damaged("unknown key '\(other)'; it should hold \(Self.form)")
    }
    guard case .list(let entries)? = table["persons"], !entries.isEmpty else {
      throw damaged("it names nobody; it should hold \(Self.form)")
    }
    var persons: [Person] = []
    for (place, entry) in entries.enumerated() {
      let person = try Self.person(entry, "person \(place + 1)", named: name)
      guard !persons.contains(where: { $0.name == person.name }) else {
        throw damaged("it names '\(person.name)' twice; remove one of them")
      }
      persons.append(person)
    }
    (self.persons, self.content) = (persons, content)
  }

  private static func person(
    _ entry: ConfigurationValue, _ title: String, named name: String
  ) throws(TrainingError) -> Person {
    guard case .table(var table) = entry else {
      throw .damaged(path: name, reason: "\(title) is no table; it should hold \(form)")
    }
    func text(_ key: String) throws(TrainingError) -> String? {
      let text: String
      switch table.removeValue(forKey: key) ?? .null {
      case .null: return nil
      case .string(let value): text = value
      // Names of folders may be numbers.
      case .integer(let value) where key == "name": text = String(value)
      default: throw .damaged(path: name, reason: "'\(key)' of \(title) is no text; put it in quotes")
      }
      guard text.contains(where: { !$0.isWhitespace }), text.count <= longest else {
        throw .damaged(
          path: name, reason: "'\(key)' of \(title) is empty or longer than \(longest) characters")
      }
      return text
    }
    func required(_ key: String) throws(TrainingError) -> String {
      guard let text = try text(key) else {
        throw .damaged(path: name, reason: "\(title) has no '\(key)'; it should hold \(form)")
      }
      return text
    }
    func day(_ key: String, _ text: String) throws(TrainingError) -> CalendarDay {
      guard let day = CalendarDay(parsing: text) else {
        throw .damaged(path: name, reason: "'\(key)' of \(title) is '\(text)', and no day such as 2027-12-31")
      }
      return day
    }
    let person = Person(
      name: try required("name"), purpose: try required("purpose"),
      until: try day("until", required("until")),
      given: try optional(text("given")) { text throws(TrainingError) in try day("given", text) },
      contact: try text("contact"))
    if let other = table.keys.sorted().first {
      throw .damaged(
        path: name,
        reason: "\(title) has the unknown key '\(other)'; there are name, purpose, until, given and contact")
    }
    return person
  }

  private static func optional<Value>(
    _ text: String?, _ read: (String) throws(TrainingError) -> Value
  ) throws(TrainingError) -> Value? {
    guard let text else { return nil }
    return try read(text)
  }

  // MARK: Checking

  /// The record for the people of the data, after everybody was found to agree on a day.
  ///
  /// - Parameters:
  ///   - kind: what of them is learned.
  ///   - people: the names of the data's classes; empty: the data do not say, and whoever is named agrees.
  /// - Throws: ``TrainingError/invalid(reason:)`` that names who did not agree, or not any more.
  public func record(
    of kind: Likeness.Kind, for people: [String], on day: CalendarDay
  ) throws(TrainingError) -> ConsentRecord {
    let unnamed = people.filter { name in !persons.contains { $0.name == name } }
    if let first = unnamed.first {
      let others = unnamed.count > 1 ? " and \(unnamed.count - 1) others" : ""
      throw .invalid(
        reason:
          "the consent names no '\(first)'\(others), whose \(kind.rawValue) is in the data; add an entry for each, "
          + "or leave the data out")
    }
    let concerned = people.isEmpty ? persons : persons.filter { people.contains($0.name) }
    if let ended = concerned.first(where: { $0.until < day }) {
      throw .invalid(
        reason: "the consent of '\(ended.name)' ended on \(ended.until); ask again, or leave the data out")
    }
    if let early = concerned.first(where: { ($0.given ?? day) > day }) {
      throw .invalid(
        reason:
          "the consent of '\(early.name)' is dated \(early.given ?? day), which is to come; correct 'given'")
    }
    return ConsentRecord(
      kind: kind.rawValue, hash: content.sha256Hex,
      persons: concerned.map {
        ConsentRecord.Person(name: $0.name, purpose: $0.purpose, until: $0.until.description)
      })
  }

  /// What a model of data is to say of consent; nil where the system learns nobody's likeness.
  ///
  /// - Parameters:
  ///   - consent: what was given.
  ///   - day: the day that it must hold on; nil: today.
  /// - Throws: ``TrainingError/invalid(reason:)`` where consent is needed and missing, incomplete or expired, or where
  ///   it is given to a system that does not ask for it.
  public static func record(
    _ consent: Consent?, for data: DataBinding, on day: CalendarDay? = nil
  ) throws -> ConsentRecord? {
    let name = data.system.identity.name
    let plan = try data.system.plan(data.configuration)
    guard let likeness = plan.ability(Likeness.self) else {
      guard consent == nil else {
        throw TrainingError.invalid(
          reason: "\(name) learns nobody's voice or face, and takes no consent; leave it out")
      }
      return nil
    }
    guard let consent else {
      throw TrainingError.invalid(
        reason:
          "\(name) learns the \(likeness.kind.rawValue)s of people, who must have agreed; give their consent, a YAML file "
          + "that holds \(form)")
    }
    guard let day = day ?? CalendarDay(Date()) else {
      throw TrainingError.invalid(reason: "this machine does not know what day it is; set its clock")
    }
    return try consent.record(of: likeness.kind, for: people(likeness, in: data, plan), on: day)
  }

  /// Whether data of which a consent is asked do not say whom they show, so that it cannot be checked against them.
  package static func isUnchecked(for data: DataBinding) throws -> Bool {
    let plan = try data.system.plan(data.configuration)
    return try plan.ability(Likeness.self).map { try people($0, in: data, plan).isEmpty } ?? false
  }

  /// The names of those whose likeness the data hold; empty where the data name no classes.
  package static func people(
    _ likeness: Likeness, in data: DataBinding, _ plan: SystemPlan
  ) throws -> [String] {
    let description = data.facts.description
    guard let field = likeness.field else { return description.sideNames ?? [] }
    let names = try plan.field(field).map {
      try plan.names(of: $0, description, data.facts.artefacts).classes
    }
    return names.flatMap { $0.isEmpty ? nil : $0 } ?? description.classNames
  }

  /// The consent that a run keeps; nil where it keeps none.
  public static func read(_ run: RunDirectory) throws(TrainingError) -> Consent? {
    guard FileManager.default.fileExists(atPath: run.consent.path) else { return nil }
    return try Consent(contentsOf: run.consent)
  }

  /// Writes it into a run.
  func write(to run: RunDirectory) throws { try AtomicFile.write(content, to: run.consent) }
}

extension DataFacts {
  /// These facts with who agreed to being learned.
  func agreed(_ record: ConsentRecord?) -> DataFacts {
    guard let record else { return self }
    var description = description
    description.consent = record
    return DataFacts(description: description, artefacts: artefacts)
  }
}

import ArgumentParser
package import AtelierCore

/// What words ask of `atelier`, read by its own parser and not done, so that what pages say can be checked.
package struct ReadCommand {
  /// Why words are not understood.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
    package let code: Int32
  }

  /// The system that `train` names; nil for other verbs, and for `--resume`.
  package let system: String?
  /// The preset that `train` names.
  package let preset: String?
  /// The keys that `train` sets.
  package let changes: [String: ConfigurationValue]
  /// What `generate` draws from; nil for other verbs.
  package let model: String?
  private let generate: Generate?

  /// Reads the words behind `atelier`.
  ///
  /// - Throws: ``Failure``.
  package init(_ words: [String]) throws {
    do {
      let command = try Program.parseAsRoot(words)
      let train = command as? Train
      (system, preset) = (train?.system, train?.choices.preset)
      changes = try parsedKeys(train?.choices.changes ?? [])
      generate = command as? Generate
      model = generate?.trained
    } catch let refusal as Refusal {
      throw Failure(description: refusal.description, code: refusal.code)
    } catch {
      throw Failure(description: Program.message(for: error), code: Program.exitCode(for: error).rawValue)
    }
  }

  /// Refuses options of `generate` that a system of a plan does not know.
  package func check(for plan: SystemPlan, of system: String) throws {
    if let generate { try GenerateOption.check(generate, plan, of: system) }
  }

  /// Why the first word that should be a verb is none; nil where it is one.
  package static func refusal(ofVerbsIn words: [String]) -> Failure? {
    do { try Program.refuseUnknownVerb(words) } catch {
      return Refusal(error).map { Failure(description: $0.description, code: $0.code) }
    }
    return nil
  }
}

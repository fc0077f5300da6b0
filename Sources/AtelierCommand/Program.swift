internal import ArgumentParser
import Atelier
public import AtelierCore
import Foundation

/// The command line as a library, for programs that add systems of their own.
///
/// ```swift
/// AtelierTool.main(SystemRegistry(SystemRegistry.standard.systems + [MySystem.self]))
/// ```
public enum AtelierTool {
  /// The systems that every verb knows.
  @TaskLocal static var systems = SystemRegistry.standard

  /// Runs the verb that this process's arguments name, and returns once it is done. A failure ends the process
  /// with one sentence on standard error and an exit code.
  ///
  /// - Parameter systems: the systems that the verbs know, in the order in which they are listed.
  public static func main(_ systems: SystemRegistry) {
    $systems.withValue(systems) { Program.main() }
  }
}

/// The program `atelier`: the same verbs for every system.
struct Program: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "atelier",
    abstract: "Trains, measures and uses conditional generative models.",
    discussion: """
      A run is a folder. `atelier train SYSTEM --data PATH` makes one, `atelier train --resume RUN` goes on with it, \
      `atelier generate RUN` draws from it and `atelier evaluate RUN` measures it.

      Exit codes: 0 done, 64 wrong usage, 65 bad data, 66 no such input, 69 stopped by the health watch, 70 internal, \
      71 the machine lacks memory, threads or file handles, 73 cannot be written, 75 in use by another process, \
      130 interrupted.
      """,
    version: AtelierVersion.current,
    subcommands: [
      Systems.self, Plan.self, Train.self, Search.self, Generate.self, Play.self, Evaluate.self,
      ReportCommand.self, Compare.self, Card.self, NeighbourPage.self, Inspect.self, Export.self,
      DataCommand.self, Weights.self, Demo.self, Benchmark.self,
    ])

  static func main() {
    Engine.keepFreedMemory()
    let words = Array(CommandLine.arguments.dropFirst())
    // Who asked for silence gets it.
    let isQuiet = words.contains { ["-q", "--quiet"].contains($0) }
    var signs: SignsOfLife?
    do {
      try refuseUnknownVerb(words)
      var command = try parseAsRoot(try ConditionOptions.spelledOut(words))
      signs = isQuiet ? nil : .start("atelier \(words.first ?? "")")
      if !isQuiet { DataProgress.announce { standardError($0 + "\n") } }
      try command.run()
      signs?.stop()
    } catch {
      signs?.stop()
      guard let refusal = Refusal(error) else { exit(withError: error) }
      standardError("atelier: \(refusal.description)\n")
      Foundation.exit(refusal.code)
    }
  }

  /// Refuses the first word that should be a verb and is none, with the nearest one.
  static func refuseUnknownVerb(_ arguments: [String]) throws {
    var verbs = configuration.subcommands
    var path = "atelier"
    for word in arguments {
      guard !verbs.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
      let names = verbs.map(Self.name)
      guard let place = names.firstIndex(of: word) else {
        throw Refusal.usage(
          "there is no verb '\(word)'; did you mean '\(path) \(nearest(to: word, in: names))'? There are "
            + "\(listed(names))")
      }
      verbs = verbs[place].configuration.subcommands
      path += " " + word
    }
  }

  private static func name(of command: any ParsableCommand.Type) -> String { command._commandName }
}

/// A command that cannot go on: one sentence for people, one number for programs.
struct Refusal: Error, CustomStringConvertible {
  let description: String
  let code: Int32

  /// What a person is told of an error; nil for errors of the command line itself.
  init?(_ error: any Error) {
    if let refusal = error as? Refusal {
      self = refusal
      return
    }
    guard let code = ExitCodes.code(of: error) else { return nil }
    self.init(description: ExitCodes.sentence(of: error), code: code)
  }

  init(description: String, code: Int32) {
    self.description = description
    self.code = code
  }

  static func usage(_ sentence: String) -> Refusal { Refusal(description: sentence, code: 64) }
  static func data(_ sentence: String) -> Refusal { Refusal(description: sentence, code: 65) }
  static func input(_ sentence: String) -> Refusal { Refusal(description: sentence, code: 66) }
}

/// Prints a value as a JSON document with sorted keys.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Lines of two columns, the first as wide as its longest entry.
func columns(_ rows: [(String, String)], indent: Int = 2) -> String {
  let width = rows.map(\.0.count).max() ?? 0
  return rows.map { left, right in
    String(repeating: " ", count: indent) + left + String(repeating: " ", count: width - left.count + 2)
      + right
  }.joined(separator: "\n")
}

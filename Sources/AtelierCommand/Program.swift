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

      Exit codes: 0 done, 64 wrong usage, 65 bad data, 66 no such input, 70 internal, 130 interrupted.
      """,
    version: AtelierVersion.current,
    subcommands: [
      Systems.self, Train.self, Generate.self, Evaluate.self, ReportCommand.self, Compare.self,
      Card.self,
      NeighbourPage.self, Inspect.self, Export.self,
      DataCommand.self, Weights.self, Demo.self, Benchmark.self,
    ])

  static func main() {
    Engine.keepFreedMemory()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as Refusal {
      refuse(error.description, code: error.code)
    } catch let error as ConfigurationError {
      refuse(error.description, code: 64)
    } catch let error as DatasetError {
      refuse(error.description, code: code(error))
    } catch TrainingError.unavailableDevice(let device) {
      refuse("this machine, or this build of the engine, has no \(device); give --device cpu", code: 64)
    } catch let error as TrainingError {
      refuse(error.description + option(for: error), code: code(error))
    } catch let error as FileFormatError {
      refuse(error.description, code: 65)
    } catch let error as ImageError {
      if case .exhausted = error { refuse(error.description, code: 70) }
      refuse(error.description, code: 65)
    } catch let error as MetricError {
      refuse(error.description, code: 65)
    } catch let error as CheckpointError {
      refuse(error.description, code: 65)
    } catch let error as PerceptionError {
      refuse(error.description, code: code(error))
    } catch let error as ExportError {
      refuse(error.description, code: 70)
    } catch let error as ScriptError {
      refuse(error.description, code: 70)
    } catch let error as TensorError {
      refuse(error.description, code: 70)
    } catch {
      exit(withError: error)
    }
  }

  private static func refuse(_ sentence: String, code: Int32) -> Never {
    FileHandle.standardError.write(Data("atelier: \(sentence)\n".utf8))
    Foundation.exit(code)
  }

  /// The option that helps, as a sentence of its own.
  private static func option(for error: TrainingError) -> String {
    switch error {
    case .cannotResume(let reason) where reason.hasSuffix("allow inexact resumption"):
      " (--allow-inexact-resume)"
    case .brokenOff: " (--resume)"
    default: ""
    }
  }

  private static func code(_ error: TrainingError) -> Int32 {
    switch error {
    case .notFound: 66
    case .damaged, .unfitData: 65
    case .cannotResume, .invalid, .unavailableDevice: 64
    case .unwritable: 70
    case .brokenOff(let cause, _, _): cause == .data ? 65 : 70
    }
  }

  private static func code(_ error: PerceptionError) -> Int32 {
    switch error {
    case .missing: 66
    case .unknownWeights, .unknownLayer: 64
    case .unusable: 65
    case .fetching: 70
    }
  }

  private static func code(_ error: DatasetError) -> Int32 {
    switch error {
    case .notFound: 66
    case .wrongPosition, .invalid, .exists: 64
    case .unwritable, .exhausted: 70
    default: 65
    }
  }
}

/// A command that cannot go on: one sentence for people, one number for programs.
struct Refusal: Error, CustomStringConvertible {
  let description: String
  let code: Int32

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

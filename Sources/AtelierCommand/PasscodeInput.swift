import Atelier
import Foundation

/// Where a passcode comes from: never from the command's own words, which every user of the machine can list.
enum PasscodeInput: Equatable {
  /// Typed on the terminal, unseen.
  case terminal
  /// An environment variable.
  case environment(String)
  /// An open file descriptor, of which one line is read.
  case descriptor(Int32)

  /// Reads `terminal`, `env:NAME` or `fd:NUMBER`.
  ///
  /// - Throws: `Refusal` that does not repeat the text, which may be the passcode itself.
  init(parsing text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count) {
    case ("terminal", 1): self = .terminal
    case ("env", 2) where !parts[1].isEmpty: self = .environment(parts[1])
    case ("fd", 2):
      guard let number = Int32(parts[1]), number >= 0 else { throw Self.refusal }
      self = .descriptor(number)
    default: throw Self.refusal
    }
  }

  private static var refusal: Refusal {
    .usage(
      "--passcode says where the passcode comes from: terminal, env:NAME or fd:NUMBER; on the command line itself others "
        + "could see it")
  }

  /// The passcode's text.
  ///
  /// - Parameter repeated: whether a terminal asks for it twice, as for one that is to be known again.
  func text(repeated: Bool) throws -> String {
    switch self {
    case .environment(let name):
      guard let text = ProcessInfo.processInfo.environment[name], !text.isEmpty else {
        throw Refusal.usage("the environment variable \(name), which is to hold the passcode, is not set")
      }
      return text
    case .descriptor(let number):
      do {
        let data =
          try FileHandle(fileDescriptor: number, closeOnDealloc: false).read(upToCount: 4096) ?? Data()
        guard let text = String(validating: data, as: UTF8.self),
          // Of CR LF, which is one Character, neither belongs to the line.
          let line = TextFile.lines(of: text).first
        else {
          throw Refusal.usage("file descriptor \(number), which is to give the passcode, gives no text")
        }
        return line
      } catch let error as Refusal {
        throw error
      } catch {
        throw Refusal.usage(
          "file descriptor \(number), which is to give the passcode, cannot be read; open it first")
      }
    case .terminal:
      let text = try Self.typed("Passcode: ")
      guard repeated else { return text }
      guard try Self.typed("Passcode again: ") == text else {
        throw Refusal.usage("the two passcodes differ; begin again")
      }
      return text
    }
  }

  /// A line typed on the process's terminal, which does not show it.
  private static func typed(_ prompt: String) throws -> String {
    let terminal = open("/dev/tty", O_RDWR | O_NOCTTY)
    guard terminal >= 0 else {
      throw Refusal.usage(
        "there is no terminal to type the passcode on; name another place with --passcode env:NAME or fd:NUMBER"
      )
    }
    defer { close(terminal) }
    guard let bytes = SignsOfLife.silenced({ HiddenLine.read(from: terminal, prompt: prompt) }) else {
      throw Refusal.usage(
        "the terminal cannot be told not to show the passcode; use --passcode env:NAME or fd:NUMBER")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

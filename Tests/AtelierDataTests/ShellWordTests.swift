import AtelierData
import Foundation
import Testing

/// Words of commands as a shell takes them.
@Suite struct ShellWordTests {
  @Test func wordsAreQuotedWhereAShellWouldDivideOrChangeThem() throws {
    for word in ["runs/a-001", "x=1", "10:20"] { #expect(shellWord(word) == word) }
    #expect(shellWord("p 5\u{E9}") == "'p 5\u{E9}'")
    #expect(shellWord("{000000..000002}.tar") == "'{000000..000002}.tar'")
    // A shell takes them back for what they are, also a quote with a mark on it.
    for word in ["it's", "", "a$b`c", "'\u{301}", "* ?", "[x]", "a\nb", "~", "#", "!"] {
      let shell = Process()
      shell.executableURL = URL(fileURLWithPath: "/bin/sh")
      shell.arguments = ["-c", "printf %s \(shellWord(word))"]
      let output = Pipe()
      shell.standardOutput = output
      try shell.run()
      #expect(output.fileHandleForReading.readDataToEndOfFile() == Data(word.utf8), "\(word)")
      shell.waitUntilExit()
    }
  }
}

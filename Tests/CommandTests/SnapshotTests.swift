import Foundation
import TestSupport
import Testing

/// What the program says about itself, word for word.
///
/// `ATELIER_RECORD_SNAPSHOTS=1` writes the files anew, in place of comparing.
@Suite struct SnapshotTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Snapshots")

  @Test(
    arguments: [
      ("help", ["--help"]), ("generate-help", ["generate", "--help"]),
      ("systems-help", ["systems", "--help"]), ("systems-cgan", ["systems", "cgan"]),
      ("systems-sean", ["systems", "sean"]),
    ])
  func theProgramSaysWhatItSaid(_ name: String, _ arguments: [String]) throws {
    let atelier = try #require(
      Program(named: "atelier"), "the program atelier was not built beside the tests")
    let result = try atelier.run(arguments, environment: ["COLUMNS": "80"])
    #expect(result.status == 0, "\(result.errors)")
    let file = Self.folder.appendingPathComponent("\(name).txt")
    if ProcessInfo.processInfo.environment["ATELIER_RECORD_SNAPSHOTS"] == "1" {
      try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
      try Data(result.output.utf8).write(to: file)
      return
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    let pairs = zip(Self.lines(result.output), Self.lines(expected))
    #expect(
      result.output == expected,
      """
      '\(arguments.joined(separator: " "))' says something else than \(name).txt, first in the line \
      '\(pairs.first { $0 != $1 }?.0 ?? "at the end")'; where that is meant, record it with ATELIER_RECORD_SNAPSHOTS=1
      """)
  }

  private static func lines(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}

import Foundation
import TestSupport
import Testing

/// The program `parser-fuzz` keeps what it has tried, so that a proof that takes hours can be stopped.
@Suite struct ParserFuzzProgramTests {
  private let program: Program

  init() throws {
    program = try #require(
      Program(named: "parser-fuzz"), "the program parser-fuzz was not built beside the tests")
  }

  private struct Stand: Decodable {
    struct Result: Decodable, Equatable {
      let inputs: Int
      let accepted: Int
      let refused: Int
    }
    let result: Result
  }

  /// Tries inputs up to a number; the first line that it prints.
  private func tried(_ count: Int, in folder: TemporaryFolder, _ more: [String] = []) throws -> Substring {
    let result = try program.run(
      ["idx", "--count", "\(count)", "--work", folder.url.path, "--memory", "2048"] + more)
    try #require(result.status == 0, "\(result.output)\(result.errors)")
    return try #require(result.output.split(separator: "\n").first)
  }

  private func stand(_ folder: TemporaryFolder) throws -> Stand.Result {
    try JSONDecoder().decode(Stand.self, from: Data(contentsOf: folder("idx.json"))).result
  }

  @Test func whatWasTriedIsNotTriedAgainAndMoreGoesOnBehindIt() throws {
    let (whole, parts) = (try TemporaryFolder(), try TemporaryFolder())
    _ = try tried(300, in: whole)
    let line = try tried(100, in: parts)
    // With its rate: nothing was measured anew.
    #expect(try tried(100, in: parts) == line)
    // A process goes on to 200 whose parent is gone, and has told in its page how far it came.
    let left = try program.run([
      "idx", "--start", "100", "--count", "200", "--memory", "2048", "--progress",
      parts(".progress-idx").path,
    ])
    try #require(left.status == 0, "\(left.errors)")
    #expect(try tried(200, in: parts).hasPrefix("idx: 200 inputs"))
    _ = try tried(300, in: parts)
    let (one, other) = (try stand(whole), try stand(parts))
    #expect(one == other && one.inputs == 300 && one.accepted + one.refused == 300 && one.accepted > 0)
  }

  @Test func anotherSeedBeginsAnew() throws {
    let folder = try TemporaryFolder()
    _ = try tried(100, in: folder)
    _ = try tried(50, in: folder, ["--seed", "2"])
    #expect(try stand(folder).inputs == 50)
  }
}

import Foundation
import TestSupport
import Testing

/// One seed draws the same bytes in every process, beside other processes too; slow, so a proof.
///
/// The run ends in a tanh over two threads, the first of each process. Where MKL selects its code on both threads at
/// once, some processes in a thousand draw other bytes.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["ATELIER_PROOF"] != nil))
struct RepeatedDrawingProofTests {
  @Test func manyProcessesDrawTheSameBytesProof() async throws {
    let folder = try TemporaryFolder()
    let run = OldRun.folder.appendingPathComponent("vae/run").path
    let drawn = try await withThrowingTaskGroup(of: [Data].self) { group in
      for worker in 0..<4 {
        let file = folder("\(worker).png")
        group.addTask {
          let atelier = try #require(
            Program(named: "atelier"), "the program atelier was not built beside the tests")
          return try (0..<250).map { _ in
            let result = try atelier.run([
              "generate", run, "--count", "1", "--traverse", "1:-2:2", "--no-provenance", "--force",
              "--output", file.path,
            ])
            try #require(result.status == 0, "\(result.errors)")
            return try Data(contentsOf: file)
          }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(drawn.count == 1000 && Set(drawn).count == 1)
  }
}

import AtelierMedia
import CVipsWorkers
import Foundation
import Testing

#if os(Linux)
  /// libvips 8.14 may free a worker thread that has just been given a task, if it was idle for 15 seconds.
  struct VipsWorkerTests {
    @Test func workersWaitWithoutALimit() { #expect(cvips_workers_stay()) }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["ATELIER_PROOF"] != nil))
    func anIdleWorkerIsThereAfterItsTimeProof() throws {
      let image = try Image(width: 64, height: 64, filledWith: [1, 2, 3]).resized(width: 32, height: 32)
      #expect(image.width == 32)
      let workers = try Self.workers()
      try #require(!workers.isEmpty)
      Thread.sleep(forTimeInterval: 17)
      #expect(try Self.workers().isSuperset(of: workers))
    }

    /// The numbers of this process's threads that are libvips's workers.
    private static func workers() throws -> Set<String> {
      let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
      return Set(
        tasks.filter { task in
          let name = try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
          return name?.hasPrefix("libvips worker") ?? false
        })
    }
  }
#endif

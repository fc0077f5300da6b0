public import AtelierGeneration
public import Foundation
import Torch

/// A folder of runs that differ in their seed alone, as `train --seeds` makes it: `seed-0`, `seed-1`, …, beside
/// `seeds.json`, which says which there are to be.
public struct SeedFolder: Sendable, Hashable {
  /// The folder.
  public let url: URL
  /// The seeds, in the order in which they are trained.
  public let seeds: [Int]
  /// The options of the trainings by name, as they were given; nil: the folder is of a version that kept none.
  public let options: [String: String]?

  private struct File: Codable {
    var format = 1
    let seeds: [Int]
    let options: [String: String]?
  }

  private static let format = 1
  /// More trainings than anybody waits for.
  package static let most = 1000

  private static func file(in folder: URL) -> URL { folder.appendingPathComponent("seeds.json") }

  /// Writes `seeds.json` into a folder that exists; an empty one is removed where that fails.
  package static func create(at folder: URL, seeds: [Int], options: [String: String]) throws -> SeedFolder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    do {
      try AtomicFile.write(
        try encoder.encode(File(seeds: seeds, options: options)) + Data("\n".utf8), to: file(in: folder))
    } catch {
      rmdir(folder.path)
      throw error
    }
    return SeedFolder(url: folder.standardizedFileURL, seeds: seeds, options: options)
  }

  private init(url: URL, seeds: [Int], options: [String: String]?) {
    (self.url, self.seeds, self.options) = (url, seeds, options)
  }

  /// The seeds of a folder; nil where it is not one of several seeds.
  ///
  /// - Throws: ``TrainingError`` for a `seeds.json` that cannot be understood.
  public static func open(_ folder: URL) throws(TrainingError) -> SeedFolder? {
    let file = file(in: folder)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    let found: File
    do { found = try JSONDecoder().decode(File.self, from: try Data(contentsOf: file)) } catch {
      throw .damaged(path: file.path, reason: decodingReason(error))
    }
    guard found.format == format, (1...most).contains(found.seeds.count), found.seeds.allSatisfy({ $0 >= 0 }),
      Set(found.seeds).count == found.seeds.count
    else {
      throw .damaged(path: file.path, reason: "it lists no seeds, or is of another version of Atelier")
    }
    return SeedFolder(url: folder.standardizedFileURL, seeds: found.seeds, options: found.options)
  }

  /// The run of a seed, whether it is there or not.
  public func run(of seed: Int) -> URL { url.appendingPathComponent("seed-\(seed)", isDirectory: true) }

  /// Every run.
  ///
  /// - Throws: ``TrainingError/notFound(path:reason:)`` where one was not begun.
  public func runs() throws(TrainingError) -> [RunDirectory] {
    var runs: [RunDirectory] = []
    for seed in seeds {
      let folder = run(of: seed)
      guard FileManager.default.fileExists(atPath: RunDirectory(url: folder).configuration.path) else {
        throw .notFound(
          path: folder.path,
          reason:
            "it was not trained yet; repeat the command that began these seeds, with \(url.path) as its run")
      }
      runs.append(try RunDirectory.open(folder))
    }
    return runs
  }

  /// Removes a folder in which no run was begun.
  package func removeIfEmpty() {
    let file = Self.file(in: url)
    guard (try? FileManager.default.contentsOfDirectory(atPath: url.path)) == [file.lastPathComponent] else {
      return
    }
    unlink(file.path)
    rmdir(url.path)
  }

  /// `report.md`
  public var report: URL { url.appendingPathComponent("report.md") }
  /// `evaluation.json`, the table of `report.md`.
  public var evaluation: URL { url.appendingPathComponent("evaluation.json") }
}

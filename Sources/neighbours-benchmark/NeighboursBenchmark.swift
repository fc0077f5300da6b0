import ArgumentParser
import AtelierFaiss
import AtelierMetrics
import Foundation
import Torch

/// Measures approximate neighbours, and whether Faiss in the program slows the engine down; exact neighbours are timed by
/// `atelier benchmark neighbours`.
@main
struct NeighboursBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "neighbours-benchmark", abstract: "Measures approximate neighbours through Faiss.",
    subcommands: [Approximate.self, Product.self])
}

/// Seconds that something takes.
private func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  let parts = (ContinuousClock.now - start).components
  return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
}

private func print(_ line: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys]
  Swift.print(String(decoding: try encoder.encode(line), as: UTF8.self))
}

/// Recall and time of an inverted file on vectors whose neighbours are known.
struct Approximate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints recall against exact search, and times, a line of JSON for each number of probes.",
    discussion: """
      Vectors are drawn around random centres: both normal, with standard deviation 1 in every direction, as many \
      vectors of each centre as chance gives. Queries are drawn in the same way and are not in the table. Recall at \
      k is the share of the true k nearest that are among the k found.
      """)

  @Option(help: "Vectors in the table.")
  var rows = 1_000_000

  @Option(help: "The length of a vector.")
  var width = 128

  @Option(help: "Centres that they are drawn around.")
  var centres = 1000

  @Option(help: "Queries.")
  var queries = 500

  @Option(help: "Lists of the inverted file.")
  var lists = 1024

  @Option(parsing: .upToNextOption, help: "Lists that a query looks through.")
  var probes = [1, 4, 16, 64, 256]

  @Option(help: "Threads.")
  var threads = 1

  func validate() throws {
    if [rows, width, centres, queries, lists, threads].contains(where: { $0 < 1 }) || rows < 50 {
      throw ValidationError("Every number must be at least 1, and --rows at least 50.")
    }
  }

  func run() throws {
    Engine.threadCount = threads
    let middle = RandomStream(seed: 1).normal([centres, width])
    func drawn(_ count: Int, seed: UInt64) -> Tensor {
      let stream = RandomStream(seed: seed)
      return middle.indexSelected(0, stream.integers(below: centres, [count]))
        + stream.normal([count, width])
    }
    let table = drawn(rows, seed: 2)
    let asked = drawn(queries, seed: 3)
    var truth: [Int] = []
    let exactSeconds = try seconds {
      truth = try nearestNeighbours(query: asked, database: table, k: 50).indices.integers()
    }
    var made: InvertedFileIndex?
    let sample = table.narrow(0, from: 0, length: min(rows, 256 * lists))
    let trainingSeconds = try seconds { made = try InvertedFileIndex(training: sample, lists: lists) }
    guard let index = made else { return }
    let addingSeconds = try seconds { try index.add(table) }
    try print(
      Building(
        rows: rows, width: width, centres: centres, lists: lists, threads: threads,
        trainingSeconds: trainingSeconds, addingSeconds: addingSeconds, exactSeconds: exactSeconds,
        queries: queries))
    for probes in probes {
      var found: [Int] = []
      let time = try seconds { found = try index.search(asked, k: 50, probes: probes).indices.integers() }
      func recall(_ k: Int) -> Double {
        var hits = 0
        for query in 0..<queries {
          let row = query * 50..<query * 50 + k
          hits += Set(truth[row]).intersection(found[row]).count
        }
        return Double(hits) / Double(queries * k)
      }
      try print(
        Searching(
          probes: probes, recallAt10: recall(10), recallAt50: recall(50),
          millisecondsPerQuery: time * 1000 / Double(queries)))
    }
  }

  private struct Building: Encodable {
    let rows: Int
    let width: Int
    let centres: Int
    let lists: Int
    let threads: Int
    let trainingSeconds: Double
    let addingSeconds: Double
    let exactSeconds: Double
    let queries: Int
  }

  private struct Searching: Encodable {
    let probes: Int
    let recallAt10: Double
    let recallAt50: Double
    let millisecondsPerQuery: Double
  }
}

/// The engine's matrix product in this program, which has loaded Faiss, beside the same in one that has not.
struct Product: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Times the engine's matrix product here and in atelier, in turn, and prints the ratio.",
    discussion: """
      Faiss and the engine both bring a BLAS, and symbols of the same name: were those of Faiss's found first, the \
      engine would compute with them. Each side's time is the shortest of all its products.
      """)

  @Option(
    name: .customLong("without"),
    help: "The program atelier, which loads no Faiss for that; else the one beside.",
    completion: .file())
  var other: String?

  @Option(help: "Rows of the square matrices.")
  var rows = 1024

  @Option(help: "How often the two take turns.")
  var rounds = 5

  @Option(help: "Threads.")
  var threads = 1

  func validate() throws {
    if rows < 1 || rounds < 1 || threads < 1 {
      throw ValidationError("--rows, --rounds and --threads must be at least 1.")
    }
  }

  func run() throws {
    guard InvertedFileIndex.isAvailable else {
      throw ValidationError("There is no Faiss to load; install it with `make setup`, then build again.")
    }
    Engine.threadCount = threads
    let beside = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("atelier")
    let program = other.map { URL(fileURLWithPath: $0) } ?? beside
    guard FileManager.default.isExecutableFile(atPath: program.path) else {
      throw ValidationError("'\(program.path)' is no program; name atelier with --without.")
    }
    var (with, without) = (Double.infinity, Double.infinity)
    for _ in 0..<rounds {
      with = min(with, Engine.productSeconds(rows: rows))
      without = min(without, try secondsElsewhere(program))
    }
    try print(
      Comparison(
        rows: rows, threads: threads, hasFaiss: InvertedFileIndex.isAvailable, secondsWithFaiss: with,
        secondsWithout: without, ratio: with / without))
  }

  private func secondsElsewhere(_ program: URL) throws -> Double {
    let process = Process()
    let output = Pipe()
    process.executableURL = program
    process.arguments = ["benchmark", "product", "--rows", "\(rows)", "--threads", "\(threads)"]
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return try JSONDecoder().decode(Answer.self, from: data).seconds
  }

  private struct Answer: Decodable {
    let seconds: Double
  }

  private struct Comparison: Encodable {
    let rows: Int
    let threads: Int
    let hasFaiss: Bool
    let secondsWithFaiss: Double
    let secondsWithout: Double
    let ratio: Double
  }
}

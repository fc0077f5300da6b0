import AtelierFaiss
import AtelierMetrics
import Foundation
import TestSupport
import Testing
import Torch

#if canImport(Glibc)
  import Glibc
#endif

private let absence: Comment =
  "Faiss is not installed; `make setup` installs it where it can, then build again"

@Suite(.enabled(if: InvertedFileIndex.isAvailable, absence))
struct InvertedFileTests {
  private let table = RandomStream(seed: 1).normal([600, 12])
  private let queries = RandomStream(seed: 2).normal([25, 12])

  private func filled(_ measure: InvertedFileIndex.Measure, lists: Int = 8) throws -> InvertedFileIndex {
    let index = try InvertedFileIndex(training: table, lists: lists, measure: measure)
    try index.add(table)
    return index
  }

  /// The message of the error that `body` throws.
  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func aSearchThroughAllListsIsExact() throws {
    let euclidean = try nearestNeighbours(query: queries, database: table, k: 10)
    let found = try filled(.euclidean).search(queries, k: 10, probes: 8)
    #expect(found.indices.shape == [25, 10])
    #expect(found.indices.integers() == euclidean.indices.integers())
    #expect((found.distances - euclidean.distances).abs().max().item() < 1e-5)

    let cosine = try cosineNeighbours(query: queries, database: table, k: 10)
    let alike = try filled(.cosine).search(queries, k: 10, probes: 100)
    #expect(alike.indices.integers() == cosine.indices.integers())
    #expect((alike.distances - cosine.distances).abs().max().item() < 1e-5)
  }

  @Test func rowsWhoseSquaresOverflowAreRefused() throws {
    let index = try filled(.euclidean, lists: 4)
    let rows = Tensor.full([1, table.shape[1]], 3e19)
    #expect(throws: MetricError.self) { try index.add(rows) }
    #expect(throws: MetricError.self) { try index.search(rows, k: 1, probes: 1) }
  }

  @Test func moreProbesFindMoreOfTheNearest() throws {
    let index = try filled(.euclidean, lists: 16)
    let truth = try nearestNeighbours(query: queries, database: table, k: 5).indices.integers()
    let hits = try [1, 4, 16].map { probes in
      let found = try index.search(queries, k: 5, probes: probes).indices.integers()
      var hits = 0
      for query in 0..<25 {
        let places = (5 * query)..<(5 * query + 5)
        hits += Set(truth[places]).intersection(found[places]).count
      }
      return hits
    }
    #expect(hits[0] < hits[1])
    #expect(hits[1] < hits[2])
    #expect(hits[2] == 125)
  }

  @Test func neighboursOfAllRowsAreThoseOfAllDistances() throws {
    // Forty heaps, and some rows twice, which are each other's nearest and stand in order of index.
    let centres = RandomStream(seed: 4).normal([40, 16]) * 3
    let stream = RandomStream(seed: 5)
    let drawn = centres.indexSelected(0, stream.integers(below: 40, [1500])) + stream.normal([1500, 16])
    let rows = Tensor.concatenated([drawn, drawn.narrow(0, from: 0, length: 12)], dim: 0)
    let exact = try AtelierMetrics.instanceNeighbours(rows, k: 9)
    let all = try InvertedFileIndex.instanceNeighbours(rows, k: 9, lists: 30, probes: 30)
    #expect(all.indices.integers() == exact.indices.integers())
    #expect(all.distances.doubles() == exact.distances.doubles())
    // Lists that hold fewer rows than are asked for do not leave places empty.
    let few = try InvertedFileIndex.instanceNeighbours(rows, k: 100, lists: 300, probes: 1)
    #expect(few.indices.min().item() >= 0 && few.distances.isFinite())
    let usual = try InvertedFileIndex.instanceNeighbours(rows, k: 9)
    let (found, truth) = (usual.indices.integers(), exact.indices.integers())
    let hits = (0..<1512).reduce(0) { hits, row in
      hits + Set(found[(9 * row)..<(9 * row + 9)]).intersection(truth[(9 * row)..<(9 * row + 9)]).count
    }
    #expect(Double(hits) / Double(9 * 1512) > 0.99, "\(hits)")
    #expect(refusal { _ = try InvertedFileIndex.instanceNeighbours(rows, k: 1512) }.contains("fewer than"))
  }

  @Test func rowsAreNumberedInTheOrderTheyCome() throws {
    let index = try InvertedFileIndex(training: table, lists: 4)
    try index.add(table.narrow(0, from: 0, length: 350))
    try index.add(table.narrow(0, from: 350, length: 250))
    #expect(index.count == 600)
    let found = try index.search(table, k: 1, probes: 1)
    #expect(found.indices.integers() == Array(0..<600))
  }

  @Test func listsThatHoldTooFewRowsLeaveThePlacesEmpty() throws {
    // Two heaps far from each other, a list each: one probe sees one heap.
    let heaps = Tensor([0, 1, 100, 101, 102] as [Float], shape: [5, 1])
    let index = try InvertedFileIndex(training: heaps, lists: 2)
    try index.add(heaps)
    let found = try index.search(Tensor([0.4] as [Float], shape: [1, 1]), k: 4, probes: 1)
    #expect(found.indices.integers() == [0, 1, -1, -1])
    #expect(found.distances.doubles().suffix(2).allSatisfy { $0 == .infinity })
  }

  @Test func equalSeedsGiveEqualIndexes() throws {
    let first = try filled(.euclidean).search(queries, k: 5, probes: 2)
    let second = try filled(.euclidean).search(queries, k: 5, probes: 2)
    #expect(first.indices.integers() == second.indices.integers())
    #expect(first.distances.doubles() == second.distances.doubles())
  }

  @Test(arguments: InvertedFileIndex.Measure.allCases)
  func aFileKeepsTheIndex(_ measure: InvertedFileIndex.Measure) throws {
    let folder = try TemporaryFolder()
    let index = try filled(measure)
    try index.write(to: folder("index.safetensors"))
    let again = try InvertedFileIndex.read(folder("index.safetensors"))
    #expect((again.measure, again.width, again.lists, again.count) == (measure, 12, 8, 600))
    for probes in [1, 3, 8] {
      let (before, after) = (
        try index.search(queries, k: 7, probes: probes), try again.search(queries, k: 7, probes: probes)
      )
      #expect(before.indices.integers() == after.indices.integers())
      #expect(before.distances.doubles() == after.distances.doubles())
    }
    // What was read goes on as what was made.
    try again.add(queries)
    #expect(try again.search(queries, k: 1, probes: 8).indices.integers() == Array(600..<625))
  }

  @Test func anIndexWithoutRowsCanBeWrittenToo() throws {
    let folder = try TemporaryFolder()
    try InvertedFileIndex(training: table, lists: 3).write(to: folder("index.safetensors"))
    let index = try InvertedFileIndex.read(folder("index.safetensors"))
    #expect(index.count == 0)
    #expect(refusal { _ = try index.search(queries, k: 1, probes: 1) }.contains("holds no rows"))
  }

  @Test func argumentsThatDoNotFitAreRefused() throws {
    let index = try filled(.euclidean)
    let narrow = Tensor.ones([2, 11])
    var broken = table.floats()
    broken[5] = .nan
    let unusable = Tensor(HostTensor(broken, shape: table.shape))
    #expect(refusal { _ = try index.search(queries, k: 601, probes: 1) }.contains("between 1 and 600"))
    #expect(refusal { _ = try index.search(queries, k: 0, probes: 1) }.contains("between 1 and 600"))
    #expect(refusal { _ = try index.search(queries, k: 1, probes: 0) }.contains("at least 1 probe"))
    #expect(refusal { _ = try index.search(narrow, k: 1, probes: 1) }.contains("[rows, 12]"))
    #expect(refusal { try index.add(narrow) }.contains("[rows, 12]"))
    #expect(refusal { try index.add(unusable) }.contains("not finite"))
    #expect(refusal { _ = try index.search(unusable, k: 1, probes: 1) }.contains("not finite"))
    #expect(index.count == 600)
    #expect(refusal { _ = try InvertedFileIndex(training: unusable, lists: 2) }.contains("not finite"))
    #expect(refusal { _ = try InvertedFileIndex(training: table, lists: 601) }.contains("between 1 and 600"))
    #expect(refusal { _ = try InvertedFileIndex(training: table, lists: 0) }.contains("between 1 and 600"))
    #expect(refusal { _ = try InvertedFileIndex(training: .ones([12]), lists: 1) }.contains("matrix"))
  }

  @Test func damagedFilesAreRefused() throws {
    let folder = try TemporaryFolder()
    let file = folder("index.safetensors")
    try filled(.cosine).write(to: file)
    let bytes = try Data(contentsOf: file)
    for length in [0, 7, 200, bytes.count / 2, bytes.count - 1] {
      try bytes.prefix(length).write(to: file)
      #expect(throws: FileFormatError.self) { try InvertedFileIndex.read(file) }
    }

    try bytes.write(to: file)
    let contents = try Safetensors.read(file)
    /// Writes the file with one tensor changed and gives the error that reading it gives.
    func problem(_ name: String, _ change: (HostTensor) -> HostTensor?) throws -> String {
      let changed = contents.tensors.compactMap { entry -> (name: String, tensor: HostTensor)? in
        guard entry.name == name else { return entry }
        return change(entry.tensor).map { (name, $0) }
      }
      try Safetensors.write(changed, metadata: contents.metadata, to: file)
      return refusal { _ = try InvertedFileIndex.read(file) }
    }
    func integers(_ tensor: HostTensor, _ change: (inout [Int]) -> Void) -> HostTensor {
      var values = tensor.integers()
      change(&values)
      return HostTensor(values, shape: tensor.shape)
    }
    func floats(_ tensor: HostTensor, _ change: (inout [Float]) -> Void) -> HostTensor {
      var values = tensor.floats()
      change(&values)
      return HostTensor(values, shape: tensor.shape)
    }
    #expect(try problem("rows") { _ in nil }.contains("is missing"))
    #expect(try problem("rows") { HostTensor($0.doubles(), shape: $0.shape) }.contains("do not fit together"))
    #expect(try problem("lengths") { HostTensor($0.integers() + [0]) }.contains("do not fit together"))
    #expect(try problem("lengths") { integers($0) { $0[0] += 1 } }.contains("do not add up"))
    #expect(try problem("lengths") { integers($0) { $0[0] = -1 } }.contains("do not add up"))
    #expect(try problem("lengths") { integers($0) { $0[0] = .max } }.contains("do not add up"))
    #expect(try problem("numbers") { integers($0) { $0[0] = 600 } }.contains("each once"))
    #expect(try problem("numbers") { integers($0) { $0[0] = -1 } }.contains("each once"))
    #expect(try problem("numbers") { integers($0) { $0[0] = $0[1] } }.contains("each once"))
    #expect(try problem("rows") { floats($0) { $0[0] = .nan } }.contains("not finite"))
    #expect(try problem("centroids") { floats($0) { $0[0] = .infinity } }.contains("not finite"))
    #expect(try problem("rows") { floats($0) { $0[0] += 2 } }.contains("of length 1"))
    try Safetensors.write(contents.tensors, metadata: [:], to: file)
    #expect(refusal { _ = try InvertedFileIndex.read(file) }.contains("not a neighbour index"))
  }
}

@Suite(.enabled(if: InvertedFileIndex.isAvailable, absence))
struct FaissLinkingTests {
  #if canImport(Glibc)
    /// The name of the library that a function lies in.
    private func library(of symbol: UnsafeMutableRawPointer) throws -> String {
      // `dladdr` is not among what Glibc's module declares; of the four pointers it gives, the first is the path.
      typealias Text = UnsafePointer<CChar>?
      typealias Finder = @convention(c) (UnsafeRawPointer, UnsafeMutablePointer<Text>) -> Int32
      let find = unsafeBitCast(try #require(dlsym(nil, "dladdr")), to: Finder.self)
      var facts = [Text](repeating: nil, count: 4)
      let isFound = facts.withUnsafeMutableBufferPointer { $0.baseAddress.map { find(symbol, $0) } ?? 0 }
      try #require(isFound != 0)
      return URL(fileURLWithPath: String(cString: try #require(facts[0]))).lastPathComponent
    }

    /// Functions of BLAS and LAPACK that the engine calls, and Faiss's BLAS has too.
    ///
    /// A call inside the engine is bound as `dlsym` on the program itself finds the name: to the first library in the
    /// order of linking that has it, of which one that is loaded later is none.
    @Test(arguments: ["sgemm_", "dgemm_", "sgemv_", "saxpy_", "sdot_", "sgesdd_", "sgeqrf_"])
    func theEngineCallsItsOwn(_ name: String) throws {
      let engine = try #require(dlopen("libtorch_cpu.so", RTLD_NOW | RTLD_NOLOAD))
      defer { dlclose(engine) }
      // Searches the engine and what it is linked with. An engine that shows no such name cannot lose it.
      guard let own = dlsym(engine, name) else { return }
      let program = try #require(dlopen(nil, RTLD_NOW))
      defer { dlclose(program) }
      let bound = try #require(dlsym(program, name))
      let (found, wanted) = (try library(of: bound), try library(of: own))
      #expect(bound == own, "\(name) is that of \(found), not of \(wanted)")
      #expect(wanted.contains("torch") || wanted.contains("mkl"), "\(name) of the engine lies in \(wanted)")
    }

    @Test func theBLASOfFaissIsThereAndAnother() throws {
      // Else the test above would hold whatever the order is. A shared Faiss may bring a BLAS of another name.
      guard let blas = dlopen("libblas.so.3", RTLD_NOW | RTLD_NOLOAD) else { return }
      defer { dlclose(blas) }
      let engine = try #require(dlopen("libtorch_cpu.so", RTLD_NOW | RTLD_NOLOAD))
      defer { dlclose(engine) }
      guard let own = dlsym(engine, "sgemm_") else { return }
      let other = try #require(dlsym(blas, "sgemm_"))
      let (found, wanted) = (try library(of: other), try library(of: own))
      #expect(other != own && found != wanted, "\(found), \(wanted)")
    }
  #endif
}

@Suite(.disabled(if: InvertedFileIndex.isAvailable, "Faiss is there"))
struct FaissAbsenceTests {
  @Test func withoutFaissAnIndexSaysHowToGetIt() {
    #expect(throws: MetricError.self) { try InvertedFileIndex(training: .ones([4, 2]), lists: 1) }
  }
}

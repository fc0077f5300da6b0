public import AtelierMetrics
internal import CFaiss
internal import Foundation
public import Torch

/// Approximate nearest neighbours by an inverted file: rows are assigned to the list of their nearest
/// centroid, and a query searches the lists of the few centroids nearest to it.
///
/// Vectors are not compressed, so distances have float32 accuracy, and a search of all lists is exact apart
/// from rounding. `probes` trades time for recall. Where exact search
/// (``AtelierMetrics/instanceNeighbours(_:k:)``) is fast enough, prefer it.
///
/// Faiss computes it (Johnson, Douze and Jégou 2017, *Billion-scale similarity search with GPUs*;
/// `IndexIVFFlat`). Where Faiss is not installed, ``isAvailable`` is false and every initialiser throws.
public final class InvertedFileIndex {
  /// The distance measure.
  public enum Measure: String, Sendable, CaseIterable {
    /// Euclidean distance.
    case euclidean
    /// 1 - cos(query, row); rows are normalised to length 1, except rows of zeros.
    case cosine
  }

  /// Whether Faiss is there: the library that was built with it lies beside the program, and is loaded by this.
  public static var isAvailable: Bool { CFaissIsAvailable() }

  /// The distance measure.
  public let measure: Measure
  /// The length of a row.
  public let width: Int
  /// The number of lists.
  public let lists: Int
  /// The number of rows added; rows are numbered in the order of addition.
  public private(set) var count = 0

  private let handle: OpaquePointer
  /// Rows per block, so that copies stay below about 64 MB.
  private var blockRows: Int { Swift.max(1, 16_000_000 / width) }

  /// Trains the centroids by k-means on some rows, which are not added.
  ///
  /// - Parameters:
  ///   - rows: `[rows, width]`, a sample of the rows to be added, or all; of more than 256 rows per list, 256
  ///     are drawn. Faiss advises at least 39 per list.
  ///   - lists: the number of lists, usually between √rows and several times that.
  ///   - seed: the seed of the choice of rows and first centroids, in 32 bits.
  /// - Throws: `MetricError` where Faiss is absent, for shapes that do not fit or numbers that are not finite.
  public init(
    training rows: Tensor, lists: Int, measure: Measure = .euclidean, seed: Int = 1234
  ) throws {
    try Self.checkAvailable()
    guard rows.rank == 2, rows.shape[0] >= 1, rows.shape[1] >= 1 else {
      throw MetricError("“training” has the shape \(rows.shape), but it must be a matrix [rows, width]")
    }
    guard lists >= 1, lists <= rows.shape[0] else {
      throw MetricError(
        "\(lists) lists cannot be found among \(rows.shape[0]) rows; choose between 1 and \(rows.shape[0])")
    }
    guard let seed = Int32(exactly: seed) else {
      throw MetricError("the seed \(seed) does not fit into 32 bits; choose a smaller one")
    }
    let values = try Self.prepared(rows, "training", measure).host()
    let made = values.bytes.withUnsafeBytes { bytes in
      Self.floats(bytes) {
        CFaissIndexTrain(
          $0, Int64(rows.shape[0]), Int64(rows.shape[1]), Int64(lists), measure == .cosine, seed)
      }
    }
    guard let made else { throw Self.failure("training") }
    handle = made
    self.measure = measure
    self.lists = lists
    width = rows.shape[1]
  }

  /// An index with known centroids, which ``read(_:)`` fills.
  init(centroids: HostTensor, measure: Measure) throws {
    try Self.checkAvailable()
    let shape = centroids.shape
    let made = centroids.bytes.withUnsafeBytes { bytes in
      Self.floats(bytes) {
        CFaissIndexFromCentroids($0, Int64(shape[0]), Int64(shape[1]), measure == .cosine)
      }
    }
    guard let made else { throw Self.failure("reading") }
    handle = made
    self.measure = measure
    lists = shape[0]
    width = shape[1]
  }

  deinit { CFaissIndexFree(handle) }

  /// Appends rows.
  ///
  /// - Parameter rows: `[rows, width]`.
  /// - Throws: `MetricError` for another width or numbers that are not finite; then nothing was added.
  public func add(_ rows: Tensor) throws {
    try checkWidth(rows, "rows")
    guard rows.isFinite() else { throw Self.notFinite("rows") }
    try Self.checkSquares(rows, "rows")
    for start in stride(from: 0, to: rows.shape[0], by: blockRows) {
      let length = min(blockRows, rows.shape[0] - start)
      let block = try Self.prepared(rows.narrow(0, from: start, length: length), "rows", measure).host()
      let added = block.bytes.withUnsafeBytes { bytes in
        Self.floats(bytes) { CFaissIndexAdd(handle, $0, Int64(length)) }
      }
      guard added else { throw Self.failure("adding rows") }
      count += length
    }
  }

  /// The nearest rows of each query in the searched lists.
  ///
  /// - Parameters:
  ///   - queries: `[queries, width]`.
  ///   - k: the number of neighbours per query.
  ///   - probes: the number of lists searched per query, at most all.
  /// - Returns: row numbers and distances, nearest first. Where the searched lists hold fewer than k rows,
  ///   the remaining entries are -1 with infinite distance.
  /// - Throws: `MetricError` for arguments that do not fit or numbers that are not finite.
  public func search(_ queries: Tensor, k: Int, probes: Int) throws -> Neighbours {
    try checkWidth(queries, "queries")
    guard k >= 1, k <= count else {
      throw MetricError(
        count == 0
          ? "the index holds no rows; add some before searching"
          : "\(k) neighbours cannot be found among \(count) rows; choose between 1 and \(count)")
    }
    guard probes >= 1 else { throw MetricError("a search needs at least 1 probe, and \(probes) were given") }
    let given = try Self.prepared(queries, "queries", measure).host()
    let places = queries.shape[0] * k
    var numbers = [Int64](repeating: -1, count: places)
    var values = [Float](repeating: 0, count: places)
    let found =
      places == 0
      || given.bytes.withUnsafeBytes { bytes in
        Self.floats(bytes) {
          CFaissIndexSearch(
            handle, $0, Int64(queries.shape[0]), Int64(k), Int64(min(probes, lists)), &values, &numbers)
        }
      }
    guard found else { throw Self.failure("searching") }
    let distances = zip(values, numbers).map { value, number -> Double in
      guard number >= 0 else { return .infinity }
      switch measure {
      case .euclidean: return Double(max(0, value)).squareRoot()
      case .cosine: return 1 - Double(min(1, max(-1, value)))
      }
    }
    let shape = [queries.shape[0], k]
    return Neighbours(
      indices: Tensor(HostTensor(numbers.map { Int($0) }, shape: shape)),
      distances: Tensor(HostTensor(distances, shape: shape)))
  }

  private func checkWidth(_ rows: Tensor, _ name: String) throws {
    guard rows.rank == 2, rows.shape[1] == width else {
      throw MetricError(
        "“\(name)” has the shape \(rows.shape), but this index takes matrices [rows, \(width)]")
    }
  }
}

// MARK: - Contents, for files

extension InvertedFileIndex {
  /// `[lists, width]`.
  func centroids() throws -> HostTensor {
    var values = [Float](repeating: 0, count: lists * width)
    guard CFaissIndexCopyCentroids(handle, &values) else { throw Self.failure("reading centroids") }
    return HostTensor(values, shape: [lists, width])
  }

  /// The number of rows of each list.
  func lengths() -> [Int] { (0..<lists).map { Int(CFaissIndexListLength(handle, Int64($0))) } }

  /// All rows and their numbers, in order of lists.
  func contents() throws -> (numbers: [Int64], rows: [Float]) {
    var numbers = [Int64](repeating: 0, count: count)
    var rows = [Float](repeating: 0, count: count * width)
    let lengths = lengths()
    guard lengths.reduce(0, +) == count else { throw Self.failure("reading lists") }
    let copied = numbers.withUnsafeMutableBufferPointer { numbers in
      rows.withUnsafeMutableBufferPointer { rows in
        guard let numbers = numbers.baseAddress, let rows = rows.baseAddress else { return true }
        var start = 0
        for (list, length) in lengths.enumerated() where length > 0 {
          guard CFaissIndexCopyList(handle, Int64(list), numbers + start, rows + start * width) else {
            return false
          }
          start += length
        }
        return true
      }
    }
    guard copied else { throw Self.failure("reading lists") }
    return (numbers, rows)
  }

  /// Fills an empty index with ``contents()``.
  ///
  /// - Precondition: lengths and arrays fit together; ``read(_:)`` has checked them.
  func fill(lengths: [Int], numbers: [Int64], rows: HostTensor) throws {
    let filled = numbers.withUnsafeBufferPointer { numbers in
      rows.bytes.withUnsafeBytes { bytes in
        Self.floats(bytes) { rows in
          guard let numbers = numbers.baseAddress else { return true }
          var start = 0
          for (list, length) in lengths.enumerated() where length > 0 {
            let added = CFaissIndexAddToList(
              handle, Int64(list), numbers + start, rows + start * width, Int64(length))
            guard added else { return false }
            start += length
          }
          return true
        }
      }
    }
    guard filled else { throw Self.failure("reading") }
    count = numbers.count
  }

  /// Rows as passed to Faiss.
  private static func prepared(_ rows: Tensor, _ name: String, _ measure: Measure) throws -> Tensor {
    try withoutGradients {
      let values = rows.detached().to(.cpu).asType(.float32).contiguous()
      guard values.isFinite() else { throw notFinite(name) }
      try checkSquares(values, name)
      guard measure == .cosine else { return values }
      return values / values.norm(dims: [1], keepDim: true).clamped(min: 1e-12)
    }
  }

  private static func checkAvailable() throws {
    guard isAvailable else {
      throw MetricError(
        "there is no Faiss; install it (libfaiss-dev on Debian and Ubuntu, faiss through Homebrew) and "
          + "build again, or search exactly")
    }
  }

  /// Distances are sums of squares in float32; a row whose squared norm overflows could never be found.
  static func checkSquares(_ rows: Tensor, _ name: String) throws(MetricError) {
    let squares = withoutGradients { rows.to(.cpu).asType(.float32).square().sum(dims: [1]) }
    guard squares.isFinite() else {
      throw MetricError("“\(name)” holds rows whose squares exceed float32; scale them down")
    }
  }

  private static func notFinite(_ name: String) -> MetricError {
    MetricError("“\(name)” holds numbers that are not finite; leave those rows out")
  }

  private static func failure(_ action: String) -> MetricError {
    MetricError("Faiss failed at \(action): \(String(cString: CFaissLastError()))")
  }

  /// The bytes of a float32 matrix as floats; arrays' storage is aligned for any element.
  private static func floats<Result>(
    _ bytes: UnsafeRawBufferPointer, _ body: (UnsafePointer<Float>) -> Result
  ) -> Result {
    guard let base = bytes.baseAddress, !bytes.isEmpty else {
      return withUnsafePointer(to: Float(0)) { body($0) }
    }
    return body(base.assumingMemoryBound(to: Float.self))
  }
}

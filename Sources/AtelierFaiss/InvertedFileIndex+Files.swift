public import Foundation
internal import Torch

extension InvertedFileIndex {
  /// The format in the file's metadata.
  private static let format = "atelier inverted file 1"
  private static let again = "build the index again and write it"

  /// Writes the index atomically as safetensors.
  ///
  /// Not in Faiss's own format, whose reader trusts the lengths in the file. Tensors: `centroids` `[lists,
  /// width]`, `lengths` int64 `[lists]`, and, in order of lists, `numbers` int64 `[rows]` and `rows` `[rows,
  /// width]`.
  ///
  /// - Throws: `FileFormatError` for a folder that is missing or not writable; `MetricError` where memory fails.
  public func write(to file: URL) throws {
    let (numbers, rows) = try contents()
    try Safetensors.write(
      [
        ("centroids", try centroids()),
        ("lengths", HostTensor(lengths())),
        ("numbers", HostTensor(numbers.map { Int($0) })),
        ("rows", HostTensor(rows, shape: [count, width])),
      ], metadata: ["format": Self.format, "measure": measure.rawValue], to: file)
  }

  /// Reads an index written by ``write(to:)``.
  ///
  /// Files are untrusted: the container's bounds, the names, types and shapes of the tensors, the sum of the
  /// lists' lengths, the row numbers (each of 0 ..< rows once), finiteness and, for cosines, unit length are
  /// checked. Whether a row is in the list of its nearest centroid is not; otherwise recall is lower.
  ///
  /// - Throws: `FileFormatError` for any other file; `MetricError` where Faiss is absent.
  public static func read(_ file: URL) throws -> InvertedFileIndex {
    func refuse(_ problem: String) -> FileFormatError {
      FileFormatError(file: file, problem: problem + "; \(again)")
    }
    let contents = try Safetensors.read(file)
    guard contents.metadata["format"] == format,
      let measure = contents.metadata["measure"].flatMap(Measure.init(rawValue:))
    else { throw refuse("it is not a neighbour index written by Atelier") }
    guard let centroids = contents["centroids"], let lengths = contents["lengths"],
      let numbers = contents["numbers"], let rows = contents["rows"]
    else { throw refuse("a tensor of the index is missing") }
    guard centroids.dtype == .float32, rows.dtype == .float32, lengths.dtype == .int64,
      numbers.dtype == .int64,
      centroids.shape.count == 2, rows.shape.count == 2, centroids.count >= 1,
      lengths.shape == [centroids.shape[0]], numbers.shape == [rows.shape[0]],
      rows.shape[1] == centroids.shape[1]
    else { throw refuse("the tensors of the index do not fit together") }

    let count = rows.shape[0]
    let lengthList = lengths.integers()
    // Each is checked alone first, so that the sum cannot overflow.
    guard lengthList.allSatisfy({ (0...count).contains($0) }), addsUp(lengthList, to: count) else {
      throw refuse("the lengths of its lists do not add up to its \(count) rows")
    }
    let numberList = numbers.integers()
    var seen = [Bool](repeating: false, count: count)
    for number in numberList {
      guard seen.indices.contains(number), !seen[number] else {
        throw refuse("its numbers of rows are not 0 to \(count - 1), each once")
      }
      seen[number] = true
    }
    let matrix = Tensor(rows)
    guard Tensor(centroids).isFinite(), matrix.isFinite() else {
      throw refuse("it holds numbers that are not finite")
    }
    do {
      try checkSquares(Tensor(centroids), "centroids")
      try checkSquares(matrix, "rows")
    } catch { throw refuse("its squares exceed float32") }
    if measure == .cosine, count > 0 {
      let squares = matrix.square().sum(dims: [1])
      guard (squares * (squares - 1)).abs().max().item() < 1e-3 else {
        throw refuse("its rows are not of length 1, as cosines need")
      }
    }
    let index = try InvertedFileIndex(centroids: centroids, measure: measure)
    try index.fill(lengths: lengthList, numbers: numberList.map { Int64($0) }, rows: rows)
    return index
  }

  private static func addsUp(_ lengths: [Int], to count: Int) -> Bool {
    var rest = count
    for length in lengths {
      guard length <= rest else { return false }
      rest -= length
    }
    return rest == 0
  }
}

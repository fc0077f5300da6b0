public import Foundation
internal import Torch

extension InvertedFileIndex {
  /// What the metadata of a file call this format.
  private static let format = "atelier inverted file 1"
  private static let again = "make the index anew and write it again"

  /// Writes the index as safetensors, in full or not at all.
  ///
  /// Not as Faiss writes its own files: what reads those trusts the lengths that stand in them. Tensors are
  /// `centroids` `[lists, width]`, `lengths` int64 `[lists]`, and, list after list, `numbers` int64 `[rows]` and
  /// `rows` `[rows, width]`.
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

  /// Reads an index that ``write(to:)`` wrote.
  ///
  /// A file is not trusted. Checked are the container's own bounds, names, types and shapes of the tensors, that
  /// the lists' lengths add up to the rows, that every number from 0 on comes once, that everything is finite and,
  /// for cosines, of length 1. Not checked is that a row lies in the list of its nearest centroid: where it does
  /// not, recall is lower.
  ///
  /// - Throws: `FileFormatError` for a file that is no such index; `MetricError` where Faiss is absent.
  public static func read(_ file: URL) throws -> InvertedFileIndex {
    func refuse(_ problem: String) -> FileFormatError {
      FileFormatError(file: file, problem: problem + "; \(again)")
    }
    let contents = try Safetensors.read(file)
    guard contents.metadata["format"] == format,
      let measure = contents.metadata["measure"].flatMap(Measure.init(rawValue:))
    else { throw refuse("it is no index of neighbours that Atelier wrote") }
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

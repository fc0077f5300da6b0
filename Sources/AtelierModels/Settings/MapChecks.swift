import AtelierCore
import Torch

/// Label maps that a request or a data set gives.
enum MapChecks {
  /// Label maps whose every index has a class; anything else would end the process inside the engine.
  ///
  /// - Parameter source: what the error names.
  static func labels(_ map: Tensor, classes: Int, from source: String) throws(ConfigurationError) {
    let rank = map.rank
    try Checks.require(
      rank == 3 || (rank == 4 && map.shape[1] == 1),
      "\(source) is a label map [batch, height, width], not \(map.shape)")
    guard map.count > 0 else { return }
    let flat = map.asType(.int64)
    let (low, high) = (Int(flat.min().item()), Int(flat.max().item()))
    try Checks.require(
      low >= 0 && high < classes,
      "\(source) holds the label \(low < 0 ? low : high), and the classes are 0 … \(classes - 1)")
  }

  /// An image of the size of its map.
  static func sameSize(_ picture: Tensor, _ map: Tensor, from source: String) throws(ConfigurationError) {
    let (sides, expected) = (Array(picture.shape.suffix(2)), Array(map.shape.suffix(2)))
    try Checks.require(
      sides == expected,
      "\(source) is \(sides[1]) × \(sides[0]) and its label map \(expected[1]) × \(expected[0]); "
        + "they have to show the same frame")
  }
}
